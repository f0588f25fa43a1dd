//! Bridges on short steps: path by path, and Crooks' identity.

use amc_core::bridge::Identity;

use super::variant::Variant;
use super::{Case, Place};
use crate::VerifyError;
use crate::law::bridge::{BridgeInstance, crooks, pathwise};
use crate::oracle::{ExactLaw, FixtureKind, TemperedGaussian};

/// Passages in each direction.
pub(super) const SAMPLES: usize = 64_000;

pub(super) fn cases() -> Result<Vec<Case>, VerifyError> {
    let mut all = Vec::new();
    for place in places()? {
        for variant in Variant::FIXED {
            if variant.exists(&place)? {
                all.extend(fixed(variant, place));
            }
        }
    }
    for kind in [FixtureKind::IsotropicShared, FixtureKind::FullPerComponent] {
        let place = Place::new(kind, (0.0, 0.05))?;
        for variant in Variant::RANDOM {
            if variant.exists(&place)? {
                all.push(on_crooks(variant, place));
            }
        }
    }
    all.extend(tempering());
    Ok(all)
}

/// A step inside the path and one to the target for every covariance kind; the other schedules.
pub(super) fn places() -> Result<Vec<Place>, VerifyError> {
    let mut places = Vec::new();
    for kind in FixtureKind::ALL {
        places.push(Place::new(kind, (0.2, 0.25))?);
        places.push(Place::new(kind, (0.0, 0.05))?);
    }
    places.push(Place::cosine(FixtureKind::DiagonalPerComponent, (0.4, 0.45)));
    places.push(Place::exploding(FixtureKind::DiagonalPerComponent, (0.5, 0.53))?);
    Ok(places)
}

fn fixed(variant: Variant, place: Place) -> [Case; 2] {
    let name = format!("{}, {}", variant.name(), place.name());
    let by_path =
        Case::new(("bridge::pathwise", variant.subject()), name, SAMPLES, move |name, budget| {
            place.with_step(|_, step| {
                variant.with_bridge(step, |bridge| {
                    let (noisy, clean) = (step.noisy, step.clean);
                    pathwise(&BridgeInstance { name, bridge, noisy, clean }, budget)
                })
            })
        });
    [by_path, on_crooks(variant, place)]
}

fn on_crooks(variant: Variant, place: Place) -> Case {
    let name = format!("{}, {}", variant.name(), place.name());
    Case::new(("bridge::crooks", variant.subject()), name, SAMPLES, move |name, budget| {
        place.with_step(|_, step| {
            variant.with_bridge(step, |bridge| {
                let (noisy, clean) = (step.noisy, step.clean);
                crooks(&BridgeInstance { name, bridge, noisy, clean }, budget)
            })
        })
    })
}

/// The identity between tempering levels, whose normalizers differ.
fn tempering() -> [Case; 2] {
    let name = || "identity, tempering".to_owned();
    [
        Case::new(("bridge::pathwise", "identity"), name(), SAMPLES, |name, budget| {
            with_tempering(name, |instance| pathwise(instance, budget))
        }),
        Case::new(("bridge::crooks", "identity"), name(), SAMPLES, |name, budget| {
            with_tempering(name, |instance| crooks(instance, budget))
        }),
    ]
}

/// Calls `visit` with the identity between two tempering levels.
pub(super) fn with_tempering<R>(
    name: &str,
    visit: impl FnOnce(&BridgeInstance<'_>) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    TemperedGaussian::with_levels(&[0.3, 0.55], |levels| match levels {
        [noisy, clean] => {
            let bridge = &Identity::new(noisy.density(), clean.density())?;
            visit(&BridgeInstance { name, bridge, noisy, clean })
        }
        _ => Err(VerifyError::Length { what: "levels", expected: 2, found: levels.len() }),
    })?
}

//! The core's swap through every bridge. Steps are wider than those of the bridges' own laws, so that swaps
//! through the better ones still reject some.

use amc_core::exchange;

use super::bridges::with_tempering;
use super::variant::Variant;
use super::{Case, Place};
use crate::law::bridge::BridgeInstance;
use crate::law::{free_energy, swap};
use crate::oracle::FixtureKind;
use crate::{Budget, Verdict, VerifyError};

/// Pairs of partners, each swapped nine times.
pub(super) const SAMPLES: usize = 32_000;

/// A law of swaps.
type Law = fn(&BridgeInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

/// The laws of a swap whose works are a function of the states; the first is path by path.
pub(super) const LAWS: [(&str, Law); 3] = [
    ("swap::pathwise", |through, budget| swap::pathwise(&exchange::swap, through, budget)),
    ("swap::invariance", |through, budget| swap::invariance(&exchange::swap, through, budget)),
    ("free_energy::bridge_sampling", |through, budget| {
        free_energy::bridge_sampling(&exchange::swap, through, budget)
    }),
];

pub(super) fn cases() -> Result<Vec<Case>, VerifyError> {
    let mut all = Vec::new();
    for place in places()? {
        for variant in Variant::FIXED {
            if variant.exists(&place)? {
                all.extend(LAWS.map(|law| through(law, variant, place)));
            }
        }
    }
    for kind in [FixtureKind::IsotropicShared, FixtureKind::FullPerComponent] {
        let place = Place::new(kind, (0.1, 0.3))?;
        for variant in Variant::RANDOM {
            if variant.exists(&place)? {
                let [_, laws @ ..] = LAWS;
                all.extend(laws.map(|law| through(law, variant, place)));
            }
        }
    }
    all.extend(LAWS.map(|(law, check)| {
        let name = "identity, tempering".to_owned();
        Case::new((law, "identity"), name, SAMPLES, move |name, budget| {
            with_tempering(name, |instance| check(instance, budget))
        })
    }));
    Ok(all)
}

fn places() -> Result<[Place; 8], VerifyError> {
    use FixtureKind::*;
    Ok([
        Place::new(IsotropicShared, (0.1, 0.3))?,
        Place::new(DiagonalShared, (0.0, 0.2))?,
        Place::new(FullShared, (0.1, 0.3))?,
        Place::new(IsotropicPerComponent, (0.0, 0.2))?,
        Place::new(DiagonalPerComponent, (0.1, 0.3))?,
        Place::new(FullPerComponent, (0.0, 0.2))?,
        Place::cosine(DiagonalPerComponent, (0.35, 0.5)),
        Place::exploding(DiagonalPerComponent, (0.45, 0.55))?,
    ])
}

fn through((law, check): (&'static str, Law), variant: Variant, place: Place) -> Case {
    let name = format!("{}, {}", variant.name(), place.name());
    Case::new((law, variant.subject()), name, SAMPLES, move |name, budget| {
        place.with_step(|_, step| {
            variant.with_bridge(step, |bridge| {
                let (noisy, clean) = (step.noisy, step.clean);
                check(&BridgeInstance { name, bridge, noisy, clean }, budget)
            })
        })
    })
}

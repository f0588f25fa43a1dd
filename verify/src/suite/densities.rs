//! Densities: derivatives, normalization and Stein's identities of mixtures and tempering levels.

use super::Case;
use super::place::linear_schedule;
use crate::law::density::{DensityInstance, derivatives, normalization, stein};
use crate::oracle::{Fixture, FixtureKind, TemperedGaussian};
use crate::{Budget, Verdict, VerifyError};

/// Exact samples.
const SAMPLES: usize = 64_000;

/// A law of densities.
type Law = fn(&DensityInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const LAWS: [(&str, Law); 3] = [
    ("density::derivatives", derivatives),
    ("density::normalization", normalization),
    ("density::stein", stein),
];

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for kind in FixtureKind::ALL {
        for (place, time) in [("target", 0.0), ("noised", 0.3)] {
            all.extend(LAWS.map(|law| mixture(law, kind, (place, time))));
        }
    }
    for beta in [0.0, 0.4, 1.0] {
        all.extend(LAWS.map(|law| tempered(law, beta)));
    }
    all
}

fn mixture(
    (law, check): (&'static str, Law),
    kind: FixtureKind,
    (place, time): (&str, f64),
) -> Case {
    let name = format!("{}, {place}", kind.name());
    Case::new((law, "mixture"), name, SAMPLES, move |name, budget| {
        let schedule = linear_schedule()?;
        let (alpha, variance) = (schedule.alpha(time), schedule.variance(time));
        Fixture::new(kind)?.with_level(alpha, variance, |law| {
            let (product, hessian) = (Some(&law.level as _), Some(&law.level as _));
            check(&DensityInstance { name, law, product, hessian }, budget)
        })?
    })
}

fn tempered((law, check): (&'static str, Law), beta: f64) -> Case {
    let name = format!("tempered, beta = {beta}");
    Case::new((law, "tempering"), name, SAMPLES, move |name, budget| {
        TemperedGaussian::with_level(beta, |law| {
            check(&DensityInstance { name, law, product: None, hessian: None }, budget)
        })?
    })
}

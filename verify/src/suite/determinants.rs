//! Estimators of log-determinants: unbiased means, and the penalty for the noise of an exponent.

use amc_core::logdet::{
    HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, Penalty, PenaltyRule, PowerSeries,
    ProbeLaw,
};

use super::Case;
use crate::law::determinant::{TraceInstance, ValueRange, penalty, unbiased};
use crate::oracle::Tridiagonal;
use crate::{Budget, Verdict, VerifyError};

/// Estimates, eight at once.
const SAMPLES: usize = 64_000;
/// Variances behind a penalty: cheap, and their factors differ little.
const FACTORS: usize = 4_000_000;
/// Most that truncation moves a mean or a form by in the instances here.
const TRUNCATION: f64 = 4e-4;

/// An estimator by the name users choose it by.
#[derive(Debug, Clone, Copy)]
enum Estimator {
    PowerSeries,
    Lanczos,
    HutchPlusPlus(&'static str, Logarithm),
}

/// `d`, entries off the diagonal, spread of those on it, probes.
type Problem = (usize, f64, f64, usize);

const ESTIMATORS: [Estimator; 5] = [
    Estimator::PowerSeries,
    Estimator::Lanczos,
    Estimator::HutchPlusPlus("hutchpp", Logarithm::Series { terms: 12 }),
    Estimator::HutchPlusPlus("recentred-hutchpp", Logarithm::Recentred { terms: 9, steps: 4 }),
    Estimator::HutchPlusPlus("lanczos-hutchpp", Logarithm::Lanczos { steps: 3 }),
];

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for problem in [(8, 0.03, 0.02, 9), (64, 0.011, 0.014, 12)] {
        for symmetric in [true, false] {
            all.extend(ESTIMATORS.map(|estimator| mean(estimator, problem, symmetric)));
        }
    }
    all.extend([(5, 0.2), (8, 0.35), (16, 0.9), (64, 1.5)].map(|(behind, variance)| {
        let name = format!("closed-form, {behind} samples, variance {variance}");
        Case::new(("determinant::penalty", "closed-form"), name, FACTORS, move |name, budget| {
            let rule = PenaltyRule::new(Penalty::ClosedForm, behind)?;
            penalty(name, &|v| rule.log_factor(v), (behind, variance), budget)
        })
    }));
    all
}

fn mean(estimator: Estimator, problem: Problem, symmetric: bool) -> Case {
    let subject = estimator.name();
    let symmetry = if symmetric { "symmetric" } else { "any matrix" };
    let name = format!("{subject}, d = {}, {symmetry}", problem.0);
    Case::new(("determinant::unbiased", subject), name, SAMPLES, move |name, budget| {
        check(name, estimator, (problem, symmetric), budget)
    })
}

fn check(
    name: &str,
    estimator: Estimator,
    ((dim, coupling, spread, probes), symmetric): (Problem, bool),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    let operator = &Tridiagonal::new(dim, coupling, spread, symmetric);
    let forms = operator.range_of_forms();
    let range = match estimator {
        Estimator::HutchPlusPlus(..) => ValueRange::hutch_plus_plus(dim, forms, TRUNCATION),
        _ => ValueRange::hutchinson(dim, forms, TRUNCATION),
    };
    let estimator = &*estimator.with_probes(probes)?;
    let (shape, truth, truncation) = (operator.shape(), operator.log_determinant(), TRUNCATION);
    let instance = TraceInstance { name, estimator, operator, shape, truth, range, truncation };
    unbiased(&instance, budget)
}

impl Estimator {
    const fn name(self) -> &'static str {
        match self {
            Self::PowerSeries => "power-series",
            Self::Lanczos => "lanczos",
            Self::HutchPlusPlus(name, _) => name,
        }
    }

    /// The estimator with probes of signs, whose values are bounded.
    fn with_probes(self, probes: usize) -> Result<Box<dyn LogDeterminant>, VerifyError> {
        let law = ProbeLaw::Rademacher;
        Ok(match self {
            Self::PowerSeries => Box::new(PowerSeries::new(12, probes, law)?),
            Self::Lanczos => Box::new(LanczosQuadrature::new(3, probes, law)?),
            Self::HutchPlusPlus(_, logarithm) => {
                Box::new(HutchPlusPlus::new(logarithm, probes, law)?)
            }
        })
    }
}

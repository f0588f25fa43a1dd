//! Defects of densities: derivatives, constants, and samples of another law.

use amc_verify::law::density::{DensityInstance, derivatives, normalization, stein};
use amc_verify::oracle::{Fixture, FixtureKind};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::place::{PASSAGES, schedule};
use crate::mutants::densities::{DensityDefect, WrongDensity};

/// A law of densities.
type Law = fn(&DensityInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const DERIVATIVES: (&str, Law) = ("density::derivatives", derivatives);
const NORMALIZATION: (&str, Law) = ("density::normalization", normalization);
const STEIN: (&str, Law) = ("density::stein", stein);

pub fn defects() -> Vec<Case> {
    use DensityDefect::*;
    let entries = [
        (DERIVATIVES, ScoreSign),
        (DERIVATIVES, ScoreFactor),
        (DERIVATIVES, ScoreClipped),
        (DERIVATIVES, ScoreExchanged),
        (DERIVATIVES, AloneShifted),
        (DERIVATIVES, SecondBlock),
        (DERIVATIVES, ProductTerm),
        (DERIVATIVES, LinearizedSign),
        (DERIVATIVES, Asymmetric),
        (DERIVATIVES, Diagonal),
        (NORMALIZATION, Constant),
        (NORMALIZATION, Powered),
        (NORMALIZATION, Cooled),
        (NORMALIZATION, AloneShifted),
        (STEIN, ScoreSign),
        (STEIN, ScoreExchanged),
        (STEIN, Cooled),
        (STEIN, WideSamples),
        (STEIN, ShiftedSamples),
    ];
    entries.map(|(law, defect)| case(law, defect)).into()
}

fn case((law, check): (&'static str, Law), defect: DensityDefect) -> Case {
    let name = format!("density: {defect:?}");
    Case::new((law, "mixture"), name, PASSAGES, move |name, budget| {
        let (alpha, variance) = (schedule().alpha(0.25), schedule().variance(0.25));
        Fixture::new(FixtureKind::FullPerComponent)?.with_level(alpha, variance, |level| {
            let law = &WrongDensity { level, defect };
            let (product, hessian) = (Some(law as _), Some(law as _));
            check(&DensityInstance { name, law, product, hessian }, budget)
        })?
    })
}

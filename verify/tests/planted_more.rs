//! Wrong densities, paths, schemes, proposals, estimators and streams, each of which the law of its room must refute
//! at the budget of the suite.

mod common;
mod mutants;

use amc_verify::law::resampling::{
    ChosenUniforms, Counts, ExactScheme, Integrand, STANDARD_WEIGHTS, exact_mean_offspring,
};
use amc_verify::{Conclusion, Verdict, VerifyError};
use common::budget;
use mutants::resampling::SchemeDefect;

/// Fails unless the law refutes the instance.
#[track_caller]
fn assert_refuted(verdict: Result<Verdict, VerifyError>) {
    let verdict = verdict.unwrap();
    if std::env::var_os("AMC_VERIFY_PRINT").is_some() {
        println!("{verdict}");
    }
    assert_eq!(verdict.conclusion, Conclusion::Refuted, "not caught: {verdict}");
}

/// Fails if a bias of an expected count above 1e-9 passes, or counts that a scheme must not give.
#[test]
fn schemes_without_randomness() {
    use SchemeDefect::*;
    for (defect, counts) in [
        (Offset, Counts::FloorOrCeiling),
        (SquaredUniform, Counts::FloorOrCeiling),
        (LightSkipped, Counts::Any),
        (LastStratum, Counts::Any),
        (OneRule, Counts::FloorOrCeiling),
        (RemaindersFromWeights, Counts::AtLeastFloor),
        (Multinomial, Counts::FloorOrCeiling),
    ] {
        let scheme = |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| {
            mutants::resampling::ancestors(defect, w, u, a)
        };
        let smooth = defect == Multinomial;
        let integrand = if smooth { Integrand::Smooth } else { Integrand::Constant };
        let name = &format!("{defect:?}");
        let instance = ExactScheme { name, scheme: &scheme, integrand, counts };
        let offspring = if smooth { 2 } else { 7 };
        assert_refuted(exact_mean_offspring(&instance, (&STANDARD_WEIGHTS, offspring), &budget()));
    }
}

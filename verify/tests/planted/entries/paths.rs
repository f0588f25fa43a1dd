//! Defects of annealing paths.

use amc_verify::law::path::{
    NoisingInstance, TemperingInstance, coefficients, noising, spacing, tempering,
};
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, TemperedGaussian};
use amc_verify::suite::Case;

use super::place::{CARRIED, PASSAGES, schedule};
use crate::mutants::paths::{Blend, BlendDefect, PathDefect, WrongPath};

pub fn defects() -> Vec<Case> {
    use PathDefect::*;
    let mut all: Vec<Case> = PathDefect::ALL.map(of_coefficients).into();
    all.extend([DeviationForVariance, NoRatio, RatioNotSquared, SquaredRatio].map(of_samples));
    all.extend(misplaced());
    all.extend(
        [BlendDefect::Exchanged, BlendDefect::SquaredInScore, BlendDefect::WholeReference]
            .map(of_tempering),
    );
    all
}

fn of_coefficients(defect: PathDefect) -> Case {
    let name = format!("schedule: {defect:?}");
    Case::new(("path::coefficients", "vp-linear"), name, PASSAGES, move |name, budget| {
        coefficients(name, &WrongPath { schedule: schedule(), defect }, budget)
    })
}

fn of_samples(defect: PathDefect) -> Case {
    let name = format!("schedule: {defect:?}");
    Case::new(("path::noising", "vp-linear"), name, CARRIED, move |name, budget| {
        let right = schedule().step(0.3, 0.42)?;
        let steps = &[WrongPath { schedule: schedule(), defect }.alter(right)];
        Fixture::new(FixtureKind::DiagonalPerComponent)?.with_step(&right, |step| {
            let (clean, noisy) = (step.clean, step.noisy);
            noising(&NoisingInstance { name, clean, noisy, steps }, budget)
        })?
    })
}

/// Where level `i` of 16 lies, as a fraction of the range.
type Fraction = fn(f64) -> f64;

fn misplaced() -> [Case; 4] {
    let wrong: [(&str, Fraction); 4] = [
        ("counted from one", |i| (i + 1.0) / 16.0),
        ("last left out", |i| i / 16.0),
        ("one level twice", |i| if i == 7.0 { 6.0 / 15.0 } else { i / 15.0 }),
        ("quadratic", |i| i * i / 225.0),
    ];
    wrong.map(|(what, fraction)| {
        let name = format!("levels: {what}");
        Case::new(("path::spacing", "uniform"), name, PASSAGES, move |name, budget| {
            let (first, last) = (0.02, 0.9);
            let times: Vec<f64> =
                (0..16).map(|i| first + (last - first) * fraction(f64::from(i))).collect();
            spacing(name, (&times, (first, last)), &|t| t, budget)
        })
    })
}

fn of_tempering(defect: BlendDefect) -> Case {
    let name = format!("tempering: {defect:?}");
    Case::new(("path::tempering", "tempering"), name, PASSAGES, move |name, budget| {
        TemperedGaussian::with_levels(&[0.0, 0.4, 1.0], |levels| {
            let (reference, target) = (levels[0].density(), levels[2].density());
            let (beta, points) = (0.4, &levels[1]);
            let level = &Blend { defect, beta, reference, target };
            let instance = TemperingInstance { name, level, beta, reference, target, points };
            tempering(&instance, budget)
        })?
    })
}

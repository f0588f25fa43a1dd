//! Defects of estimated determinants and of the penalty for their noise.

use amc_core::logdet::{Penalty, PenaltyRule};
use amc_core::simd::{f64x8, splat};
use amc_verify::law::determinant::{TraceInstance, ValueRange, penalty, unbiased};
use amc_verify::suite::Case;

use super::place::PASSAGES;
use crate::mutants::determinants::{SeriesDefect, Small, WrongSeries};

/// Variances behind a penalty.
const FACTORS: usize = 4_000_000;
/// Samples behind each of them.
const BEHIND: usize = 8;

pub fn defects() -> Vec<Case> {
    let mut all: Vec<Case> = SeriesDefect::WRONG.map(series).into();
    all.extend(penalties());
    all
}

pub fn controls() -> Vec<Case> {
    vec![series(SeriesDefect::None), penalized("none", |v| rule(BEHIND).log_factor(v))]
}

fn series(defect: SeriesDefect) -> Case {
    let name = format!("determinant: {defect:?}");
    Case::new(("determinant::unbiased", "power-series"), name, PASSAGES, move |name, budget| {
        let instance = TraceInstance {
            name,
            estimator: &WrongSeries(defect),
            operator: &Small,
            shape: Small::SHAPE,
            truth: Small::truth(),
            range: ValueRange::hutchinson(3, Small::forms(), 1e-9),
            truncation: 1e-9,
        };
        unbiased(&instance, budget)
    })
}

fn rule(samples: usize) -> PenaltyRule {
    PenaltyRule::new(Penalty::ClosedForm, samples).unwrap()
}

fn unmarked(u_b: f64x8) -> (f64x8, f64x8) {
    (u_b, f64x8::ZERO)
}

/// A penalty that is given the variance of the mean.
type Wrong = fn(f64x8) -> (f64x8, f64x8);

fn penalties() -> [Case; 7] {
    let wrong: [(&str, Wrong); 7] = [
        ("left out", |_| unmarked(f64x8::ZERO)),
        ("half the variance alone", |v| unmarked(splat(0.5) * v)),
        ("variance of a sample", |v| rule(BEHIND).log_factor(v * splat(BEHIND as f64))),
        ("divided by n", |v| rule(BEHIND).log_factor(v * splat(7.0 / 8.0))),
        ("added", |v| unmarked(-rule(BEHIND).log_factor(v).0)),
        ("for fewer samples", |v| rule(BEHIND - 1).log_factor(v)),
        ("for more samples", |v| rule(BEHIND + 2).log_factor(v)),
    ];
    wrong.map(|(name, of)| penalized(name, of))
}

fn penalized(what: &str, of: Wrong) -> Case {
    let name = format!("penalty: {what}");
    Case::new(("determinant::penalty", "closed-form"), name, FACTORS, move |name, budget| {
        penalty(name, &of, (BEHIND, 0.35), budget)
    })
}

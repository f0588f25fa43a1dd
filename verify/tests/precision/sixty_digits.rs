//! Mixture log-densities and scores against the 60-digit values of `reference/mixture_reference.json`, in every
//! kind in which a target can be stored, on every set of instructions.
//!
//! The values are rounded to doubles, which alone is half an eps. Log-densities are measured beside
//! `max(1, |log p|)`, scores beside their largest entry.

use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use serde::Deserialize;

use super::cases::{Law, Owned, block, lane, lanes, read};
use super::common::on_every_instruction_set;
use super::table::{Row, on};

#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    law: Law,
    points: Vec<PointValues>,
}

#[derive(Deserialize)]
struct PointValues {
    alpha: f64,
    variance: f64,
    x: Vec<f64>,
    log_density: f64,
    score: Vec<f64>,
}

/// Enters the errors at one point.
fn enter(owned: &Owned, point: &PointValues, log_density: &mut Row, score: &mut Row) {
    let mixture = owned.mixture();
    let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
    let level = MixtureLevel::prepare(&mixture, point.alpha, point.variance, &mut storage).unwrap();
    let mut memory = vec![f64x8::splat(f64::NAN); level.scratch_len()];
    let x = block(&point.x);
    let mut found_score = vec![f64x8::ZERO; x.len()];
    let scratch = Scratch::new(&mut memory);
    let found = lane(level.log_density_and_score(&x, &mut found_score, scratch).unwrap());
    let place = || format!("{:?}, alpha {}", point.x, point.alpha);
    let error = (found - point.log_density).abs() / point.log_density.abs().max(1.0);
    log_density.enter_relative(error, place);
    let largest = point.score.iter().fold(0.0_f64, |max, s| max.max(s.abs()));
    for (found, exact) in lanes(&found_score).iter().zip(&point.score) {
        score.enter_relative((found - exact).abs() / largest, place);
    }
}

/// Measures every kind.
pub fn measure() -> Vec<Row> {
    let cases: Vec<Case> = read("mixture_reference.json");
    let mut rows = Vec::new();
    on_every_instruction_set(|set| {
        for kind in ["isotropic", "diagonal", "full"] {
            let row = |what: &str| Row::new(&format!("{what}, {kind}, 60 digits"), on(set), "eps");
            let (mut log_density, mut score) = (row("log-density"), row("score"));
            for case in cases.iter().filter(|case| case.law.kinds().contains(&kind)) {
                let owned = Owned::new(&case.law, kind);
                for point in &case.points {
                    enter(&owned, point, &mut log_density, &mut score);
                }
            }
            rows.extend([log_density, score]);
        }
    });
    rows
}

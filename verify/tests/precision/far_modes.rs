//! Mixture densities and scores near modes that lie far apart, in every kind, against double-doubles, on every
//! set of instructions.
//!
//! `x - m` between doubles loses nothing however large both are; code that forms `|x|^2 - 2 x.m + |m|^2`,
//! or rotates `x` and `m` before it subtracts, does: the latter is done to full covariances that are shared
//! by components not too far apart, and shows in their rows.
//!
//! Log-densities are measured beside `max(1, |log p|)`, scores beside `sum_k r_k |P_k (x - m_k)|`.

use amc_core::density::{LogDensity, Score};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_verify::oracle::{DoubleDouble, FixtureKind};

use super::common::on_every_instruction_set;
use super::problems::{Problem, wave};
use super::table::{Row, on};

/// Sizes of the means, beside variances from 0.5 to 2, with their names. The first, where nothing cancels,
/// shows that core and oracle mean the same density.
const SPREADS: [(f64, &str); 4] = [(1.0, "1"), (1e3, "1e3"), (1e5, "1e5"), (1e6, "1e6")];

/// Eight points about eight of the means, `[d]`.
fn near_modes(problem: &Problem, round: usize) -> Vec<f64x8> {
    let (d, components) = (problem.dim, problem.weights.len());
    let coordinate = |j: usize, lane: usize| {
        let k = (lane + round) % components;
        problem.means[k * d + j] + 1.3 * wave(8 * (d * round + j) + lane, 2.9)
    };
    (0..d).map(|j| f64x8::new(core::array::from_fn(|lane| coordinate(j, lane)))).collect()
}

/// Enters the errors of log-density and score at all points.
fn enter(problem: &Problem, log_density: &mut Row, score: &mut Row) {
    problem.with_level((1.0, 0.0), |level| {
        for round in 0..4 {
            let x = near_modes(problem, round);
            let mut memory = vec![splat(f64::NAN); level.scratch_len()];
            let mut found_score = vec![f64x8::ZERO; problem.dim];
            let scratch = Scratch::new(&mut memory);
            let found = level.log_density_and_score(&x, &mut found_score, scratch).unwrap();
            for lane in 0..8 {
                let at: Vec<f64> = x.iter().map(|x| x.to_array()[lane]).collect();
                let (exact, exact_score, size) = problem.exact(&at);
                let error = (DoubleDouble::of(found.to_array()[lane]) - exact).abs().high();
                let place = || format!("d={} {at:?}", problem.dim);
                log_density.enter_relative(error / exact.high().abs().max(1.0), place);
                for (found, exact) in found_score.iter().zip(exact_score) {
                    let error = (DoubleDouble::of(found.to_array()[lane]) - exact).abs().high();
                    score.enter_relative(error / size, place);
                }
            }
        }
    });
}

/// Measures every kind at every distance.
pub fn measure() -> Vec<Row> {
    let mut rows = Vec::new();
    on_every_instruction_set(|set| {
        for kind in FixtureKind::ALL {
            for (spread, name) in SPREADS {
                // The other kinds subtract first, and know no distance: one row for all.
                let rotates = kind == FixtureKind::FullShared;
                let means = if rotates { format!(", means {name}") } else { String::new() };
                let row = |what: &str| {
                    Row::new(&format!("{what}, {}{means}", kind.name()), on(set), "eps")
                };
                let (mut log_density, mut score) = (row("log-density"), row("score"));
                for (dim, components) in [(2, 3), (7, 12), (13, 5)] {
                    let problem = Problem::new(kind, dim, components, spread);
                    enter(&problem, &mut log_density, &mut score);
                }
                rows.extend([log_density, score]);
            }
        }
    });
    rows
}

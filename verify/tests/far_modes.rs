//! Densities and scores near modes that lie far apart, against double-doubles, on every set of
//! instructions.
//!
//! `x - m` between doubles loses nothing however large both are; code that forms `|x|^2 - 2 x.m + |m|^2`,
//! or rotates `x` and `m` before it subtracts, does.

mod common;
mod problems;

use amc_core::density::{LogDensity, Score};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_verify::oracle::{DoubleDouble, FixtureKind};
use common::on_every_instruction_set;
use problems::{Problem, wave};

/// Of the log-density beside `max(1, |log p|)`, of the score beside `sum_k r_k |P_k (x - m_k)|`.
const TOLERANCE: f64 = 1e-12;
/// The same for a full covariance shared by all components, per unit of distance: means and points are
/// rotated to its axes, which rounds both to `1e-16` of their size, and subtracted there. Measured: up to
/// 1.5e-16 per unit. The tolerance above is kept up to distances of two thousand.
const ROTATED: f64 = 5e-16;
/// Sizes of the means, beside variances from 0.5 to 2.
const SPREADS: [f64; 4] = [1.0, 1e3, 1e5, 1e6];

/// Eight points about eight of the means, `[d]`.
fn near_modes(problem: &Problem, round: usize) -> Vec<f64x8> {
    let (d, components) = (problem.dim, problem.weights.len());
    let coordinate = |j: usize, lane: usize| {
        let k = (lane + round) % components;
        problem.means[k * d + j] + 1.3 * wave(8 * (d * round + j) + lane, 2.9)
    };
    (0..d).map(|j| f64x8::new(core::array::from_fn(|lane| coordinate(j, lane)))).collect()
}

/// Largest errors of log-density and score over all points.
fn errors(problem: &Problem) -> [f64; 2] {
    problem.with_level((1.0, 0.0), |level| {
        let mut worst = [0.0_f64; 2];
        for round in 0..4 {
            let x = near_modes(problem, round);
            let mut memory = vec![splat(f64::NAN); level.scratch_len()];
            let mut score = vec![f64x8::ZERO; problem.dim];
            let scratch = Scratch::new(&mut memory);
            let log_density = level.log_density_and_score(&x, &mut score, scratch).unwrap();
            for lane in 0..8 {
                let at: Vec<f64> = x.iter().map(|x| x.to_array()[lane]).collect();
                let (exact, exact_score, size) = problem.exact(&at);
                let error = (DoubleDouble::of(log_density.to_array()[lane]) - exact).abs().high();
                worst[0] = larger(worst[0], error / exact.high().abs().max(1.0));
                for (found, exact) in score.iter().zip(exact_score) {
                    let error = (DoubleDouble::of(found.to_array()[lane]) - exact).abs().high();
                    worst[1] = larger(worst[1], error / size);
                }
            }
        }
        worst
    })
}

/// The larger of two errors; NaN is the largest.
fn larger(a: f64, b: f64) -> f64 {
    if a >= b { a } else { b }
}

/// Fails if digits cancel at large separations in any kind, on any set; the first spread, where nothing
/// cancels, shows that core and oracle mean the same density.
#[test]
fn densities_and_scores_near_far_modes() {
    on_every_instruction_set(|set| {
        for kind in FixtureKind::ALL {
            for (dim, components) in [(2, 3), (7, 12)] {
                for spread in SPREADS {
                    let problem = Problem::new(kind, dim, components, spread);
                    let [log_density, score] = errors(&problem);
                    println!(
                        "{} d={dim} K={components} spread {spread:e}: {log_density:.1e} {score:.1e}",
                        kind.name()
                    );
                    let tolerance = match kind {
                        FixtureKind::FullShared => TOLERANCE.max(ROTATED * spread),
                        _ => TOLERANCE,
                    };
                    assert!(
                        log_density <= tolerance && score <= tolerance,
                        "{kind:?} d={dim} spread {spread:e} on {set}: {log_density:e}, {score:e}"
                    );
                }
            }
        }
    });
}

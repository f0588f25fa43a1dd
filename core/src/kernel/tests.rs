//! One step of each kernel against a replay in plain numbers, lane by lane, from the same stream.

use super::*;
use crate::density::{Covariance, LogDensity, Mixture, MixtureLevel};
use crate::point::Evaluations;
use crate::rng::{Key, Purpose, Stream};
use crate::scratch::Scratch;
use crate::simd::{LANES, f64x8, splat};

const H: f64 = 0.9;
/// `N((0.5, -1), diag(0.5, 2))`: lopsided, so that signs and coordinates cannot be exchanged.
const MEAN: [f64; 2] = [0.5, -1.0];
const VARIANCE: [f64; 2] = [0.5, 2.0];

fn log_density(x: [f64; 2]) -> f64 {
    let square = |i: usize| (x[i] - MEAN[i]) * (x[i] - MEAN[i]) / VARIANCE[i];
    -0.5 * (square(0) + square(1)) - libm::log(core::f64::consts::TAU)
}

fn score(x: [f64; 2]) -> [f64; 2] {
    core::array::from_fn(|i| (MEAN[i] - x[i]) / VARIANCE[i])
}

/// Makes one step and compares it with `replay(x, lane, stream)`, which gives the proposal and the
/// log of the Metropolis-Hastings ratio.
fn check(
    kernel: &dyn MarkovKernel,
    draws: impl Fn(&mut Stream) -> (u32, [f64x8; 2]),
    replay: impl Fn([f64; 2], u32, [f64; 2]) -> ([f64; 2], f64),
) {
    let mixture = Mixture::new(2, &[1.0], &MEAN, Covariance::Diagonal(&VARIANCE)).unwrap();
    let mut storage = [0.0; 7];
    let level = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage).unwrap();
    let mut memory = [f64x8::ZERO; 64];
    assert!(kernel.scratch_len(2) + level.scratch_len() <= memory.len());
    let (mut accepted, mut rejected) = (0, 0);
    for round in 0..20 {
        let key = Key::new(4, Purpose::User).round(round);
        let lanes = |i: usize| f64x8::new(core::array::from_fn(|l| 0.3 * l as f64 - i as f64));
        let mut x = [lanes(0), lanes(1)];
        let before = x.map(f64x8::to_array);
        let mut cached = [f64x8::ZERO; 2];
        let mut value =
            level.log_density_and_score(&x, &mut cached, Scratch::new(&mut memory)).unwrap();
        let point = PointMut { x: &mut x, log_density: &mut value, score: &mut cached };
        let mut evaluations = Evaluations::default();
        let mut stream = key.stream();
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        let outcome = kernel.step(&level, H, point, context).unwrap();
        let mut copy = key.stream();
        let (steps, normals) = draws(&mut copy);
        let uniforms = copy.uniforms().to_array();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12 * (1.0 + b.abs());
        for lane in 0..LANES {
            let from = before.map(|x| x[lane]);
            let (to, ratio) = replay(from, steps, normals.map(|z| z.to_array()[lane]));
            let probability = libm::exp(ratio.min(0.0));
            assert!(close(outcome.acceptance_probability.to_array()[lane], probability));
            let takes = uniforms[lane] < probability;
            assert_eq!(outcome.accepted.to_bitmask() >> lane & 1 == 1, takes);
            let expected = if takes { to } else { from };
            *(if takes { &mut accepted } else { &mut rejected }) += 1;
            for i in 0..2 {
                assert!(close(x[i].to_array()[lane], expected[i]));
                if !kernel.leaves_score_stale() {
                    assert!(close(cached[i].to_array()[lane], score(expected)[i]));
                }
            }
            assert!(close(value.to_array()[lane], log_density(expected)));
        }
    }
    assert!(accepted > 20 && rejected > 5, "{accepted} {rejected}");
}

fn normals(stream: &mut Stream) -> [f64x8; 2] {
    let mut z = [splat(0.0); 2];
    stream.fill_normals(&mut z);
    z
}

/// Fails if `h` is not the standard deviation of the proposal, or the cached density goes stale.
#[test]
fn random_walk_by_hand() {
    check(
        &RandomWalk,
        |stream| (0, normals(stream)),
        |x, _, z| {
            let y = core::array::from_fn(|i| x[i] + H * z[i]);
            (y, log_density(y) - log_density(x))
        },
    );
}

/// Fails if the proposal is not `N(x + h S, 2h I)` or the ratio leaves out one of its densities.
#[test]
fn mala_by_hand() {
    let log_q = |to: [f64; 2], from: [f64; 2]| {
        let s = score(from);
        let square = |i: usize| (to[i] - from[i] - H * s[i]) * (to[i] - from[i] - H * s[i]);
        -(square(0) + square(1)) / (4.0 * H)
    };
    check(
        &Mala,
        |stream| (0, normals(stream)),
        |x, _, z| {
            let s = score(x);
            let y = core::array::from_fn(|i| x[i] + H * s[i] + libm::sqrt(2.0 * H) * z[i]);
            (y, log_density(y) - log_density(x) + log_q(x, y) - log_q(y, x))
        },
    );
}

/// Fails if a kick is not half a step, the kinetic energy has another sign, or the number of
/// leapfrog steps is not uniform on `1 ..= 2n - 1`.
#[test]
fn hmc_by_hand() {
    check(
        &Hmc::new(4).unwrap(),
        |stream| {
            let steps = 1 + libm::floor(stream.uniform() * 7.0) as u32;
            (steps, normals(stream))
        },
        |x, steps, z| {
            let (mut y, mut p) = (x, z);
            for _ in 0..steps {
                let s = score(y);
                p = core::array::from_fn(|i| p[i] + 0.5 * H * s[i]);
                y = core::array::from_fn(|i| y[i] + H * p[i]);
                let s = score(y);
                p = core::array::from_fn(|i| p[i] + 0.5 * H * s[i]);
            }
            let kinetic = |p: [f64; 2]| 0.5 * (p[0] * p[0] + p[1] * p[1]);
            (y, log_density(y) - kinetic(p) - log_density(x) + kinetic(z))
        },
    );
}

/// Fails if a kernel is tuned to the optimum of another, or a score that is stale passes for fresh.
#[test]
fn targets_and_staleness() {
    assert_eq!((RandomWalk::TARGET_ACCEPTANCE, RandomWalk.leaves_score_stale()), (0.234, true));
    assert_eq!((Mala::TARGET_ACCEPTANCE, Mala.leaves_score_stale()), (0.574, false));
    let hmc = Hmc::new(3).unwrap();
    assert_eq!((Hmc::TARGET_ACCEPTANCE, hmc.leaves_score_stale()), (0.8, false));
}

//! Every kind of covariance against plain sums over dense matrices, and against identities that hold for any density.
//!
//! `log p = log sum_k w_k N(x; m_k, C_k)`, `S = sum_k r_k g_k`, `H = sum_k r_k (g_k g_k^T - P_k) - S S^T`,
//! `g_k = P_k (m_k - x)`; Bayes' rule `p(x_s | x_t) = p_s(x_s) N(x_t; a x_s, v I) / p_t(x_t)`; Tweedie's moments
//! `(x + v S)/a` and `(v/a^2)(I + v H)`.

extern crate std;

use super::{Covariance, Mixture, MixtureLevel, MixtureTransition};
use crate::bridge::PosteriorMoments;
use crate::density::{Hessian, HessianProduct, LogDensity, Score};
use crate::path::{NoiseSchedule, diffusion_time_derivative};
use crate::point::Point;
use crate::rng::{Key, Purpose};
use crate::scratch::Scratch;
use crate::simd::{f64x8, splat};
use std::vec::Vec;

const D: usize = 3;
const WEIGHTS: [f64; 2] = [0.25, 0.75];
const MEANS: [f64; 2 * D] = [1.6, -0.4, 0.9, -0.7, 1.1, -0.2];
const SPECTRUM: [f64; 2 * D] = [0.5, 0.15, 0.9, 0.25, 0.7, 0.4];
/// Two rotations, eigenvectors in rows.
const AXES: [f64; 2 * D * D] = [
    0.8, 0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0, //
    1.0, 0.0, 0.0, 0.0, 0.28, 0.96, 0.0, -0.96, 0.28,
];
type Matrix = [[f64; D]; D];

/// A kind and, for each component, its variances and the axes that these belong to.
fn kinds() -> [(Covariance<'static>, [[f64; D]; 2], [Matrix; 2]); 6] {
    let rows = |k: usize| -> [f64; D] { core::array::from_fn(|i| SPECTRUM[k * D + i]) };
    let unit = core::array::from_fn(|i| core::array::from_fn(|j| f64::from(u8::from(i == j))));
    let axes = |k: usize| -> Matrix {
        core::array::from_fn(|i| core::array::from_fn(|j| AXES[(k * D + i) * D + j]))
    };
    let shared = Covariance::Full { eigenvalues: &SPECTRUM[..D], eigenvectors: &AXES[..D * D] };
    let own = Covariance::Full { eigenvalues: &SPECTRUM, eigenvectors: &AXES };
    [
        (Covariance::Isotropic(&[0.5]), [[0.5; D]; 2], [unit; 2]),
        (Covariance::Isotropic(&[0.5, 0.15]), [[0.5; D], [0.15; D]], [unit; 2]),
        (Covariance::Diagonal(&SPECTRUM[..D]), [rows(0); 2], [unit; 2]),
        (Covariance::Diagonal(&SPECTRUM), [rows(0), rows(1)], [unit; 2]),
        (shared, [rows(0); 2], [axes(0); 2]),
        (own, [rows(0), rows(1)], [axes(0), axes(1)]),
    ]
}

/// `log p`, responsibilities, score and Hessian at one point, in plain numbers.
fn plain(
    (variances, axes): ([[f64; D]; 2], [Matrix; 2]),
    (alpha, v): (f64, f64),
    x: [f64; D],
) -> (f64, [f64; 2], [f64; D], Matrix) {
    let (mut joint, mut gradients, mut precisions) = ([0.0; 2], [[0.0; D]; 2], [[[0.0; D]; D]; 2]);
    for k in 0..2 {
        for i in 0..D {
            let precision = 1.0 / (alpha * alpha * variances[k][i] + v);
            for (a, b) in (0..D).flat_map(|a| (0..D).map(move |b| (a, b))) {
                precisions[k][a][b] += precision * axes[k][i][a] * axes[k][i][b];
            }
            joint[k] += 0.5 * libm::log(precision / core::f64::consts::TAU);
        }
        let z: [f64; D] = core::array::from_fn(|i| alpha * MEANS[k * D + i] - x[i]);
        gradients[k] = precisions[k].map(|row| (0..D).map(|j| row[j] * z[j]).sum());
        let square: f64 = (0..D).map(|i| z[i] * gradients[k][i]).sum();
        joint[k] += libm::log(WEIGHTS[k]) - 0.5 * square;
    }
    let total: f64 = joint.iter().map(|q| libm::exp(*q)).sum();
    let r = joint.map(|q| libm::exp(q) / total);
    let score: [f64; D] = core::array::from_fn(|i| r[0] * gradients[0][i] + r[1] * gradients[1][i]);
    let hessian = core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            let term = |k: usize| r[k] * (gradients[k][i] * gradients[k][j] - precisions[k][i][j]);
            term(0) + term(1) - score[i] * score[j]
        })
    });
    (libm::log(total), r, score, hessian)
}

fn points() -> [f64x8; D] {
    core::array::from_fn(|i| {
        f64x8::new(core::array::from_fn(|l| {
            0.25 * l as f64 - 0.7 + 0.3 * ((i * (l + 3)) % 5) as f64
        }))
    })
}

fn room(len: usize) -> Vec<f64x8> {
    std::vec![splat(f64::NAN); len]
}

#[track_caller]
fn close(found: f64x8, lane: usize, expected: f64) {
    let found = found.to_array()[lane];
    assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{found} for {expected}");
}

/// Calls `check` with a level of every kind: at noise, and as the target itself.
fn on_levels(check: impl Fn(&MixtureLevel<'_>, usize, (f64, f64))) {
    for (kind, (covariance, ..)) in kinds().into_iter().enumerate() {
        let mixture = Mixture::new(D, &WEIGHTS, &MEANS, covariance).unwrap();
        for (alpha, variance) in [(0.8, 0.3), (1.0, 0.0)] {
            let mut storage = std::vec![f64::NAN; MixtureLevel::storage_len(&mixture)];
            let level = MixtureLevel::prepare(&mixture, alpha, variance, &mut storage).unwrap();
            check(&level, kind, (alpha, variance));
        }
    }
}

/// Fails if a density, responsibility, score, Hessian or product with it is not the sum over components, in any kind
/// or lane.
#[test]
fn values_are_sums_over_components() {
    let (x, v) = (points(), [0.3, -1.0, 0.7].map(splat));
    on_levels(|level, kind, coefficients| {
        let (_, variances, axes) = kinds()[kind];
        let mut memory = room(level.scratch_len().max(level.hessian_scratch_len()));
        let (mut score, mut r) = ([splat(0.0); D], [splat(0.0); 2]);
        let (mut product, mut hessian) = ([splat(0.0); D], [splat(0.0); D * D]);
        let p = level.log_density(&x, Scratch::new(&mut memory)).unwrap();
        let both = level.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
        let from_r = level.responsibilities(&x, &mut r, Scratch::new(&mut memory)).unwrap();
        level.hessian_product(&x, &v, &mut product, Scratch::new(&mut memory)).unwrap();
        level.hessian(&x, &mut hessian, Scratch::new(&mut memory)).unwrap();
        for lane in 0..8 {
            let at = x.map(|x| x.to_array()[lane]);
            let (log_p, shares, gradient, matrix) = plain((variances, axes), coefficients, at);
            [p, both, from_r].into_iter().for_each(|found| close(found, lane, log_p));
            (0..2).for_each(|k| close(r[k], lane, shares[k]));
            for i in 0..D {
                close(score[i], lane, gradient[i]);
                close(product[i], lane, 0.3 * matrix[i][0] - matrix[i][1] + 0.7 * matrix[i][2]);
                (0..D).for_each(|j| close(hessian[i * D + j], lane, matrix[i][j]));
            }
        }
    });
}

/// Fails if blocks side by side are not what they are alone, more of them than are evaluated together included.
#[test]
fn blocks_side_by_side_are_blocks() {
    on_levels(|level, _, _| {
        let mut memory = room(level.scratch_len());
        let x: Vec<f64x8> =
            (0..11 * D).map(|i| points()[i % D] + splat(0.1 * (i / D) as f64)).collect();
        let (mut scores, mut densities) = (room(11 * D), room(11));
        let scratch = Scratch::new(&mut memory);
        level.log_densities_and_scores(&x, &mut scores, &mut densities, scratch).unwrap();
        for block in 0..11 {
            let (from, mut score) = (block * D, [splat(0.0); D]);
            let x = &x[from..from + D];
            let p = level.log_density_and_score(x, &mut score, Scratch::new(&mut memory)).unwrap();
            assert_eq!(densities[block].to_array(), p.to_array());
            for (side_by_side, alone) in scores[from..].iter().zip(&score) {
                assert_eq!(side_by_side.to_array(), alone.to_array());
            }
        }
        let short = [1, 10, 12].map(|blocks| {
            let scratch = Scratch::new(&mut memory);
            level.log_densities_and_scores(&x, &mut scores, &mut room(blocks), scratch).is_err()
        });
        assert_eq!(short, [true; 3]);
    });
}

/// Fails if a sample is not its component's mean plus the root of its covariance times the normals of the stream:
/// with one component left `log p` at it is a constant minus half the square of these.
#[test]
fn samples_are_normals_of_the_stream() {
    for (covariance, variances, _) in kinds() {
        for chosen in 0..2 {
            let mut weights = [0.0; 2];
            weights[chosen] = 0.4;
            let mixture = Mixture::new(D, &weights, &MEANS, covariance).unwrap();
            let mut storage = std::vec![f64::NAN; MixtureLevel::storage_len(&mixture)];
            let level = MixtureLevel::prepare(&mixture, 0.8, 0.3, &mut storage).unwrap();
            let (mut memory, mut x) = (room(level.scratch_len()), [splat(0.0); D]);
            let stream = || Key::new(3, Purpose::User).stream();
            level.sample(&mut x, &mut stream(), Scratch::new(&mut memory)).unwrap();
            let (mut replay, mut z) = (stream(), [splat(0.0); D]);
            replay.uniforms();
            replay.fill_normals(&mut z);
            let p = level.log_density(&x, Scratch::new(&mut memory)).unwrap();
            for lane in 0..8 {
                let constant = variances[chosen].map(|l| (0.64 * l + 0.3) * core::f64::consts::TAU);
                let square: f64 = z.map(|z| z.to_array()[lane] * z.to_array()[lane]).iter().sum();
                let expected = -0.5 * (square + constant.map(libm::log).iter().sum::<f64>());
                close(p, lane, expected);
            }
        }
    }
}

/// Fails if the law of the cleaner state is not Bayes' rule, its moments are not Tweedie's, or the rate of change of
/// `log p_t` is not the limit of differences, in any kind.
#[test]
fn the_way_back_is_bayes_rule() {
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
    let (x, step) = (points(), schedule.step(0.2, 0.3).unwrap());
    let y: [f64x8; D] = core::array::from_fn(|i| points()[(i + 1) % D] * splat(0.7) + splat(0.2));
    for (covariance, ..) in kinds() {
        let mixture = Mixture::new(D, &WEIGHTS, &MEANS, covariance).unwrap();
        let len = MixtureLevel::storage_len(&mixture);
        let level = |storage, t: f64| {
            MixtureLevel::prepare(&mixture, schedule.alpha(t), schedule.variance(t), storage)
        };
        let mut storage = std::vec![f64::NAN; 4 * len];
        let mut parts = storage.chunks_exact_mut(len);
        let [noisy, clean, before, after] =
            [0.3, 0.2, 0.3 - 1e-5, 0.3 + 1e-5].map(|t| level(parts.next().unwrap(), t).unwrap());
        let mut numbers = std::vec![f64::NAN; MixtureTransition::storage_len(&noisy)];
        let law = MixtureTransition::prepare(&noisy, &step, &mut numbers).unwrap();
        let mut memory = room(PosteriorMoments::scratch_len(&law).max(512));
        let [p_x, p_y, p_before, p_after] =
            [(&noisy, &x), (&clean, &y), (&before, &x), (&after, &x)]
                .map(|(level, x)| level.log_density(x, Scratch::new(&mut memory)).unwrap());
        let found = law.log_density(&x, &y, Scratch::new(&mut memory)).unwrap();
        let rate = diffusion_time_derivative(&schedule, 0.3, &noisy, &x, Scratch::new(&mut memory));
        let rate = rate.unwrap().to_array();
        let (mut score, mut hessian) = ([splat(0.0); D], [splat(0.0); D * D]);
        noisy.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
        noisy.hessian(&x, &mut hessian, Scratch::new(&mut memory)).unwrap();
        let (mut mean, mut diagonal) = ([splat(0.0); D], [splat(0.0); D]);
        let (mut local_mean, mut local) = ([splat(0.0); D], [splat(0.0); D * D]);
        let point = Point { x: &x, log_density: p_x, score: &score };
        law.diagonal(point, &mut mean, &mut diagonal, Scratch::new(&mut memory)).unwrap();
        law.covariance(point, &mut local_mean, &mut local, Scratch::new(&mut memory)).unwrap();
        let (v, a) = (step.variance, step.ratio);
        for lane in 0..8 {
            let of = |numbers: &[f64x8], i: usize| numbers[i].to_array()[lane];
            let square: f64 = (0..D).map(|i| of(&x, i) - a * of(&y, i)).map(|z| z * z).sum();
            let noise = -0.5 * (square / v + D as f64 * libm::log(core::f64::consts::TAU * v));
            close(found, lane, p_y.to_array()[lane] + noise - p_x.to_array()[lane]);
            let slope = (p_after.to_array()[lane] - p_before.to_array()[lane]) / 2e-5;
            assert!((rate[lane] - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{slope}");
            let covariance = |i: usize, j: usize| {
                v / a / a * (f64::from(u8::from(i == j)) + v * of(&hessian, i * D + j))
            };
            for i in 0..D {
                close(mean[i], lane, (of(&x, i) + v * of(&score, i)) / a);
                close(diagonal[i], lane, covariance(i, i));
            }
            // In the local frame: F C F^T, with F from the images of the unit vectors.
            let frame: [[f64; D]; D] = core::array::from_fn(|j| {
                let (mut unit, mut image) = ([splat(0.0); D], [splat(0.0); D]);
                unit[j] = splat(1.0);
                PosteriorMoments::local_coordinates(&law, &unit, &mut image);
                image.map(|entry| entry.to_array()[lane])
            });
            for i in 0..D {
                let expected: f64 = (0..D).map(|j| frame[j][i] * of(&mean, j)).sum();
                close(local_mean[i], lane, expected);
                for j in 0..D {
                    let sum = |k: usize| -> f64 {
                        (0..D).map(|l| frame[k][i] * covariance(k, l) * frame[l][j]).sum()
                    };
                    close(local[i * D + j], lane, (0..D).map(sum).sum());
                }
            }
        }
    }
}

/// Fails if a point of another dimension, or none at all, is evaluated.
#[test]
fn points_of_another_dimension_are_refused() {
    on_levels(|level, _, _| {
        let mut memory = room(level.scratch_len());
        for len in [0, 1, 2, 4] {
            let (x, mut r) = (room(len), [splat(0.0); 2]);
            assert!(level.log_density(&x, Scratch::new(&mut memory)).is_err(), "{len}");
            assert!(level.responsibilities(&x, &mut r, Scratch::new(&mut memory)).is_err());
        }
        let x = points();
        assert!(level.responsibilities(&x, &mut [], Scratch::new(&mut memory)).is_err());
        assert!(level.log_density(&x, Scratch::new(&mut memory[..1])).is_err());
    });
}

//! The core's mixtures against the oracle: exact samples, far tails, and two roads to one moment.

mod common;

use amc_core::bridge::{HessianMoments, PosteriorMoments};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{
    Covariance, Hessian, HessianProduct, LogDensity, Mixture, MixtureLevel, Score,
};
use amc_core::path::NoiseSchedule;
use amc_core::point::Point;
use amc_core::scratch::Scratch;
use amc_core::simd::{dot_scalar, f64x8, splat};
use amc_verify::bound::bonferroni;
use amc_verify::bound::kolmogorov::{dkw_p_value, kolmogorov_distance};
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind};
use common::{SHARE, budget, on_every_instruction_set};

const DIRECTIONS: [[f64; 3]; 6] = [
    [1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 0.0, 1.0],
    [0.6, -0.7, 0.2],
    [-0.3, 0.5, 0.9],
    [1.0, 1.0, -2.0],
];

/// Fails if a component is drawn with the wrong weight, mean, scale or axes in any kind, at the
/// target itself or at a noised level.
#[test]
fn samples_follow_the_exact_law() {
    let budget = budget();
    for kind in FixtureKind::ALL {
        for (alpha, variance) in [(1.0, 0.0), (0.7, 0.51)] {
            let fixture = Fixture::new(kind).unwrap();
            fixture
                .with_level(alpha, variance, |level| {
                    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); DIRECTIONS.len()];
                    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
                    let mut x = vec![f64x8::ZERO; 3];
                    let key = budget.key("mixture::sample", kind.name());
                    let key = key.round(u64::from(variance > 0.0));
                    for block in 0..budget.blocks() {
                        let mut stream = key.block(block as u64).stream();
                        level.sample(&mut x, &mut stream, Scratch::new(&mut memory)).unwrap();
                        for (list, direction) in samples.iter_mut().zip(&DIRECTIONS) {
                            list.extend(dot_scalar(direction, &x).to_array());
                        }
                    }
                    let p_values: Vec<f64> = samples
                        .iter_mut()
                        .zip(&DIRECTIONS)
                        .map(|(sample, direction)| {
                            let cdf = level.projection_cdf(direction);
                            dkw_p_value(kolmogorov_distance(sample, &cdf), sample.len())
                        })
                        .collect();
                    let p_value = bonferroni(&p_values);
                    assert!(p_value > SHARE, "{kind:?} {p_value:e} seed {}", budget.seed);
                })
                .unwrap();
        }
    }
}

/// `log p` and the score at one point in all lanes.
fn evaluate(mixture: &Mixture<'_>, x: &[f64]) -> (f64, Vec<f64>) {
    let mut storage = vec![0.0; MixtureLevel::storage_len(mixture)];
    let level = MixtureLevel::prepare(mixture, 1.0, 0.0, &mut storage).unwrap();
    let mut memory = vec![splat(f64::NAN); level.hessian_scratch_len()];
    let x: Vec<f64x8> = x.iter().copied().map(splat).collect();
    let mut score = vec![f64x8::ZERO; x.len()];
    let log_density =
        level.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    let alone = level.log_density(&x, Scratch::new(&mut memory)).unwrap();
    assert_eq!(alone.to_array()[0].to_bits(), log_density.to_array()[0].to_bits());
    (log_density.to_array()[0], score.iter().map(|s| s.to_array()[0]).collect())
}

/// Fails if a far tail is NaN while its square is finite, or differs from the nearest component's
/// `-|x|^2/2s` where that is all there is.
#[test]
fn far_tails_are_numbers() {
    on_every_instruction_set(|_| {
        for kind in FixtureKind::ALL {
            let fixture = Fixture::new(kind).unwrap();
            let mixture = fixture.mixture().unwrap();
            for exponent in [3, 10, 30, 75, 100, 150] {
                let far = 10.0_f64.powi(exponent);
                for x in [[far, -0.5 * far, 0.25 * far], [-far, 0.0, 0.0], [0.0, 1.0, far]] {
                    let (log_density, score) = evaluate(&mixture, &x);
                    assert!(log_density < -0.1 * far * far, "{kind:?} {x:?} {log_density}");
                    assert!(score.iter().all(|s| s.is_finite()), "{kind:?} {x:?} {score:?}");
                    // The score points back: x.S = -x^T P x, far beyond any mean.
                    let back: f64 = x.iter().zip(&score).map(|(x, s)| x / far * s / far).sum();
                    assert!(back < -0.1, "{kind:?} {x:?} {back}");
                }
            }
            // Squares that overflow: no density there, and no NaN either.
            let (log_density, _) = evaluate(&mixture, &[1e160, 0.0, 0.0]);
            assert_eq!(log_density, f64::NEG_INFINITY, "{kind:?}");
        }
    });
}

/// Fails if modes a thousand apart with variances of 1e-6 lose the density of the one nearby.
#[test]
fn wide_separations_with_tiny_variances() {
    on_every_instruction_set(|_| {
        let means = [-1000.0, 500.0, 1000.0, -500.0];
        let mixture =
            Mixture::new(2, &[0.25, 0.75], &means, Covariance::Isotropic(&[1e-6])).unwrap();
        let (log_density, score) = evaluate(&mixture, &[1000.001, -500.002]);
        let z = [1000.001_f64 - 1000.0, 500.0 - 500.002_f64];
        let square = (z[0] * z[0] + z[1] * z[1]) / 1e-6;
        let expected = 0.75_f64.ln() - (std::f64::consts::TAU * 1e-6).ln() - 0.5 * square;
        assert!((log_density / expected - 1.0).abs() < 1e-12);
        assert!((score[0] / (-z[0] / 1e-6) - 1.0).abs() < 1e-12);
        assert!((score[1] / (-z[1] / 1e-6) - 1.0).abs() < 1e-12);
        // Half way both exponents are -6.25e11, known to 1e-4: so are the responsibilities, which are
        // the weights.
        let (log_density, score) = evaluate(&mixture, &[0.0, 0.0]);
        let expected = -(std::f64::consts::TAU * 1e-6).ln() - 0.5 * 1.25e6 / 1e-6;
        assert!((log_density / expected - 1.0).abs() < 1e-14);
        assert!((score[0] / (0.5 * 1000.0 / 1e-6) - 1.0).abs() < 1e-3, "{score:?}");
    });
}

/// Fails if one dimension, one component, or a weight of 1e-300 or 0 is a special case gone wrong.
#[test]
fn smallest_problems() {
    on_every_instruction_set(|_| {
        let one = Mixture::new(1, &[7.0], &[0.5], Covariance::Diagonal(&[4.0])).unwrap();
        let (log_density, score) = evaluate(&one, &[2.5]);
        let expected = -0.5 * (1.0 + (std::f64::consts::TAU * 4.0).ln());
        assert!((log_density - expected).abs() < 1e-14 && (score[0] + 0.5).abs() < 1e-15);

        let full = Covariance::Full { eigenvalues: &[4.0], eigenvectors: &[1.0] };
        let (again, score) = evaluate(&Mixture::new(1, &[7.0], &[0.5], full).unwrap(), &[2.5]);
        assert!((again - expected).abs() < 1e-14 && (score[0] + 0.5).abs() < 1e-15);

        // Far on the side of the rare component its density wins in spite of the weight.
        let weights = [1.0, 1e-300, 0.0];
        let means = [0.0, 60.0, 30.0];
        let rare = Mixture::new(1, &weights, &means, Covariance::Isotropic(&[1.0])).unwrap();
        let normal = -0.5 * std::f64::consts::TAU.ln();
        let (log_density, score) = evaluate(&rare, &[60.5]);
        assert!((log_density - (1e-300_f64.ln() + normal - 0.125)).abs() < 1e-12);
        assert!((score[0] + 0.5).abs() < 1e-14);
        let (log_density, score) = evaluate(&rare, &[1.0]);
        assert!((log_density - (normal - 0.5)).abs() < 1e-15 && (score[0] + 1.0).abs() < 1e-15);
    });
}

/// Fails if Tweedie's moments from the Hessian differ from the mixture's own: mean and covariance in
/// the coordinates of `x`, for every kind and step, relative to `v/a^2`.
#[test]
fn hessian_moments_agree_with_the_transition() {
    on_every_instruction_set(|_| {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        for kind in FixtureKind::ALL {
            for (s, t) in [(0.0, 0.02), (0.2, 0.25), (0.1, 0.6)] {
                let step = schedule.step(s, t).unwrap();
                let fixture = Fixture::new(kind).unwrap();
                fixture
                    .with_step(&step, |step| {
                        let hessian = HessianMoments::new(&step.noisy.level, step.step);
                        compare_moments(kind, &step.transition, &hessian, &step.noisy.level);
                    })
                    .unwrap();
            }
        }
    });
}

fn compare_moments(
    kind: FixtureKind,
    transition: &MixtureTransition<'_>,
    hessian: &HessianMoments<'_>,
    noisy: &MixtureLevel<'_>,
) {
    let scale = transition.step().scaled_variance();
    let mut memory = vec![splat(f64::NAN); 400];
    let lanes = [-3.0, -1.1, -0.4, 0.0, 0.3, 0.9, 2.0, 5.0];
    let x = [f64x8::new(lanes), f64x8::new(lanes) * splat(-0.6), f64x8::new(lanes) + splat(0.5)];
    let mut score = [f64x8::ZERO; 3];
    let log_density =
        noisy.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    let point = Point { x: &x, log_density, score: &score };
    let mut found = Vec::new();
    for moments in [transition as &dyn PosteriorMoments, hessian] {
        let (mut mean, mut diagonal) = ([f64x8::ZERO; 3], [f64x8::ZERO; 3]);
        let scratch = Scratch::new(&mut memory);
        moments.diagonal(point, &mut mean, &mut diagonal, scratch).unwrap();
        let (mut local_mean, mut covariance) = ([f64x8::ZERO; 3], [f64x8::ZERO; 9]);
        let scratch = Scratch::new(&mut memory);
        moments.covariance(point, &mut local_mean, &mut covariance, scratch).unwrap();
        let mut same_mean = [f64x8::ZERO; 3];
        moments.global_coordinates(&local_mean, &mut same_mean);
        // F^T C F: turn the rows, then the columns.
        let mut rows = [f64x8::ZERO; 9];
        for (row, out) in covariance.chunks_exact(3).zip(rows.chunks_exact_mut(3)) {
            moments.global_coordinates(row, out);
        }
        for j in 0..3 {
            let mut column = [f64x8::ZERO; 3];
            moments.global_coordinates(&[rows[j], rows[3 + j], rows[6 + j]], &mut column);
            (0..3).for_each(|i| covariance[3 * i + j] = column[i]);
        }
        found.push([mean.to_vec(), same_mean.to_vec(), diagonal.to_vec(), covariance.to_vec()]);
    }
    for (a, b) in found[0].iter().flatten().zip(found[1].iter().flatten()) {
        for (a, b) in a.to_array().into_iter().zip(b.to_array()) {
            assert!((a - b).abs() < 1e-12 * (scale + a.abs()) + 1e-13, "{kind:?} {a} {b}");
        }
    }
}

/// Fails if `scratch_len` promises less than a method takes: each call gets exactly that much.
#[test]
fn promised_workspaces_are_enough() {
    on_every_instruction_set(|_| {
        let step = NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(0.2, 0.25).unwrap();
        let x = [splat(0.3), splat(-0.2), splat(0.7)];
        for kind in FixtureKind::ALL {
            let fixture = Fixture::new(kind).unwrap();
            fixture
                .with_step(&step, |step| {
                    let level = &step.noisy.level;
                    let mut memory = vec![splat(f64::NAN); level.hessian_scratch_len()];
                    let mut out = [f64x8::ZERO; 9];
                    let (product, score) = out.split_at_mut(3);
                    level.log_density(&x, Scratch::new(&mut memory)).unwrap();
                    let scratch = Scratch::new(&mut memory);
                    level.log_density_and_score(&x, &mut score[..3], scratch).unwrap();
                    level.hessian_product(&x, &x, product, Scratch::new(&mut memory)).unwrap();
                    let found = level.hessian(&x, &mut out, Scratch::new(&mut memory));
                    assert!(found.is_ok(), "hessian of {kind:?}: {found:?}");
                })
                .unwrap();
        }
    });
}

//! What score matching regresses on has the exact score as its mean, given the point: `E[(S* - S(x)) g(x)] = 0`.

use super::*;
use crate::learned::DataMoments;
use crate::learned::network::Head;
use crate::learned::noise::NoiseRange;
use amc_core::density::{Covariance, Mixture, MixtureLevel, Score};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::splat;

const DIM: usize = 2;
const SAMPLES: usize = 1 << 16;
/// Two modes with variances of their own in each coordinate; their mean is 0.
const WEIGHTS: [f64; 2] = [0.4, 0.6];
const MEANS: [f64; 4] = [-0.9, 0.6, 0.6, -0.4];
const VARIANCES: [f64; 4] = [0.3, 0.08, 0.15, 0.5];

/// Calls `visit` with the mixture diffused to a level.
fn at<R>(level: SignalNoise, visit: impl FnOnce(&MixtureLevel<'_>) -> R) -> R {
    let mixture = Mixture::new(DIM, &WEIGHTS, &MEANS, Covariance::Diagonal(&VARIANCES)).unwrap();
    let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
    let SignalNoise { alpha, sigma } = level;
    visit(&MixtureLevel::prepare(&mixture, alpha, sigma * sigma, &mut storage).unwrap())
}

/// Scores at points `[N x d]`.
fn scores(level: SignalNoise, points: &[f64]) -> Vec<f64> {
    let of = |exact: &MixtureLevel<'_>| {
        let mut room = vec![f64x8::ZERO; amc_core::density::LogDensity::scratch_len(exact)];
        let score = |x: &[f64]| {
            let x: Vec<f64x8> = x.iter().map(|&x| splat(x)).collect();
            let mut score = [f64x8::ZERO; DIM];
            exact.log_density_and_score(&x, &mut score, Scratch::new(&mut room)).unwrap();
            score.map(|lane| lane.to_array()[0])
        };
        points.chunks_exact(DIM).flat_map(score).collect()
    };
    at(level, of)
}

/// Exact samples of the mixture with its scores.
fn data() -> TrainingData<f64> {
    let mut stream = Key::new(2, Purpose::User).stream();
    let mut normals = vec![0.0; SAMPLES * DIM];
    stream.fill_scalar_normals(&mut normals);
    let samples: Vec<f64> = normals
        .chunks_exact(DIM)
        .flat_map(|normal| {
            let k = usize::from(stream.uniform() >= WEIGHTS[0]);
            [0, 1].map(|i| MEANS[k * DIM + i] + VARIANCES[k * DIM + i].sqrt() * normal[i])
        })
        .collect();
    let target = SignalNoise { alpha: 1.0, sigma: 0.0 };
    TrainingData::new(DIM, &samples, Some(&scores(target, &samples)))
}

/// Points `x` and what is regressed on there, `S*`, both `[N x d]`, of every sample at one level.
fn regression(
    kind: ScoreLossKind,
    data: &TrainingData<f64>,
    level: SignalNoise,
) -> (Vec<f64>, Vec<f64>) {
    let noise = NoiseRange { lowest: -6.0, highest: 6.0 };
    let moments: DataMoments = data.moments().clone();
    let model = Model::<f64>::untrained(Head::Field, (4, 1), noise, moments, 1);
    let constants = model.moments.precondition(level);
    let points = 1024;
    let (mut x, mut target) = (Vec::new(), Vec::new());
    for chunk in 0..SAMPLES / points {
        let mut loss = ScoreMatching::new(&model, points, kind, false);
        let draw = |i: usize| Draw { sample: chunk * points + i, log_snr: level.log_snr() };
        let draws: Vec<Draw> = (0..points).map(draw).collect();
        let mut stream = Key::new(3, Purpose::User).block(chunk as u64).stream();
        loss.place(&model, data, &draws, &mut stream);
        for j in 0..points {
            for i in 0..DIM {
                let (z, field) =
                    (loss.chunk.z[i * points + j], loss.chunk.field_adjoint[i * points + j]);
                x.push(constants.scale * z + level.alpha * model.moments.mean[i]);
                target.push(-(z + constants.kappa * field) / constants.scale);
            }
        }
    }
    (x, target)
}

/// A function that the error of a regression target must be orthogonal to.
type TestFunction<'a> = &'a dyn Fn(&[f64]) -> f64;

/// The largest of `|mean| / standard error` of `(S*_i - S_i(x)) g(x)` over coordinates and test functions.
fn deviation(x: &[f64], target: &[f64], exact: &[f64]) -> f64 {
    let functions: [TestFunction; 5] =
        [&|_| 1.0, &|x| x[0], &|x| x[1], &|x| if x[0] > 0.2 { 1.0 } else { 0.0 }, &|x| {
            libm::tanh(3.0 * (x[1] - x[0]))
        }];
    let mut largest = 0.0_f64;
    for g in functions {
        for i in 0..DIM {
            let terms = x.chunks_exact(DIM).enumerate();
            let terms: Vec<f64> =
                terms.map(|(n, x)| (target[n * DIM + i] - exact[n * DIM + i]) * g(x)).collect();
            let n = terms.len() as f64;
            let mean = terms.iter().sum::<f64>() / n;
            let square = terms.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / n;
            largest = largest.max(mean.abs() / libm::sqrt(square / n));
        }
    }
    largest
}

/// Deviations that pass, and those that a mistake must have: a mean of 65,536 is off by 5.5 standard errors with a
/// probability of 4e-8.
const FEW: f64 = 5.5;
const MANY: f64 = 9.0;

/// Fails if the mean of what is regressed on is not the exact score, for some kind at some level: a wrong sign, weight
/// or scale of either part; or if the test would not notice one.
#[test]
fn regression_targets_have_the_score_as_their_mean() {
    let data = data();
    for log_snr in [-2.0, 1.0, 2.0, 3.0] {
        let level = SignalNoise::variance_preserving(log_snr);
        let of = |kind| regression(kind, &data, level);
        let (x, denoising) = of(ScoreLossKind::Denoising);
        let (_, target) = of(ScoreLossKind::Target);
        let (same, mixed) = of(ScoreLossKind::Mixed);
        assert_eq!(x, same);
        let exact = scores(level, &x);
        for (kind, found) in [("denoising", &denoising), ("target", &target), ("mixed", &mixed)] {
            let found = deviation(&x, found, &exact);
            assert!(found < FEW, "{kind} at {log_snr}: {found} standard errors");
        }
        // The mixed target is the weighted sum of the others; with mistakes planted in its parts it must be noticed.
        let sum = |of_target: f64, of_noise: f64| -> Vec<f64> {
            let parts = target.iter().zip(&denoising).enumerate();
            let share = |i: usize| {
                let SignalNoise { alpha, sigma } = level;
                let odds = sigma * sigma * data.information(i % DIM) / (alpha * alpha);
                1.0 / (1.0 + odds)
            };
            parts
                .map(|(i, (t, d))| share(i) * of_target * t + (1.0 - share(i)) * of_noise * d)
                .collect()
        };
        let error = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()))
        };
        assert!(error(&sum(1.0, 1.0), &mixed) < 1e-9, "another weight");
        for (what, planted) in [
            ("sign of the target's score", sum(-1.0, 1.0)),
            ("sign of the noise", sum(1.0, -1.0)),
            ("1/alpha", sum(level.alpha, 1.0)),
        ] {
            let found = deviation(&x, &planted, &exact);
            // In noise the target's part has next to no weight: a mistake in it is none.
            assert!(found > MANY || log_snr < 0.0, "{what} at {log_snr}: only {found}");
        }
    }
}

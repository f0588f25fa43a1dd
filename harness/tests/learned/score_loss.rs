//! Score matching: its gradient, and that its mixed form knows the score of a Gaussian without noise.

use amc_core::rng::{Key, Purpose, Stream};
use amc_harness::catalog::ScoreLossKind;
use amc_harness::learned::Model;
use amc_harness::learned::loss::{Draw, ScoreMatching};
use amc_harness::learned::network::{Head, Part};
use amc_harness::learned::training::TrainingData;
use amc_harness::learned::{Precondition, SignalNoise};

use super::models::{DIM, assert_gradient, normals, random, untrained};

const POINTS: usize = 24;
const KINDS: [ScoreLossKind; 3] =
    [ScoreLossKind::Denoising, ScoreLossKind::Target, ScoreLossKind::Mixed];

fn stream() -> Stream {
    Key::new(3, Purpose::User).stream()
}

/// Samples without symmetry, with numbers for scores.
fn data() -> TrainingData<f64> {
    let scales = [0.5, 1.5, 0.9];
    let samples: Vec<f64> = normals(40 * DIM, 20)
        .iter()
        .enumerate()
        .map(|(i, x)| scales[i % DIM] * (x + 1.0))
        .collect();
    TrainingData::new(DIM, &samples, Some(&normals(40 * DIM, 21)))
}

/// Draws at levels from clean to noisy.
fn draws(count: usize) -> Vec<Draw> {
    let log_snr = |i: usize| -4.0 + 10.0 * i as f64 / count as f64;
    (0..count).map(|i| Draw { sample: (7 * i + 1) % 40, log_snr: log_snr(i) }).collect()
}

/// Fails if the gradient of a score loss is wrong in some matrix, for some kind, head or pairing of the noise; if its
/// value is not the sum of its points', or its scale is lost.
#[test]
fn gradients_of_score_losses() {
    let data = data();
    for head in [Head::Energy, Head::Field] {
        let model = random(head, data.moments().clone());
        for kind in KINDS {
            for antithetic in [false, true] {
                let mut loss = ScoreMatching::new(&model, POINTS, kind, antithetic);
                let draws = draws(loss.draws());
                let mut gradient = vec![0.0; model.network.parameters.len()];
                let drawn = (&draws[..], &mut stream());
                let total = loss.add(&model, &data, drawn, (0.37, &mut gradient));
                let sum: f64 = loss.squares().iter().sum();
                assert!((total - sum).abs() <= 1e-12 * sum, "{total} is not {sum}");
                let mut value = |model: &Model<f64>| {
                    let mut loss = ScoreMatching::new(model, POINTS, kind, antithetic);
                    0.37 * loss.value(model, &data, &draws, &mut stream())
                };
                assert!((value(&model) - 0.37 * total).abs() <= 1e-12 * total);
                let what = format!("{head:?}, {kind}, antithetic {antithetic}");
                assert_gradient(&model, &gradient, &mut value, &what);
            }
        }
    }
}

/// Samples at the corners of a box around a mean, whose moments are exactly those of a Gaussian of these deviations,
/// with that Gaussian's scores.
fn gaussian(deviations: [f64; DIM]) -> TrainingData<f64> {
    let mean = [0.5, -1.5, 2.0];
    let (mut samples, mut scores) = (Vec::new(), Vec::new());
    for corner in 0..1 << DIM {
        for i in 0..DIM {
            let side = if corner >> i & 1 == 0 { deviations[i] } else { -deviations[i] };
            samples.push(mean[i] + side);
            scores.push(-side / (deviations[i] * deviations[i]));
        }
    }
    TrainingData::new(DIM, &samples, Some(&scores))
}

/// The loss of a model whose score at one level is that of the diffused Gaussian, `-(x - alpha m)/(alpha^2 s_i^2 +
/// sigma^2)`, times `1 + error`.
fn loss_of_the_truth(kind: ScoreLossKind, head: Head, log_snr: f64, error: f64) -> f64 {
    let deviations = [0.4, 1.7, 0.9];
    let data = gaussian(deviations);
    let mut model = untrained(head, data.moments().clone());
    let level = SignalNoise::variance_preserving(log_snr);
    let Precondition { scale, kappa } = model.moments.precondition(level);
    let shape = model.network.shape;
    let rows = model.network.parameters[shape.range(Part::Linear)].chunks_exact_mut(shape.features);
    for (row, deviation) in rows.zip(deviations) {
        // S = -(z + kappa F)/c with F = l z of a field, 2 l z of an energy.
        let variance =
            level.alpha * level.alpha * deviation * deviation + level.sigma * level.sigma;
        let slope = (scale * scale * (1.0 + error) / variance - 1.0) / kappa;
        row[0] = if head == Head::Energy { 0.5 * slope } else { slope };
    }
    let mut loss = ScoreMatching::new(&model, POINTS, kind, false);
    let draws: Vec<Draw> = (0..POINTS).map(|i| Draw { sample: i % (1 << DIM), log_snr }).collect();
    loss.value(&model, &data, &draws, &mut stream()) / POINTS as f64
}

/// Fails if the mixed loss of the exact score of a Gaussian is anything but 0, at any level: its two parts then have
/// the wrong weights, signs or scales. Wrong models and the other losses do not reach it.
#[test]
fn the_mixed_loss_is_exact_for_gaussians() {
    for head in [Head::Energy, Head::Field] {
        for log_snr in [-6.0, -1.0, 2.0, 7.0] {
            let mixed = |error| loss_of_the_truth(ScoreLossKind::Mixed, head, log_snr, error);
            let (none, some) = (mixed(0.0), mixed(0.1));
            assert!(none < 1e-20 * some, "{head:?} at {log_snr}: {none:e} beside {some:e}");
            for kind in [ScoreLossKind::Denoising, ScoreLossKind::Target] {
                let other = loss_of_the_truth(kind, head, log_snr, 0.0);
                assert!(other > 1e-6, "{kind} at {log_snr}: {other:e}");
            }
        }
    }
}

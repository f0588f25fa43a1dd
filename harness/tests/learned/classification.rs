//! The classification of noise levels: its value and gradient, and that the true densities are its optimum.

use amc_core::rng::{Key, Purpose, Stream};
use amc_core::simd::splat;
use amc_harness::learned::loss::Classification;
use amc_harness::learned::network::Head;
use amc_harness::learned::training::TrainingData;
use amc_harness::learned::{DiffusionModel, Model, SignalNoise, TrainedLevels};

use super::models::{DIM, NOISE, assert_gradient, evaluate, normals, random, untrained};

fn stream(round: u64) -> Stream {
    Key::new(4, Purpose::User).round(round).stream()
}

/// Samples of `N(m, s^2 I)`.
fn gaussian(count: usize) -> TrainingData<f64> {
    let mean = [0.4, -0.9, 1.6];
    let drawn = normals(count * DIM, 30);
    let samples: Vec<f64> =
        drawn.iter().enumerate().map(|(i, x)| mean[i % DIM] + 0.8 * x).collect();
    TrainingData::new(DIM, &samples, None)
}

fn all_levels() -> [TrainedLevels; 2] {
    let some = (0..24).map(|i| NOISE.at((f64::from(i) / 23.0).powi(2))).collect();
    [TrainedLevels::Continuous(NOISE), TrainedLevels::discrete(some).unwrap()]
}

/// One sample under all its levels: their log-SNRs, and a point of each, minus the mean and in units of the signal.
struct Group {
    log_snrs: Vec<f64>,
    points: Vec<Vec<f64>>,
}

/// Noise over signal.
fn spread(log_snr: f64) -> f64 {
    let SignalNoise { alpha, sigma } = SignalNoise::variance_preserving(log_snr);
    sigma / alpha
}

/// What the loss draws, in its order: a window of levels of a sample, then a vector of noise for each of them, normals
/// eight at a time.
fn groups(
    samples: &[Vec<f64>],
    (levels, classes): (&TrainedLevels, usize),
    stream: &mut Stream,
) -> Vec<Group> {
    let group = |sample: &Vec<f64>| {
        let mut log_snrs = vec![0.0; classes];
        levels.draw_window(2.0 / (sample.len() as f64).sqrt(), stream, &mut log_snrs);
        let points = log_snrs.iter().map(|&log_snr| {
            let mut noise = vec![0.0; sample.len().next_multiple_of(8)];
            noise.chunks_exact_mut(8).for_each(|eight| stream.fill_scalar_normals(eight));
            sample.iter().zip(noise).map(|(x, eps)| x + spread(log_snr) * eps).collect()
        });
        let points = points.collect();
        Group { log_snrs, points }
    };
    samples.iter().map(group).collect()
}

/// `-mean_j (q_jj - logsumexp_i q_ij)` of a group, from its definition.
fn loss(group: &Group, logit: &dyn Fn(f64, &[f64]) -> f64) -> f64 {
    let mut total = 0.0;
    for (own, point) in group.points.iter().enumerate() {
        let logits: Vec<f64> = group.log_snrs.iter().map(|&level| logit(level, point)).collect();
        let most = logits.iter().fold(f64::NEG_INFINITY, |most, q| most.max(*q));
        let sum: f64 = logits.iter().map(|q| (q - most).exp()).sum();
        total += most + sum.ln() - logits[own];
    }
    total / group.points.len() as f64
}

/// `log p_theta` of a point in units of the signal, the Jacobian of that included, through a level of the model.
fn log_density(model: &Model<f64>, log_snr: f64, point: &[f64]) -> f64 {
    let place = SignalNoise::variance_preserving(log_snr);
    let x: Vec<_> = point
        .iter()
        .zip(&model.moments.mean)
        .map(|(x, mean)| splat(place.alpha * (x + mean)))
        .collect();
    let (log_density, _) = evaluate(model.level(place).as_ref(), &x);
    log_density[0].to_array()[0] + DIM as f64 * place.alpha.ln()
}

/// Fails if the loss is not the published one of the model's log-densities minus the free constants: other logits, a
/// lost Jacobian or constant, another mean.
#[test]
fn the_value_is_the_published_loss() {
    let data = gaussian(50);
    let model = random(Head::Energy, data.moments().clone());
    for levels in all_levels() {
        let constants = levels.constants();
        let values = normals(constants.count(), 31);
        for classes in [2, 3, 4, 8] {
            let mut own = Classification::new(&model, 128, classes);
            let samples: Vec<usize> = (0..own.samples()).map(|i| (3 * i + 2) % 50).collect();
            let source = (&data, &levels);
            let drawn = (&samples[..], &mut stream(0));
            let found = own.value((&model, (&constants, &values)), source, drawn);
            let rows: Vec<Vec<f64>> = samples.iter().map(|&i| data.sample(i).to_vec()).collect();
            let logit = |log_snr: f64, point: &[f64]| {
                log_density(&model, log_snr, point) - constants.at(&values, log_snr)
            };
            let groups = groups(&rows, (&levels, classes), &mut stream(0));
            let expected: f64 = groups.iter().map(|group| loss(group, &logit)).sum();
            assert!((found - expected).abs() < 1e-10 * expected, "{found} instead of {expected}");
        }
    }
}

/// The sum of the losses of samples, each `1/(1 + max kappa)` times: the function whose gradient is followed.
fn weighted(
    model: &Model<f64>,
    (data, levels, values): (&TrainingData<f64>, &TrainedLevels, &[f64]),
    (samples, classes): (&[usize], usize),
) -> f64 {
    let (mut drawn, constants) = (stream(1), levels.constants());
    let mut one = Classification::new(model, classes * classes, classes);
    let each = samples.iter().map(|&sample| {
        let mut log_snrs = vec![0.0; classes];
        levels.draw_window(2.0 / (DIM as f64).sqrt(), &mut drawn.clone(), &mut log_snrs);
        let places = log_snrs.into_iter().map(SignalNoise::variance_preserving);
        let kappas = places.map(|place| model.moments.precondition(place).kappa);
        let weight = 1.0 / (1.0 + kappas.fold(0.0, f64::max));
        weight * one.value((model, (&constants, values)), (data, levels), (&[sample], &mut drawn))
    });
    each.sum()
}

/// Fails if the gradient is not that of the weighted losses, in some matrix or some free constant.
#[test]
fn gradients_of_the_classification() {
    let data = gaussian(50);
    let model = random(Head::Energy, data.moments().clone());
    for levels in all_levels() {
        let constants = levels.constants();
        let mut values = normals(constants.count(), 32);
        for classes in [2, 4] {
            let mut own = Classification::new(&model, 128, classes);
            let samples: Vec<usize> = (0..own.samples()).map(|i| (3 * i + 1) % 50).collect();
            let mut gradient = vec![0.0; model.network.parameters.len()];
            let mut of_constants = vec![0.0; values.len()];
            let drawn = (&samples[..], &mut stream(1));
            let sinks = (0.6, &mut gradient[..], &mut of_constants[..]);
            own.add((&model, (&constants, &values)), (&data, &levels), drawn, sinks);
            let taken = (&samples[..], classes);
            let mut value =
                |model: &Model<f64>| 0.6 * weighted(model, (&data, &levels, &values), taken);
            assert_gradient(&model, &gradient, &mut value, &format!("{classes} classes"));
            let scale = of_constants.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            for at in 0..values.len() {
                let (old, step) = (values[at], 1e-4);
                let mut moved = |by: f64| {
                    values[at] = old + by;
                    0.6 * weighted(&model, (&data, &levels, &values), taken)
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                values[at] = old;
                let error = (of_constants[at] - slope).abs();
                assert!(error < 1e-6 * scale, "constant {at}: {} for {slope}", of_constants[at]);
            }
        }
    }
}

/// Mean and standard error of paired differences.
fn mean_and_error(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let square = differences.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, (square / n).sqrt())
}

/// Fails if other constants or another width do better than the exact density of a Gaussian with the constants 0.
#[test]
fn the_exact_gaussian_is_the_optimum() {
    let data = gaussian(20_000);
    let exact = untrained(Head::Energy, data.moments().clone());
    let levels = TrainedLevels::Continuous(NOISE);
    let constants = levels.constants();
    let zeros = vec![0.0; constants.count()];
    let mut wide = exact.clone();
    wide.moments.deviation *= 1.15;
    let tilted = |slope: f64| (0..zeros.len()).map(|i| slope * i as f64).collect::<Vec<_>>();
    let others = [(&exact, tilted(0.02)), (&exact, tilted(-0.02)), (&wide, zeros.clone())];
    for classes in [2, 4] {
        let losses = |model: &Model<f64>, values: &[f64]| -> Vec<f64> {
            let mut own = Classification::new(model, 128, classes);
            let each = own.samples();
            let batches = 0..20_000 / each as u64;
            let of = |batch: u64| {
                let samples: Vec<usize> = (0..each).map(|i| batch as usize * each + i).collect();
                let drawn = (&samples[..], &mut stream(100 + batch));
                own.value((model, (&constants, values)), (&data, &levels), drawn)
            };
            batches.map(of).collect()
        };
        let best = losses(&exact, &zeros);
        for (index, (model, values)) in others.iter().enumerate() {
            let other = losses(model, values);
            let differences: Vec<f64> = other.iter().zip(&best).map(|(a, b)| a - b).collect();
            let (mean, error) = mean_and_error(&differences);
            assert!(mean > 4.0 * error, "{classes} classes, {index}: {mean} +- {error}");
        }
    }
}

/// `log sum_k w_k N(y; mu_k, s_k^2 + spread^2)`: a mixture on the line, in units of the signal.
fn mixture(weight: f64, log_snr: f64, y: f64) -> f64 {
    let noise = spread(log_snr).powi(2);
    let term = |weight: f64, mean: f64, variance: f64| {
        let variance = variance + noise;
        weight.ln() - 0.5 * (y - mean).powi(2) / variance - 0.5 * variance.ln()
    };
    let (a, b) = (term(weight, -3.0, 0.2), term(1.0 - weight, 2.0, 0.5));
    let most = a.max(b);
    most + ((a - most).exp() + (b - most).exp()).ln()
}

/// Fails if the published loss, which [`the_value_is_the_published_loss`] ties to the code, is lower for other weights
/// of two separated modes or other constants than for the exact densities: it would not find the weights.
#[test]
fn the_exact_mixture_is_the_optimum() {
    let mut stream = stream(2);
    let normals = normals(60_000, 33);
    let samples: Vec<Vec<f64>> = normals
        .iter()
        .map(|x| match stream.uniform() < 0.3 {
            true => vec![-3.0 + 0.2_f64.sqrt() * x],
            false => vec![2.0 + 0.5_f64.sqrt() * x],
        })
        .collect();
    for levels in all_levels() {
        for classes in [2, 4] {
            let groups = groups(&samples, (&levels, classes), &mut stream);
            let losses = |weight: f64, slope: f64| -> Vec<f64> {
                let logit = |log_snr: f64, point: &[f64]| {
                    mixture(weight, log_snr, point[0]) + slope * log_snr
                };
                groups.iter().map(|group| loss(group, &logit)).collect()
            };
            let best = losses(0.3, 0.0);
            for (weight, slope) in [(0.45, 0.0), (0.15, 0.0), (0.3, 0.1), (0.3, -0.1)] {
                let other = losses(weight, slope);
                let differences: Vec<f64> = other.iter().zip(&best).map(|(a, b)| a - b).collect();
                let (mean, error) = mean_and_error(&differences);
                assert!(mean > 4.0 * error, "{weight}, {slope}: {mean} +- {error}");
            }
        }
    }
}

//! The metrics of a run, against exact samples and exact mode weights of the target.

use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::error::Result;
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use rayon::prelude::*;

use super::RunError;
use crate::metric::{
    MaximumMeanDiscrepancy, Sample, SlicedWasserstein, kolmogorov_smirnov,
    maximum_mean_discrepancy, mode_weight_error, mode_weight_floor, mode_weights,
    rarest_mode_relative_error, sliced_wasserstein,
};
use crate::sampler::WeightedSample;

/// Most points of a sample that distances are computed of: sorting them along 128 directions would
/// otherwise take longer than any run. Mode weights read all particles.
pub(super) const MOST_POINTS: usize = 1 << 18;

/// What the metrics say of a run.
#[derive(Debug, Clone)]
pub(super) struct Assessment {
    pub mode_weights: Vec<f64>,
    pub true_mode_weights: Vec<f64>,
    pub mode_weight_error: f64,
    pub mode_weight_floor: f64,
    pub rarest_mode_relative_error: f64,
    pub sliced_wasserstein: f64,
    pub sliced_wasserstein_floor: f64,
    pub maximum_mean_discrepancy: f64,
    pub kolmogorov_smirnov: f64,
    /// The points that stand for the particles in distances, where they do not all count.
    pub thinned_to: Option<usize>,
    /// Metrics that could not be computed (they are NaN), each with the reason.
    pub failures: Vec<String>,
}

impl Assessment {
    /// What can be said where no truth is known: the shares of the components of the path's mixture.
    pub(super) fn without_truth(
        mixture: &MixtureLevel<'_>,
        sample: &WeightedSample,
    ) -> core::result::Result<Self, RunError> {
        let (positions, weights) = alive(sample, mixture.dim());
        Ok(Self {
            mode_weights: mode_weights(mixture, &positions, &weights)?,
            true_mode_weights: Vec::new(),
            mode_weight_error: f64::NAN,
            mode_weight_floor: f64::NAN,
            rarest_mode_relative_error: f64::NAN,
            sliced_wasserstein: f64::NAN,
            sliced_wasserstein_floor: f64::NAN,
            maximum_mean_discrepancy: f64::NAN,
            kolmogorov_smirnov: f64::NAN,
            thinned_to: None,
            failures: Vec::new(),
        })
    }
}

/// Positions and weights of the particles that say something: one that died at a non-finite position has weight zero.
fn alive(sample: &WeightedSample, dim: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = sample.positions.chunks_exact(dim).zip(sample.weights.iter().copied());
    let alive: Vec<(&[f64], f64)> =
        rows.filter(|(x, w)| *w > 0.0 && x.iter().all(|x| x.is_finite())).collect();
    let positions = alive.iter().flat_map(|(x, _)| x.iter().copied()).collect();
    (positions, alive.iter().map(|(_, w)| *w).collect())
}

/// Compares the weighted particles with exact samples of the same number, at least two.
///
/// Distances are those of `most` points, where there are more: systematically resampled particles
/// against as many exact samples.
///
/// `known` are mode weights from more than these samples, if there are any.
pub(super) fn assess(
    seed: u64,
    target: &MixtureLevel<'_>,
    outcome: &WeightedSample,
    known: Option<&[f64]>,
    most: usize,
) -> core::result::Result<Assessment, RunError> {
    let d = target.dim();
    // A single exact sample has no spread, which the maximum mean discrepancy needs.
    let count = outcome.weights.len().min(most).max(2);
    let (positions, weights) = alive(outcome, d);

    let exact = exact_sample(target, count, Key::new(seed, Purpose::TargetSample))?;
    let second = exact_sample(target, count, Key::new(seed, Purpose::TargetFloor))?;
    let all = Sample::weighted(d, &positions, &weights)?;
    let sample = all.thinned(most, 0.5)?;
    let (exact, second) = (Sample::unweighted(d, &exact)?, Sample::unweighted(d, &second)?);

    let estimated = match known {
        Some(known) => known.to_vec(),
        None => mode_weights(target, &positions, &weights)?,
    };
    let truth: Vec<f64> =
        (0..target.mixture().components()).map(|k| target.mixture().weight(k)).collect();
    let slices = SlicedWasserstein { seed, ..SlicedWasserstein::default() };
    let kernel = MaximumMeanDiscrepancy { seed, ..MaximumMeanDiscrepancy::default() };
    // A finished run is never thrown away because one of its metrics has no value.
    let mut failures = Vec::new();
    let mut value = |name: &str, result: crate::metric::Result<f64>| {
        result.unwrap_or_else(|error| {
            failures.push(format!("{name} could not be computed: {error}"));
            f64::NAN
        })
    };
    // Kish's, of the weights as they are: samples that hang together count for less, which this does not see.
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
    let effective = sum * sum / squares;
    let largest = |distances: Vec<f64>| distances.into_iter().fold(0.0, f64::max);
    Ok(Assessment {
        mode_weight_error: value("mode_weight_error", mode_weight_error(&estimated, &truth)),
        mode_weight_floor: value("mode_weight_floor", mode_weight_floor(&truth, effective)),
        rarest_mode_relative_error: value(
            "rarest_mode_relative_error",
            rarest_mode_relative_error(&estimated, &truth),
        ),
        mode_weights: estimated,
        true_mode_weights: truth,
        sliced_wasserstein: value(
            "sliced_wasserstein",
            sliced_wasserstein(&sample, &exact, &slices),
        ),
        sliced_wasserstein_floor: value(
            "sliced_wasserstein_floor",
            sliced_wasserstein(&second, &exact, &slices),
        ),
        maximum_mean_discrepancy: value(
            "maximum_mean_discrepancy",
            maximum_mean_discrepancy(&sample, &exact, &kernel),
        ),
        kolmogorov_smirnov: value(
            "kolmogorov_smirnov",
            kolmogorov_smirnov(&sample, &exact).map(largest),
        ),
        thinned_to: (all.len() > most).then_some(most),
        failures,
    })
}

/// `count` exact samples of a mixture, `[count x d]`, row-major.
pub(super) fn exact_sample(target: &MixtureLevel<'_>, count: usize, key: Key) -> Result<Vec<f64>> {
    let d = target.dim();
    let mut rows = vec![0.0; count * d];
    rows.par_chunks_mut(LANES * d).enumerate().try_for_each_init(
        || (vec![f64x8::ZERO; d], vec![f64x8::ZERO; target.scratch_len()]),
        |(x, memory), (block, rows)| {
            let mut stream = key.block(block as u64).stream();
            target.sample(x, &mut stream, Scratch::new(memory))?;
            for (lane, row) in rows.chunks_exact_mut(d).enumerate() {
                for (entry, x) in row.iter_mut().zip(x.iter()) {
                    *entry = x.as_array()[lane];
                }
            }
            Ok(())
        },
    )?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::density::{Covariance, Mixture};

    const N: usize = 203;

    /// Modes of weight 1/4 and 3/4 at -20 and 20, of variance 1, on the line.
    fn with_target(visit: impl FnOnce(&MixtureLevel<'_>)) {
        let covariance = Covariance::Isotropic(&[1.0]);
        let mixture = Mixture::new(1, &[1.0, 3.0], &[-20.0, 20.0], covariance).unwrap();
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        visit(&MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage).unwrap());
    }

    fn outcome(positions: Vec<f64>, weights: Vec<f64>) -> WeightedSample {
        let log_weights = weights.iter().map(|w| w.ln()).collect();
        WeightedSample { positions, log_weights, weights }
    }

    /// Fails if a metric ignores the weights, modes are exchanged, or dead particles count: half of
    /// the points of each mode, but the weights of the target, are as good as exact draws.
    #[test]
    fn every_metric_reads_the_weights() {
        with_target(|target| {
            let normals = exact_sample(target, N, Key::new(9, Purpose::User)).unwrap();
            let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            let place = |(i, x): (usize, &f64)| x - 20.0 * x.signum() + 20.0 * sign(i);
            let mut positions: Vec<f64> = normals.iter().enumerate().map(place).collect();
            // 101 right, 101 left, and one that died at a place that is no number.
            positions[202] = f64::NAN;
            let weight = |i| if i == 202 { 0.0 } else { (2.0 + sign(i)) / 404.0 };
            let weights = (0..N).map(weight).collect();
            let found = assess(1, target, &outcome(positions, weights), None, MOST_POINTS).unwrap();
            assert!((found.mode_weights[0] - 0.25).abs() < 1e-12, "{:?}", found.mode_weights);
            assert_eq!(found.true_mode_weights, [0.25, 0.75]);
            assert!(found.mode_weight_error < 1e-12 && found.rarest_mode_relative_error < 1e-12);
            // Equal weights would move a quarter of the mass by 40: a distance of 20, 1/4 and more.
            assert!(found.sliced_wasserstein < 12.0, "{found:?}");
            assert!(found.kolmogorov_smirnov < 0.15, "{found:?}");
            assert!(found.maximum_mean_discrepancy < 0.2, "{found:?}");
            assert!(found.sliced_wasserstein_floor > 0.0);
        });
    }

    /// Fails if a limit that is not reached changes a bit, mode weights read fewer than all particles,
    /// or distances are those of more points than they may be, of points without their weights, or
    /// against exact samples of another number.
    #[test]
    fn distances_of_many_particles_are_those_of_some() {
        with_target(|target| {
            let positions = exact_sample(target, N, Key::new(9, Purpose::User)).unwrap();
            // One particle holds half of the weight.
            let weight = |i| if i == 7 { 0.5 } else { 0.5 / (N - 1) as f64 };
            let run = outcome(positions, (0..N).map(weight).collect());
            let found = |most| assess(1, target, &run, None, most).unwrap();
            let (all, same, some) = (found(MOST_POINTS), found(N), found(50));
            assert_eq!(format!("{all:?}"), format!("{same:?}"));
            assert_eq!((all.thinned_to, some.thinned_to), (None, Some(50)));
            assert_eq!(all.mode_weights, some.mode_weights);
            assert!((some.kolmogorov_smirnov - all.kolmogorov_smirnov).abs() < 0.2, "{some:?}");
            let steps = some.kolmogorov_smirnov * 50.0;
            assert!((steps - steps.round()).abs() < 1e-9, "{some:?}");
            assert!(some.sliced_wasserstein > 0.5 * all.sliced_wasserstein, "{some:?}");
        });
    }

    /// Fails if blocks of exact samples repeat each other or two sets share their numbers.
    #[test]
    fn exact_samples_do_not_repeat() {
        with_target(|target| {
            let draw = |purpose| exact_sample(target, N, Key::new(1, purpose)).unwrap();
            let mut all = draw(Purpose::TargetSample);
            all.extend(draw(Purpose::TargetFloor));
            all.sort_by(f64::total_cmp);
            all.dedup();
            assert_eq!(all.len(), 2 * N);
        });
    }
}

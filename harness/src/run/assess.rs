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
    maximum_mean_discrepancy, mode_weight_error, rarest_mode_relative_error, sliced_wasserstein,
};
use crate::sampler::Outcome;

/// Blocks whose responsibilities are summed by one task, in order.
const BLOCKS_PER_TASK: usize = 64;

/// What the metrics say of a run.
#[derive(Debug, Clone)]
pub(super) struct Assessment {
    pub mode_weights: Vec<f64>,
    pub true_mode_weights: Vec<f64>,
    pub mode_weight_error: f64,
    pub rarest_mode_relative_error: f64,
    pub sliced_wasserstein: f64,
    pub sliced_wasserstein_floor: f64,
    pub maximum_mean_discrepancy: f64,
    pub kolmogorov_smirnov: f64,
}

/// Compares the weighted particles with exact samples of the same number.
pub(super) fn assess(
    seed: u64,
    target: &MixtureLevel<'_>,
    outcome: &Outcome,
) -> core::result::Result<Assessment, RunError> {
    let d = target.dim();
    let count = outcome.weights.len();
    // A particle that died at a non-finite position has weight zero and says nothing.
    let alive: Vec<(&[f64], f64)> = outcome
        .positions
        .chunks_exact(d)
        .zip(outcome.weights.iter().copied())
        .filter(|(x, w)| *w > 0.0 && x.iter().all(|x| x.is_finite()))
        .collect();
    let positions: Vec<f64> = alive.iter().flat_map(|(x, _)| x.iter().copied()).collect();
    let weights: Vec<f64> = alive.iter().map(|(_, w)| *w).collect();

    let exact = exact_sample(target, count, Key::new(seed, Purpose::TargetSample))?;
    let second = exact_sample(target, count, Key::new(seed, Purpose::TargetFloor))?;
    let sample = Sample::weighted(d, &positions, &weights)?;
    let (exact, second) = (Sample::unweighted(d, &exact)?, Sample::unweighted(d, &second)?);

    let estimated = mode_weights(target, &positions, &weights)?;
    let truth: Vec<f64> =
        (0..target.mixture().components()).map(|k| target.mixture().weight(k)).collect();
    let slices = SlicedWasserstein { seed, ..SlicedWasserstein::default() };
    let kernel = MaximumMeanDiscrepancy { seed, ..MaximumMeanDiscrepancy::default() };
    Ok(Assessment {
        mode_weight_error: mode_weight_error(&estimated, &truth)?,
        rarest_mode_relative_error: rarest_mode_relative_error(&estimated, &truth)?,
        mode_weights: estimated,
        true_mode_weights: truth,
        sliced_wasserstein: sliced_wasserstein(&sample, &exact, &slices)?,
        sliced_wasserstein_floor: sliced_wasserstein(&second, &exact, &slices)?,
        maximum_mean_discrepancy: maximum_mean_discrepancy(&sample, &exact, &kernel)?,
        kolmogorov_smirnov: kolmogorov_smirnov(&sample, &exact)?.into_iter().fold(0.0, f64::max),
    })
}

/// `count` exact samples of a mixture, `[count x d]`, row-major.
fn exact_sample(target: &MixtureLevel<'_>, count: usize, key: Key) -> Result<Vec<f64>> {
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

/// `sum_i W_i r_k(x_i)`, `[K]`, scaled to sum 1.
fn mode_weights(target: &MixtureLevel<'_>, positions: &[f64], weights: &[f64]) -> Result<Vec<f64>> {
    let (d, components) = (target.dim(), target.mixture().components());
    let tasks = positions
        .par_chunks(BLOCKS_PER_TASK * LANES * d)
        .zip(weights.par_chunks(BLOCKS_PER_TASK * LANES));
    let partial: Result<Vec<Vec<f64>>> = tasks
        .map(|(positions, weights)| {
            let mut sums = vec![0.0; components];
            let mut x = vec![f64x8::ZERO; d];
            let mut responsibilities = vec![f64x8::ZERO; components];
            let mut memory = vec![f64x8::ZERO; target.scratch_len()];
            for (rows, weights) in positions.chunks(LANES * d).zip(weights.chunks(LANES)) {
                let rows: Vec<&[f64]> = rows.chunks_exact(d).collect();
                for (j, x) in x.iter_mut().enumerate() {
                    *x = f64x8::new(std::array::from_fn(|i| rows[i.min(rows.len() - 1)][j]));
                }
                target.responsibilities(&x, &mut responsibilities, Scratch::new(&mut memory))?;
                for (sum, r) in sums.iter_mut().zip(&responsibilities) {
                    let r = r.to_array();
                    *sum += weights.iter().zip(r).map(|(w, r)| w * r).sum::<f64>();
                }
            }
            Ok(sums)
        })
        .collect();
    let mut sums = vec![0.0; components];
    for partial in partial? {
        for (sum, part) in sums.iter_mut().zip(partial) {
            *sum += part;
        }
    }
    let total: f64 = sums.iter().sum();
    sums.iter_mut().for_each(|sum| *sum /= total);
    Ok(sums)
}

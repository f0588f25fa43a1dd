//! How a sampler shares mass among known modes.
//!
//! For a mixture target with responsibilities `r_k(x)`, the posterior probability that `x` came
//! from component `k`, the estimated weight of mode `k` is `pi_hat_k = sum_i W_i r_k(x_i)`: its
//! expectation under the target is the true weight `pi_k` however much the modes overlap. (Hard
//! assignment to the nearest mode has no such guarantee.)

use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use rayon::prelude::*;

use super::{MetricError, Result};

/// How far a sum of probabilities may be from one; rounding of a million terms is far below.
const NORMALIZATION_TOLERANCE: f64 = 1e-6;

/// Blocks whose responsibilities are summed by one task, in order.
const BLOCKS_PER_TASK: usize = 64;

/// The estimated mode weights `pi_hat_k = sum_i W_i r_k(x_i)`, `[K]`, scaled to sum to one.
///
/// `positions` `[N x d]`, row-major; `weights` `[N]`, not negative, of any sum. Responsibilities are
/// used as they are computed, eight particles at a time; partial sums are added in a fixed order.
///
/// # Errors
///
/// Those of the core.
pub fn mode_weights(
    target: &MixtureLevel<'_>,
    positions: &[f64],
    weights: &[f64],
) -> amc_core::error::Result<Vec<f64>> {
    let (d, components) = (target.dim(), target.mixture().components());
    let tasks = positions
        .par_chunks(BLOCKS_PER_TASK * LANES * d)
        .zip(weights.par_chunks(BLOCKS_PER_TASK * LANES));
    let partial: amc_core::error::Result<Vec<Vec<f64>>> = tasks
        .map(|(positions, weights)| {
            let mut sums = vec![0.0; components];
            let mut x = vec![f64x8::ZERO; d];
            let mut responsibilities = vec![f64x8::ZERO; components];
            let mut memory = vec![f64x8::ZERO; target.scratch_len()];
            for (rows, weights) in positions.chunks(LANES * d).zip(weights.chunks(LANES)) {
                // Lanes past the last point repeat it; they have no weight below.
                let last = rows.len() / d - 1;
                for (j, x) in x.iter_mut().enumerate() {
                    *x = f64x8::new(std::array::from_fn(|lane| rows[lane.min(last) * d + j]));
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

/// Standard errors of [`mode_weights`] from one run, `[K]`, by its genealogy:
/// `se_k^2 = sum_f (sum_(i in f) W_i (r_k(x_i) - pi_hat_k))^2` over families `f` of one ancestor.
///
/// Without resampling every particle is a family of its own. `families` `[N]` are ancestors'
/// indices; `estimated` `[K]` is what [`mode_weights`] gave for the same particles.
///
/// # Errors
///
/// Those of the core.
pub fn mode_weight_std_errors(
    target: &MixtureLevel<'_>,
    positions: &[f64],
    weights: &[f64],
    families: &[usize],
    estimated: &[f64],
) -> amc_core::error::Result<Vec<f64>> {
    let (d, components) = (target.dim(), target.mixture().components());
    let total: f64 = weights.iter().sum();
    // Relatives side by side, so that one sum per mode is enough; the dead say nothing.
    let mut order: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0.0).collect();
    order.sort_by_key(|&i| families[i]);
    let mut x = vec![f64x8::ZERO; d];
    let mut responsibilities = vec![f64x8::ZERO; components];
    let mut memory = vec![f64x8::ZERO; target.scratch_len()];
    let (mut squares, mut sums) = (vec![0.0; components], vec![0.0; components]);
    let mut family = None;
    let mut close_family = |sums: &mut [f64]| {
        for (square, sum) in squares.iter_mut().zip(sums) {
            *square += std::mem::take(sum).powi(2);
        }
    };
    for block in order.chunks(LANES) {
        let last = block.len() - 1;
        for (j, x) in x.iter_mut().enumerate() {
            *x = f64x8::new(std::array::from_fn(|lane| positions[block[lane.min(last)] * d + j]));
        }
        target.responsibilities(&x, &mut responsibilities, Scratch::new(&mut memory))?;
        for (lane, &i) in block.iter().enumerate() {
            if family.replace(families[i]) != Some(families[i]) {
                close_family(&mut sums);
            }
            for ((sum, r), mean) in sums.iter_mut().zip(&responsibilities).zip(estimated) {
                *sum += weights[i] / total * (r.as_array()[lane] - mean);
            }
        }
    }
    close_family(&mut sums);
    Ok(squares.into_iter().map(f64::sqrt).collect())
}

/// Total variation distance `1/2 sum_k |pi_hat_k - pi_k|` between `estimated` and `truth`, `[K]`.
///
/// In `[0, 1]`: the mass that has to change mode. Particle weights have entered through
/// [`mode_weights`] and are not seen here.
///
/// # Errors
///
/// When the numbers of modes differ or are zero, or either argument holds a negative or non-finite
/// weight or does not sum to one.
pub fn mode_weight_error(estimated: &[f64], truth: &[f64]) -> Result<f64> {
    check_pair(estimated, truth)?;
    Ok(0.5 * estimated.iter().zip(truth).map(|(e, t)| (e - t).abs()).sum::<f64>())
}

/// What [`mode_weight_error`] is on average for `effective` independent samples of the target: `1/2 sum_k E|pi_hat_k - pi_k|`, with the
/// normal distribution's mean absolute deviation `sqrt(2 pi_k (1 - pi_k) / (pi effective))`.
///
/// `truth` is `[K]`. An error of this size says nothing of the sampler; more particles make it smaller.
///
/// # Errors
///
/// When `truth` is empty, does not sum to one, or holds a negative or non-finite weight.
pub fn mode_weight_floor(truth: &[f64], effective: f64) -> Result<f64> {
    check_probabilities("true mode weights", truth)?;
    let deviation = |weight: &f64| {
        // Never more than what is lost when no sample is there: 2 pi_k (1 - pi_k) for one sample.
        let most = 2.0 * weight * (1.0 - weight);
        (most / (core::f64::consts::PI * effective)).sqrt().min(most)
    };
    Ok(0.5 * truth.iter().map(deviation).sum::<f64>())
}

/// Signed relative error `(pi_hat_k - pi_k) / pi_k` of the mode `k` of smallest positive `pi_k`.
///
/// -1 when the mode is lost, 0 when its weight is exact; not bounded above. Of several modes that
/// share the smallest weight the first is read, so that the choice does not follow the error.
/// Particle weights have entered through [`mode_weights`] and are not seen here.
///
/// # Errors
///
/// Those of [`mode_weight_error`].
pub fn rarest_mode_relative_error(estimated: &[f64], truth: &[f64]) -> Result<f64> {
    check_pair(estimated, truth)?;
    let modes = estimated.iter().zip(truth).filter(|&(_, &t)| t > 0.0);
    // `min_by` keeps the first of equal minima.
    let rarest = modes.min_by(|(_, s), (_, t)| s.total_cmp(t));
    rarest.map(|(e, t)| (e - t) / t).ok_or(MetricError::WeightsAllZero)
}

fn check_pair(estimated: &[f64], truth: &[f64]) -> Result<()> {
    if estimated.len() != truth.len() {
        let (estimated, truth) = (estimated.len(), truth.len());
        return Err(MetricError::ModeCount { estimated, truth });
    }
    check_probabilities("estimated mode weights", estimated)?;
    check_probabilities("true mode weights", truth)
}

/// Checks that `weights` are finite, not negative and sum to one.
fn check_probabilities(what: &'static str, weights: &[f64]) -> Result<()> {
    let invalid = |w: &f64| !(w.is_finite() && *w >= 0.0);
    if let Some(index) = weights.iter().position(invalid) {
        return Err(MetricError::InvalidWeight { index, value: weights[index] });
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() <= NORMALIZATION_TOLERANCE {
        Ok(())
    } else {
        Err(MetricError::NotNormalized { what, sum })
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::close;
    use super::*;

    /// Fails when the half is forgotten, signs cancel or modes are misaligned.
    #[test]
    fn total_variation_by_hand() {
        close(mode_weight_error(&[0.7, 0.1, 0.2], &[0.5, 0.4, 0.1]).unwrap(), 0.3, 1e-15);
        assert_eq!(mode_weight_error(&[1.0, 0.0], &[0.0, 1.0]).unwrap(), 1.0);
        assert_eq!(mode_weight_error(&[0.25, 0.75], &[0.25, 0.75]).unwrap(), 0.0);
    }

    /// Fails when the floor is not the mean error of independent draws: of 40 draws of three modes `E|k/40 - p| / 2`, exactly by the
    /// binomial distribution, and of one draw.
    #[test]
    fn floor_of_independent_draws() {
        let truth = [0.5, 0.3, 0.2];
        let exact = |n: i32| -> f64 {
            let deviation = |p: f64| {
                let mut chance = (1.0 - p).powi(n);
                let mut sum = chance * p;
                for k in 1..=n {
                    chance *= f64::from(n - k + 1) / f64::from(k) * p / (1.0 - p);
                    sum += chance * (f64::from(k) / f64::from(n) - p).abs();
                }
                sum
            };
            0.5 * truth.iter().map(|p| deviation(*p)).sum::<f64>()
        };
        let floor = |n: f64| mode_weight_floor(&truth, n).unwrap();
        close(floor(40.0), exact(40), 0.01);
        close(floor(160.0) / floor(40.0), 0.5, 1e-14);
        close(floor(0.1), exact(1), 1e-14);
        assert_eq!(mode_weight_floor(&[1.0, 0.0], 10.0).unwrap(), 0.0);
        assert!(mode_weight_floor(&[0.5, 0.6], 10.0).is_err());
    }

    /// Fails when the mode is chosen by its estimate, a mode of true weight zero is chosen, the
    /// sign is flipped or the error is divided by the estimate.
    #[test]
    fn rarest_mode_by_hand() {
        let truth = [0.7, 0.0, 0.1, 0.2];
        let error = |estimated: [f64; 4]| rarest_mode_relative_error(&estimated, &truth).unwrap();
        close(error([0.75, 0.0, 0.2, 0.05]), 1.0, 1e-15);
        close(error([0.6, 0.0, 0.06, 0.34]), -0.4, 1e-15);
        assert_eq!(error([0.5, 0.5, 0.0, 0.0]), -1.0);
        let tied = rarest_mode_relative_error(&[0.4, 0.1, 0.5], &[0.25, 0.25, 0.5]).unwrap();
        close(tied, 0.6, 1e-14);
    }

    /// Fails when particle weights are ignored or not normalized, a padded lane is counted, or a
    /// point is assigned to the wrong mode: far modes make the responsibilities 0 and 1.
    #[test]
    fn mode_weights_average_responsibilities() {
        let means = [-50.0, 50.0];
        let covariance = amc_core::density::Covariance::Isotropic(&[1.0]);
        let mixture = amc_core::density::Mixture::new(1, &[0.3, 0.7], &means, covariance).unwrap();
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let target = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage).unwrap();
        for count in [1, 7, 8, 9, 1030] {
            let positions: Vec<f64> =
                (0..count).map(|i| if i % 3 == 0 { -50.0 } else { 49.0 }).collect();
            let weights: Vec<f64> = (0..count).map(|i| f64::from(i % 5 + 1)).collect();
            let total: f64 = weights.iter().sum();
            let first: f64 = weights.iter().step_by(3).sum();
            let found = mode_weights(&target, &positions, &weights).unwrap();
            close(found[0], first / total, 1e-14);
            close(found[0] + found[1], 1.0, 1e-15);
        }
    }

    /// Fails when unnormalized weights, for which half the L1 distance means nothing, get a number.
    #[test]
    fn impossible_requests_are_errors() {
        let error = |e: &[f64], t: &[f64]| mode_weight_error(e, t).unwrap_err();
        assert_eq!(error(&[1.0], &[0.5, 0.5]), MetricError::ModeCount { estimated: 1, truth: 2 });
        assert_eq!(error(&[1.5, -0.5], &[0.5, 0.5]), {
            MetricError::InvalidWeight { index: 1, value: -0.5 }
        });
        assert!(matches!(error(&[0.5, 0.4], &[0.5, 0.5]), MetricError::NotNormalized { .. }));
        assert!(matches!(error(&[0.5, 0.5], &[5.0, 5.0]), MetricError::NotNormalized { .. }));
        assert!(rarest_mode_relative_error(&[], &[]).is_err());
    }

    /// Fails when relatives are not summed before they are squared, wherever they stand, a family is
    /// dropped, weights are not normalized or the mean is not subtracted: nine points in far modes,
    /// families 5, 2 and 7 interleaved over more than one block.
    #[test]
    fn std_errors_follow_the_genealogy() {
        let covariance = amc_core::density::Covariance::Isotropic(&[1.0]);
        let mixture =
            amc_core::density::Mixture::new(1, &[0.3, 0.7], &[-50.0, 50.0], covariance).unwrap();
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let target = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage).unwrap();
        let families = [5, 2, 5, 7, 2, 7, 5, 2, 5, 7];
        let left = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let weights = [1.0, 2.0, 3.0, 1.0, 2.0, 0.0, 4.0, 1.0, 1.0, 2.0];
        let positions = left.map(|l| if l == 1.0 { -50.0 } else { 50.0 });
        let estimated = mode_weights(&target, &positions, &weights).unwrap();
        let total: f64 = weights.iter().sum();
        let square = |family: usize| {
            let terms = (0..10).filter(|&i| families[i] == family);
            terms.map(|i| weights[i] / total * (left[i] - estimated[0])).sum::<f64>().powi(2)
        };
        let expected = (square(2) + square(5) + square(7)).sqrt();
        let errors =
            mode_weight_std_errors(&target, &positions, &weights, &families, &estimated).unwrap();
        close(errors[0], expected, 1e-14);
        close(errors[1], expected, 1e-14);
    }
}

//! How a sampler shares mass among known modes.
//!
//! For a mixture target with responsibilities `r_k(x)`, the posterior probability that `x` came
//! from component `k`, the estimated weight of mode `k` is `pi_hat_k = sum_i W_i r_k(x_i)`: its
//! expectation under the target is the true weight `pi_k` however much the modes overlap. (Hard
//! assignment to the nearest mode has no such guarantee; SPEC section 9.)

use super::{MetricError, Result, Sample};

/// How far a sum of probabilities may be from one; rounding of a million terms is far below.
const NORMALIZATION_TOLERANCE: f64 = 1e-6;

/// The estimated mode weights `pi_hat_k = sum_i W_i r_k(x_i)`, `[K]`, which sum to one.
///
/// `responsibilities` is a sample whose "points" are the rows `r(x_i)`, `[N x K]`, with the weights
/// of the particles, which enter normalized.
///
/// # Errors
///
/// When a responsibility is negative or a row does not sum to one.
pub fn mode_weights(responsibilities: &Sample<'_>) -> Result<Vec<f64>> {
    let mut weights = vec![0.0; responsibilities.dim()];
    for (row, particle_weight) in responsibilities.iter() {
        check_probabilities("responsibilities", row)?;
        for (weight, responsibility) in weights.iter_mut().zip(row) {
            *weight += particle_weight * responsibility;
        }
    }
    weights.iter_mut().for_each(|weight| *weight /= responsibilities.total_weight());
    Ok(weights)
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

    /// Fails when particle weights are ignored, not normalized, or not the same as repetitions.
    #[test]
    fn mode_weights_average_responsibilities() {
        let rows = [0.75, 0.25, 0.0, 1.0, 0.5, 0.5];
        let weighted = Sample::weighted(2, &rows, &[4.0, 1.0, 0.0]).unwrap();
        let repeated = [0.0, 1.0, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25];
        let repeated = Sample::unweighted(2, &repeated).unwrap();
        assert_eq!(mode_weights(&weighted).unwrap(), [0.6, 0.4]);
        assert_eq!(mode_weights(&repeated).unwrap(), [0.6, 0.4]);
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
        let rows = Sample::unweighted(2, &[0.5, 0.5, 0.5, 0.6]).unwrap();
        assert!(matches!(mode_weights(&rows), Err(MetricError::NotNormalized { .. })));
    }
}

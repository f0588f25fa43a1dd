//! The isotropic kernel of optimal variance, from first-order information only [Bao22].
//!
//! `N(m, c I)` with the mean posterior variance `c = (v/a^2)(1 + v E_t[tr H]/d)` and
//! `E_t[tr H] = -E_t|S|^2`: one scalar per level, measured in a pilot run.

use super::IsotropicKernel;
use crate::error::Result;
use crate::path::NoisingStep;

/// `c` from `mean_square_score = E_t|S|^2/d`, clamped to its bounds `[v v_s/v_t, v/a^2]`.
///
/// `standard_error` is that of the pilot's mean: `c` is kept above the error it causes,
/// `(v/a^2) v standard_error`, so that pilot noise can never make the kernel degenerate (at fine
/// levels and at `s = 0`, where the lower bound is zero, it could even turn negative).
pub fn isotropic_optimal_variance(
    step: &NoisingStep,
    mean_square_score: f64,
    standard_error: f64,
) -> f64 {
    let scaled = step.scaled_variance();
    let optimal = scaled * (1.0 - step.variance * mean_square_score);
    let error = step.variance * standard_error;
    // A pilot that failed gives NaN: the widest kernel is then the safe one.
    let resolution = scaled * if error.is_nan() { 1.0 } else { error.clamp(1e-9, 1.0) };
    let floor = step.posterior_variance().max(resolution);
    optimal.max(floor.min(scaled)).min(scaled)
}

/// The isotropic-optimal kernel of a step.
///
/// # Errors
/// A variance that overflows.
pub fn isotropic_optimal(
    step: &NoisingStep,
    mean_square_score: f64,
    standard_error: f64,
) -> Result<IsotropicKernel> {
    let variance = isotropic_optimal_variance(step, mean_square_score, standard_error);
    IsotropicKernel::new(step, step.variance / step.ratio, variance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::NoiseSchedule;

    /// Fails if the variance is not exact for a Gaussian target (`E|S|^2/d = 1/(alpha^2 s + v_t)`),
    /// or a wild pilot value escapes the bounds.
    #[test]
    fn exact_for_a_gaussian_and_clamped() {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let step = schedule.step(0.3, 0.4).unwrap();
        let s = 0.07;
        let clean = step.alpha_clean * step.alpha_clean * s + step.variance_clean;
        let noisy = step.alpha_noisy * step.alpha_noisy * s + step.variance_noisy;
        let c = isotropic_optimal_variance(&step, 1.0 / noisy, 0.0);
        assert!((c / (step.variance * clean / noisy) - 1.0).abs() < 1e-13);

        assert_eq!(isotropic_optimal_variance(&step, 1e9, 0.0), step.posterior_variance());
        assert_eq!(isotropic_optimal_variance(&step, -5.0, 0.0), step.scaled_variance());
        let last = schedule.step(0.0, 0.4).unwrap();
        assert!(isotropic_optimal_variance(&last, 1e9, 0.1) >= 0.1 * last.variance);
        assert!(isotropic_optimal_variance(&last, f64::NAN, f64::NAN) == last.scaled_variance());
    }
}

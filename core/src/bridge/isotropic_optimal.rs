//! The isotropic kernel of optimal variance, from first-order information only \[Bao22\].
//!
//! `N(m, c I)` with the mean posterior variance `c = (v/a^2)(1 + v E_t[tr H]/d)` and
//! `E_t[tr H] = -E_t|S|^2`: one scalar per level, measured in a pilot run.

use super::IsotropicKernel;
use crate::error::Result;
use crate::path::NoisingStep;

/// The isotropic-optimal kernel of a step, from `mean_square_score = E_t|S|^2/d`; `c` is clamped to
/// its bounds `[v v_s/v_t, v/a^2]`.
///
/// `standard_error` is that of the pilot's mean: `c` is kept above the error it causes,
/// `(v/a^2) v standard_error`, so that pilot noise can never make the kernel degenerate (at fine
/// levels and at `s = 0`, where the lower bound is zero, it could even turn negative). NaN says that
/// nothing is known: `c` is then `v/a^2`.
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

/// `c`, clamped.
fn isotropic_optimal_variance(
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

    /// Fails if the kernel's mean is not `(x + v S)/a`: where `c = v` it is the DDPM kernel.
    #[test]
    fn the_mean_is_that_of_ddpm() {
        use crate::bridge::{DdpmVariance, DenoisingKernel, ddpm};
        use crate::point::{Context, Evaluations, Point};
        use crate::rng::{Key, Purpose};
        use crate::scratch::Scratch;
        use crate::simd::{f64x8, splat};
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let step = schedule.step(0.3, 0.4).unwrap();
        let square = (1.0 - step.ratio * step.ratio) / step.variance;
        let kernel = isotropic_optimal(&step, square, 0.0).unwrap();
        let same = ddpm(&step, DdpmVariance::Noise).unwrap();
        let (x, score, y) = ([splat(0.7); 2], [splat(-1.3), splat(2.1)], [splat(0.2); 2]);
        let value = |kernel: &dyn DenoisingKernel| {
            let context = Context {
                stream: &mut Key::new(1, Purpose::User).stream(),
                scratch: Scratch::new(&mut []),
                evaluations: &mut Evaluations::default(),
            };
            let point = Point { x: &x, log_density: f64x8::ZERO, score: &score };
            kernel.log_density(point, &y, context).unwrap().to_array()[0]
        };
        assert!((value(&kernel) - value(&same)).abs() < 1e-12);
    }
}

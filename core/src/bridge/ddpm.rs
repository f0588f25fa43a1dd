//! The DDPM kernel `N(m, v I)`, `m = (x_t + v S_t)/a` \[Ho20\], with its variance options.

use super::IsotropicKernel;
use crate::error::{Error, Result};
use crate::path::NoisingStep;

/// The isotropic variance of the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DdpmVariance {
    /// `v`, the variance of the noising transition.
    #[default]
    Noise,
    /// `v / a^2`.
    Scaled,
    /// `v v_s / v_t`: zero at `s = 0`, where it is refused.
    Posterior,
}

/// The DDPM kernel of a step.
///
/// # Errors
/// [`Error::Unsupported`] for the posterior variance at the target (`s = 0`), where it is zero.
pub fn ddpm(step: &NoisingStep, variance: DdpmVariance) -> Result<IsotropicKernel> {
    let variance = match variance {
        DdpmVariance::Noise => step.variance,
        DdpmVariance::Scaled => step.scaled_variance(),
        DdpmVariance::Posterior if step.variance_clean == 0.0 => {
            let what = "the posterior variance v v_s/v_t is zero on the step to the target";
            return Err(Error::Unsupported { what });
        }
        DdpmVariance::Posterior => step.posterior_variance(),
    };
    IsotropicKernel::new(step, step.variance / step.ratio, variance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::NoiseSchedule;

    /// Fails if an option has the variance of another, is inverted, or the degenerate one passes.
    #[test]
    fn variances_of_the_options() {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let step = schedule.step(0.2, 0.5).unwrap();
        let v = step.variance_noisy - step.ratio * step.ratio * step.variance_clean;
        let posterior = v * step.variance_clean / step.variance_noisy;
        let cases = [
            (DdpmVariance::Noise, v),
            (DdpmVariance::Scaled, v / (step.ratio * step.ratio)),
            (DdpmVariance::Posterior, posterior),
        ];
        for (option, expected) in cases {
            let found = ddpm(&step, option).unwrap().variance();
            assert!((found / expected - 1.0).abs() < 1e-12, "{option:?} {found} {expected}");
        }
        let last = schedule.step(0.0, 0.5).unwrap();
        assert!(ddpm(&last, DdpmVariance::Posterior).is_err());
    }
}

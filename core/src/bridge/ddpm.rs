//! The DDPM kernel `N(m, v I)`, `m = (x_t + v S_t)/a` [Ho20], with its variance options.

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

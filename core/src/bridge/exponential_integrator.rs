//! The exponential integrator of the reverse SDE with frozen score \[Song21\].
//!
//! `k(x_s | x_t) = N(x_t/a + e S_t, (v/a^2) I)`, `e = int_s^t g^2(u) (alpha_s/alpha_u) du`
//! (variance preserving: `2 (1/a - 1)`; variance exploding: `v`).

use super::IsotropicKernel;
use crate::error::Result;
use crate::path::NoisingStep;

/// The exponential-integrator kernel of a step.
///
/// # Errors
/// A variance that overflows.
pub fn exponential_integrator(step: &NoisingStep) -> Result<IsotropicKernel> {
    IsotropicKernel::new(step, step.drift, step.scaled_variance())
}

//! How `log p_t` changes along a path: `d/dt log p_t(x)` and `d/dbeta log p_beta(x)`.
//!
//! Diffusion (Fokker-Planck equation): `-f (d + x.S) + (g^2/2)(tr H + |S|^2)` with the forward
//! SDE's `f` and `g^2`, evaluated for mixtures in a closed form that does not cancel. Tempering: `log gamma - log rho` (unnormalized densities add a constant
//! that cancels in the barrier).

use super::NoiseSchedule;
use crate::density::{MixtureLevel, Tempered};
use crate::error::Result;
use crate::scratch::Scratch;
use crate::simd::f64x8;

/// `d/dt log p_t(x)` on a diffusion path, at the time `t` the level was prepared for.
///
/// # Errors
/// A wrong length of `x` or a short workspace.
pub fn diffusion_time_derivative(
    schedule: &NoiseSchedule,
    t: f64,
    level: &MixtureLevel<'_>,
    x: &[f64x8],
    scratch: Scratch<'_>,
) -> Result<f64x8> {
    let (f, _) = schedule.drift_and_diffusion(t);
    level.time_derivative(f, schedule.variance_rate(t), x, scratch)
}

/// `d/dbeta log p_beta(x) = log gamma(x) - log rho(x)` on a tempering path, at any `beta`.
///
/// # Errors
/// A wrong length of `x` or a short workspace.
pub fn tempering_time_derivative(
    level: &Tempered<'_>,
    x: &[f64x8],
    mut scratch: Scratch<'_>,
) -> Result<f64x8> {
    let target = level.target().log_density(x, scratch.reborrow())?;
    Ok(target - level.reference().log_density(x, scratch)?)
}

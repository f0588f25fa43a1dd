//! How `log p_t` changes along a path: `d/dt log p_t(x)` and `d/dbeta log p_beta(x)`.
//!
//! Diffusion (Fokker-Planck equation): `-f (d + x.S) + (g^2/2)(tr H + |S|^2)` with the forward SDE's
//! `f` and `g^2`, evaluated for mixtures in a closed form that does not cancel. Tempering:
//! `log gamma - log rho` (unnormalized densities add a constant).

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Covariance, Mixture};
    use crate::simd::splat;

    /// Fails if the sign is wrong or `beta` enters: `log gamma - log rho` at any level.
    #[test]
    fn tempering_by_hand() {
        let one = |mean, covariance| Mixture::new(1, &[1.0], mean, covariance).unwrap();
        let reference = one(&[0.0], Covariance::Isotropic(&[1.0]));
        let target = one(&[3.0], Covariance::Isotropic(&[0.5]));
        let (mut first, mut second) = ([0.0; 4], [0.0; 4]);
        let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut first).unwrap();
        let target = MixtureLevel::prepare(&target, 1.0, 0.0, &mut second).unwrap();
        let mut memory = [f64x8::ZERO; 64];
        let x = [splat(0.7)];
        // Up to constants: -x^2/2 and -(x - 3)^2.
        let log_rho = -0.5 * (0.7 * 0.7 + libm::log(core::f64::consts::TAU));
        let log_gamma = -(2.3 * 2.3) - 0.5 * libm::log(core::f64::consts::PI);
        for beta in [0.0, 0.2, 1.0] {
            let level = Tempered::new(&reference, &target, beta).unwrap();
            let scratch = Scratch::new(&mut memory);
            let found = tempering_time_derivative(&level, &x, scratch).unwrap().to_array()[0];
            assert!((found - (log_gamma - log_rho)).abs() < 1e-14);
        }
    }
}

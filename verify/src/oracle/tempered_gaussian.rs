//! A tempering level whose law is known: both ends Gaussian with diagonal covariance.
//!
//! `rho = N(0, I)`, `gamma = N(m, diag s)`: `rho^(1-beta) gamma^beta` is, coordinate by coordinate,
//! `Z N(b/P, 1/P)` with `P = 1 - beta + beta/s`, `b = beta m / s` and
//! `log Z = (log(2 pi / P) + b^2/P - beta m^2/s - (1-beta) log 2 pi - beta log(2 pi s)) / 2`.
//! The level is unnormalized, which is what tests the constants of a bridge.

use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel, Score, Tempered};
use amc_core::rng::Stream;
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use core::f64::consts::TAU;

use super::{Cdf, ExactLaw, standard_normal_cdf};
use crate::VerifyError;

const MEAN: [f64; 3] = [1.4, -0.6, 0.8];
const VARIANCE: [f64; 3] = [0.4, 1.7, 0.15];

/// One level of the tempering path from `N(0, I)` to `N((1.4, -0.6, 0.8), diag(0.4, 1.7, 0.15))`.
#[derive(Clone, Copy)]
pub struct TemperedGaussian<'a> {
    density: Tempered<'a>,
    mean: [f64; 3],
    deviation: [f64; 3],
    log_normalizer: f64,
}

impl TemperedGaussian<'_> {
    /// Calls `f` with the level at one inverse temperature.
    ///
    /// # Errors
    /// `beta` outside `[0, 1]`.
    pub fn with_level<R>(
        beta: f64,
        f: impl FnOnce(&TemperedGaussian<'_>) -> R,
    ) -> Result<R, VerifyError> {
        Self::with_levels(&[beta], |levels| levels.first().map(f))?.ok_or(VerifyError::Length {
            what: "levels",
            expected: 1,
            found: 0,
        })
    }

    /// Calls `f` with the levels at these inverse temperatures.
    ///
    /// # Errors
    /// `beta` outside `[0, 1]`.
    pub fn with_levels<R>(
        betas: &[f64],
        f: impl FnOnce(&[TemperedGaussian<'_>]) -> R,
    ) -> Result<R, VerifyError> {
        let reference = Mixture::new(3, &[1.0], &[0.0; 3], Covariance::Isotropic(&[1.0]))?;
        let target = Mixture::new(3, &[1.0], &MEAN, Covariance::Diagonal(&VARIANCE))?;
        let mut storage = vec![0.0; MixtureLevel::storage_len(&reference)];
        let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut storage)?;
        let mut storage = vec![0.0; MixtureLevel::storage_len(&target)];
        let target = MixtureLevel::prepare(&target, 1.0, 0.0, &mut storage)?;
        let levels: Result<Vec<_>, VerifyError> =
            betas.iter().map(|&beta| TemperedGaussian::new(&reference, &target, beta)).collect();
        Ok(f(&levels?))
    }
}

impl<'a> TemperedGaussian<'a> {
    fn new(
        reference: &'a MixtureLevel<'a>,
        target: &'a MixtureLevel<'a>,
        beta: f64,
    ) -> Result<Self, VerifyError> {
        let density = Tempered::new(reference, target, beta)?;
        let (mut mean, mut deviation, mut log_normalizer) = ([0.0; 3], [0.0; 3], 0.0);
        for i in 0..3 {
            let (m, s) = (MEAN[i], VARIANCE[i]);
            let (precision, b) = (1.0 - beta + beta / s, beta * m / s);
            mean[i] = b / precision;
            deviation[i] = 1.0 / libm::sqrt(precision);
            let peak = b * b / precision - beta * m * m / s;
            let constants = (1.0 - beta) * libm::log(TAU) + beta * libm::log(TAU * s);
            log_normalizer += 0.5 * (libm::log(TAU / precision) + peak - constants);
        }
        Ok(Self { density, mean, deviation, log_normalizer })
    }
}

impl ExactLaw for TemperedGaussian<'_> {
    fn density(&self) -> &dyn Score {
        &self.density
    }

    fn log_normalizer(&self) -> f64 {
        self.log_normalizer
    }

    fn scratch_len(&self) -> usize {
        self.density.scratch_len()
    }

    fn sample(
        &self,
        x: &mut [f64x8],
        stream: &mut Stream,
        _scratch: Scratch<'_>,
    ) -> amc_core::error::Result<()> {
        amc_core::error::check_len("x", 3, x.len())?;
        stream.fill_normals(x);
        for ((x, &m), &s) in x.iter_mut().zip(&self.mean).zip(&self.deviation) {
            *x = x.mul_add(splat(s), splat(m));
        }
        Ok(())
    }

    fn projection_cdf(&self, direction: &[f64]) -> Cdf<'_> {
        let pairs = || direction.iter().zip(self.mean.iter().zip(&self.deviation));
        let mean: f64 = pairs().map(|(u, (m, _))| u * m).sum();
        let variance: f64 = pairs().map(|(u, (_, s))| u * u * s * s).sum();
        let deviation = libm::sqrt(variance);
        Box::new(move |c| standard_normal_cdf((c - mean) / deviation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if mean, precision or normalizer of the closed form is wrong: the tempered density of
    /// the core must be `Z` times the product of the normal densities at any point.
    #[test]
    fn closed_form_matches_the_density() {
        TemperedGaussian::with_levels(&[0.0, 0.35, 0.8, 1.0], |levels| {
            for level in levels {
                let x = [0.3, -1.1, 2.0];
                let block = x.map(splat);
                let mut memory = vec![f64x8::ZERO; level.scratch_len()];
                let scratch = Scratch::new(&mut memory);
                let found = level.density.log_density(&block, scratch).unwrap().to_array()[2];
                let mut expected = level.log_normalizer;
                for i in 0..3 {
                    let z = (x[i] - level.mean[i]) / level.deviation[i];
                    expected -= 0.5 * (z * z + libm::log(TAU)) + libm::log(level.deviation[i]);
                }
                assert!((found - expected).abs() < 1e-13, "{found} {expected}");
            }
            assert!(levels[0].log_normalizer.abs() < 1e-14);
            assert!(levels[3].log_normalizer.abs() < 1e-14);
            assert!(levels[1].log_normalizer < -0.1);
        })
        .unwrap();
    }
}

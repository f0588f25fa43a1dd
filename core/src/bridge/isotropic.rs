//! The Gaussian kernel with isotropic variance, `N(x/a + e S_t(x), c I)`: the common form of all
//! first-order denoising kernels.

use super::{DenoisingKernel, LOG_TWO_PI};
use crate::error::{Error, Result, check_len};
use crate::path::NoisingStep;
use crate::point::{Context, Point};
use crate::simd::{dot, f64x8, splat};

/// `k(y | x) = N(x/a + e S, c I)`.
#[derive(Debug, Clone, Copy)]
pub struct IsotropicKernel {
    inverse_ratio: f64,
    drift: f64,
    deviation: f64,
}

impl IsotropicKernel {
    /// The kernel with score coefficient `drift` and the given variance.
    ///
    /// # Errors
    /// [`Error::NotPositive`] unless the variance is above zero and finite.
    pub fn new(step: &NoisingStep, drift: f64, variance: f64) -> Result<Self> {
        if !(variance > 0.0 && variance.is_finite()) {
            return Err(Error::NotPositive { what: "kernel variance", index: 0, value: variance });
        }
        Ok(Self { inverse_ratio: 1.0 / step.ratio, drift, deviation: libm::sqrt(variance) })
    }

    /// The variance `c`.
    pub fn variance(&self) -> f64 {
        self.deviation * self.deviation
    }

    #[inline(always)]
    fn mean(&self, x: f64x8, score: f64x8) -> f64x8 {
        splat(self.drift).mul_add(score, splat(self.inverse_ratio) * x)
    }

    fn log_normal(&self, square: f64x8, dim: usize) -> f64x8 {
        let constant = dim as f64 * (LOG_TWO_PI + 2.0 * libm::log(self.deviation));
        splat(-0.5) * (square + splat(constant))
    }
}

impl DenoisingKernel for IsotropicKernel {
    fn scratch_len(&self) -> usize {
        0
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], context: Context<'_>) -> Result<f64x8> {
        check_len("y", x.x.len(), y.len())?;
        context.stream.fill_normals(y);
        let square = dot(y, y);
        let deviation = splat(self.deviation);
        for ((y, &x), &s) in y.iter_mut().zip(x.x).zip(x.score) {
            *y = deviation.mul_add(*y, self.mean(x, s));
        }
        Ok(self.log_normal(square, y.len()))
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], _context: Context<'_>) -> Result<f64x8> {
        check_len("y", x.x.len(), y.len())?;
        let inverse = splat(1.0 / self.deviation);
        let pairs = y.iter().zip(x.x).zip(x.score);
        let square = pairs.fold(f64x8::ZERO, |sum, ((&y, &x), &s)| {
            let z = (y - self.mean(x, s)) * inverse;
            z.mul_add(z, sum)
        });
        Ok(self.log_normal(square, y.len()))
    }
}

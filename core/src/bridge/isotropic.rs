//! The Gaussian kernel with isotropic variance, `N(x/a + e S_t(x), c I)`: the common form of all
//! first-order denoising kernels.

use super::{DenoisingKernel, LOG_TWO_PI};
use crate::error::{Error, Result, check_len};
use crate::path::NoisingStep;
use crate::point::{Context, Point};
use crate::rng::Stream;
use crate::simd::{Lanes, Task, dispatch, dot, f64x8};

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
    fn mean<V: Lanes>(&self, x: V, score: V) -> V {
        V::splat(self.drift).mul_add(score, V::splat(self.inverse_ratio) * x)
    }

    #[inline(always)]
    fn log_normal<V: Lanes>(&self, square: V, dim: usize) -> V {
        let constant = dim as f64 * (LOG_TWO_PI + 2.0 * libm::log(self.deviation));
        V::splat(-0.5) * (square + V::splat(constant))
    }
}

impl DenoisingKernel for IsotropicKernel {
    fn scratch_len(&self) -> usize {
        0
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], context: Context<'_>) -> Result<f64x8> {
        check_len("y", x.x.len(), y.len())?;
        Ok(dispatch(Sample { kernel: self, x, y, stream: context.stream }))
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], _context: Context<'_>) -> Result<f64x8> {
        check_len("y", x.x.len(), y.len())?;
        Ok(dispatch(LogDensity { kernel: self, x, y }))
    }
}

struct Sample<'a> {
    kernel: &'a IsotropicKernel,
    x: Point<'a>,
    y: &'a mut [f64x8],
    stream: &'a mut Stream,
}

impl Task for Sample<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let y = V::view_mut(self.y);
        self.stream.fill_normal_lanes(y);
        let square = dot(y, y);
        let deviation = V::splat(self.kernel.deviation);
        let from = V::view(self.x.x).iter().zip(V::view(self.x.score));
        for (y, (&x, &s)) in y.iter_mut().zip(from) {
            *y = deviation.mul_add(*y, self.kernel.mean(x, s));
        }
        self.kernel.log_normal(square, y.len()).vector()
    }
}

struct LogDensity<'a> {
    kernel: &'a IsotropicKernel,
    x: Point<'a>,
    y: &'a [f64x8],
}

impl Task for LogDensity<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let inverse = V::splat(1.0 / self.kernel.deviation);
        let from = V::view(self.x.x).iter().zip(V::view(self.x.score));
        let mut square = V::zero();
        for (&y, (&x, &s)) in V::view(self.y).iter().zip(from) {
            let z = (y - self.kernel.mean(x, s)) * inverse;
            square = z.mul_add(z, square);
        }
        self.kernel.log_normal(square, self.y.len()).vector()
    }
}

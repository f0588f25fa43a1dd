//! The diagonal kernel `N(m, diag C)`: each coordinate its own posterior variance.

use super::{DenoisingKernel, LOG_TWO_PI, PosteriorMoments};
use crate::error::{Result, check_len};
use crate::point::{Context, Point};
use crate::simd::{f64x8, ln, splat};

/// `k(y | x) = N(m(x), diag C(x))`.
#[derive(Clone, Copy)]
pub struct Diagonal<'a> {
    moments: &'a dyn PosteriorMoments,
}

impl<'a> Diagonal<'a> {
    /// The kernel with these posterior moments.
    pub fn new(moments: &'a dyn PosteriorMoments) -> Self {
        Self { moments }
    }

    /// `mean` and `variance` `[d]` at `x`, counted.
    fn prepare(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        variance: &mut [f64x8],
        context: Context<'_>,
    ) -> Result<()> {
        context.evaluations.hessian_product += x.x.len() as u64;
        self.moments.diagonal(x, mean, variance, context.scratch)
    }
}

impl DenoisingKernel for Diagonal<'_> {
    fn scratch_len(&self) -> usize {
        2 * self.moments.dim() + self.moments.scratch_len()
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.moments.dim();
        check_len("y", d, y.len())?;
        let (mean, variance) = (context.scratch.take(d)?, context.scratch.take(d)?);
        self.prepare(x, mean, variance, context.reborrow())?;
        context.stream.fill_normals(y);
        let mut energy = splat(d as f64 * LOG_TWO_PI);
        for ((y, &m), &c) in y.iter_mut().zip(&*mean).zip(&*variance) {
            energy += y.mul_add(*y, ln(c));
            *y = c.sqrt().mul_add(*y, m);
        }
        Ok(splat(-0.5) * energy)
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.moments.dim();
        check_len("y", d, y.len())?;
        let (mean, variance) = (context.scratch.take(d)?, context.scratch.take(d)?);
        self.prepare(x, mean, variance, context.reborrow())?;
        let mut energy = splat(d as f64 * LOG_TWO_PI);
        for ((&y, &m), &c) in y.iter().zip(&*mean).zip(&*variance) {
            let z = y - m;
            energy += z * z / c + ln(c);
        }
        Ok(splat(-0.5) * energy)
    }
}

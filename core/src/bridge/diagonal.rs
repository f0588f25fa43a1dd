//! The diagonal kernel `N(m, diag C)`: each coordinate its own posterior variance.

use super::{DenoisingKernel, LOG_TWO_PI, PosteriorMoments};
use crate::error::{Result, check_len};
use crate::point::{Context, Point};
use crate::simd::{Lanes, Task, dispatch, dot, f64x8, ln_of_product};

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
        Ok(dispatch(Draw { mean, variance, y }))
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.moments.dim();
        check_len("y", d, y.len())?;
        let (mean, variance) = (context.scratch.take(d)?, context.scratch.take(d)?);
        self.prepare(x, mean, variance, context.reborrow())?;
        Ok(dispatch(LogNormal { mean, variance, y }))
    }
}

/// Turns normals `y` into `m + sqrt(c) y`; returns its log-density.
struct Draw<'a> {
    mean: &'a [f64x8],
    variance: &'a [f64x8],
    y: &'a mut [f64x8],
}

impl Task for Draw<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let (y, variance) = (V::view_mut(self.y), V::view(self.variance));
        let constant = V::splat(y.len() as f64 * LOG_TWO_PI);
        let energy = constant + ln_of_product(variance) + dot(y, y);
        for ((y, &m), &c) in y.iter_mut().zip(V::view(self.mean)).zip(variance) {
            *y = c.sqrt().mul_add(*y, m);
        }
        (V::splat(-0.5) * energy).vector()
    }
}

/// `log N(y; m, diag(c))`.
struct LogNormal<'a> {
    mean: &'a [f64x8],
    variance: &'a [f64x8],
    y: &'a [f64x8],
}

impl Task for LogNormal<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let variance = V::view(self.variance);
        let mut energy = V::splat(self.y.len() as f64 * LOG_TWO_PI) + ln_of_product(variance);
        for ((&y, &m), &c) in V::view(self.y).iter().zip(V::view(self.mean)).zip(variance) {
            let z = y - m;
            energy += z * z / c;
        }
        (V::splat(-0.5) * energy).vector()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    /// Fails if a draw is not `m + sqrt(c) z`, or its density is not that of three normals there, worked out by hand
    /// and found again from the draw.
    #[test]
    fn draws_have_their_density() {
        let (mean, variance) = ([0.5, -1.0, 2.0].map(splat), [0.25, 4.0, 9.0].map(splat));
        let normals = [1.5, -0.5, 2.0];
        let mut y = normals.map(splat);
        let drawn = dispatch(Draw { mean: &mean, variance: &variance, y: &mut y });
        let found = dispatch(LogNormal { mean: &mean, variance: &variance, y: &y });
        assert_eq!(y.map(|y| y.to_array()[6]), [1.25, -2.0, 8.0]);
        let square = 1.5 * 1.5 + 0.25 + 4.0;
        let expected = -0.5 * (square + 3.0 * LOG_TWO_PI + libm::log(9.0));
        for density in [drawn, found] {
            assert!((density.to_array()[6] - expected).abs() < 1e-14, "{density} {expected}");
        }
    }
}

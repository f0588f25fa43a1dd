//! The second-order kernel `N(m, C)` with a dense Cholesky factor of `C`: the general case.
//!
//! `C = L L^T`, `y = m + L z`, `log k = -(d log 2 pi + log det C + |L^-1 (y - m)|^2)/2`.

use super::{DenoisingKernel, LOG_TWO_PI, PosteriorMoments};
use crate::error::{Result, check_len};
use crate::linalg::Cholesky;
use crate::point::{Context, Point};
use crate::simd::{Lanes, Task, dispatch, dot, f64x8};

/// `k(y | x) = N(m(x), C(x))` for any posterior moments; `O(d^3)` per block.
#[derive(Clone, Copy)]
pub struct SecondOrderDense<'a> {
    moments: &'a dyn PosteriorMoments,
}

impl<'a> SecondOrderDense<'a> {
    /// The kernel with these posterior moments.
    pub fn new(moments: &'a dyn PosteriorMoments) -> Self {
        Self { moments }
    }

    /// Fills `mean` and `matrix`, both in the moments' frame; counted.
    fn prepare(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        matrix: &mut [f64x8],
        context: Context<'_>,
    ) -> Result<()> {
        context.evaluations.hessian_product += x.x.len() as u64;
        self.moments.covariance(x, mean, matrix, context.scratch)
    }
}

impl DenoisingKernel for SecondOrderDense<'_> {
    fn scratch_len(&self) -> usize {
        let d = self.moments.dim();
        (d + 3) * d + self.moments.scratch_len()
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.moments.dim();
        check_len("y", d, y.len())?;
        let (mean, normals) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let (local, matrix) = (context.scratch.take(d)?, context.scratch.take(d * d)?);
        self.prepare(x, mean, matrix, context.reborrow())?;
        context.stream.fill_normals(normals);
        let log_density = dispatch(Draw { matrix, normals, out: &mut *local })?;
        for (y, &m) in local.iter_mut().zip(&*mean) {
            *y += m;
        }
        self.moments.global_coordinates(local, y);
        Ok(log_density)
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.moments.dim();
        check_len("y", d, y.len())?;
        let (mean, difference) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let matrix = context.scratch.take(d * d)?;
        self.prepare(x, mean, matrix, context.reborrow())?;
        self.moments.local_coordinates(y, difference);
        for (z, &m) in difference.iter_mut().zip(&*mean) {
            *z -= m;
        }
        dispatch(LogNormal { matrix, difference })
    }
}

/// `out = L z` for `matrix = L L^T`; returns `log N(out; 0, L L^T)`.
struct Draw<'a> {
    matrix: &'a mut [f64x8],
    normals: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for Draw<'_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<f64x8> {
        let normals = V::view(self.normals);
        let factor = Cholesky::factor(normals.len(), V::view_mut(self.matrix))?;
        factor.multiply_lower(normals, V::view_mut(self.out));
        Ok(log_normal(dot(normals, normals), &factor, normals.len()).vector())
    }
}

/// `log N(difference; 0, matrix)`; both are overwritten.
struct LogNormal<'a> {
    matrix: &'a mut [f64x8],
    difference: &'a mut [f64x8],
}

impl Task for LogNormal<'_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<f64x8> {
        let difference = V::view_mut(self.difference);
        let factor = Cholesky::factor(difference.len(), V::view_mut(self.matrix))?;
        factor.solve_lower(difference);
        Ok(log_normal(dot(difference, difference), &factor, difference.len()).vector())
    }
}

#[inline(always)]
fn log_normal<V: Lanes>(square: V, factor: &Cholesky<'_, V>, dim: usize) -> V {
    let constant = V::splat(dim as f64 * LOG_TWO_PI);
    V::splat(-0.5) * (square + factor.log_determinant() + constant)
}

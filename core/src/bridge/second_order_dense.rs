//! The second-order kernel `N(m, C)` with a dense Cholesky factor of `C`: the general case.
//!
//! `C = L L^T`, `y = m + L z`, `log k = -(d log 2 pi + log det C + |L^-1 (y - m)|^2)/2`.

use super::{DenoisingKernel, LOG_TWO_PI, PosteriorMoments};
use crate::error::{Result, check_len};
use crate::linalg::Cholesky;
use crate::point::{Context, Point};
use crate::simd::{dot, f64x8, splat};

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

    /// Fills `mean` and factors the covariance in `matrix`, both in the moments' frame; counted.
    fn prepare<'m>(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        matrix: &'m mut [f64x8],
        context: Context<'_>,
    ) -> Result<Cholesky<'m>> {
        context.evaluations.hessian_product += x.x.len() as u64;
        self.moments.covariance(x, mean, matrix, context.scratch)?;
        Cholesky::factor(mean.len(), matrix)
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
        let factor = self.prepare(x, mean, matrix, context.reborrow())?;
        context.stream.fill_normals(normals);
        factor.multiply_lower(normals, local);
        for (y, &m) in local.iter_mut().zip(&*mean) {
            *y += m;
        }
        self.moments.global_coordinates(local, y);
        Ok(log_normal(dot(normals, normals), &factor, d))
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.moments.dim();
        check_len("y", d, y.len())?;
        let (mean, difference) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let matrix = context.scratch.take(d * d)?;
        let factor = self.prepare(x, mean, matrix, context.reborrow())?;
        self.moments.local_coordinates(y, difference);
        for (z, &m) in difference.iter_mut().zip(&*mean) {
            *z -= m;
        }
        factor.solve_lower(difference);
        Ok(log_normal(dot(difference, difference), &factor, d))
    }
}

fn log_normal(square: f64x8, factor: &Cholesky<'_>, dim: usize) -> f64x8 {
    splat(-0.5) * (square + factor.log_determinant() + splat(dim as f64 * LOG_TWO_PI))
}

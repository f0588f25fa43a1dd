//! The second-order kernel `N(m, C)` where `C = diag(D) + U^T U` with at most `K` rows in `U`.
//!
//! That is the case for mixtures whose components are isotropic, diagonal, or share a full
//! covariance. Sampling is `O(dK)`: `y = m + sqrt(D) z + U^T zeta`. The density uses the `K x K`
//! matrix `A = I + U D^-1 U^T`: `log det C = sum log D + log det A` (determinant lemma), and with
//! `zeta* = A^-1 U D^-1 (y - m)` (Woodbury)
//! `(y-m)^T C^-1 (y-m) = |D^-1/2 (y - m - U^T zeta*)|^2 + |zeta*|^2`, a sum of squares, so far
//! modes cost no digits.

use super::{DenoisingKernel, LOG_TWO_PI};
use crate::density::mixture::MixtureTransition;
use crate::error::{Error, Result, check_len};
use crate::linalg::{Cholesky, RowMajor};
use crate::point::{Context, Point};
use crate::scratch::Scratch;
use crate::simd::{dot, f64x8, ln, splat};

/// `k(y | x) = N(m(x), diag(D) + U^T U)`.
#[derive(Clone, Copy)]
pub struct SecondOrderStructured<'a> {
    transition: &'a MixtureTransition<'a>,
}

/// Moments at one block of points, in the local frame.
struct Factor<'m> {
    mean: &'m [f64x8],
    diagonal: &'m [f64x8],
    /// `U`, `[rank x d]`.
    rows: &'m [f64x8],
    rank: usize,
}

impl<'a> SecondOrderStructured<'a> {
    /// The kernel of a transition whose covariances have a common frame.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for full covariances that differ between components.
    pub fn new(transition: &'a MixtureTransition<'a>) -> Result<Self> {
        if transition.is_diagonal_plus_low_rank() {
            Ok(Self { transition })
        } else {
            let what = "full covariances that differ between components need the dense kernel";
            Err(Error::Unsupported { what })
        }
    }

    /// Room for a [`Factor`].
    fn factor_len(&self) -> usize {
        (self.transition.components() + 2) * self.transition.dim()
    }

    /// Fills `memory` with the moments at `x`; counted.
    fn factor<'m>(
        &self,
        x: Point<'_>,
        memory: &'m mut [f64x8],
        context: Context<'_>,
    ) -> Result<Factor<'m>> {
        let d = self.transition.dim();
        context.evaluations.hessian_product += d as u64;
        let mut memory = Scratch::new(memory);
        let (mean, diagonal) = (memory.take(d)?, memory.take(d)?);
        let rows = memory.take(self.transition.components() * d)?;
        let scratch = context.scratch;
        let rank = self.transition.diagonal_plus_low_rank(x.x, mean, diagonal, rows, scratch)?;
        Ok(Factor { mean, diagonal, rows: rows.get(..rank * d).unwrap_or(&[]), rank })
    }

    /// `log k` for a difference `y - m` in the local frame, which is overwritten.
    fn log_normal(
        &self,
        factor: &Factor<'_>,
        difference: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<f64x8> {
        let (d, rank) = (self.transition.dim(), factor.rank);
        let matrix = context.scratch.take(rank * rank)?;
        let zeta = context.scratch.take(rank)?;
        let scaled = context.scratch.take(d)?;
        for (i, (row, z)) in factor.rows.rows(d).zip(zeta.iter_mut()).enumerate() {
            for ((s, &u), &c) in scaled.iter_mut().zip(row).zip(factor.diagonal) {
                *s = u / c;
            }
            *z = dot(scaled, difference);
            let matrix_row = matrix.rows_mut(rank).skip(i).take(1).flatten();
            for (j, (entry, other)) in matrix_row.zip(factor.rows.rows(d)).take(i + 1).enumerate() {
                let unit = if i == j { 1.0 } else { 0.0 };
                *entry = dot(scaled, other) + splat(unit);
            }
        }
        let cholesky = Cholesky::factor(rank, matrix)?;
        cholesky.solve_lower(zeta);
        cholesky.solve_upper(zeta);
        for (row, &z) in factor.rows.rows(d).zip(&*zeta) {
            for (difference, &u) in difference.iter_mut().zip(row) {
                *difference = (-z).mul_add(u, *difference);
            }
        }
        let mut energy = splat(d as f64 * LOG_TWO_PI) + cholesky.log_determinant();
        energy += dot(zeta, zeta);
        for (&z, &c) in difference.iter().zip(factor.diagonal) {
            energy += z * z / c + ln(c);
        }
        Ok(splat(-0.5) * energy)
    }
}

impl DenoisingKernel for SecondOrderStructured<'_> {
    fn scratch_len(&self) -> usize {
        let (d, components) = (self.transition.dim(), self.transition.components());
        let density = components * (components + 1) + d;
        self.factor_len() + components + 2 * d + density.max(self.transition.scratch_len())
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.transition.dim();
        check_len("y", d, y.len())?;
        let memory = context.scratch.take(self.factor_len())?;
        let factor = self.factor(x, memory, context.reborrow())?;
        let (difference, local) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let zeta = context.scratch.take(factor.rank)?;
        context.stream.fill_normals(difference);
        context.stream.fill_normals(zeta);
        for (z, &c) in difference.iter_mut().zip(factor.diagonal) {
            *z *= c.sqrt();
        }
        for (row, &z) in factor.rows.rows(d).zip(&*zeta) {
            for (difference, &u) in difference.iter_mut().zip(row) {
                *difference = z.mul_add(u, *difference);
            }
        }
        for ((y, &m), &z) in local.iter_mut().zip(factor.mean).zip(&*difference) {
            *y = m + z;
        }
        self.transition.global_coordinates(local, y);
        self.log_normal(&factor, difference, context)
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], mut context: Context<'_>) -> Result<f64x8> {
        let d = self.transition.dim();
        check_len("y", d, y.len())?;
        let memory = context.scratch.take(self.factor_len())?;
        let factor = self.factor(x, memory, context.reborrow())?;
        let difference = context.scratch.take(d)?;
        self.transition.local_coordinates(y, difference);
        for (z, &m) in difference.iter_mut().zip(factor.mean) {
            *z -= m;
        }
        self.log_normal(&factor, difference, context)
    }
}

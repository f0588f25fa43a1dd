//! First and second moments of `x_s` given `x_t`, structured or dense.
//!
//! Where covariances are isotropic, diagonal, or full and shared, `C(x_t)` is a diagonal plus at
//! most `K` rank-one terms in one frame; the dense form is the general case.

use super::level::Precisions;
use super::transition::MixtureTransition;
use super::{row, row_of};
use crate::error::{Error, Result, check_len};
use crate::linalg::RowMajor;
use crate::scratch::Scratch;
use crate::simd::{add_scaled, copy, f64x8, less_equal, splat};

/// Components below this responsibility in all lanes are left out of second-order moments. The
/// kernel stays an exactly normalized Gaussian, so weights stay unbiased; the moments change by
/// less than one part in 1e16 even at separations of 1e4 standard deviations.
const NEGLIGIBLE: f64 = 1e-25;

impl MixtureTransition<'_> {
    /// Whether `C(x_t)` is a diagonal plus a matrix of rank `K - 1` in a fixed frame: all
    /// covariances but full ones that differ between components.
    pub fn is_diagonal_plus_low_rank(&self) -> bool {
        !matches!(self.noisy.precisions, Precisions::Full { .. })
    }

    /// `out = F x`: coordinates in the frame in which the covariance is structured.
    pub fn local_coordinates(&self, x: &[f64x8], out: &mut [f64x8]) {
        self.noisy.local_coordinates(x, out);
    }

    /// `out = F^T y`: back from that frame.
    pub fn global_coordinates(&self, y: &[f64x8], out: &mut [f64x8]) {
        self.noisy.global_coordinates(y, out);
    }

    /// `m` `[d]`, `D` `[d]` and rows `u_k` `[K x d]` with `C(x_t) = diag(D) + sum_k u_k u_k^T`, all
    /// in the local frame; `u_k = sqrt(r_k) (m_k - m)`. Returns the number of rows used.
    ///
    /// # Errors
    /// Wrong lengths, a short workspace, or full covariances that differ between components.
    pub fn diagonal_plus_low_rank(
        &self,
        x: &[f64x8],
        mean: &mut [f64x8],
        diagonal: &mut [f64x8],
        rows: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<usize> {
        let d = self.dim();
        check_len("rows", self.components().saturating_mul(d), rows.len())?;
        check_len("diagonal", d, diagonal.len())?;
        if !self.is_diagonal_plus_low_rank() {
            let what = "full covariances that differ between components have no common frame";
            return Err(Error::Unsupported { what });
        }
        let responsibilities = scratch.take(self.components())?;
        let count = self.component_means(x, responsibilities, mean, rows, scratch)?;
        diagonal.fill(f64x8::ZERO);
        for (k, r) in active(responsibilities) {
            self.add_component_diagonal(k, r, diagonal);
        }
        for (row, (_, r)) in rows.rows_mut(d).zip(active(responsibilities)) {
            let root = r.sqrt();
            for (entry, &m) in row.iter_mut().zip(&*mean) {
                *entry = root * (*entry - m);
            }
        }
        Ok(count)
    }

    /// `m` `[d]` and dense `C(x_t)` `[d x d]`, row-major, both in the local frame.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace; `rows` is workspace of `[K x d]`.
    pub fn dense_covariance(
        &self,
        x: &[f64x8],
        mean: &mut [f64x8],
        covariance: &mut [f64x8],
        rows: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        check_len("rows", self.components().saturating_mul(d), rows.len())?;
        check_len("covariance", d * d, covariance.len())?;
        let responsibilities = scratch.take(self.components())?;
        let diagonal = scratch.take(d)?;
        self.component_means(x, responsibilities, mean, rows, scratch)?;
        covariance.fill(f64x8::ZERO);
        diagonal.fill(f64x8::ZERO);
        for ((k, r), offset) in active(responsibilities).zip(rows.rows_mut(d)) {
            match self.noisy.precisions {
                Precisions::Full { vectors, .. } => {
                    let axes = row_of(vectors, k, d * d).rows(d);
                    for (axis, &c) in axes.zip(row(self.variances, k, d)) {
                        add_outer_scalar(covariance, r * splat(c), axis);
                    }
                }
                _ => self.add_component_diagonal(k, r, diagonal),
            }
            for (entry, &m) in offset.iter_mut().zip(&*mean) {
                *entry -= m;
            }
            for (out_row, &a) in covariance.rows_mut(d).zip(&*offset) {
                let scale = r * a;
                for (entry, &b) in out_row.iter_mut().zip(&*offset) {
                    *entry = scale.mul_add(b, *entry);
                }
            }
        }
        for (entry, &c) in covariance.diagonal_mut(d).zip(&*diagonal) {
            *entry += c;
        }
        Ok(())
    }

    /// `m` `[d]` and the diagonal of `C(x_t)` `[d]`, in the coordinates of `x` whatever the frame.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    pub fn marginal_variances(
        &self,
        x: &[f64x8],
        mean: &mut [f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        check_len("mean", d, mean.len())?;
        check_len("out", d, out.len())?;
        let rows = scratch.take(self.components().saturating_mul(d))?;
        let local_mean = scratch.take(d)?;
        if !self.is_diagonal_plus_low_rank() {
            let covariance = scratch.take(d * d)?;
            self.dense_covariance(x, mean, covariance, rows, scratch)?;
            for (o, &c) in out.iter_mut().zip(covariance.diagonal(d)) {
                *o = c;
            }
            return Ok(());
        }
        let (diagonal, turned) = (scratch.take(d)?, scratch.take(d)?);
        let rank = self.diagonal_plus_low_rank(x, local_mean, diagonal, rows, scratch)?;
        self.noisy.global_coordinates(local_mean, mean);
        match self.noisy.frame {
            None => copy(out, diagonal),
            Some(axes) => {
                out.fill(f64x8::ZERO);
                for (axis, &c) in axes.rows(d).zip(&*diagonal) {
                    for (o, &a) in out.iter_mut().zip(axis) {
                        *o = c.mul_add(splat(a * a), *o);
                    }
                }
            }
        }
        for row in rows.rows(d).take(rank) {
            self.noisy.global_coordinates(row, turned);
            for (o, &u) in out.iter_mut().zip(&*turned) {
                *o = u.mul_add(u, *o);
            }
        }
        Ok(())
    }

    /// Fills `responsibilities` at `x`, the means `m_k` of the active components as leading rows,
    /// and their mean `m`; returns the number of active components.
    fn component_means(
        &self,
        x: &[f64x8],
        responsibilities: &mut [f64x8],
        mean: &mut [f64x8],
        rows: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<usize> {
        let d = self.dim();
        check_len("mean", d, mean.len())?;
        let difference = scratch.take(d)?;
        let local = self.noisy.local_point(x, &mut scratch)?;
        self.noisy.responsibilities_at(local, responsibilities, scratch)?;
        mean.fill(f64x8::ZERO);
        let mut count = 0;
        for ((k, r), row) in active(responsibilities).zip(rows.rows_mut(d)) {
            self.component_mean(k, local, row, difference);
            for (m, &c) in mean.iter_mut().zip(&*row) {
                *m = r.mul_add(c, *m);
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Components whose responsibility is not negligible in every lane; NaN is not.
fn active(responsibilities: &[f64x8]) -> impl Iterator<Item = (usize, f64x8)> {
    let negligible = splat(NEGLIGIBLE);
    responsibilities
        .iter()
        .copied()
        .enumerate()
        .filter(move |&(_, r)| !less_equal(r, negligible).all())
}

/// `matrix += scale axis axis^T`.
fn add_outer_scalar(matrix: &mut [f64x8], scale: f64x8, axis: &[f64]) {
    for (out_row, &a) in matrix.rows_mut(axis.len()).zip(axis) {
        add_scaled(out_row, scale * splat(a), axis);
    }
}

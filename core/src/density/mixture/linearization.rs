//! What all products with one Hessian of a mixture share.
//!
//! `H = U^T U - P`, `U_k = sqrt(r_k) (g_k - S)`, `P = sum_k r_k P_k`, the centred form, which does not
//! cancel far from the modes. Kept are the rows of `U` of the components that matter, in the local
//! frame, and `P`: its diagonal where the components are isotropic, diagonal or share a full
//! covariance, else the responsibilities. A product is then `U^T (U v) - P v`: `2 rank d` fused
//! multiply-adds, and no exponential.

use super::evaluate::is_negligible;
use super::level::{MixtureLevel, Precisions};
use super::{entry, row};
use crate::error::{Result, check_len};
use crate::linalg::{DiagonalPlusLowRank, RowMajor};
use crate::scratch::Scratch;
use crate::simd::{copy, dot, f64x8, splat};

/// A linearization, read back from memory.
pub(super) struct Linearization<'m> {
    /// The diagonal of `P`, `[d]`, in the local frame, or `r`, `[K]`.
    pub(super) precision: &'m [f64x8],
    /// `U`, `[rank x d]`, in the local frame.
    pub(super) rows: &'m [f64x8],
}

impl MixtureLevel<'_> {
    /// Whether `P` is diagonal in the local frame.
    pub(super) fn has_diagonal_precision(&self) -> bool {
        !matches!(self.precisions, Precisions::Full { .. })
    }

    /// Length of [`Linearization::precision`].
    fn precision_len(&self) -> usize {
        if self.has_diagonal_precision() { self.mixture.dim } else { self.mixture.components() }
    }

    /// Vectors a linearization takes: the rank, `P`, and a row of `U` for every component.
    pub(super) fn linearization_storage(&self) -> usize {
        1 + self.precision_len() + self.mixture.components() * self.mixture.dim
    }

    /// Workspace of [`Self::fill_linearization`], and more than one product takes.
    pub(super) fn linearization_scratch(&self) -> usize {
        self.mixture.components() + self.weights_len() + 5 * self.mixture.dim
    }

    pub(super) fn fill_linearization(
        &self,
        x: &[f64x8],
        memory: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.mixture.dim;
        check_len("linearization", self.linearization_storage(), memory.len())?;
        let mut memory = Scratch::new(memory);
        let (count, precision) = (memory.take(1)?, memory.take(self.precision_len())?);
        let rows = memory.take(self.mixture.components() * d)?;
        let responsibilities = scratch.take(self.mixture.components())?;
        let (difference, score) = (scratch.take(self.weights_len())?, scratch.take(d)?);
        let local = self.local_point(x, &mut scratch)?;
        self.responsibilities_at::<f64x8>(local, responsibilities, scratch)?;
        self.local_score(local, responsibilities, score, difference);
        if self.has_diagonal_precision() {
            precision.fill(f64x8::ZERO);
        } else {
            copy(precision, responsibilities);
        }
        let relevant = responsibilities.iter().enumerate().filter(|&(_, &r)| !is_negligible(r));
        let mut rank = 0_u32;
        for ((k, &r), row) in relevant.zip(rows.rows_mut(d)) {
            for (u, &s) in row.iter_mut().zip(&*score) {
                *u = -s;
            }
            self.add_component_score(k, splat(1.0), local, row, difference);
            let root = r.sqrt();
            for u in row.iter_mut() {
                *u *= root;
            }
            self.add_precision_diagonal(k, r, precision);
            rank += 1;
        }
        // The rank is the same in every lane: components are left out for all lanes or none.
        count.fill(splat(f64::from(rank)));
        Ok(())
    }

    /// `out += r diag(P_k)` where `P_k` is diagonal in the local frame.
    fn add_precision_diagonal(&self, k: usize, r: f64x8, out: &mut [f64x8]) {
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                for o in out.iter_mut() {
                    *o = r.mul_add(splat(precision), *o);
                }
            }
            Precisions::Diagonal(values) => {
                for (o, &p) in out.iter_mut().zip(row(values, k, self.mixture.dim)) {
                    *o = r.mul_add(splat(p), *o);
                }
            }
            Precisions::Full { .. } => {}
        }
    }

    pub(super) fn read_linearization<'m>(&self, memory: &'m [f64x8]) -> Result<Linearization<'m>> {
        check_len("linearization", self.linearization_storage(), memory.len())?;
        let (count, rest) = memory.split_at_checked(1).unwrap_or_default();
        let (precision, rows) = rest.split_at_checked(self.precision_len()).unwrap_or_default();
        let [rank, ..] = count.first().map_or([0.0; 8], |count| count.to_array());
        let rows = rows.get(..rank as usize * self.mixture.dim).unwrap_or(&[]);
        Ok(Linearization { precision, rows })
    }

    /// `out = U^T (U v) - P v`, all in the local frame.
    fn local_product(&self, kept: &Linearization<'_>, v: &[f64x8], out: &mut [f64x8]) {
        if self.has_diagonal_precision() {
            for ((o, &v), &p) in out.iter_mut().zip(v).zip(kept.precision) {
                *o = -(p * v);
            }
        } else {
            out.fill(f64x8::ZERO);
            for (k, &r) in kept.precision.iter().enumerate().filter(|&(_, &r)| !is_negligible(r)) {
                self.add_precision_product(k, -r, v, out);
            }
        }
        for row in kept.rows.rows(self.mixture.dim) {
            let projection = dot(row, v);
            for (o, &u) in out.iter_mut().zip(row) {
                *o = projection.mul_add(u, *o);
            }
        }
    }

    /// The product in the coordinates of `v`.
    pub(super) fn product_of_linearization(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.mixture.dim;
        check_len("v", d, v.len())?;
        check_len("out", d, out.len())?;
        let kept = self.read_linearization(memory)?;
        if self.frame.is_none() {
            self.local_product(&kept, v, out);
            return Ok(());
        }
        let (local_v, local_out) = (scratch.take(d)?, scratch.take(d)?);
        self.local_coordinates(v, local_v);
        self.local_product(&kept, local_v, local_out);
        self.global_coordinates(local_out, out);
        Ok(())
    }

    /// `P` and `U` where `P` is diagonal.
    pub(super) fn structure_of_linearization<'m>(
        &self,
        memory: &'m [f64x8],
    ) -> Option<DiagonalPlusLowRank<'m>> {
        if !self.has_diagonal_precision() {
            return None;
        }
        let kept = self.read_linearization(memory).ok()?;
        Some(DiagonalPlusLowRank { scale: 1.0, diagonal: kept.precision, rows: kept.rows })
    }
}

#[cfg(test)]
mod tests;

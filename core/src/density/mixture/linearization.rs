//! What all products with one Hessian of a mixture share.
//!
//! `H = U^T U - P`, `U_k = sqrt(r_k) (g_k - S)`, `P = sum_k r_k P_k`, the centred form, which does not
//! cancel far from the modes. Kept are the rows of `U` of the components that matter, in the local
//! frame, and `P`: its diagonal where the components are isotropic, diagonal or share a full
//! covariance, else the responsibilities. A product is then `U^T (U v) - P v`: `2 rank d` fused
//! multiply-adds, and no exponential.

use super::level::{MixtureLevel, Precisions};
use super::normalize::is_negligible;
use super::{entry, row};
use crate::error::{Result, check_len};
use crate::linalg::{DiagonalPlusLowRank, RowMajor};
use crate::scratch::Scratch;
use crate::simd::{Lanes, Task, dot, f64x8};

/// A linearization, read back from memory.
pub(super) struct Linearization<'m, V = f64x8> {
    /// The diagonal of `P`, `[d]`, in the local frame, or `r`, `[K]`.
    pub(super) precision: &'m [V],
    /// `U`, `[rank x d]`, in the local frame.
    pub(super) rows: &'m [V],
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
        self.mixture.components() + self.weights_len() + 6 * self.mixture.dim
    }

    /// Fills `memory` for `x`; returns `log p(x)` and, where `score` is not empty, its gradient.
    #[inline(always)]
    pub(super) fn fill_linearization<V: Lanes>(
        &self,
        x: &[V],
        score: &mut [V],
        memory: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<V> {
        let d = self.mixture.dim;
        check_len("linearization", self.linearization_storage(), memory.len())?;
        let mut memory = Scratch::new(memory);
        let count = memory.take_lanes::<V>(1)?;
        let precision = memory.take_lanes::<V>(self.precision_len())?;
        let rows = memory.take_lanes::<V>(self.mixture.components() * d)?;
        let responsibilities = scratch.take_lanes::<V>(self.mixture.components())?;
        let weights = scratch.take_lanes::<V>(self.weights_len())?;
        let local_score = scratch.take_lanes::<V>(d)?;
        let local = self.local_point(x, &mut scratch)?;
        let log_density = self.responsibilities_at(local, responsibilities, scratch)?;
        self.local_score(local, responsibilities, local_score, weights);
        if !score.is_empty() {
            self.global_coordinates(local_score, score);
        }
        let diagonal = self.has_diagonal_precision();
        for (k, p) in precision.iter_mut().enumerate() {
            let r = responsibilities.get(k).copied().unwrap_or(V::zero());
            *p = if diagonal { V::zero() } else { r };
        }
        let (mut rank, mut rest) = (0_u32, rows.rows_mut(d));
        for (k, &r) in responsibilities.iter().enumerate() {
            if is_negligible(r) {
                continue;
            }
            let row = rest.next().unwrap_or(&mut []);
            for (u, &s) in row.iter_mut().zip(&*local_score) {
                *u = -s;
            }
            self.add_component_score(k, V::splat(1.0), local, row, weights);
            let root = r.sqrt();
            for u in row.iter_mut() {
                *u *= root;
            }
            self.add_precision_diagonal(k, r, precision);
            rank += 1;
        }
        // The rank is the same in every lane: components are left out for all lanes or none.
        for count in count {
            *count = V::splat(f64::from(rank));
        }
        Ok(log_density)
    }

    /// `out += r diag(P_k)` where `P_k` is diagonal in the local frame.
    #[inline(always)]
    fn add_precision_diagonal<V: Lanes>(&self, k: usize, r: V, out: &mut [V]) {
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = V::splat(entry(values, k));
                for o in out.iter_mut() {
                    *o = r.mul_add(precision, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for (o, &p) in out.iter_mut().zip(row(values, k, self.mixture.dim)) {
                    *o = r.mul_add(V::splat(p), *o);
                }
            }
            Precisions::Full { .. } => {}
        }
    }

    #[inline(always)]
    pub(super) fn read_linearization<'m, V: Lanes>(
        &self,
        memory: &'m [f64x8],
    ) -> Result<Linearization<'m, V>> {
        check_len("linearization", self.linearization_storage(), memory.len())?;
        let (count, rest) = memory.split_at_checked(1).unwrap_or_default();
        let (precision, rows) = rest.split_at_checked(self.precision_len()).unwrap_or_default();
        let [rank, ..] = count.first().map_or([0.0; 8], |count| count.to_array());
        let rows = rows.get(..rank as usize * self.mixture.dim).unwrap_or(&[]);
        Ok(Linearization { precision: V::view(precision), rows: V::view(rows) })
    }

    /// `out = U^T (U v) - P v`, all in the local frame.
    #[inline(always)]
    fn local_product<V: Lanes>(&self, kept: &Linearization<'_, V>, v: &[V], out: &mut [V]) {
        if self.has_diagonal_precision() {
            for ((o, &v), &p) in out.iter_mut().zip(v).zip(kept.precision) {
                *o = -(p * v);
            }
        } else {
            for o in out.iter_mut() {
                *o = V::zero();
            }
            for (k, &r) in kept.precision.iter().enumerate() {
                if !is_negligible(r) {
                    self.add_precision_product(k, -r, v, out);
                }
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
    #[inline(always)]
    fn product_of_linearization<V: Lanes>(
        &self,
        memory: &[f64x8],
        v: &[V],
        out: &mut [V],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.mixture.dim;
        check_len("v", d, v.len())?;
        check_len("out", d, out.len())?;
        let kept = self.read_linearization::<V>(memory)?;
        if self.frame.is_none() {
            self.local_product(&kept, v, out);
            return Ok(());
        }
        let (local_v, local_out) = (scratch.take_lanes::<V>(d)?, scratch.take_lanes::<V>(d)?);
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
        let kept = self.read_linearization::<f64x8>(memory).ok()?;
        Some(DiagonalPlusLowRank { scale: 1.0, diagonal: kept.precision, rows: kept.rows })
    }
}

/// Fills a linearization, with log-density and score of the same pass.
pub(super) struct Linearize<'a, 's> {
    pub(super) level: &'a MixtureLevel<'a>,
    pub(super) x: &'a [f64x8],
    /// `[d]`, or empty where the score is not asked for.
    pub(super) score: &'a mut [f64x8],
    pub(super) memory: &'a mut [f64x8],
    pub(super) scratch: Scratch<'s>,
}

impl Task for Linearize<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<f64x8> {
        let (x, score) = (V::view(self.x), V::view_mut(self.score));
        Ok(self.level.fill_linearization(x, score, self.memory, self.scratch)?.vector())
    }
}

/// One product.
pub(super) struct Product<'a, 's> {
    pub(super) level: &'a MixtureLevel<'a>,
    pub(super) memory: &'a [f64x8],
    pub(super) v: &'a [f64x8],
    pub(super) out: &'a mut [f64x8],
    pub(super) scratch: Scratch<'s>,
}

impl Task for Product<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let (v, out) = (V::view(self.v), V::view_mut(self.out));
        self.level.product_of_linearization(self.memory, v, out, self.scratch)
    }
}

#[cfg(test)]
mod tests;

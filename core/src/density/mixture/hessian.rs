//! Hessian of a mixture level and its products.
//!
//! `H = sum_k r_k (g_k g_k^T - P_k) - S S^T`, computed in the centred form
//! `H = sum_k r_k (g_k - S)(g_k - S)^T - sum_k r_k P_k` (`linearization.rs`), which does not cancel far
//! from the modes. A product costs `O(dK)` (isotropic, diagonal) and never forms `H`.

use super::level::{MixtureLevel, Precisions};
use super::linearization::{Linearize, Product};
use super::normalize::is_negligible;
use super::row;
use crate::density::{Hessian, HessianProduct};
use crate::error::{Result, check_len};
use crate::linalg::{DiagonalPlusLowRank, RowMajor};
use crate::scratch::Scratch;
use crate::simd::{dispatch, f64x8, splat};

impl HessianProduct for MixtureLevel<'_> {
    fn hessian_scratch_len(&self) -> usize {
        self.linearization_len() + self.linearization_scratch()
    }

    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let memory = scratch.take(self.linearization_len())?;
        self.linearize(x, memory, scratch.reborrow())?;
        self.linearized_product(memory, v, out, scratch)
    }

    fn linearization_len(&self) -> usize {
        self.linearization_storage()
    }

    fn linearize(&self, x: &[f64x8], memory: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        dispatch(Linearize { level: self, x, score: &mut [], memory, scratch }).map(|_| ())
    }

    fn linearize_with_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        memory: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        check_len("score", self.mixture.dim, score.len())?;
        dispatch(Linearize { level: self, x, score, memory, scratch })
    }

    fn linearized_product(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        dispatch(Product { level: self, memory, v, out, scratch })
    }

    fn structure<'m>(&self, memory: &'m [f64x8]) -> Option<DiagonalPlusLowRank<'m>> {
        self.structure_of_linearization(memory)
    }

    fn structure_rank(&self) -> usize {
        if self.has_diagonal_precision() { self.mixture.components() } else { 0 }
    }
}

impl MixtureLevel<'_> {
    /// Column by column: `H e_j` in a shared eigenbasis.
    fn hessian_by_columns(
        &self,
        memory: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.mixture.dim;
        let (axis, column) = (scratch.take(d)?, scratch.take(d)?);
        for j in 0..d {
            axis.fill(f64x8::ZERO);
            axis.iter_mut().skip(j).take(1).for_each(|entry| *entry = splat(1.0));
            self.linearized_product(memory, axis, column, scratch.reborrow())?;
            for (out_row, &c) in out.rows_mut(d).zip(&*column) {
                out_row.iter_mut().skip(j).take(1).for_each(|entry| *entry = c);
            }
        }
        Ok(())
    }

    /// `out -= sum_k r_k P_k`, dense `[d x d]`, from `r` or from the diagonal of the sum.
    fn subtract_precision(&self, precision: &[f64x8], out: &mut [f64x8]) {
        let d = self.mixture.dim;
        let Precisions::Full { values, vectors } = self.precisions else {
            for (entry, &p) in out.diagonal_mut(d).zip(precision) {
                *entry -= p;
            }
            return;
        };
        for (k, &r) in precision.iter().enumerate().filter(|&(_, &r)| !is_negligible(r)) {
            let axes = row(vectors, k, d * d).rows(d);
            for (axis, &p) in axes.zip(row(values, k, d)) {
                for (out_row, &a) in out.rows_mut(d).zip(axis) {
                    let scale = r * splat(-p * a);
                    for (entry, &b) in out_row.iter_mut().zip(axis) {
                        *entry = scale.mul_add(splat(b), *entry);
                    }
                }
            }
        }
    }
}

impl Hessian for MixtureLevel<'_> {
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], mut scratch: Scratch<'_>) -> Result<()> {
        let d = self.mixture.dim;
        check_len("out", d * d, out.len())?;
        let memory = scratch.take(self.linearization_len())?;
        self.linearize(x, memory, scratch.reborrow())?;
        if self.frame.is_some() {
            return self.hessian_by_columns(memory, out, scratch);
        }
        let kept = self.read_linearization::<f64x8>(memory)?;
        out.fill(f64x8::ZERO);
        for row in kept.rows.rows(d) {
            for (out_row, &a) in out.rows_mut(d).zip(row) {
                for (entry, &b) in out_row.iter_mut().zip(row) {
                    *entry = a.mul_add(b, *entry);
                }
            }
        }
        self.subtract_precision(kept.precision, out);
        Ok(())
    }
}

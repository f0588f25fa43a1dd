//! Hessian of a mixture level, its products and its trace.
//!
//! `H = sum_k r_k (g_k g_k^T - P_k) - S S^T`, computed in the centred form
//! `H = sum_k r_k (g_k - S)(g_k - S)^T - sum_k r_k P_k`, which does not cancel far from the modes.
//! A product costs `O(dK)` (isotropic, diagonal) and never forms `H`.

use super::evaluate::is_negligible;
use super::level::{MixtureLevel, Precisions};
use super::{entry, row, row_of};
use crate::density::{Hessian, HessianProduct, LogDensity};
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;
use crate::scratch::Scratch;
use crate::simd::{dot, f64x8, splat};

impl MixtureLevel<'_> {
    /// Calls `visit(k, r_k, g_k - S)` for every component that matters, in the local frame.
    fn for_each_centred_score(
        &self,
        x: &[f64x8],
        mut scratch: Scratch<'_>,
        mut visit: impl FnMut(usize, f64x8, &[f64x8]),
    ) -> Result<()> {
        let d = self.mixture.dim;
        let responsibilities = scratch.take(self.mixture.components())?;
        let (difference, score) = (scratch.take(d)?, scratch.take(d)?);
        let centred = scratch.take(d)?;
        let local = self.local_point(x, &mut scratch)?;
        self.responsibilities_at(local, responsibilities, scratch)?;
        self.local_score(local, responsibilities, score, difference);
        for (k, &r) in responsibilities.iter().enumerate() {
            if is_negligible(r) {
                continue;
            }
            for (c, &s) in centred.iter_mut().zip(&*score) {
                *c = -s;
            }
            self.add_component_score(k, splat(1.0), local, centred, difference);
            visit(k, r, centred);
        }
        Ok(())
    }

    /// `out -= r P_k`, dense `[d x d]` in the local frame.
    fn subtract_precision(&self, k: usize, r: f64x8, out: &mut [f64x8]) {
        let d = self.mixture.dim;
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                for entry in out.diagonal_mut(d) {
                    *entry -= r * splat(precision);
                }
            }
            Precisions::Diagonal(values) => {
                for (entry, &p) in out.diagonal_mut(d).zip(row(values, k, d)) {
                    *entry -= r * splat(p);
                }
            }
            Precisions::Full { values, vectors } => {
                let axes = row_of(vectors, k, d * d).rows(d);
                for (axis, &p) in axes.zip(row_of(values, k, d)) {
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
}

impl HessianProduct for MixtureLevel<'_> {
    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.mixture.dim;
        check_len("v", d, v.len())?;
        check_len("out", d, out.len())?;
        let local_out = scratch.take(d)?;
        local_out.fill(f64x8::ZERO);
        let local_v = self.local_point(v, &mut scratch)?;
        self.for_each_centred_score(x, scratch, |k, r, centred| {
            let projection = r * dot(centred, local_v);
            for (o, &c) in local_out.iter_mut().zip(centred) {
                *o = projection.mul_add(c, *o);
            }
            self.add_precision_product(k, -r, local_v, local_out);
        })?;
        self.global_coordinates(local_out, out);
        Ok(())
    }
}

impl Hessian for MixtureLevel<'_> {
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], mut scratch: Scratch<'_>) -> Result<()> {
        let d = self.mixture.dim;
        check_len("out", d * d, out.len())?;
        if self.frame.is_some() {
            // Column by column: H e_j in the shared eigenbasis.
            let (axis, column) = (scratch.take(d)?, scratch.take(d)?);
            for j in 0..self.dim() {
                axis.fill(f64x8::ZERO);
                axis.iter_mut().skip(j).take(1).for_each(|entry| *entry = splat(1.0));
                self.hessian_product(x, axis, column, scratch.reborrow())?;
                for (out_row, &c) in out.rows_mut(d).zip(&*column) {
                    out_row.iter_mut().skip(j).take(1).for_each(|entry| *entry = c);
                }
            }
            return Ok(());
        }
        out.fill(f64x8::ZERO);
        self.for_each_centred_score(x, scratch, |k, r, centred| {
            for (out_row, &a) in out.rows_mut(d).zip(centred) {
                let scale = r * a;
                for (entry, &b) in out_row.iter_mut().zip(centred) {
                    *entry = scale.mul_add(b, *entry);
                }
            }
            self.subtract_precision(k, r, out);
        })
    }
}

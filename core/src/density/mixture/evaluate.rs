//! Log-density, responsibilities and score of a mixture level.
//!
//! `log p = logsumexp_k q_k`, `r_k = exp(q_k - log p)`, `S = sum_k r_k g_k`,
//! `g_k = P_k (m_k - x)`. Differences `m_k - x` are formed directly: the expanded square
//! `|x|^2 - 2 x.m + |m|^2` loses digits at large separations. Components whose responsibility
//! underflows in all eight lanes add exactly nothing and are skipped.

use super::level::{MixtureLevel, Precisions};
use super::{entry, row, row_of};
use crate::density::{LogDensity, Score};
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;
use crate::scratch::Scratch;
use crate::simd::{add_scaled, dot_scalar, equal, exp, f64x8, ln, select, splat};

impl MixtureLevel<'_> {
    /// Responsibilities `r_k(x) = P(component k | x)`, `[K]`; returns `log p(x)`.
    ///
    /// # Errors
    /// A wrong length of `x` or `responsibilities`, or a short workspace.
    pub fn responsibilities(
        &self,
        x: &[f64x8],
        responsibilities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let local = self.local_point(x, &mut scratch)?;
        self.responsibilities_at(local, responsibilities, scratch)
    }

    /// The same for a point in the local frame.
    pub(super) fn responsibilities_at(
        &self,
        local: &[f64x8],
        responsibilities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        self.log_joint(local, responsibilities, scratch)?;
        Ok(normalize_exponentials(responsibilities))
    }

    /// `q_k = log w_k + log N(x; m_k, P_k^-1)`, `[K]`, for a point in the local frame.
    pub(super) fn log_joint(
        &self,
        local: &[f64x8],
        q: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        check_len("responsibilities", self.mixture.components(), q.len())?;
        let difference = scratch.take(self.mixture.dim)?;
        for (k, (q, &constant)) in q.iter_mut().zip(self.log_constants).enumerate() {
            let square = self.mahalanobis_square(k, local, difference);
            *q = square.mul_add(splat(-0.5), splat(constant));
        }
        Ok(())
    }

    /// The point in the local frame: `x` itself, or its coordinates in `scratch`.
    pub(super) fn local_point<'x, 's: 'x>(
        &self,
        x: &'x [f64x8],
        scratch: &mut Scratch<'s>,
    ) -> Result<&'x [f64x8]> {
        check_len("x", self.mixture.dim, x.len())?;
        if self.frame.is_none() {
            return Ok(x);
        }
        let local = scratch.take(self.mixture.dim)?;
        self.local_coordinates(x, local);
        Ok(local)
    }

    /// `(x - m_k)^T P_k (x - m_k)`.
    #[inline(always)]
    fn mahalanobis_square(&self, k: usize, x: &[f64x8], difference: &mut [f64x8]) -> f64x8 {
        let mean = self.mean(k);
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                sum_of_squares(x, mean) * splat(precision)
            }
            Precisions::Diagonal(values) => {
                weighted_sum_of_squares(x, mean, row(values, k, self.mixture.dim))
            }
            Precisions::Full { values, vectors } => {
                let d = self.mixture.dim;
                subtract_mean(x, mean, difference);
                let axes = row_of(vectors, k, d * d);
                let precisions = row_of(values, k, d);
                axes.rows(d).zip(precisions).fold(f64x8::ZERO, |sum, (axis, &p)| {
                    let y = dot_scalar(axis, difference);
                    (y * y).mul_add(splat(p), sum)
                })
            }
        }
    }

    /// `out += scale * g_k`, `g_k = P_k (m_k - x)`, in the local frame.
    #[inline(always)]
    pub(super) fn add_component_score(
        &self,
        k: usize,
        scale: f64x8,
        x: &[f64x8],
        out: &mut [f64x8],
        difference: &mut [f64x8],
    ) {
        let mean = self.mean(k);
        let d = self.mixture.dim;
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                let scale = scale * splat(precision);
                for ((o, &x), &m) in out.iter_mut().zip(x).zip(mean) {
                    *o = scale.mul_add(splat(m) - x, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for (((o, &x), &m), &p) in out.iter_mut().zip(x).zip(mean).zip(row(values, k, d)) {
                    *o = (scale * splat(p)).mul_add(splat(m) - x, *o);
                }
            }
            Precisions::Full { values, vectors } => {
                subtract_mean(x, mean, difference);
                let axes = row_of(vectors, k, d * d).rows(d);
                for (axis, &p) in axes.zip(row_of(values, k, d)) {
                    add_scaled(out, -(scale * splat(p)) * dot_scalar(axis, difference), axis);
                }
            }
        }
    }

    /// `out += scale * P_k v`, in the local frame.
    #[inline(always)]
    pub(super) fn add_precision_product(
        &self,
        k: usize,
        scale: f64x8,
        v: &[f64x8],
        out: &mut [f64x8],
    ) {
        let d = self.mixture.dim;
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                let scale = scale * splat(precision);
                for (o, &v) in out.iter_mut().zip(v) {
                    *o = scale.mul_add(v, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for ((o, &v), &p) in out.iter_mut().zip(v).zip(row(values, k, d)) {
                    *o = (scale * splat(p)).mul_add(v, *o);
                }
            }
            Precisions::Full { values, vectors } => {
                let axes = row_of(vectors, k, d * d).rows(d);
                for (axis, &p) in axes.zip(row_of(values, k, d)) {
                    add_scaled(out, (scale * splat(p)) * dot_scalar(axis, v), axis);
                }
            }
        }
    }

    /// `out = sum_k r_k g_k` in the local frame.
    pub(super) fn local_score(
        &self,
        local: &[f64x8],
        responsibilities: &[f64x8],
        out: &mut [f64x8],
        difference: &mut [f64x8],
    ) {
        out.fill(f64x8::ZERO);
        for (k, &r) in responsibilities.iter().enumerate() {
            if is_negligible(r) {
                continue;
            }
            self.add_component_score(k, r, local, out, difference);
        }
    }
}

impl LogDensity for MixtureLevel<'_> {
    fn dim(&self) -> usize {
        self.mixture.dim
    }

    fn scratch_len(&self) -> usize {
        self.linearization_scratch()
    }

    fn log_density(&self, x: &[f64x8], mut scratch: Scratch<'_>) -> Result<f64x8> {
        let responsibilities = scratch.take(self.mixture.components())?;
        self.responsibilities(x, responsibilities, scratch)
    }
}

impl Score for MixtureLevel<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let d = self.mixture.dim;
        check_len("score", d, score.len())?;
        let responsibilities = scratch.take(self.mixture.components())?;
        let (difference, local_score) = (scratch.take(d)?, scratch.take(d)?);
        let local = self.local_point(x, &mut scratch)?;
        let log_density = self.responsibilities_at(local, responsibilities, scratch)?;
        if self.frame.is_none() {
            self.local_score(local, responsibilities, score, difference);
        } else {
            self.local_score(local, responsibilities, local_score, difference);
            self.global_coordinates(local_score, score);
        }
        Ok(log_density)
    }
}

/// Turns exponents `q_k` into `exp(q_k) / sum_j exp(q_j)` and returns the log of the sum.
#[inline(always)]
pub(super) fn normalize_exponentials(q: &mut [f64x8]) -> f64x8 {
    let max = q.iter().fold(splat(f64::NEG_INFINITY), |max, &q| max.fast_max(q));
    // Where every exponent is -inf the shift must not turn them into NaN before the sum.
    let shift = select(equal(max, splat(f64::NEG_INFINITY)), f64x8::ZERO, max);
    let mut sum = f64x8::ZERO;
    for q in q.iter_mut() {
        *q = exp(*q - shift);
        sum += *q;
    }
    let inverse = splat(1.0) / sum;
    for q in q.iter_mut() {
        *q *= inverse;
    }
    shift + ln(sum)
}

/// Whether a responsibility is zero in every lane (NaN is not).
#[inline(always)]
pub(super) fn is_negligible(r: f64x8) -> bool {
    equal(r, f64x8::ZERO).all()
}

#[inline(always)]
fn subtract_mean(x: &[f64x8], mean: &[f64], out: &mut [f64x8]) {
    for ((o, &x), &m) in out.iter_mut().zip(x).zip(mean) {
        *o = x - splat(m);
    }
}

#[inline(always)]
fn sum_of_squares(x: &[f64x8], mean: &[f64]) -> f64x8 {
    let (pairs_x, rest_x) = x.as_chunks::<2>();
    let (pairs_m, rest_m) = mean.as_chunks::<2>();
    let (mut even, mut odd) = (f64x8::ZERO, f64x8::ZERO);
    for (&[x0, x1], &[m0, m1]) in pairs_x.iter().zip(pairs_m) {
        let (z0, z1) = (x0 - splat(m0), x1 - splat(m1));
        even = z0.mul_add(z0, even);
        odd = z1.mul_add(z1, odd);
    }
    for (&x, &m) in rest_x.iter().zip(rest_m) {
        let z = x - splat(m);
        even = z.mul_add(z, even);
    }
    even + odd
}

#[inline(always)]
fn weighted_sum_of_squares(x: &[f64x8], mean: &[f64], precisions: &[f64]) -> f64x8 {
    let (pairs_x, rest_x) = x.as_chunks::<2>();
    let (pairs_m, rest_m) = mean.as_chunks::<2>();
    let (pairs_p, rest_p) = precisions.as_chunks::<2>();
    let (mut even, mut odd) = (f64x8::ZERO, f64x8::ZERO);
    for ((&[x0, x1], &[m0, m1]), &[p0, p1]) in pairs_x.iter().zip(pairs_m).zip(pairs_p) {
        let (z0, z1) = (x0 - splat(m0), x1 - splat(m1));
        even = (z0 * splat(p0)).mul_add(z0, even);
        odd = (z1 * splat(p1)).mul_add(z1, odd);
    }
    for ((&x, &m), &p) in rest_x.iter().zip(rest_m).zip(rest_p) {
        let z = x - splat(m);
        even = (z * splat(p)).mul_add(z, even);
    }
    even + odd
}

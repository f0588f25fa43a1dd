//! `F = sum_{k=1}^n (-1)^(k+1) B^k / k`, `B = (I + M - c I)/c`: the series of `log((I + M)/c)`.
//!
//! With `c = 1` it is the plain power series of `log(I + M)`. It converges where the spectral radius
//! `rho` of `B` is below 1 and then leaves out at most `d rho^(n+1) / ((n+1)(1 - rho))` of the trace.
//!
//! Products: `n` to apply. A quadratic form of a symmetric `B` takes `ceil(n/2)`, because
//! `z^T B^(2j) z = |B^j z|^2` and `z^T B^(2j+1) z = (B^j z).(B^(j+1) z)`; of any other, `n`.

use super::function::{Form, MatrixFunction};
use crate::error::Result;
use crate::krylov::LinearOperator;
use crate::point::Context;
use crate::simd::blocks::{add_product, dot};
use crate::simd::{copy, f64x8, finite, less, less_equal, select, splat};

/// The truncated series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series {
    terms: usize,
    /// `1/c`.
    scale: f64x8,
    /// `(1 - c)/c`.
    shift: f64x8,
    /// The largest spectral radius known or seen, `|B w|/|w|` for the last power `w` of every call.
    radius: f64x8,
}

impl Series {
    /// The series about `center`, with a bound of its radius if one is known (0 if not).
    pub(super) fn new(terms: usize, center: f64x8, radius: f64x8) -> Self {
        let scale = splat(1.0) / center;
        Self { terms, scale, shift: (splat(1.0) - center) * scale, radius }
    }

    /// The series of `log(I + M)`.
    pub(super) fn plain(terms: usize) -> Self {
        Self::new(terms, splat(1.0), f64x8::ZERO)
    }

    /// Workspace, in vectors, besides that of one product.
    pub(super) const fn scratch_len(d: usize) -> usize {
        d.saturating_mul(2)
    }

    /// `out = B v`.
    fn multiply(
        &self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        out: &mut [f64x8],
        context: Context<'_>,
    ) -> Result<()> {
        operator.apply(v, out, context)?;
        for (out, &v) in out.iter_mut().zip(v) {
            *out = self.scale.mul_add(*out, self.shift * v);
        }
        Ok(())
    }

    /// Takes note of `|after|/|before|` of a product.
    fn see(&mut self, before: &[f64x8], after: &[f64x8]) {
        let length = dot(before, before);
        let ratio = (dot(after, after) / length).sqrt();
        let ratio = select(less_equal(length, f64x8::ZERO), f64x8::ZERO, ratio);
        let larger = select(less_equal(ratio, self.radius), self.radius, ratio);
        // A power that overflowed: nothing converges here.
        self.radius = select(finite(ratio), larger, splat(f64::INFINITY));
    }
}

/// `(-1)^(k+1) / k`.
fn coefficient(k: usize) -> f64x8 {
    splat(if k % 2 == 1 { 1.0 } else { -1.0 } / k as f64)
}

impl MatrixFunction for Series {
    fn apply(
        &mut self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        out: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<()> {
        let mut power = context.scratch.take(v.len())?;
        let mut next = context.scratch.take(v.len())?;
        copy(power, v);
        out.fill(f64x8::ZERO);
        for k in 1..=self.terms {
            self.multiply(operator, power, next, context.reborrow())?;
            add_product(out, coefficient(k), next);
            core::mem::swap(&mut power, &mut next);
        }
        self.see(next, power);
        Ok(())
    }

    fn quadratic_form(
        &mut self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        mut context: Context<'_>,
    ) -> Result<Form> {
        let mut power = context.scratch.take(v.len())?;
        let mut next = context.scratch.take(v.len())?;
        copy(power, v);
        let symmetric = operator.is_symmetric();
        let products = if symmetric { self.terms.div_ceil(2) } else { self.terms };
        let mut value = f64x8::ZERO;
        for j in 1..=products {
            self.multiply(operator, power, next, context.reborrow())?;
            if symmetric {
                value = coefficient(2 * j - 1).mul_add(dot(power, next), value);
                if 2 * j <= self.terms {
                    value = coefficient(2 * j).mul_add(dot(next, next), value);
                }
            } else {
                value = coefficient(j).mul_add(dot(v, next), value);
            }
            core::mem::swap(&mut power, &mut next);
        }
        self.see(next, power);
        Ok(Form { value, truncation: f64x8::ZERO })
    }

    fn remainder(&self, d: usize) -> f64x8 {
        let rho = self.radius;
        let power = (0..=self.terms).fold(splat(1.0), |power, _| power * rho);
        let bound = splat(d as f64 / (self.terms as f64 + 1.0)) * power / (splat(1.0) - rho);
        select(less(rho, splat(1.0)), bound, splat(f64::INFINITY))
    }

    fn not_positive(&self) -> f64x8 {
        f64x8::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the remainder is not `d/(n + 1) rho^(n + 1)/(1 - rho)`, or a radius of 1 has one.
    #[test]
    fn the_remainder_by_hand() {
        let of = |terms, radius| {
            Series::new(terms, splat(2.0), splat(radius)).remainder(6).to_array()[1]
        };
        assert!((of(4, 0.5) - 6.0 / 5.0 / 32.0 / 0.5).abs() < 1e-15);
        assert!((of(1, 0.2) - 6.0 / 2.0 * 0.04 / 0.8).abs() < 1e-15);
        assert_eq!([of(4, 1.0), of(4, 1.5), of(4, f64::NAN)], [f64::INFINITY; 3]);
        assert_eq!(of(4, 0.0), 0.0);
    }
}

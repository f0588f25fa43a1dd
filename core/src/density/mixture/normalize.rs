//! From exponents `q_k` to responsibilities `exp(q_k) / sum_j exp(q_j)` and the logarithm of the sum.
//!
//! Exponentials are taken relative to the largest exponent, so one of them is 1; what lies a cutoff or more below
//! it is zero. Two components, the most frequent case, take one exponential.

use crate::linalg::RowMajor;
use crate::simd::{Lanes, Mask, exp_not_positive, ln_of_normal};

/// `ln 1e-25`.
pub(super) const NEGLIGIBLE: f64 = -57.564_627_324_851_14;
/// Where exponentials are zero next to 1 in any sum, but still normal numbers.
pub(super) const SMALLEST: f64 = -708.0;

/// Turns exponents `q_k` into `exp(q_k) / sum_j exp(q_j)` and returns the log of the sum; what lies `cutoff` or
/// more below the largest exponent is zero.
#[inline(always)]
pub(super) fn normalize_exponentials<V: Lanes>(q: &mut [V], cutoff: f64) -> V {
    let mut log_sum = [V::zero()];
    normalize_groups(q, &mut log_sum, cutoff);
    let [log_sum] = log_sum;
    log_sum
}

/// [`normalize_exponentials`] for groups side by side: `q` `[B x K]`, `log_sums` `[B]`.
#[inline(always)]
pub(super) fn normalize_groups<V: Lanes>(q: &mut [V], log_sums: &mut [V], cutoff: f64) {
    let components = q.len() / log_sums.len().max(1);
    if components == 1 {
        for (q, log_sum) in q.iter_mut().zip(log_sums) {
            (*log_sum, *q) = (*q, V::splat(1.0));
        }
        return;
    }
    if components == 2 {
        for (q, log_sum) in q.as_chunks_mut::<2>().0.iter_mut().zip(log_sums) {
            *log_sum = normalize_pair(q, cutoff);
        }
        return;
    }
    for (q, log_sum) in q.rows_mut(components).zip(log_sums) {
        let mut max = V::splat(f64::NEG_INFINITY);
        for &q in q.iter() {
            max = max.max(q);
        }
        let shift = finite_shift(max);
        let mut sum = V::zero();
        for q in q.iter_mut() {
            *q = exp_not_positive(*q - shift, cutoff);
            sum += *q;
        }
        let inverse = V::splat(1.0) / sum;
        for q in q.iter_mut() {
            *q *= inverse;
        }
        *log_sum = shift + log_of_sum(sum, inverse);
    }
}

/// Two components take one exponential: that of the larger exponent is 1. The numbers are those of the
/// general loop.
#[inline(always)]
fn normalize_pair<V: Lanes>(q: &mut [V; 2], cutoff: f64) -> V {
    let [a, b] = *q;
    let shift = finite_shift(a.max(b));
    let (a, b) = (a - shift, b - shift);
    // One of them is zero, so the sum is the other, or NaN if either is.
    let e = exp_not_positive(a + b, cutoff);
    let one = V::splat(1.0);
    let (a, b) = (V::select(a.equal(V::zero()), one, e), V::select(b.equal(V::zero()), one, e));
    let sum = a + b;
    let inverse = one / sum;
    *q = [a * inverse, b * inverse];
    shift + log_of_sum(sum, inverse)
}

/// The largest exponent; 0 where all are `-inf`, which the shift must not turn into NaN.
#[inline(always)]
fn finite_shift<V: Lanes>(max: V) -> V {
    V::select(max.equal(V::splat(f64::NEG_INFINITY)), V::zero(), max)
}

/// The logarithm of a sum in which the largest exponent adds 1: a sum below that is 0 (all are `-inf`) or NaN.
#[inline(always)]
fn log_of_sum<V: Lanes>(sum: V, inverse: V) -> V {
    V::select(V::splat(1.0).less_equal(sum), ln_of_normal(sum), -inverse)
}

/// Whether a responsibility is zero in every lane (NaN is not).
#[inline(always)]
pub(super) fn is_negligible<V: Lanes>(r: V) -> bool {
    r.equal(V::zero()).all()
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{f64x8, splat};

    const INFINITE: f64 = f64::NEG_INFINITY;

    /// Responsibilities and log-sum of the same exponents in every lane but the last, which holds `other`.
    fn normalized<const K: usize>(q: [f64; K], other: f64) -> ([[f64; 8]; K], [f64; 8]) {
        let mut q = q.map(|q| f64x8::new([q, q, q, q, q, q, q, other]));
        let log_sum = normalize_exponentials(&mut q, NEGLIGIBLE);
        (q.map(f64x8::to_array), log_sum.to_array())
    }

    /// Fails if a responsibility above 1e-25 is dropped or one below it kept, by two components or by more:
    /// `exp(-57.5) = 1.07e-25` and `exp(-57.6) = 9.7e-26` lie on both sides.
    #[test]
    fn the_cutoff_is_at_1e_25() {
        let (r, _) = normalized([2.0, -55.5, -55.6], 2.0);
        assert!((r[1][0] / libm::exp(-57.5) - 1.0).abs() < 1e-13, "{}", r[1][0]);
        assert_eq!((r[0][0], r[2][0]), (1.0, 0.0));
        let (kept, _) = normalized([-55.5, 2.0], 2.0);
        assert!((kept[0][0] / libm::exp(-57.5) - 1.0).abs() < 1e-13, "{}", kept[0][0]);
        let (dropped, _) = normalized([2.0, -55.6], 2.0);
        assert_eq!((dropped[0][0], dropped[1][0]), (1.0, 0.0));
    }

    /// Fails if a density of zero is NaN, for one component, two or more, or if NaN in one lane is a number
    /// there or shows in the next.
    #[test]
    fn zero_densities_and_lost_numbers() {
        assert_eq!(normalized([INFINITE], INFINITE).1, [INFINITE; 8]);
        assert_eq!(normalized([INFINITE; 2], INFINITE).1, [INFINITE; 8]);
        assert_eq!(normalized([INFINITE; 3], INFINITE).1, [INFINITE; 8]);
        for (log_sums, expected) in [
            (normalized([0.5, 0.5], f64::NAN).1, 0.5 + core::f64::consts::LN_2),
            (normalized([0.5, 0.5, 0.5, 0.5], f64::NAN).1, 0.5 + 2.0 * core::f64::consts::LN_2),
        ] {
            assert!((log_sums[6] - expected).abs() < 1e-15);
            assert!(log_sums[7].is_nan());
        }
    }

    /// Fails if groups side by side take each other's exponents, or the responsibilities of two components
    /// belong to the other one.
    #[test]
    fn groups_are_apart() {
        let mut q = [1.0, 3.0, -2.0, -7.0].map(splat);
        let mut log_sums = [splat(0.0); 2];
        normalize_groups(&mut q, &mut log_sums, SMALLEST);
        let first = libm::log1p(libm::exp(-2.0));
        let second = libm::log1p(libm::exp(-5.0));
        for (found, expected) in [
            (log_sums[0], 3.0 + first),
            (log_sums[1], -2.0 + second),
            (q[0], libm::exp(-2.0 - first)),
            (q[1], libm::exp(-first)),
            (q[2], libm::exp(-second)),
            (q[3], libm::exp(-5.0 - second)),
        ] {
            assert!((found.to_array()[3] - expected).abs() < 1e-15, "{found} for {expected}");
        }
    }

    /// Fails if NaN counts as nothing, or a responsibility in a single lane does.
    #[test]
    fn negligible_is_zero_in_every_lane() {
        let alone = |r: f64| f64x8::new([0.0, 0.0, 0.0, 0.0, 0.0, r, 0.0, 0.0]);
        assert!(is_negligible(alone(0.0)) && is_negligible(alone(-0.0)));
        assert!(!is_negligible(alone(1e-25)) && !is_negligible(alone(f64::NAN)));
    }
}

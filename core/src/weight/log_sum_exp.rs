//! Sums of weights held as logarithms, with a fixed summation order.
//!
//! ```text
//! log sum_i exp(v_i) = m + log sum_i exp(v_i - m),   m = max_i v_i
//! ```
//!
//! The shift by the largest value keeps every term in `[0, 1]`, whatever the scale of the `v_i`.
//! Sums are pairwise: the rounding error grows with `log N` instead of `N`, and the shape of the
//! tree depends on `N` alone, so equal inputs give equal bits on every machine that fuses multiplication and
//! addition; portable kernels may differ in the last ones.

use super::exponential_sums::power_sums;
use crate::error::{Error, Result};

/// Entries summed one after the other at the leaves of the pairwise tree.
pub(super) const LEAF: usize = 16;

/// Sum of `f(v)` over `values`, shape `[N]`, as a balanced binary tree; `0` when empty.
///
/// The recursion is `log2(N / 16)` deep. NaN and infinities follow the rules of addition.
pub fn pairwise_sum(values: &[f64], f: impl Fn(f64) -> f64 + Copy) -> f64 {
    if values.len() <= LEAF {
        return values.iter().fold(0.0, |sum, &value| sum + f(value));
    }
    let (left, right) = values.split_at(values.len() / 2);
    pairwise_sum(left, f) + pairwise_sum(right, f)
}

/// Sum of `f(a, b)` over paired entries of `first` and `second`, both of shape `[N]`.
///
/// Same tree as [`pairwise_sum`]. Entries beyond the shorter slice are left out, so callers check
/// the lengths first.
#[cfg(test)]
pub(crate) fn pairwise_sum_pairs(
    first: &[f64],
    second: &[f64],
    f: impl Fn(f64, f64) -> f64 + Copy,
) -> f64 {
    let len = first.len().min(second.len());
    if len <= LEAF {
        return first.iter().zip(second).fold(0.0, |sum, (&a, &b)| sum + f(a, b));
    }
    let (first_left, first_right) = first.split_at(len / 2);
    let (second_left, second_right) = second.split_at(len / 2);
    pairwise_sum_pairs(first_left, second_left, f)
        + pairwise_sum_pairs(first_right, second_right, f)
}

/// Largest of `values`, NaN if one of them is NaN, `-inf` when empty.
pub(crate) fn largest(values: &[f64]) -> f64 {
    // Once NaN is held no comparison replaces it; `f64::max` would drop it.
    values.iter().fold(
        f64::NEG_INFINITY,
        |top, &value| if value.is_nan() || value > top { value } else { top },
    )
}

/// Checks log-weights, shape `[N]`, and returns the largest, which is then finite.
///
/// # Errors
/// [`Error::Empty`], [`Error::NotFinite`] for NaN or `+inf`, and [`Error::WeightsAllZero`] when
/// every entry is `-inf`. Single entries may be `-inf`: those particles have weight zero.
pub(crate) fn check_log_weights(what: &'static str, log_weights: &[f64]) -> Result<f64> {
    if log_weights.is_empty() {
        return Err(Error::Empty { what });
    }
    if let Some(index) = log_weights.iter().position(|v| v.is_nan() || *v == f64::INFINITY) {
        return Err(Error::NotFinite { what, index });
    }
    let top = largest(log_weights);
    if top == f64::NEG_INFINITY { Err(Error::WeightsAllZero) } else { Ok(top) }
}

/// `log sum_i exp(values_i)` for `values` of shape `[N]`.
///
/// Empty or all `-inf` gives `-inf`; a `+inf` gives `+inf`; a NaN gives NaN.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let top = largest(values);
    if !top.is_finite() {
        return top;
    }
    top + libm::log(power_sums(values, top).0)
}

/// `log((1/N) sum_i exp(values_i))` for `values` of shape `[N]`: the AIS estimate of `log Z` from
/// its log-weights \[Neal01\].
///
/// As [`log_sum_exp()`], except that the mean of no values is NaN.
pub fn log_mean_exp(values: &[f64]) -> f64 {
    log_sum_exp(values) - libm::log(values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    /// Fails if the shift is missing, wrong in sign, or taken from another entry than the largest.
    #[test]
    fn log_sum_exp_matches_closed_forms_at_any_offset() {
        for offset in [-1e6, -745.0, 0.0, 710.0, 1e6] {
            let values = [offset, offset + libm::log(3.0), offset + libm::log(8.0)];
            let tolerance = 1e-15 * (1.0 + offset.abs());
            assert!((log_sum_exp(&values) - offset - libm::log(12.0)).abs() <= tolerance);
            assert!((log_mean_exp(&values) - offset - libm::log(4.0)).abs() <= tolerance);
        }
        assert_eq!(log_sum_exp(&[-1e6, 2.5, -1e6]), 2.5);
    }

    /// Fails if an empty sum, zero weights, infinities or NaN take the general path.
    #[test]
    fn log_sum_exp_of_special_values() {
        assert_eq!(log_sum_exp(&[]), -INF);
        assert_eq!(log_sum_exp(&[-INF, -INF]), -INF);
        assert_eq!(log_sum_exp(&[-INF, 1.5]), 1.5);
        assert_eq!(log_sum_exp(&[1.0, INF, INF]), INF);
        for values in [[f64::NAN, INF, 0.0], [INF, f64::NAN, 0.0], [0.0, -INF, f64::NAN]] {
            assert!(log_sum_exp(&values).is_nan());
            assert!(log_mean_exp(&values).is_nan());
        }
        assert!(log_mean_exp(&[]).is_nan());
        assert_eq!(log_mean_exp(&[-INF]), -INF);
    }

    /// Fails if the sum runs through the entries in sequence: `2^16` additions of 0.1 are then
    /// off by 1e-12 relative or more.
    #[test]
    fn pairwise_sum_keeps_its_accuracy() {
        static VALUES: [f64; 1 << 16] = [0.1; 1 << 16];
        let exact = 0.1 * VALUES.len() as f64;
        assert!((pairwise_sum(&VALUES, |v| v) / exact - 1.0).abs() < 2e-15);
        assert!((pairwise_sum(&VALUES, |v| v * v) / (0.1 * exact) - 1.0).abs() < 2e-15);
    }

    /// Fails if a split loses or repeats an entry, or if the paired tree differs from the plain one.
    #[test]
    fn every_length_sums_every_entry_once() {
        let mut values = [0.0; 100];
        values.iter_mut().enumerate().for_each(|(i, v)| *v = (i + 1) as f64);
        for len in 0..=values.len() {
            let expected = (len * (len + 1) / 2) as f64;
            assert_eq!(pairwise_sum(&values[..len], |v| v), expected);
            assert_eq!(pairwise_sum_pairs(&values[..len], &values[..len], |a, _| a), expected);
            let inverse = pairwise_sum(&values[..len], |v| 1.0 / v);
            assert_eq!(
                pairwise_sum_pairs(&values[..len], &values, |a, b| a / b / b),
                inverse,
                "{len}"
            );
        }
    }

    /// Fails if one of the three invalid kinds passes, or if `-inf` alone is refused.
    #[test]
    fn log_weights_are_checked() {
        assert_eq!(check_log_weights("w", &[]), Err(Error::Empty { what: "w" }));
        assert_eq!(check_log_weights("w", &[-INF, -INF]), Err(Error::WeightsAllZero));
        for bad in [f64::NAN, INF] {
            let found = check_log_weights("w", &[-INF, bad, 0.0]);
            assert_eq!(found, Err(Error::NotFinite { what: "w", index: 1 }));
        }
        assert_eq!(check_log_weights("w", &[-INF, -3.0, -7.0]), Ok(-3.0));
    }
}

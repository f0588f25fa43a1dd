//! Mean, error and spread of a list of numbers.

use serde::Serialize;

use crate::experiment::statistics::{deviation, mean};

/// The moments of a list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moments {
    /// The mean; NaN of nothing.
    pub mean: f64,
    /// Its standard error, `deviation/sqrt(n)`; NaN of fewer than two.
    pub std_error: f64,
    /// The standard deviation of one entry, by `n - 1`; NaN of fewer than two.
    pub deviation: f64,
}

impl Moments {
    /// The moments of `values`.
    pub fn of(values: &[f64]) -> Self {
        let deviation = deviation(values).unwrap_or(f64::NAN);
        Self { mean: mean(values), std_error: deviation / (values.len() as f64).sqrt(), deviation }
    }
}

/// The middle one of `values`, the lower of two, and the largest; NaN of nothing.
pub(super) fn median_and_worst(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(middle), at(values.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a divisor is wrong: of 1, 2, 6 the mean is 3, the squares sum to 14.
    #[test]
    fn moments_by_hand() {
        let moments = Moments::of(&[1.0, 2.0, 6.0]);
        assert_eq!(moments.mean, 3.0);
        assert!((moments.deviation - 7.0_f64.sqrt()).abs() < 1e-15);
        assert!((moments.std_error - (7.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!(Moments::of(&[1.0]).std_error.is_nan() && Moments::of(&[]).mean.is_nan());
        assert_eq!(median_and_worst(vec![5.0, 1.0, 2.0]), (2.0, 5.0));
        assert!(median_and_worst(Vec::new()).0.is_nan());
    }
}

//! What truncated estimates of a determinant may move `log Z` by, on average.

use serde::{Deserialize, Serialize};

/// The mean of truncation bounds.
///
/// Infinite bounds, of series that do not converge, are counted as faults and left out here; a bound that
/// is not known (NaN) makes the mean unknown.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct TruncationMean {
    sum: f64,
    count: u64,
}

impl TruncationMean {
    pub(crate) const EMPTY: Self = Self { sum: 0.0, count: 0 };

    /// Takes in bounds.
    pub(crate) fn add(&mut self, bounds: &[f64]) {
        for bound in bounds.iter().filter(|bound| **bound != f64::INFINITY) {
            self.sum += bound;
            self.count += 1;
        }
    }

    /// Takes in the bounds of another mean.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean; 0 of none.
    pub(crate) fn value(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if an infinite bound reaches the mean, an unknown one does not, or parts are weighed wrongly.
    #[test]
    fn infinite_bounds_are_left_out() {
        let mut mean = TruncationMean::EMPTY;
        assert_eq!(mean.value(), 0.0);
        mean.add(&[0.1, f64::INFINITY, 0.3]);
        let mut other = TruncationMean::EMPTY;
        other.add(&[0.8]);
        mean.merge(&other);
        assert!((mean.value() - 0.4).abs() < 1e-15);
        mean.add(&[f64::NAN]);
        assert!(mean.value().is_nan());
    }
}

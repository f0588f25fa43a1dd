//! Mean of independent samples and the variance of that mean, `sum (y_i - mean)^2 / (n (n - 1))`, in
//! one pass (Welford).

use crate::simd::{f64x8, splat};

/// Sums over the samples so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Samples {
    count: usize,
    mean: f64x8,
    squares: f64x8,
}

impl Samples {
    /// Adds a sample of every lane.
    pub(super) fn push(&mut self, sample: f64x8) {
        self.count += 1;
        let difference = sample - self.mean;
        self.mean += difference * splat(1.0 / self.count as f64);
        self.squares += difference * (sample - self.mean);
    }

    /// The mean.
    pub(super) fn mean(&self) -> f64x8 {
        self.mean
    }

    /// The estimated variance of the mean; infinite for fewer than two samples, which do not tell.
    pub(super) fn variance_of_mean(&self) -> f64x8 {
        if self.count < 2 {
            return splat(f64::INFINITY);
        }
        self.squares * splat(1.0 / (self.count as f64 * (self.count as f64 - 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the variance is that of a sample (too large by `n`), or by `n` instead of `n - 1`.
    #[test]
    fn variance_is_that_of_the_mean() {
        let mut samples = Samples::default();
        samples.push(splat(1e6 + 1.0));
        assert_eq!(samples.variance_of_mean().to_array()[2], f64::INFINITY);
        samples.push(splat(1e6 + 2.0));
        samples.push(splat(1e6 + 6.0));
        assert!((samples.mean().to_array()[5] - 1e6 - 3.0).abs() < 1e-9);
        // (4 + 1 + 9) / (3 * 2)
        assert!((samples.variance_of_mean().to_array()[5] - 14.0 / 6.0).abs() < 1e-9);
    }
}

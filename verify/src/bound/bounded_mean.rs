//! Bounds for means of independent bounded variables.
//!
//! For `n` variables in an interval of length `b` with mean `mu`, sample mean `m` and unbiased sample
//! variance `V`:
//!
//! ```text
//! P(|m - mu| >= e) <= 2 exp(-2 n e^2 / b^2)                                       (Hoeffding 1963)
//! |m - mu| < sqrt(2 V L / n) + 7 b L / (3 (n - 1)), L = ln(4/a), except with probability a
//!                                                          (empirical Bernstein, Maurer & Pontil 2009)
//! ```
//!
//! A p-value bound inverts the radius in `a`; for two samples the radii add. Both bounds are taken
//! and the better one is used, at twice its p-value.

use crate::VerifyError;

/// What the bounds need of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    count: f64,
    mean: f64,
    variance: f64,
    range: f64,
}

impl Summary {
    /// Summarizes values that lie in `[low, high]`; the two-pass variance does not cancel.
    ///
    /// # Errors
    /// Fewer than two values, or one that is NaN or outside the interval.
    pub fn new(values: &[f64], low: f64, high: f64) -> Result<Self, VerifyError> {
        VerifyError::check_samples("mean of bounded values", 2, values.len())?;
        for &value in values {
            VerifyError::check_range("bounded value", value, low, high)?;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Ok(Self { count, mean, variance: squares / (count - 1.0), range: high - low })
    }

    /// The sample mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The same values, all multiplied by `factor >= 0`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let Self { count, mean, variance, range } = self;
        Self {
            count,
            mean: mean * factor,
            variance: variance * factor * factor,
            range: range * factor,
        }
    }

    /// Coefficients of `sqrt(L)` and `L` in the empirical Bernstein radius.
    fn bernstein(&self) -> (f64, f64) {
        let slow = libm::sqrt(2.0 * self.variance / self.count);
        (slow, 7.0 * self.range / (3.0 * (self.count - 1.0)))
    }

    /// `b^2 / n`.
    fn hoeffding(&self) -> f64 {
        self.range * self.range / self.count
    }
}

/// Hoeffding's two-sided bound on `P(|m - mu| >= |m - expected|)`.
pub fn hoeffding_p_value(sample: &Summary, expected: f64) -> f64 {
    hoeffding(sample.mean - expected, sample.hoeffding())
}

/// The empirical Bernstein two-sided bound.
pub fn empirical_bernstein_p_value(sample: &Summary, expected: f64) -> f64 {
    let (slow, fast) = sample.bernstein();
    // Two one-sided statements of probability 2 exp(-L) each.
    4.0 * libm::exp(-exponent(sample.mean - expected, slow, fast))
}

/// Two-sided bound for a sample mean against a known mean: the better of both, doubled.
pub fn mean_p_value(sample: &Summary, expected: f64) -> f64 {
    better(hoeffding_p_value(sample, expected), empirical_bernstein_p_value(sample, expected))
}

/// Two-sided bound for two independent samples whose means agree.
pub fn difference_p_value(first: &Summary, second: &Summary) -> f64 {
    let difference = first.mean - second.mean;
    let ((slow_a, fast_a), (slow_b, fast_b)) = (first.bernstein(), second.bernstein());
    // Four one-sided statements of probability 2 exp(-L) each.
    let bernstein = 8.0 * libm::exp(-exponent(difference, slow_a + slow_b, fast_a + fast_b));
    better(hoeffding(difference, first.hoeffding() + second.hoeffding()), bernstein)
}

fn hoeffding(difference: f64, scale: f64) -> f64 {
    if difference.is_nan() {
        return 0.0;
    }
    if difference == 0.0 {
        return 1.0;
    }
    (2.0 * libm::exp(-2.0 * difference * difference / scale)).min(1.0)
}

/// The `L` with `slow sqrt(L) + fast L = |difference|`.
fn exponent(difference: f64, slow: f64, fast: f64) -> f64 {
    let size = libm::fabs(difference);
    if size == 0.0 {
        return 0.0;
    }
    // The root of the quadratic in sqrt(L), in the form that does not cancel.
    let root = 2.0 * size / (slow + libm::sqrt(slow * slow + 4.0 * fast * size));
    root * root
}

fn better(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { 0.0 } else { (2.0 * a.min(b)).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coins(ones: usize, count: usize) -> Summary {
        let values: Vec<f64> = (0..count).map(|i| f64::from(u8::from(i < ones))).collect();
        Summary::new(&values, 0.0, 1.0).unwrap()
    }

    /// Fails if mean, variance, or Hoeffding's exponent has a wrong factor.
    #[test]
    fn hoeffding_by_hand() {
        let sample = Summary::new(&[1.0, 2.0, 4.0, 5.0], 0.0, 10.0).unwrap();
        assert_eq!((sample.mean, sample.range), (3.0, 10.0));
        assert!((sample.variance - 10.0 / 3.0).abs() < 1e-15);
        let expected = 2.0 * libm::exp(-2.0 * 4.0 * 25.0 / 100.0);
        assert!((hoeffding_p_value(&sample, 8.0) - expected).abs() < 1e-15);
        assert_eq!(hoeffding_p_value(&sample, 3.0), 1.0);
    }

    /// Fails if the p-value is not the level at which the radius reaches the difference.
    #[test]
    fn bernstein_inverts_its_radius() {
        let sample = coins(30, 1000);
        for level in [0.1, 1e-4, 1e-9] {
            let l = libm::log(4.0 / level);
            let variance = 0.03 * 0.97 * 1000.0 / 999.0;
            let radius = libm::sqrt(2.0 * variance * l / 1000.0) + 7.0 * l / (3.0 * 999.0);
            let found = empirical_bernstein_p_value(&sample, 0.03 + radius);
            assert!((found / level - 1.0).abs() < 1e-9, "{found} {level}");
        }
    }

    /// Fails if a bound falls below the exact binomial tail anywhere: 200 coins of probability 0.1.
    #[test]
    fn bounds_cover_the_exact_law() {
        let mut masses = vec![libm::pow(0.9, 200.0)];
        for k in 1..=200 {
            let ratio = (201.0 - k as f64) / k as f64 * (0.1 / 0.9);
            masses.push(masses[k - 1] * ratio);
        }
        for level in [0.5, 0.1, 1e-3, 1e-6, 1e-9] {
            let rejected = |p_value: fn(&Summary, f64) -> f64| -> f64 {
                let ks = (0..=200).filter(|&k| p_value(&coins(k, 200), 0.1) <= level);
                ks.map(|k| masses[k]).sum()
            };
            assert!(rejected(hoeffding_p_value) <= level);
            assert!(rejected(empirical_bernstein_p_value) <= level);
            assert!(rejected(mean_p_value) <= level);
        }
    }

    /// Fails if the second sample's spread or scale is left out.
    #[test]
    fn differences() {
        let (a, b) = (coins(500, 1000), coins(5, 10));
        assert_eq!(difference_p_value(&a, &b), 1.0);
        assert!(difference_p_value(&a, &coins(200, 1000)) < 1e-9);
        assert!(difference_p_value(&a, &coins(2, 10)) > 0.5);
        assert!(difference_p_value(&a, &coins(250, 1000).scaled(2.0)) == 1.0);
    }

    /// Fails if a value outside the interval slips in: the bound would be void.
    #[test]
    fn values_outside_are_refused() {
        assert!(Summary::new(&[0.5, 1.5], 0.0, 1.0).is_err());
        assert!(Summary::new(&[0.5, f64::NAN], 0.0, 1.0).is_err());
        assert!(Summary::new(&[0.5], 0.0, 1.0).is_err());
    }
}

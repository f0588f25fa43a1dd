//! Means, their errors, and Student's distribution.
//!
//! `P(|T| > t) = I_x(nu/2, 1/2)` with `x = nu/(nu + t^2)`, the regularized incomplete beta function by its
//! continued fraction [Abramowitz & Stegun 26.5.8, 26.7.1].

use serde::{Deserialize, Serialize};

/// The numbers of one measure, run by run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Their mean.
    pub mean: f64,
    /// Its standard error; absent of a single run.
    pub std_error: Option<f64>,
    /// The numbers themselves, in the order of the seeds; those of failed runs are left out.
    pub values: Vec<f64>,
}

impl Measure {
    /// The measure of so many runs; `None` where no run has a finite number.
    pub fn of(values: &[f64]) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if values.is_empty() {
            return None;
        }
        let mean = mean(&values);
        let std_error = deviation(&values).map(|d| d / (values.len() as f64).sqrt());
        Some(Self { mean, std_error, values })
    }

    /// The mean as an estimate with the error it has.
    pub(super) fn estimate(&self) -> Estimate {
        let error = self.std_error.unwrap_or(f64::NAN);
        Estimate { mean: self.mean, parts: vec![(error * error, self.values.len() as f64 - 1.0)] }
    }
}

/// The mean of numbers; NaN of none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of one number, by `n - 1`; `None` of fewer than two.
pub(crate) fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values);
    let square: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((square / (values.len() as f64 - 1.0)).sqrt())
}

/// A linear combination of independent means: variances and degrees of freedom of its parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    pub mean: f64,
    pub parts: Vec<(f64, f64)>,
}

impl Estimate {
    /// A number that is known.
    pub(super) fn exact(mean: f64) -> Self {
        Self { mean, parts: Vec::new() }
    }

    /// `self + factor other`.
    pub(super) fn plus(&self, factor: f64, other: &Self) -> Self {
        let scaled = other.parts.iter().map(|(variance, df)| (factor * factor * variance, *df));
        let parts = self.parts.iter().copied().chain(scaled).collect();
        Self { mean: self.mean + factor * other.mean, parts }
    }

    /// `factor self`.
    pub(super) fn times(&self, factor: f64) -> Self {
        Self::exact(0.0).plus(factor, self)
    }

    /// Its size, with the same error.
    pub(super) fn absolute(&self) -> Self {
        Self { mean: self.mean.abs(), parts: self.parts.clone() }
    }

    /// Its standard error.
    pub(super) fn std_error(&self) -> f64 {
        self.parts.iter().map(|(variance, _)| variance).sum::<f64>().sqrt()
    }

    /// Welch's degrees of freedom, `(sum v)^2 / sum v^2/nu`.
    pub(super) fn degrees_of_freedom(&self) -> f64 {
        let total: f64 = self.parts.iter().map(|(variance, _)| variance).sum();
        let bottom: f64 = self.parts.iter().map(|(v, nu)| v * v / nu).sum();
        if total > 0.0 { total * total / bottom } else { f64::INFINITY }
    }

    /// Whether it is above 0 at the two-sided level `level`; never where the error is unknown.
    pub(super) fn is_above_zero(&self, level: f64) -> bool {
        let error = self.std_error();
        error.is_finite() && self.mean > student_quantile(self.degrees_of_freedom(), level) * error
    }
}

/// The `t` that `|T|` exceeds with probability `level`, of Student's distribution.
pub(super) fn student_quantile(degrees_of_freedom: f64, level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e9);
    // Between 0 and 1e9, 100 halvings reach the last bit.
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if student_tails(degrees_of_freedom, middle) > level {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// `P(|T| > t)`.
fn student_tails(degrees_of_freedom: f64, t: f64) -> f64 {
    // Beyond, the normal distribution is as good in double precision.
    let nu = degrees_of_freedom.min(1e8);
    incomplete_beta(nu / (nu + t * t), t * t / (nu + t * t), 0.5 * nu, 0.5)
}

/// Clopper and Pearson's exact bounds of a probability at a two-sided level, after so many successes.
pub(super) fn binomial_bounds(successes: usize, trials: usize, level: f64) -> (f64, f64) {
    let (k, n) = (successes as f64, trials as f64);
    // P(X >= k) = I_p(k, n - k + 1) and P(X <= k) = 1 - I_p(k + 1, n - k) [Abramowitz & Stegun 26.5.24].
    let solve = |share: f64, a: f64, b: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if incomplete_beta(middle, 1.0 - middle, a, b) < share {
                low = middle
            } else {
                high = middle
            }
        }
        0.5 * (low + high)
    };
    let low = if successes == 0 { 0.0 } else { solve(0.5 * level, k, n - k + 1.0) };
    let high = if successes >= trials { 1.0 } else { solve(1.0 - 0.5 * level, k + 1.0, n - k) };
    (low, high)
}

/// `I_x(a, b)`, given `x` and `1 - x`, neither of which may come from the other by a difference.
fn incomplete_beta(x: f64, rest: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || rest <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log(rest) - log_beta);
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(x, a, b) / a
    } else {
        1.0 - front * continued_fraction(rest, b, a) / b
    }
}

/// The continued fraction of `I_x(a, b)` by Lentz's rule.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..=10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / away(1.0 + coefficient * d);
            c = away(1.0 + coefficient / c);
            change = d * c;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// Spearman's rank correlation; `None` of fewer than four pairs or where all values of a list are equal.
pub(super) fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 4 {
        return None;
    }
    let first = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let second = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let middle = 0.5 * (pairs.len() as f64 + 1.0);
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    let scale = (product(&first, &first) * product(&second, &second)).sqrt();
    (scale > 0.0).then(|| product(&first, &second) / scale)
}

/// Ranks from 1, equal values sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + 0.5 * (equal + 1.0)
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the tails are one-sided, the degrees of freedom are off by one, or digits are lost far out: values
    /// of tables, and closed forms for one (`2/pi acot t`) and two degrees of freedom.
    #[test]
    fn quantiles_of_student() {
        for (nu, level, expected) in
            [(1.0, 0.05, 12.7062), (3.0, 0.01, 5.8409), (10.0, 0.05, 2.2281), (1e12, 0.0027, 3.0)]
        {
            let found = student_quantile(nu, level);
            assert!((found / expected - 1.0).abs() < 1e-4, "{nu} {level}: {found}");
        }
        let far = student_quantile(2.0, 1e-9);
        let tails = 1.0 - far / (2.0 + far * far).sqrt();
        assert!((tails / 1e-9 - 1.0).abs() < 1e-6, "{far} {tails}");
    }

    /// Fails if a variance is scaled by the factor instead of its square, or Welch's formula is not his: equal
    /// variances of 3 and 3 runs have 4 degrees of freedom.
    #[test]
    fn differences_by_hand() {
        let first = Measure::of(&[1.0, 2.0, 6.0, f64::NAN]).unwrap();
        assert_eq!((first.mean, first.values.len()), (3.0, 3));
        assert!((first.std_error.unwrap() - (7.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        let second = Measure::of(&[0.5, 1.0, 3.0]).unwrap();
        let difference = first.estimate().plus(-2.0, &second.estimate());
        assert!(difference.mean.abs() < 1e-15);
        assert!((difference.std_error() - (14.0_f64 / 3.0).sqrt()).abs() < 1e-14);
        assert!((difference.degrees_of_freedom() - 4.0).abs() < 1e-12);
        assert!(Measure::of(&[f64::NAN]).is_none());
    }

    /// Fails if one run alone decides, or the sign does not matter.
    #[test]
    fn zero_is_excluded_by_the_spread_alone() {
        let estimate = |values: &[f64]| Measure::of(values).unwrap().estimate();
        assert!(estimate(&[1.0, 1.01, 0.99]).is_above_zero(0.01));
        assert!(!estimate(&[-1.0, -1.01, -0.99]).is_above_zero(0.01));
        assert!(!estimate(&[1.0, 3.0, -1.0]).is_above_zero(0.01));
        assert!(!estimate(&[1.0]).is_above_zero(0.01));
        assert!(Estimate::exact(1.0).is_above_zero(0.01));
    }

    /// Fails if bounds are one-sided, approximate or on the wrong side: `(level/2)^(1/n)` where all succeed, and a value of
    /// tables for 3 of 10.
    #[test]
    fn binomial_bounds_by_hand() {
        let (low, high) = binomial_bounds(6, 6, 0.01);
        assert!((low - 0.005_f64.powf(1.0 / 6.0)).abs() < 1e-12 && high == 1.0, "{low} {high}");
        let (low, high) = binomial_bounds(0, 6, 0.01);
        assert!(low == 0.0 && (high - 1.0 + 0.005_f64.powf(1.0 / 6.0)).abs() < 1e-12);
        let (low, high) = binomial_bounds(3, 10, 0.05);
        assert!((low - 0.0667).abs() < 1e-4 && (high - 0.6525).abs() < 1e-4, "{low} {high}");
    }

    /// Fails if ties are not shared, or a constant list correlates.
    #[test]
    fn ranks_by_hand() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0]), [2.5, 1.0, 2.5]);
        let line = [(1.0, 2.0), (2.0, 30.0), (3.0, 31.0), (4.0, 400.0)];
        assert_eq!(rank_correlation(&line), Some(1.0));
        let swapped = [(1.0, 2.0), (2.0, 31.0), (3.0, 30.0), (4.0, 400.0)];
        assert!((rank_correlation(&swapped).unwrap() - 0.8).abs() < 1e-15);
        assert_eq!(rank_correlation(&line.map(|(x, _)| (x, 1.0))), None);
    }
}

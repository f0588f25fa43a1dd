//! The penalty correction \[Ceperley99\]: `exp` of a noisy estimate of `Delta` is too large on average, by
//! `exp(s^2/2)` for Gaussian noise of variance `s^2`; the penalty `u_B` takes that away.
//!
//! From `n` samples `y_i` with mean `ybar`, `chi2 = sum (y_i - ybar)^2 / (n (n-1))` is the estimated
//! variance **of the mean**, and with `nu = n - 1`
//!
//! `exp(-u_B) = 0F1(; nu/2; -nu chi2/4)`, so that `E[exp(ybar - u_B)] = exp(Delta)` exactly,
//!
//! for every `n >= 2`, if the samples are normal. (A third cumulant `kappa_3` of the samples leaves a
//! factor `exp(-kappa_3/(3 n^2))`: `1/6` from the mean, `-1/2` because mean and `chi2` are correlated.) The function is positive up to the first zero `j` of the Bessel
//! function `J_(nu/2-1)`, `nu chi2 = j^2`. Its series is
//! `u_B = chi2/2 + chi2^2/(4(n+1)) + chi2^3/(3(n+1)(n+3)) + ..`.
//!
//! Evaluated without cancellation: the ratios `r_b = 0F1(; b)/0F1(; b+1)` obey
//! `r_b = 1 + x/(b (b+1) r_(b+1))`, stable downwards, and far enough up the power series has small terms.

use super::check_count;
use crate::error::Result;
use crate::simd::{LANES, f64x8, from_lanes, greater_equal, lane_of, splat};

/// Most samples a penalty is computed for.
const MAX_SAMPLES: usize = 1 << 16;

/// Which penalty to subtract from an estimated logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Penalty {
    /// None: the exponential of the estimate is too large on average.
    None,
    /// The closed form, exact for normal samples; past its range the three-term series, and the lane is
    /// marked.
    #[default]
    ClosedForm,
    /// The first three terms of the series, whatever the variance.
    Series,
}

/// A penalty for a fixed number of samples.
///
/// `n` belongs to the estimator and must be fixed before a run
/// ([`LogDeterminant::probes`](super::LogDeterminant::probes)): choosing it by looking at the variance
/// brings the bias back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PenaltyRule {
    penalty: Penalty,
    samples: usize,
    /// The variance at which the closed form reaches zero.
    range: f64,
}

impl PenaltyRule {
    /// The rule for `samples` samples: 0 (the estimate is exact, the penalty 0) or 2 to 65536.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::error::Error::OutOfRange), unless there is no penalty: one sample
    /// does not tell its variance.
    pub fn new(penalty: Penalty, samples: usize) -> Result<Self> {
        if penalty == Penalty::None || samples == 0 {
            return Ok(Self { penalty: Penalty::None, samples, range: f64::INFINITY });
        }
        check_count("samples of a penalty", samples, 2, MAX_SAMPLES)?;
        Ok(Self { penalty, samples, range: first_zero((samples - 1) as f64) })
    }

    /// The variance of the mean below which the closed form holds.
    pub fn range(&self) -> f64 {
        self.range
    }

    /// `u_B`, to be subtracted from the mean, and the mask of the lanes past the range.
    ///
    /// **`variance_of_mean` is [`Estimate::variance`](super::Estimate::variance), the variance of the MEAN
    /// of the samples, `sum (y_i - mean)^2/(n (n-1))`.** The variance of a single sample is `n` times
    /// as large and would correct by far too much.
    pub fn log_factor(&self, variance_of_mean: f64x8) -> (f64x8, f64x8) {
        let penalties: [[f64; 1]; LANES] = core::array::from_fn(|lane| {
            let variance = lane_of(variance_of_mean, lane);
            [match self.penalty {
                Penalty::None => 0.0,
                Penalty::ClosedForm if variance < self.range => {
                    closed_form((self.samples - 1) as f64, variance)
                }
                Penalty::ClosedForm | Penalty::Series => three_terms(self.samples as f64, variance),
            }]
        });
        let [penalty] = from_lanes(&penalties);
        let past = match self.penalty {
            Penalty::ClosedForm => greater_equal(variance_of_mean, splat(self.range)),
            _ => f64x8::ZERO,
        };
        (penalty, past)
    }
}

/// `chi2/2 + chi2^2/(4 (n+1)) + chi2^3/(3 (n+1)(n+3))`.
fn three_terms(n: f64, chi2: f64) -> f64 {
    chi2 * (0.5 + chi2 * (0.25 + chi2 / (3.0 * (n + 3.0))) / (n + 1.0))
}

/// `-log 0F1(; nu/2; -nu chi2/4)` below the first zero.
fn closed_form(nu: f64, chi2: f64) -> f64 {
    let (b, y) = (0.5 * nu, 0.25 * nu * chi2);
    // With y/(b + steps) <= 2 no term of the series is larger than 2.
    let steps = (0.5 * y - b).max(0.0) as usize;
    let mut b = b + steps as f64;
    let mut log = libm::log1p(series_without_one(b, y));
    if steps == 0 {
        return -log;
    }
    let mut ratio = (1.0 + series_without_one(b, y)) / (1.0 + series_without_one(b + 1.0, y));
    let mut product = 1.0;
    for _ in 0..steps {
        b -= 1.0;
        ratio = 1.0 - y / (b * (b + 1.0) * ratio);
        product *= ratio;
        if product < 1e-200 {
            log += libm::log(product);
            product = 1.0;
        }
    }
    -(log + libm::log(product))
}

/// `0F1(; b; -y) - 1 = sum_{k >= 1} (-y)^k / (k! b (b+1) .. (b+k-1))`.
fn series_without_one(b: f64, y: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 0..60 {
        let k = f64::from(k);
        term *= -y / ((k + 1.0) * (b + k));
        sum += term;
        if term.abs() <= 1e-18 * f64::abs(sum) {
            break;
        }
    }
    sum
}

/// The smallest `chi2` with `0F1(; nu/2; -nu chi2/4) = 0`, by bisection between the Rayleigh bounds
/// `b sqrt(b+1) < y < b (b+1)`, `b = nu/2`, `y = nu chi2/4`.
fn first_zero(nu: f64) -> f64 {
    let b = 0.5 * nu;
    let (mut low, mut high) = (b * libm::sqrt(b + 1.0), b * (b + 1.0));
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if before_first_zero(b, middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    4.0 * low / nu
}

/// Whether `0F1(; b; .)` is positive down to `-y`: then so are all ratios `r_b, r_(b+1), ..` (the zeros
/// of higher orders are farther out). The recurrence forgets where it starts once `b > 2 sqrt(y)`.
fn before_first_zero(b: f64, y: f64) -> bool {
    let steps = (2.4 * libm::sqrt(y) + 60.0 - b).max(60.0) as usize;
    let (mut upper, mut ratio) = (b + steps as f64, 1.0);
    for _ in 0..steps {
        upper -= 1.0;
        ratio = 1.0 - y / (upper * (upper + 1.0) * ratio);
        if ratio <= 0.0 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn penalty(penalty: Penalty, samples: usize, variance: f64) -> (f64, bool) {
        let rule = PenaltyRule::new(penalty, samples).unwrap();
        let mut lanes = [0.0; 8];
        lanes[5] = variance;
        let (value, past) = rule.log_factor(f64x8::new(lanes));
        assert_eq!(value.to_array()[4], 0.0);
        (value.to_array()[5], past.to_bitmask() == 1 << 5)
    }

    /// Fails if `nu` and `n` are exchanged, the sign of a term is wrong, or small variances lose
    /// digits: 60-digit values.
    #[test]
    fn reference_values() {
        for (samples, variance, closed, terms) in [
            (3, 0.001, 0.0005000625138924706, 0.0005000625138888889),
            (3, 1.0, 0.5813658624887665, 0.5763888888888888),
            (8, 0.3, 0.15259523297618346, 0.15259090909090908),
            (64, 1.0, 0.5039248564354133, 0.5039226942212017),
        ] {
            let (value, past) = penalty(Penalty::ClosedForm, samples, variance);
            assert!((value / closed - 1.0).abs() < 1e-14 && !past, "{value} {closed}");
            let (value, past) = penalty(Penalty::Series, samples, variance);
            assert!((value / terms - 1.0).abs() < 1e-14 && !past, "{value} {terms}");
        }
    }

    /// Fails if the recurrence that stands in for the power series is wrong: for odd `nu` the function
    /// is elementary, for `nu = 21` it is `19!! j_9(z)/z^9` with the spherical Bessel function, which the
    /// upward recurrence gives for `z` above its order.
    #[test]
    fn elementary_cases_up_to_the_first_zero() {
        for i in 1..40 {
            let share = f64::from(i) / 40.0;
            let root = share * core::f64::consts::FRAC_PI_2;
            let (value, _) = penalty(Penalty::ClosedForm, 2, root * root);
            assert!((value + libm::log(libm::cos(root))).abs() < 1e-13 * value.max(1.0));
            let z = share * core::f64::consts::PI;
            let (value, _) = penalty(Penalty::ClosedForm, 4, z * z / 3.0);
            assert!((value + libm::log(libm::sin(z) / z)).abs() < 1e-13 * value.max(1.0));
            let z = 10.0 + share * 3.97;
            let (mut below, mut bessel) =
                (libm::sin(z) / z, libm::sin(z) / (z * z) - libm::cos(z) / z);
            let mut factor = 1.0 / z;
            for order in 1..9 {
                let order = f64::from(order);
                (below, bessel) = (bessel, (2.0 * order + 1.0) / z * bessel - below);
                factor *= (2.0 * order + 1.0) / z;
            }
            factor *= 19.0;
            let (value, past) = penalty(Penalty::ClosedForm, 22, z * z / 21.0);
            let truth = -libm::log(bessel * factor);
            assert!(!past && (value - truth).abs() < 1e-11, "{z}: {value} {truth}");
        }
    }

    /// Fails if a zero is missed: `j_(-1/2) = pi/2`, `j_0`, `j_(1/2) = pi`, `j_1`, and an order of 2046.5 by
    /// the asymptotic series `m + 1.8557571 m^(1/3) + 1.0331503 m^(-1/3) - 0.00397/m`.
    #[test]
    fn range_is_the_first_zero() {
        let pi = core::f64::consts::PI;
        let zeros = [
            (2, pi / 2.0, 1e-15),
            (3, 2.404825557695773, 1e-15),
            (4, pi, 1e-15),
            (5, 3.831705970207512, 1e-15),
            (4096, 2046.5 + 1.8557571 * libm::cbrt(2046.5) + 1.0331503 / libm::cbrt(2046.5), 1e-7),
        ];
        for (samples, zero, tolerance) in zeros {
            let rule = PenaltyRule::new(Penalty::ClosedForm, samples).unwrap();
            let truth = zero * zero / (samples - 1) as f64;
            assert!((rule.range() / truth - 1.0).abs() < 4.0 * tolerance, "{samples}");
        }
    }

    /// Fails if the edge of the range is not finite, what lies past it is not marked or not given by
    /// the series, or a variance that is NaN or infinite passes for a number.
    #[test]
    fn past_the_range() {
        for samples in [2, 3, 9, 100, 1000] {
            let range = PenaltyRule::new(Penalty::ClosedForm, samples).unwrap().range();
            let (value, past) = penalty(Penalty::ClosedForm, samples, range * (1.0 - 1e-12));
            assert!(value.is_finite() && value > 0.5 * range && !past, "{samples} {value}");
            let (value, past) = penalty(Penalty::ClosedForm, samples, range * 1.001);
            let series = penalty(Penalty::Series, samples, range * 1.001);
            assert_eq!((value, past, series.1), (series.0, true, false));
            assert_eq!(penalty(Penalty::ClosedForm, samples, f64::INFINITY), (f64::INFINITY, true));
            let (value, past) = penalty(Penalty::ClosedForm, samples, f64::NAN);
            assert!(value.is_nan() && !past);
        }
    }

    /// Fails if one sample is accepted, or an exact estimate is corrected.
    #[test]
    fn numbers_of_samples() {
        assert!(PenaltyRule::new(Penalty::ClosedForm, 1).is_err());
        assert!(PenaltyRule::new(Penalty::Series, 1).is_err());
        assert!(PenaltyRule::new(Penalty::ClosedForm, MAX_SAMPLES + 1).is_err());
        assert_eq!(penalty(Penalty::None, 1, 0.3), (0.0, false));
        assert_eq!(penalty(Penalty::ClosedForm, 0, 0.3), (0.0, false));
    }

    /// Fails if the product of ratios underflows where many samples allow large variances: beyond the first terms of
    /// the series the penalty grows faster than they do, and stays a number.
    #[test]
    fn large_variances_of_many_samples_are_numbers() {
        let of = |variance: f64| {
            let (value, past) = penalty(Penalty::ClosedForm, 8000, variance);
            assert!(!past);
            value
        };
        let [one, two, four] = [400.0, 800.0, 1600.0].map(of);
        assert!(one.is_finite() && two.is_finite() && four.is_finite(), "{one} {two} {four}");
        assert!(one > 200.0 && two > 2.0 * one && four > 2.0 * two, "{one} {two} {four}");
    }
}

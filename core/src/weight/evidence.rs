//! The evidence `log Z` with a standard error from a single run.
//!
//! ```text
//! W_i         = w_i / sum_j w_j
//! A_i         = sum of W_j over the particles j descended from initial particle i
//! std_error^2 = sum_i (A_i - 1/N)^2
//! ```
//!
//! The families are those of the genealogy of SMC: `family[j] = j` at the start, and resampling
//! with `ancestors` turns it into `family[ancestors[j]]`. Sources: [Chan & Lai 2013, A general
//! theory of particle filters in hidden Markov models and some applications, Ann. Stat. 41],
//! [Lee & Whiteley 2018, Variance estimation in the particle filter, Biometrika 105].

use super::log_sum_exp::{check_log_weights, pairwise_sum};
use crate::error::{Error, Result, check_len};

/// How far the sum of weights called normalized may be from 1.
const NORMALIZATION_TOLERANCE: f64 = 1e-6;

/// Writes `weights_i = exp(log_weights_i) / S`, both of shape `[N]`, and returns `log S` with
/// `S = sum_i exp(log_weights_i)`.
///
/// `log S - log N` is the AIS estimate of `log Z` \[Neal01\].
///
/// # Errors
/// [`Error::Length`] when the lengths differ, [`Error::Empty`] for no particle,
/// [`Error::NotFinite`] for NaN or `+inf`, [`Error::WeightsAllZero`] when all are `-inf`.
/// `weights` is left as it was in each case.
pub fn normalize(log_weights: &[f64], weights: &mut [f64]) -> Result<f64> {
    check_len("weights", log_weights.len(), weights.len())?;
    let top = check_log_weights("log_weights", log_weights)?;
    for (weight, log_weight) in weights.iter_mut().zip(log_weights) {
        *weight = libm::exp(log_weight - top);
    }
    let sum = pairwise_sum(weights, |weight| weight);
    for weight in weights.iter_mut() {
        *weight /= sum;
    }
    Ok(top + libm::log(sum))
}

/// Estimate of `log Z` with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Estimate of the log normalizing constant.
    pub log_z: f64,
    /// Standard error of `log_z`, by the delta method.
    pub log_z_std_error: f64,
}

impl Evidence {
    /// Standard error of `log_z` from one run, `sqrt(sum_i (A_i - 1/N)^2)`.
    ///
    /// `weights [N]` are the final normalized weights, `family [N]` the index of the initial
    /// ancestor of each particle, `family_totals [N]` the caller's scratch, left holding the `A_i`.
    /// Without resampling (`family[j] = j`) this is the delta-method value `sqrt(1/ESS - 1/N)`.
    ///
    /// Limits. The value never exceeds `sqrt(1 - 1/N)`, reached when a single family survives: it
    /// is too small when few families survive, so read anything beyond a few tenths as "at least".
    /// It sees only what the population visited: a mode that no particle found adds nothing. The
    /// theory is for multinomial resampling and large `N` (the factor `N/(N - 1)` per resampling of
    /// the unbiased form is left out); with the other schemes it is an approximation. One particle
    /// (`N = 1`) gives 0, which carries no information.
    ///
    /// # Errors
    /// [`Error::Empty`] for no particle, [`Error::Length`] when the lengths differ,
    /// [`Error::NotFinite`] for `log_z` or a weight, [`Error::Negative`] for a weight below 0,
    /// [`Error::OutOfRange`] for weights that do not sum to 1 (within 1e-6) or a family not below `N`.
    pub fn from_families(
        log_z: f64,
        weights: &[f64],
        family: &[usize],
        family_totals: &mut [f64],
    ) -> Result<Self> {
        let count = weights.len();
        check_len("family", count, family.len())?;
        check_len("family_totals", count, family_totals.len())?;
        check_normalized(weights)?;
        if !log_z.is_finite() {
            return Err(Error::NotFinite { what: "log_z", index: 0 });
        }

        family_totals.fill(0.0);
        for (&weight, &ancestor) in weights.iter().zip(family) {
            let Some(total) = family_totals.get_mut(ancestor) else {
                let max = count.saturating_sub(1) as f64;
                return Err(Error::OutOfRange {
                    what: "family",
                    value: ancestor as f64,
                    min: 0.0,
                    max,
                });
            };
            *total += weight;
        }
        // Summing squared differences, not sum A^2 - 1/N, which cancels when all A_i are near 1/N.
        let even = 1.0 / count as f64;
        let variance = pairwise_sum(family_totals, |total| (total - even) * (total - even));
        Ok(Self { log_z, log_z_std_error: libm::sqrt(variance) })
    }
}

/// Checks that `weights` are non-negative numbers with sum 1.
fn check_normalized(weights: &[f64]) -> Result<()> {
    let what = "weights";
    if weights.is_empty() {
        return Err(Error::Empty { what });
    }
    for (index, &value) in weights.iter().enumerate() {
        if !value.is_finite() {
            return Err(Error::NotFinite { what, index });
        }
        if value < 0.0 {
            return Err(Error::Negative { what, index, value });
        }
    }
    let (min, max) = (1.0 - NORMALIZATION_TOLERANCE, 1.0 + NORMALIZATION_TOLERANCE);
    let value = pairwise_sum(weights, |weight| weight);
    if value < min || value > max {
        return Err(Error::OutOfRange { what: "sum of weights", value, min, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weight::effective_sample_size;

    const INF: f64 = f64::INFINITY;

    /// Fails if the weights or the log of their sum depend on the scale of the input, or if a
    /// weight 1e6 below the largest (in logs) disturbs the others.
    #[test]
    fn normalize_by_hand() {
        for offset in [-1e6, 0.0, 1e6] {
            let log_weights = [offset, offset + libm::log(3.0), -INF, offset - 1e6];
            let mut weights = [9.0; 4];
            let log_sum = normalize(&log_weights, &mut weights).unwrap();
            assert!((log_sum - offset - libm::log(4.0)).abs() < 1e-9);
            assert!((weights[0] - 0.25).abs() < 1e-9 && (weights[1] - 0.75).abs() < 1e-9);
            assert_eq!(weights[2..], [0.0, 0.0]);
        }
    }

    /// Fails if an error is lost, or if the output is touched before the input is known to be good.
    #[test]
    fn normalize_refuses_before_writing() {
        let mut weights = [7.0, 8.0];
        for bad in [f64::NAN, INF] {
            let error = Error::NotFinite { what: "log_weights", index: 1 };
            assert_eq!(normalize(&[0.0, bad], &mut weights), Err(error));
        }
        assert_eq!(normalize(&[-INF, -INF], &mut weights), Err(Error::WeightsAllZero));
        let error = Error::Length { what: "weights", expected: 1, found: 2 };
        assert_eq!(normalize(&[0.0], &mut weights), Err(error));
        assert_eq!(weights, [7.0, 8.0]);
        assert_eq!(normalize(&[], &mut []), Err(Error::Empty { what: "log_weights" }));
    }

    /// Fails if the genealogy estimate without resampling is not sqrt(1/ESS - 1/N).
    #[test]
    fn distinct_families_give_the_delta_method() {
        let log_weights = [0.3, -1.2, 2.0, -INF, 0.9];
        let mut weights = [0.0; 5];
        normalize(&log_weights, &mut weights).unwrap();
        let found = Evidence::from_families(-4.5, &weights, &[0, 1, 2, 3, 4], &mut [0.0; 5]);
        let exact = libm::sqrt(1.0 / effective_sample_size(&log_weights) - 0.2);
        let found = found.unwrap();
        assert!((found.log_z_std_error - exact).abs() < 1e-15, "{found:?}");
        assert_eq!(found.log_z, -4.5);
    }

    /// Fails if weights are collected by particle instead of by family, if extinct families are
    /// left out, or if old scratch contents count. A = (0.8, 0, 0.2, 0): variance 0.43.
    #[test]
    fn families_by_hand() {
        let mut totals = [f64::NAN, 5.0, -1.0, 3.0];
        let weights = [0.5, 0.2, 0.3, 0.0];
        let found = Evidence::from_families(0.0, &weights, &[0, 2, 0, 2], &mut totals).unwrap();
        assert!((found.log_z_std_error - libm::sqrt(0.43)).abs() < 1e-15);
        assert_eq!(totals, [0.8, 0.0, 0.2, 0.0]);
        let one = Evidence::from_families(0.0, &weights, &[3; 4], &mut totals).unwrap();
        assert!((one.log_z_std_error - libm::sqrt(0.75)).abs() < 1e-15);
    }

    /// Fails if a bad length, weight or family index passes or panics.
    #[test]
    fn from_families_refuses() {
        let build = |log_z, weights: &[f64], family: &[usize]| {
            Evidence::from_families(log_z, weights, family, &mut [0.0; 2]).unwrap_err()
        };
        let range = |what, value, min, max| Error::OutOfRange { what, value, min, max };
        assert_eq!(build(0.0, &[0.5, 0.5], &[0, 2]), range("family", 2.0, 0.0, 1.0));
        let sum = range("sum of weights", 2.0, 1.0 - 1e-6, 1.0 + 1e-6);
        assert_eq!(build(0.0, &[1.0, 1.0], &[0, 1]), sum);
        let nan = Error::NotFinite { what: "weights", index: 0 };
        assert_eq!(build(0.0, &[f64::NAN, 0.5], &[0, 1]), nan);
        let negative = Error::Negative { what: "weights", index: 1, value: -0.5 };
        assert_eq!(build(0.0, &[1.5, -0.5], &[0, 1]), negative);
        assert_eq!(build(-INF, &[0.5, 0.5], &[0, 1]), Error::NotFinite { what: "log_z", index: 0 });
        let family = Error::Length { what: "family", expected: 2, found: 1 };
        assert_eq!(build(0.0, &[0.5, 0.5], &[0]), family);
        let totals = Error::Length { what: "family_totals", expected: 1, found: 2 };
        assert_eq!(build(0.0, &[1.0], &[0]), totals);
        let empty = Evidence::from_families(0.0, &[], &[], &mut []);
        assert_eq!(empty, Err(Error::Empty { what: "weights" }));
    }
}

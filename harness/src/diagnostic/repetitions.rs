//! Independent repetitions of one run: do they agree within their own standard errors?
//!
//! Each pair of repetitions is compared in every mode weight, in all mode weights together, and in
//! `log Z`. The limit `z` of a standardized difference keeps the chance of any false alarm among
//! all comparisons `m` below a fixed `p` (Bonferroni): `erfc(z/sqrt 2) = p/m`.
//!
//! Repetitions that all lose the same mode agree with each other: this check cannot see that.

use serde::Serialize;

use super::shares::{Difference, compare};
use super::verdict::Reason;
use crate::catalog::Check;

/// Weights that agree to a fiftieth agree.
const MODE_TOLERANCE: f64 = 0.02;

/// `log Z` that agrees to a tenth agrees, as in the sandwich.
const LOG_Z_TOLERANCE: f64 = 0.1;

/// Chance of a false alarm among all comparisons of exact Gaussian errors. Estimated standard
/// errors make it several times larger, and it must stay below 1e-3.
const FALSE_ALARM: f64 = 1e-4;

/// Results of `R` repetitions; fewer than two say nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RepetitionSymptoms {
    /// Mode weights, `[R][K]`; empty if there are none.
    pub mode_weights: Vec<Vec<f64>>,
    /// Their standard errors, `[R][K]`.
    pub mode_weight_se: Vec<Vec<f64>>,
    /// `log Z`, `[R]`; empty if there is none.
    pub log_z: Vec<f64>,
    /// Its standard errors, `[R]`.
    pub log_z_se: Vec<f64>,
}

impl RepetitionSymptoms {
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) {
        let lengths = [self.mode_weight_se.len(), self.log_z_se.len()];
        if lengths != [self.mode_weights.len(), self.log_z.len()] {
            let message = "repetitions lack standard errors: nothing can be compared".to_owned();
            reasons.push(Reason::new(Check::Repetitions, f64::NAN, MODE_TOLERANCE, message));
            return;
        }
        let modes = self.mode_weights.first().map_or(0, Vec::len);
        let pairs = |count: usize| (count * count.saturating_sub(1) / 2) as f64;
        // One more for the total variation of all modes.
        let comparisons =
            pairs(self.mode_weights.len()) * (modes + 1) as f64 + pairs(self.log_z.len());
        let z = two_sided_quantile(FALSE_ALARM / comparisons.max(1.0));
        reasons.extend(self.compare_modes(z));
        reasons.extend(self.compare_log_z(z));
    }

    /// The pair that disagrees most about the modes.
    fn compare_modes(&self, z: f64) -> Option<Reason> {
        let shares: Vec<_> = self
            .mode_weights
            .iter()
            .zip(&self.mode_weight_se)
            .map(|(weights, errors)| (&weights[..], &errors[..]))
            .collect();
        let found = all_pairs(shares.len()).filter_map(|(i, j)| {
            let (by, limit, what) = match compare(shares[i], shares[j], MODE_TOLERANCE, z)? {
                Difference::Mode { mode, by, limit } => {
                    let values = (self.mode_weights[i][mode], self.mode_weights[j][mode]);
                    let what =
                        format!("give mode {mode} weights {:.3} and {:.3}", values.0, values.1);
                    (by, limit, what)
                }
                Difference::Total { by, limit } => {
                    let what = format!("differ by {by:.3} in total variation of the mode weights");
                    (by, limit, what)
                }
                Difference::Unreadable => {
                    let what = "have mode weights that cannot be compared".to_owned();
                    (f64::NAN, MODE_TOLERANCE, what)
                }
            };
            Some(reason(i, j, by, limit, &what))
        });
        worst(found)
    }

    /// The pair that disagrees most about `log Z`.
    fn compare_log_z(&self, z: f64) -> Option<Reason> {
        let found = all_pairs(self.log_z.len()).filter_map(|(i, j)| {
            let by = (self.log_z[i] - self.log_z[j]).abs();
            let limit = LOG_Z_TOLERANCE.max(z * libm::hypot(self.log_z_se[i], self.log_z_se[j]));
            // `max` drops a NaN and infinite errors excuse everything: both are failures.
            let readable = by.is_finite()
                && [self.log_z_se[i], self.log_z_se[j]].iter().all(|se| se.is_finite());
            let what = format!("give log Z {:.3} and {:.3}", self.log_z[i], self.log_z[j]);
            if !readable {
                return Some(reason(i, j, f64::NAN, LOG_Z_TOLERANCE, &what));
            }
            (by > limit).then(|| reason(i, j, by, limit, &what))
        });
        worst(found)
    }
}

/// Every `(i, j)` with `i < j < count`.
fn all_pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |j| (0..j).map(move |i| (i, j)))
}

fn reason(i: usize, j: usize, by: f64, limit: f64, what: &str) -> Reason {
    let message = format!(
        "repetitions {i} and {j} {what}, more than their standard errors allow: results depend on \
         luck; use more path.levels, kernel.steps or sampler.particles"
    );
    Reason::new(Check::Repetitions, by, limit, message)
}

/// The reason furthest beyond its limit; one that has no number comes before all others.
fn worst(reasons: impl Iterator<Item = Reason>) -> Option<Reason> {
    let excess = |reason: &Reason| (reason.value / reason.limit).abs();
    reasons.max_by(|a, b| excess(a).total_cmp(&excess(b)))
}

/// `z` with `erfc(z/sqrt 2) = p`, by bisection: 60 halvings of `[0, 40]` reach rounding.
fn two_sided_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if libm::erfc(middle * std::f64::consts::FRAC_1_SQRT_2) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three repetitions of two modes; the last gives the first mode `share` and `log Z = log_z`.
    fn reasons(share: f64, se: f64, log_z: f64, log_z_se: f64) -> Vec<Reason> {
        let symptoms = RepetitionSymptoms {
            mode_weights: vec![vec![0.7, 0.3], vec![0.69, 0.31], vec![share, 1.0 - share]],
            mode_weight_se: vec![vec![0.0; 2], vec![0.0; 2], vec![se; 2]],
            log_z: vec![0.0, 0.01, log_z],
            log_z_se: vec![0.0, 0.0, log_z_se],
        };
        let mut reasons = Vec::new();
        symptoms.check(&mut reasons);
        reasons
    }

    /// Fails if the quantile is one-sided or wrong: 1.95996 leaves 0.05 and 4.41717 leaves 1e-5.
    #[test]
    fn quantile() {
        assert!((two_sided_quantile(0.05) - 1.959_963_984_540).abs() < 1e-9);
        assert!((two_sided_quantile(1e-5) - 4.417_173_413_469).abs() < 1e-9);
    }

    /// Fails if either condition is left out or moved, or the number of comparisons is wrong: three
    /// pairs, two modes and their total, and log Z make 12.
    #[test]
    fn difference_must_matter_and_be_significant() {
        let z = two_sided_quantile(1e-4 / 12.0);
        assert!(reasons(0.719_9 - 0.01, 0.0, 0.0, 0.0).is_empty());
        assert_eq!(reasons(0.720_1, 0.0, 0.0, 0.0).len(), 1);
        assert!(reasons(0.69 + 0.01 * z - 1e-6, 0.01, 0.0, 0.0).is_empty());
        assert_eq!(reasons(0.69 + 0.01 * z + 1e-6, 0.01, 0.0, 0.0).len(), 1);
        assert!(reasons(0.7, 0.0, 0.0999, 0.0).is_empty());
        assert_eq!(reasons(0.7, 0.0, 0.1001, 0.0).len(), 1);
        assert!(reasons(0.7, 0.0, 0.05 * z - 1e-6, 0.05).is_empty());
        assert_eq!(reasons(0.7, 0.0, 0.05 * z + 1e-6, 0.05).len(), 1);
    }

    /// Fails if another pair than the worst is named.
    #[test]
    fn the_worst_pair_is_named() {
        let found = reasons(1.0, 0.01, 0.4, 0.02);
        assert!(found[0].message.starts_with("repetitions 1 and 2 give mode"), "{found:?}");
        assert!(found[1].message.starts_with("repetitions 0 and 2 give log Z 0.000 and 0.400"));
    }

    /// Fails if missing, misshapen or infinite numbers pass, or a single repetition alarms.
    #[test]
    fn what_cannot_be_compared_alarms() {
        assert_eq!(reasons(0.7, f64::INFINITY, 0.0, 0.0).len(), 1);
        assert_eq!(reasons(0.7, 0.0, 0.0, f64::INFINITY).len(), 1);
        assert!(reasons(0.7, 0.0, f64::NAN, 0.0)[0].value.is_nan());
        let count = |symptoms: RepetitionSymptoms| {
            let mut reasons = Vec::new();
            symptoms.check(&mut reasons);
            reasons.len()
        };
        assert_eq!(count(RepetitionSymptoms { log_z: vec![0.0; 2], ..Default::default() }), 1);
        let single = RepetitionSymptoms {
            mode_weights: vec![vec![0.5, 0.5]],
            mode_weight_se: vec![vec![0.1, 0.1]],
            ..Default::default()
        };
        assert_eq!(count(single), 0);
    }
}

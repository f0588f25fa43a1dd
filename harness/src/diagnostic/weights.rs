//! Final importance weights of an annealed run: are they even enough to be averaged?
//!
//! ```text
//! W_i = w_i / sum_j w_j,   largest share = max_i W_i,   ESS = 1 / sum_i W_i^2
//! ```
//!
//! Under SMC the weights are those since the last resampling; what happened before it shows in the
//! number of initial particles that still have descendants.

use amc_core::weight::{effective_sample_size, log_sum_exp};
use serde::Serialize;

use super::exceeds;
use super::pareto::pareto_k;
use super::verdict::Reason;
use crate::catalog::Check;

/// Largest share of one particle: an average of which a tenth is one number has a relative error of
/// a tenth at least. The share cannot be much below 1/N, hence the second limit for small N.
const LARGEST_SHARE: f64 = 0.1;
const LARGEST_SHARE_TIMES_N: f64 = 10.0;

/// Above 0.7 averages of importance weights stop settling at any practical N (Vehtari et al. 2024).
const PARETO_K: f64 = 0.7;

/// Standard errors `(1 + k)/sqrt M` of the estimate of k that it must lie above the limit. Without
/// them harmless log-normal weights alarm: of 2000 seeds with 256 particles 20 for sd 1 and 102 for
/// sd 1.25. With one, none of 2000 does, for either and for N from 256 to 8192; weights of sd 3
/// still fail one of the checks in 99 of 100 seeds.
const PARETO_K_MARGIN: f64 = 1.0;

/// A tail matters once a weight is ten times the mean. Strong bridges give weights within a few
/// percent of each other, and the shape of so short a tail says nothing about any average.
const TAIL_TIMES_MEAN: f64 = 10.0;

/// Below 100 effective particles log Z is known to a tenth at best and its error badly. Few
/// particles cannot reach 100: half of them is asked for then.
const EFFECTIVE_PARTICLES: f64 = 100.0;
const EFFECTIVE_FRACTION: f64 = 0.5;

/// Families whose weights give the standard error of log Z: with 20 it is known to about a sixth.
const FAMILIES: usize = 20;

/// What is read from the final weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeightSymptoms {
    /// Number of particles `N`.
    pub particles: usize,
    /// Largest normalized weight.
    pub largest_share: f64,
    /// Shape of the tail, [`pareto_k`]; `None` where there is no tail.
    pub pareto_k: Option<f64>,
    /// Effective sample size in particles, between 1 and `N`.
    pub ess: f64,
    /// Initial particles that still have descendants.
    pub families_alive: usize,
}

/// Reads the weights `exp(log_weights)`, `[N]`, normalized or not; `-inf` is a weight of zero.
///
/// Share and effective sample size are NaN or zero, which [`judge`](super::judge) notices, when a
/// log-weight is NaN or `+inf` or no particle has weight.
pub fn weight_symptoms(log_weights: &[f64], families_alive: usize) -> WeightSymptoms {
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    WeightSymptoms {
        particles: log_weights.len(),
        largest_share: libm::exp(top - log_sum_exp(log_weights)),
        pareto_k: pareto_k(log_weights),
        ess: effective_sample_size(log_weights),
        families_alive,
    }
}

impl WeightSymptoms {
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) {
        let (count, n) = (self.particles, self.particles as f64);
        let share = self.largest_share;
        let limit = LARGEST_SHARE.max(LARGEST_SHARE_TIMES_N / n);
        if exceeds(share, limit) {
            let message = format!(
                "one of {count} particles holds {:.1} % of the weight: every average is mostly \
                 that particle; use a stronger bridge.kind, more path.levels or kernel.steps",
                100.0 * share
            );
            reasons.push(Reason::new(Check::LargestWeight, share, limit, message));
        }
        if let Some(k) = self.pareto_k {
            let limit = pareto_limit(self.particles);
            if k.is_nan() || (k > limit && exceeds(share * n, TAIL_TIMES_MEAN)) {
                let message = format!(
                    "the largest weights fall off like a Pareto law of shape k = {k:.2}: averages \
                     do not settle and standard errors are too small; use a stronger bridge.kind, \
                     more path.levels or kernel.steps"
                );
                reasons.push(Reason::new(Check::ParetoK, k, limit, message));
            }
        }
        let limit = EFFECTIVE_PARTICLES.min(EFFECTIVE_FRACTION * n);
        if self.ess.is_nan() || self.ess < limit {
            // Where the weights agree already, only more of them help.
            let remedy = if self.ess > 0.5 * n {
                "more sampler.particles"
            } else {
                "a stronger bridge.kind, more path.levels or more sampler.particles"
            };
            let message = format!(
                "the effective sample size is only {:.1} of {count} particles: log_z and its \
                 standard error are unreliable; use {remedy}",
                self.ess
            );
            reasons.push(Reason::new(Check::EffectiveSampleSize, self.ess, limit, message));
        }
        let limit = count.min(FAMILIES);
        if self.families_alive < limit {
            let alive = self.families_alive;
            let message = format!(
                "only {alive} of {count} initial particles have descendants: the standard error of \
                 log_z is too small; use more sampler.particles, or more path.levels so that fewer \
                 resamplings are needed"
            );
            reasons.push(Reason::new(Check::Ancestors, alive as f64, limit as f64, message));
        }
    }
}

/// What an estimate of `k` from `N` weights may reach.
fn pareto_limit(particles: usize) -> f64 {
    let tail = super::pareto::tail_len(particles).max(1) as f64;
    PARETO_K + PARETO_K_MARGIN * (1.0 + PARETO_K) / tail.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    fn good() -> WeightSymptoms {
        WeightSymptoms {
            particles: 1000,
            largest_share: 0.05,
            pareto_k: Some(0.4),
            ess: 300.0,
            families_alive: 90,
        }
    }

    fn checks(symptoms: &WeightSymptoms) -> Vec<Check> {
        let mut reasons = Vec::new();
        symptoms.check(&mut reasons);
        reasons.iter().map(|reason| reason.check).collect()
    }

    /// Fails if a limit moved or is compared the wrong way round.
    #[test]
    fn alarms_above_each_limit_and_not_below() {
        let none: [Check; 0] = [];
        assert_eq!(checks(&good()), none);
        let limit = pareto_limit(1000);
        for (below, above, check) in [
            (
                WeightSymptoms { largest_share: 0.0999, ..good() },
                WeightSymptoms { largest_share: 0.1001, ..good() },
                Check::LargestWeight,
            ),
            (
                WeightSymptoms { particles: 40, ess: 30.0, largest_share: 0.249, ..good() },
                WeightSymptoms { particles: 40, ess: 30.0, largest_share: 0.251, ..good() },
                Check::LargestWeight,
            ),
            (
                WeightSymptoms { pareto_k: Some(limit - 0.001), ..good() },
                WeightSymptoms { pareto_k: Some(limit + 0.001), ..good() },
                Check::ParetoK,
            ),
            (
                WeightSymptoms { pareto_k: Some(1.5), largest_share: 0.0099, ..good() },
                WeightSymptoms { pareto_k: Some(1.5), largest_share: 0.0101, ..good() },
                Check::ParetoK,
            ),
            (
                WeightSymptoms { ess: 100.1, ..good() },
                WeightSymptoms { ess: 99.9, ..good() },
                Check::EffectiveSampleSize,
            ),
            (
                WeightSymptoms { particles: 150, ess: 75.1, ..good() },
                WeightSymptoms { particles: 150, ess: 74.9, ..good() },
                Check::EffectiveSampleSize,
            ),
            (
                WeightSymptoms { families_alive: 20, ..good() },
                WeightSymptoms { families_alive: 19, ..good() },
                Check::Ancestors,
            ),
        ] {
            assert_eq!(checks(&below), none, "{below:?}");
            assert_eq!(checks(&above), [check], "{above:?}");
        }
    }

    /// Fails if equal weights of any number of particles alarm.
    #[test]
    fn equal_weights_are_fine() {
        for n in [1, 2, 7, 19, 20, 21, 64, 5000] {
            let symptoms = weight_symptoms(&vec![-1e5; n], n);
            assert_eq!(symptoms.ess, n as f64);
            assert_eq!(checks(&symptoms), [], "{n}");
        }
    }

    /// Fails if a sum, a maximum or the dead particle is misread: weights 1, 2, 5, 0.
    #[test]
    fn symptoms_by_hand() {
        for offset in [0.0, 1e5, -1e5] {
            let logs = [offset, libm::log(2.0) + offset, libm::log(5.0) + offset, -1.0 / 0.0];
            let found = weight_symptoms(&logs, 2);
            assert!((found.largest_share - 5.0 / 8.0).abs() < 1e-9);
            assert!((found.ess - 64.0 / 30.0).abs() < 1e-9);
            assert_eq!((found.particles, found.families_alive), (4, 2));
            assert_eq!(found.pareto_k, None);
        }
    }

    /// Fails if weights that are no numbers, or no weight at all, pass.
    #[test]
    fn broken_weights_alarm() {
        const INF: f64 = f64::INFINITY;
        for logs in [vec![], vec![-INF; 30], vec![0.0, f64::NAN], vec![0.0, INF], vec![f64::NAN]] {
            assert!(!checks(&weight_symptoms(&logs, logs.len())).is_empty(), "{logs:?}");
        }
    }

    /// Fails if log-normal weights of sd 1 (ESS 0.37 N) raise an alarm in more than one of 500
    /// seeds, or those of sd 3, whose average is dominated by a few, are missed in more than five.
    #[test]
    fn false_alarms_are_rare() {
        for n in [1024, 4096] {
            let (mut false_alarms, mut missed) = (0, 0);
            for seed in 0..500 {
                let mut z = vec![0.0; n];
                Key::new(seed, Purpose::User).round(n as u64).stream().fill_scalar_normals(&mut z);
                let scaled = |sd: f64| z.iter().map(|z| sd * z).collect::<Vec<f64>>();
                false_alarms += usize::from(!checks(&weight_symptoms(&scaled(1.0), n)).is_empty());
                missed += usize::from(checks(&weight_symptoms(&scaled(3.0), n)).is_empty());
            }
            assert!(false_alarms <= 1 && missed <= 5, "{false_alarms} {missed} for {n}");
        }
    }
}

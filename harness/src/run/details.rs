//! What a summary holds that only one kind of sampler has.

use amc_core::bridge::FaultCounts;
use serde::Serialize;

use crate::sampler::{
    AnnealedOutcome, Annealing, BridgeChoice, ExchangeOutcome, ExchangeRecord, ExchangeRules,
    LevelRecord,
};

/// What only an annealed run has.
#[derive(Debug, Clone, Serialize)]
pub struct AnnealingReport {
    /// Effective sample size of the final weights, as a fraction of `N`.
    pub ess: f64,
    /// Smallest effective sample size before a resampling, over levels, as a fraction of `N` (of the
    /// first repetition).
    pub minimum_ess: f64,
    /// Number of resamplings (of the first repetition).
    pub resamplings: usize,
    /// Initial particles that still have descendants.
    pub surviving_families: usize,
    /// Level by level, from the reference down to the target (of the first repetition).
    pub levels: Vec<LevelRecord>,
}

impl AnnealingReport {
    pub(super) fn new(outcome: &AnnealedOutcome) -> Self {
        Self {
            ess: outcome.ess,
            minimum_ess: outcome.levels.iter().map(|l| l.ess).fold(1.0, f64::min),
            resamplings: outcome.levels.iter().filter(|l| l.resampled).count(),
            surviving_families: outcome.surviving_families,
            levels: outcome.levels.clone(),
        }
    }
}

/// What only replica exchange has.
#[derive(Debug, Clone, Serialize)]
pub struct ExchangeReport {
    /// Independent ladders.
    pub ladders: usize,
    /// Rounds that counted.
    pub rounds: usize,
    /// Rounds before them.
    pub warmup: usize,
    /// Rounds from one whose samples are kept to the next, the first being kept; all rounds where the last alone is.
    pub kept_every: usize,
    /// `log Z` by stepping stones from the reference to the target.
    pub log_z_forward: f64,
    /// Its standard error.
    pub log_z_forward_std_error: f64,
    /// `log Z` by stepping stones from the target to the reference.
    pub log_z_backward: f64,
    /// Its standard error.
    pub log_z_backward_std_error: f64,
    /// Standard errors of the mode weights over ladders, `[K]`.
    pub mode_weight_std_errors: Vec<f64>,
    /// Mean rejection probability over pairs of levels.
    pub mean_rejection_rate: f64,
    /// That of the worst pair.
    pub worst_rejection_rate: f64,
    /// Sum over pairs: the communication barrier of the ladder as it stands.
    pub sum_of_rejection_rates: f64,
    /// Round trips of each ladder, `[ladders]`.
    pub round_trips: Vec<u64>,
    /// Arrivals at the target from the reference, `[ladders]`.
    pub restarts: Vec<u64>,
    /// Round trips per ladder and round.
    pub round_trip_rate: f64,
    /// The rate that the rejection rates predict for perfectly explored levels.
    pub predicted_round_trip_rate: f64,
    /// Level by level, from the target up to the reference.
    pub levels: Vec<ExchangeRecord>,
}

impl ExchangeReport {
    pub(super) fn new(
        rules: &ExchangeRules,
        outcome: &ExchangeOutcome,
        mode_weight_std_errors: Vec<f64>,
    ) -> Self {
        let rejections = outcome.rejection_rates();
        let sum: f64 = rejections.iter().sum();
        Self {
            ladders: rules.ladders,
            rounds: rules.rounds,
            warmup: rules.warmup,
            kept_every: outcome.kept_every,
            log_z_forward: outcome.evidence.forward.log_z,
            log_z_forward_std_error: outcome.evidence.forward.log_z_std_error,
            log_z_backward: outcome.evidence.backward.log_z,
            log_z_backward_std_error: outcome.evidence.backward.log_z_std_error,
            mode_weight_std_errors,
            mean_rejection_rate: sum / rejections.len() as f64,
            worst_rejection_rate: rejections.iter().copied().fold(0.0, f64::max),
            sum_of_rejection_rates: sum,
            round_trips: outcome.round_trips.clone(),
            restarts: outcome.restarts.clone(),
            round_trip_rate: outcome.round_trip_rate,
            predicted_round_trip_rate: outcome.predicted_round_trip_rate,
            levels: outcome.levels.clone(),
        }
    }
}

/// What deterministic maps failed at, of how many crossings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MapReport {
    /// Whether determinants are estimated from probes.
    pub estimated: bool,
    /// Crossings of a map, forward and inverse.
    pub crossings: u64,
    /// Rejected: no inverse was found, or the one found does not lead back.
    pub not_inverted: u64,
    /// Rejected: the Jacobian was seen not to be positive definite.
    pub not_positive: u64,
    /// Estimates of a determinant too noisy for the exact penalty; three terms of its series were used.
    pub past_penalty: u64,
    /// Determinants whose series does not converge.
    pub diverged: u64,
    /// What truncation of determinants may move `log Z` by: mean bounds, summed over the levels.
    pub truncation: f64,
}

impl MapReport {
    /// The report of a run through a map; `None` for other bridges.
    pub(super) fn new(
        annealing: &Annealing<'_>,
        faults: FaultCounts,
        crossings: u64,
        truncation: f64,
    ) -> Option<Self> {
        let FaultCounts { not_inverted, not_positive, past_penalty, diverged } = faults;
        let BridgeChoice::FlowMap(flow) = &annealing.bridge else { return None };
        Some(Self {
            estimated: flow.determinant.probes(annealing.dim()) > 0,
            crossings,
            not_inverted,
            not_positive,
            past_penalty,
            diverged,
            truncation,
        })
    }

    /// What a reader should know of it, a line each.
    pub(super) fn warnings(&self) -> Vec<String> {
        let share = |count: u64| 100.0 * count as f64 / self.crossings.max(1) as f64;
        let lines = [
            (
                self.not_inverted,
                "were rejected because no inverse was found, or it does not lead back: raise \
                 bridge.newton or path.levels",
            ),
            (
                self.not_positive,
                "were rejected because the map folds there, by the sign of its Jacobian: raise \
                 path.levels",
            ),
            (
                self.past_penalty,
                "have a determinant too noisy for the closed-form penalty, which fell back to three \
                 terms: raise logdet.n_hutch",
            ),
            (
                self.diverged,
                "have a determinant from a series that does not converge: use logdet.estimator = \
                 \"lanczos-hutchpp\" or more path.levels",
            ),
        ];
        let lines = lines.into_iter().filter(|(count, _)| *count > 0);
        lines
            .map(|(count, what)| {
                format!("{count} of {} crossings ({:.3} %) {what}", self.crossings, share(count))
            })
            .collect()
    }
}

/// What depends on the kind of sampler; its fields stand beside the others in JSON.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Details {
    /// AIS or SMC.
    Annealing(AnnealingReport),
    /// Replica exchange.
    Exchange(ExchangeReport),
}

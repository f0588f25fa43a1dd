//! What a run of replica exchange found.

use amc_core::bridge::FaultCounts;
use amc_core::point::Evaluations;
use serde::{Deserialize, Serialize};

use super::LadderEvidence;
use crate::sampler::kept::{KeptEvaluations, KeptFaultCounts};
use crate::sampler::{Snapshot, WeightedSample};

/// A level of a run of replica exchange, with the pair that it forms with the next noisier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExchangeRecord {
    /// The level; 0 is the target.
    pub level: usize,
    /// Its time.
    pub time: f64,
    /// Mean acceptance probability of the kernel here.
    pub acceptance_rate: Option<f64>,
    /// Step size of the kernel.
    pub step_size: Option<f64>,
    /// Mean rejection probability of swaps with the next noisier level; none at the reference.
    pub rejection_rate: Option<f64>,
    /// Proposals of the kernel and of these swaps that were not finite numbers.
    pub non_finite: u64,
}

/// Which replica sits where in the first rounds that count, of the first ladders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trajectories {
    /// Ladders that were followed.
    pub ladders: usize,
    /// Levels of a ladder.
    pub levels: usize,
    /// The replica at each level after each round, `[rounds x ladders x levels]`.
    pub replicas: Vec<u32>,
}

impl Trajectories {
    /// Most rounds and ladders that are followed.
    pub(super) const ROUNDS: usize = 1000;
    pub(super) const LADDERS: usize = 4;
}

/// What a run of replica exchange produced.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExchangeOutcome {
    /// Samples at the target, evenly spread over rounds, of equal weight.
    pub sample: WeightedSample,
    /// Rounds from one whose samples are kept to the next; all rounds where the last alone is kept.
    pub kept_every: usize,
    /// Samples of levels `0..=L`, `[n x d]` each, if they were asked for.
    pub level_samples: Vec<Vec<f64>>,
    /// `log Z` by three estimators.
    pub evidence: LadderEvidence,
    /// States of some levels, evenly spread over rounds, noisiest first; none of runs that place levels.
    pub snapshots: Vec<Snapshot>,
    /// How replicas travelled in the first rounds.
    pub trajectories: Trajectories,
    /// Mean responsibilities of each ladder at level 0 over all rounds, `[ladders][K]`; empty where
    /// the target has no components.
    pub ladder_mode_weights: Vec<Vec<f64>>,
    /// Levels 0 to `L`.
    pub levels: Vec<ExchangeRecord>,
    /// Round trips of each ladder, `[ladders]`.
    pub round_trips: Vec<u64>,
    /// Arrivals at the target from the reference, `[ladders]`.
    pub restarts: Vec<u64>,
    /// Round trips per ladder and round.
    pub round_trip_rate: f64,
    /// What the rejection rates predict for it, were every level explored perfectly \[Syed22\].
    pub predicted_round_trip_rate: f64,
    /// Mean acceptance probability over all kernel steps.
    pub acceptance_rate: Option<f64>,
    /// What deterministic maps failed at, in both directions of the swaps that count.
    #[serde(with = "KeptFaultCounts")]
    pub faults: FaultCounts,
    /// Crossings of bridges in the swaps that count, two for each.
    pub crossings: u64,
    /// What truncation of determinants may move `log Z` by: the mean bound of each pair, summed.
    pub truncation: f64,
    /// Evaluations of the run, warm-up included.
    #[serde(with = "KeptEvaluations")]
    pub evaluations: Evaluations,
    /// Proposals that were not finite numbers.
    pub non_finite: u64,
    /// Proposals of kernels and swaps.
    pub proposals: u64,
}

impl ExchangeOutcome {
    /// Mean rejection probabilities, `[L]`, that of levels `i` and `i + 1` at `i`.
    pub fn rejection_rates(&self) -> Vec<f64> {
        self.levels.iter().filter_map(|level| level.rejection_rate).collect()
    }
}

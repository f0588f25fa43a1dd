//! Runs for their estimates alone: no metrics, no verdict, no run from the other side.

use std::time::Instant;

use serde::Serialize;

use super::details::{Details, MapReport};
use super::problem::{Problem, Top};
use super::summary::EvaluationCounts;
use super::{RunError, sample};
use crate::config::RunConfig;
use crate::sampler::Silent;

/// What one run estimates, and what that takes.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    /// The seed.
    pub seed: u64,
    /// Estimate of `log Z`; the truth is 0.
    pub log_z: f64,
    /// Its standard error, as this run sees it.
    pub log_z_std_error: f64,
    /// Effective sample size as a fraction of `N` (ais, smc).
    pub ess: Option<f64>,
    /// Mean rejection probability of swaps (replica-exchange).
    pub mean_rejection_rate: Option<f64>,
    /// Evaluations of the run, the pilot and the placing of levels left out.
    pub evaluations: EvaluationCounts,
    /// Proposals and weights that were not finite numbers.
    pub non_finite: u64,
    /// What the deterministic map failed at, if the bridge is one.
    pub map: Option<MapReport>,
    /// Wall time with the pilot.
    pub seconds: f64,
}

/// Runs with each of the `seeds` on levels at `times`, in the current rayon thread pool; `begin` is told
/// each seed before its run. A run that lost itself is an error in its place; the others go on.
///
/// # Errors
/// What is wrong with the levels.
pub fn estimates(
    config: &RunConfig,
    problem: &Problem,
    times: &[f64],
    seeds: &[u64],
    begin: &mut dyn FnMut(u64),
) -> Result<Vec<Result<Estimate, RunError>>, RunError> {
    // What is prepared for the levels serves all seeds.
    problem.with_annealing(config, times, Top::of(config), |annealing, target| {
        let runs = seeds.iter().map(|&seed| {
            begin(seed);
            annealing.seed = seed;
            annealing.repetition = 0;
            let start = Instant::now();
            let sampled = sample(config, annealing, target, &mut Silent)?;
            let (ess, mean_rejection_rate) = match &sampled.details {
                Details::Annealing(report) => (Some(report.ess), None),
                Details::Exchange(report) => (None, Some(report.mean_rejection_rate)),
            };
            Ok(Estimate {
                seed,
                log_z: sampled.evidence.log_z,
                log_z_std_error: sampled.evidence.log_z_std_error,
                ess,
                mean_rejection_rate,
                evaluations: sampled.evaluations.into(),
                non_finite: sampled.non_finite,
                map: sampled.map,
                seconds: start.elapsed().as_secs_f64(),
            })
        });
        Ok(runs.collect())
    })
}

//! Levels at which the bridge's own swaps reject equally often.
//!
//! Runs of replica exchange of doubling length measure the rejection of every pair; each gives an
//! increment of the barrier ([`crate::schedule::barrier_of_rejection`]), whose sums are interpolated
//! by a monotone cubic and inverted at equal increments \[Syed22\]. For the identity the barrier does
//! not depend on the levels and two runs would do; the rejections of another bridge change with its
//! step, and the runs iterate to the fixed point at which all are equal. The last run moves nothing:
//! it measures what was reached.

use amc_core::point::Evaluations;
use amc_core::rng::Phase;

use super::{Placement, Placing, levels_of};
use crate::catalog::{BridgeKind, SwapOrder};
use crate::config::Algorithm;
use crate::run::{RunError, Top};
use crate::sampler::{ExchangeRules, Explorer, Start, exchange, ladder_pilot_particles, pilot};
use crate::schedule::{Barrier, ScheduleError, barrier_of_rejection};

/// Rounds of the first run; the `k`-th has `2^k` times as many.
const FIRST_ROUNDS: usize = 5;
/// Rejections below this do not draw levels: one that a mismatch at a single place causes (that of
/// the reference, under an exact bridge) would draw all of them there.
const NEGLIGIBLE: f64 = 1e-3;
/// Ladders, at least: with eight runs the last one makes 10,000 swaps a pair.
const LADDERS: usize = 32;

/// Moves the levels of `start` in so many runs.
pub(super) fn tune(
    placing: &mut Placing<'_>,
    start: Placement,
    explorer: Explorer,
    runs: u32,
) -> Result<Placement, RunError> {
    let mut placement = start;
    for run in 1..=runs {
        let times = &placement.times;
        let rounds = FIRST_ROUNDS << (run - 1);
        let (rejections, mut evaluations) = measure(placing, times, explorer, rounds)?;
        evaluations.add(&placement.evaluations, 1);
        let barrier = Barrier::from_increments(times, &increments(&rejections)?)?;
        let nodes = times.clone();
        let times = if run == runs {
            nodes.clone()
        } else {
            let profile = profile(placing.config.bridge.kind(), run - 1, times, &rejections)?;
            levels_of(&profile, times.len() - 1)?
        };
        let rejections = (run == runs).then_some(rejections);
        placement = Placement { times, barrier: Some(barrier), nodes, rejections, evaluations };
    }
    Ok(placement)
}

/// The increments of the barrier behind these rejections.
fn increments(rejections: &[f64]) -> Result<Vec<f64>, ScheduleError> {
    let pairs = rejections.iter().enumerate();
    pairs.map(|(pair, &rejection)| barrier_of_rejection(pair, rejection)).collect()
}

/// The profile at whose equal increments these rejections become more alike, after `run` updates.
///
/// For the identity the increments are those of the barrier. The work of another bridge grows with a
/// power `p` of its step, from 1 (ddpm) to 6 and more (isotropic-optimal near the target), so
/// increments are no sums of smaller ones: taking them as such moves levels `p` times too far and
/// multiplies the error by `1 - p` in each run. A power `g` of the increments makes that `1 - g p`;
/// with `g = 2/(4 + run)`, 1/2 at first and ever gentler, seven runs leave 7 % of the error for
/// `p = 1` as for `p = 6`.
pub(super) fn profile(
    bridge: BridgeKind,
    run: u32,
    times: &[f64],
    rejections: &[f64],
) -> Result<Barrier, ScheduleError> {
    let power = if bridge == BridgeKind::Identity { 1.0 } else { 2.0 / (4.0 + f64::from(run)) };
    let damped = |increment: f64| libm::pow(increment.max(NEGLIGIBLE), power);
    let increments: Vec<f64> = increments(rejections)?.into_iter().map(damped).collect();
    Barrier::from_increments(times, &increments)
}

/// Rejection rates of neighbouring levels, `[L]`, and what measuring them cost.
pub(super) fn measure(
    placing: &mut Placing<'_>,
    times: &[f64],
    explorer: Explorer,
    rounds: usize,
) -> Result<(Vec<f64>, Evaluations), RunError> {
    let repetition = placing.fresh();
    let config = placing.config;
    let observer = &mut *placing.observer;
    let asked = match config.sampler.algorithm {
        Algorithm::ReplicaExchange(rules) => rules.ladders,
        Algorithm::Ais { .. } | Algorithm::Smc { .. } => 0,
    };
    let ladders = asked.max(LADDERS);
    let rules = ExchangeRules {
        ladders,
        rounds: rounds.max(2),
        warmup: if explorer == Explorer::Exact { 0 } else { rounds / 4 },
        order: SwapOrder::EvenOdd,
        explorer,
        samples: 0,
        samples_of_levels: 0,
    };
    placing.problem.with_annealing(config, times, Top::Reference, |annealing, _| {
        annealing.repetition = repetition;
        if explorer == Explorer::Exact {
            annealing.kernel = None;
        }
        let tuning = pilot(annealing, ladder_pilot_particles(annealing), false, observer)?;
        let way = (Phase::Schedule, Start::Descent);
        let outcome = exchange(annealing, &tuning, &rules, way, observer)?;
        let mut evaluations = outcome.evaluations;
        evaluations.add(&tuning.evaluations, 1);
        Ok((outcome.rejection_rates(), evaluations))
    })
}

//! How fast replicas can travel at best, and how many levels that takes.
//!
//! With more and more levels at equal rejections the predicted rate of round trips,
//! `1/(2 + 2 sum r/(1-r))`, tends to `1/(2 + 2 sum r)` and that to a limit. For the identity it is
//! `1/(2 + 2 Lambda)` with the barrier of the path \[Syed22\]; for another bridge the sum of the
//! rejections of its own swaps is followed until it settles.

use amc_core::point::Evaluations;
use serde::Serialize;

use super::rejections::{profile, tune};
use super::{Placement, Placing, local_barrier_of};
use crate::catalog::{BarrierEstimator, BridgeKind, PathKind};
use crate::config::RunConfig;
use crate::run::{Problem, RunError};
use crate::sampler::{Explorer, Observer};
use crate::schedule::{levels_for_half_the_limit, round_trip_limit, round_trip_rate};

/// Steps of the shortest and of the longest ladder tried.
const FEWEST: usize = 2;
const MOST: usize = 512;
/// Runs that tune them.
const TUNING: u32 = 7;
/// See [`round_trip_limit_of`].
const MEASUREMENTS: u64 = 1 << 20;
/// The limit is reached when doubling the levels changes it by less than this fraction.
const SETTLED: f64 = 0.02;
/// Ladders shorter than this may agree by saturation alone.
const FEWEST_SETTLED: usize = 32;

/// A tuned ladder of so many steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RoundTripPoint {
    /// Steps `L`.
    pub steps: usize,
    /// Sum of the rejection rates over pairs.
    pub sum_of_rejection_rates: f64,
    /// The predicted rate of round trips.
    pub round_trip_rate: f64,
}

/// The rate of round trips of ever longer ladders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundTripLimit {
    /// Ladders of doubling length; none for the identity, whose limit is that of the path.
    pub ladders: Vec<RoundTripPoint>,
    /// The rate that they tend to.
    pub limit: f64,
    /// Whether the last doubling changed it by less than two percent.
    pub settled: bool,
    /// The fewest steps that reach half of it, interpolated in the logarithm of the steps.
    pub steps_for_half: usize,
    /// What measuring it cost.
    #[serde(skip)]
    pub evaluations: Evaluations,
}

/// Measures the limit for the bridge of a configuration, with levels sampled exactly where they can
/// be, and by the kernel elsewhere.
///
/// # Errors
/// What the samplers refuse.
pub fn round_trip_limit_of(
    config: &RunConfig,
    problem: &Problem,
    observer: &mut dyn Observer,
) -> Result<RoundTripLimit, RunError> {
    // Far from the repetitions that placing the levels of the same run takes.
    let mut placing = Placing { config, problem, observer, measurements: MEASUREMENTS };
    let (explorer, estimator) = match config.path.kind() {
        PathKind::Diffusion => (Explorer::Exact, BarrierEstimator::Exact),
        PathKind::Tempering => {
            (Explorer::Kernel { steps: super::kernel_steps(config) }, BarrierEstimator::Smc)
        }
    };
    let start = local_barrier_of(&mut placing, estimator)?;
    if config.bridge.kind() == BridgeKind::Identity {
        return Ok(limit_of_path(start.barrier.total(), start.evaluations));
    }
    let (mut shape, mut evaluations) = (start.barrier, start.evaluations);
    let mut ladders: Vec<RoundTripPoint> = Vec::new();
    let mut settled = false;
    let mut steps = FEWEST;
    while steps <= MOST && !settled {
        // The shape found for fewer levels is where more of them start.
        let start = Placement::known(super::levels_of(&shape, steps)?);
        let placement = tune(&mut placing, start, explorer, TUNING)?;
        evaluations.add(&placement.evaluations, 1);
        let rejections = placement.rejections.unwrap_or_default();
        let point = RoundTripPoint {
            steps,
            sum_of_rejection_rates: rejections.iter().sum(),
            round_trip_rate: round_trip_rate(&rejections),
        };
        settled = ladders.last().is_some_and(|last| {
            let limits = [last, &point].map(|l| round_trip_limit(l.sum_of_rejection_rates));
            (limits[1] - limits[0]).abs() < SETTLED * limits[1] && steps >= FEWEST_SETTLED
        });
        ladders.push(point);
        shape = profile(config.bridge.kind(), TUNING, &placement.times, &rejections)?;
        steps *= 2;
    }
    let last = ladders.last().map_or(f64::INFINITY, |ladder| ladder.sum_of_rejection_rates);
    let limit = round_trip_limit(last);
    let steps_for_half = steps_for(&ladders, 0.5 * limit);
    Ok(RoundTripLimit { ladders, limit, settled, steps_for_half, evaluations })
}

/// The limit for the identity, which follows from the barrier of the path.
fn limit_of_path(barrier: f64, evaluations: Evaluations) -> RoundTripLimit {
    RoundTripLimit {
        ladders: Vec::new(),
        limit: round_trip_limit(barrier),
        settled: true,
        steps_for_half: levels_for_half_the_limit(barrier),
        evaluations,
    }
}

/// The fewest steps with at least this rate, between ladders linear in the logarithm of the steps.
fn steps_for(ladders: &[RoundTripPoint], rate: f64) -> usize {
    let Some(first) = ladders.iter().position(|ladder| ladder.round_trip_rate >= rate) else {
        return ladders.last().map_or(0, |ladder| ladder.steps);
    };
    let above = ladders[first];
    let Some(below) = first.checked_sub(1).map(|i| ladders[i]) else { return above.steps };
    let part = (rate - below.round_trip_rate) / (above.round_trip_rate - below.round_trip_rate);
    let log = |steps: usize| libm::log(steps as f64);
    let steps = libm::exp(log(below.steps) + part * (log(above.steps) - log(below.steps)));
    // Rounding of the exponential must not add a step.
    (steps - 1e-9).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if half of the limit is looked for above the wrong ladder, or interpolated in the steps.
    #[test]
    fn steps_for_half_by_hand() {
        let point = |steps, round_trip_rate| RoundTripPoint {
            steps,
            sum_of_rejection_rates: 0.0,
            round_trip_rate,
        };
        let ladders = [point(4, 0.01), point(8, 0.03), point(16, 0.07), point(32, 0.08)];
        // A quarter of the way from 8 to 16 in the logarithm: 8 * 2^(1/4) = 9.51.
        assert_eq!(steps_for(&ladders, 0.04), 10);
        assert_eq!(steps_for(&ladders, 0.03), 8);
        assert_eq!(steps_for(&ladders, 0.005), 4);
        assert_eq!(steps_for(&ladders, 0.09), 32);
    }
}

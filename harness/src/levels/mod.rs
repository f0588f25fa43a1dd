//! Where the levels stand on the path, when that has to be measured first.
//!
//! | spacing | how | file |
//! |---|---|---|
//! | `uniform`, `log-snr`, `quadratic`, `list` | known beforehand | |
//! | `lambda`, barrier `exact` | `lambda(t)` from exact samples of the levels | `local.rs` |
//! | `lambda`, barrier `smc` | `lambda(t)` from weighted particles of SMC | `local.rs` |
//! | `lambda`, barrier `replica-exchange` | `lambda(t)` from samples of every level of a ladder | `local.rs` |
//! | `lambda`, barrier `rejections`, `exact-rejections` | rounds of replica exchange, levels moved to equal rejection | `rejections.rs` |
//! | `adaptive` | an SMC descent that chooses each step by its conditional ESS | `adaptive.rs` |
//!
//! `lambda(t) = 1/2 E|D(X) - D(X')|`, `D = d/dt log p_t` is the barrier of the path itself: of the
//! identity. The barrier of another bridge is that of its work, and the rejections of its own swaps
//! measure it \[Syed22\]. Whatever is measured here draws from streams of its own, so a run on the
//! levels found is as unbiased as on levels given.

mod adaptive;
mod limit;
mod local;
mod rejections;

use amc_core::path::Schedule;
use amc_core::point::Evaluations;
use serde::{Deserialize, Serialize};

use crate::catalog::{BarrierEstimator, PathKind};
use crate::config::{Algorithm, RunConfig, Spacing};
use crate::run::{Problem, RunError};
use crate::sampler::{Explorer, KeptEvaluations, Observer};
use crate::schedule::Barrier;

pub use limit::{RoundTripLimit, RoundTripPoint, round_trip_limit_of};

/// Levels with what was measured to find them.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Times of levels `0..=L`.
    pub times: Vec<f64>,
    /// The communication barrier, if it was measured.
    pub barrier: Option<Barrier>,
    /// Times at which it was measured, from 0; empty if it was not.
    pub nodes: Vec<f64>,
    /// Rejection rates of neighbouring levels, `[L]`, if they were measured.
    pub rejections: Option<Vec<f64>>,
    /// What the measurements cost.
    pub evaluations: Evaluations,
}

impl Placement {
    /// These levels, nothing measured.
    fn known(times: Vec<f64>) -> Self {
        Self {
            times,
            barrier: None,
            nodes: Vec::new(),
            rejections: None,
            evaluations: Evaluations::default(),
        }
    }

    /// `steps` levels at equal increments of a barrier measured at `nodes`.
    fn at_equal_barriers(measured: Measured, steps: usize) -> Result<Self, RunError> {
        let Measured { barrier, nodes, evaluations } = measured;
        let times = levels_of(&barrier, steps)?;
        Ok(Self { times, barrier: Some(barrier), nodes, rejections: None, evaluations })
    }
}

/// A barrier, the times it was measured at and what that cost.
struct Measured {
    barrier: Barrier,
    nodes: Vec<f64>,
    evaluations: Evaluations,
}

/// What a measurement found, as it is kept: times or local barriers, and what that cost.
#[derive(Serialize, Deserialize)]
struct Found {
    numbers: Vec<f64>,
    #[serde(with = "KeptEvaluations")]
    evaluations: Evaluations,
}

/// What all estimators work on.
struct Placing<'a> {
    config: &'a RunConfig,
    problem: &'a Problem<'a>,
    observer: &'a mut dyn Observer,
    measurements: u64,
}

impl Placing<'_> {
    /// The streams of one more measurement: their repetition, which no other measurement has.
    fn fresh(&mut self) -> u64 {
        self.measurements += 1;
        self.measurements
    }
}

/// The levels of a run.
///
/// # Errors
/// What the samplers refuse; a path on which adaptive spacing finds no end.
pub fn place(
    config: &RunConfig,
    problem: &Problem,
    observer: &mut dyn Observer,
) -> Result<Placement, RunError> {
    let steps = config.path.levels;
    let mut placing = Placing { config, problem, observer, measurements: 0 };
    let placement = match config.path.spacing {
        Spacing::Adaptive { cess } => adaptive::place(&mut placing, cess)?,
        Spacing::Lambda { barrier, tuning_rounds } => {
            let local = local_barrier_of(&mut placing, barrier)?;
            let start = Placement::at_equal_barriers(local, steps)?;
            match barrier {
                BarrierEstimator::Rejections => {
                    let explorer = Explorer::Kernel { steps: kernel_steps(config) };
                    rejections::tune(&mut placing, start, explorer, tuning_rounds)?
                }
                BarrierEstimator::ExactRejections => {
                    rejections::tune(&mut placing, start, Explorer::Exact, tuning_rounds)?
                }
                BarrierEstimator::Exact
                | BarrierEstimator::Smc
                | BarrierEstimator::ReplicaExchange => start,
            }
        }
        Spacing::Uniform | Spacing::LogSnr | Spacing::Quadratic | Spacing::List { .. } => {
            Placement::known(with_target(config.path.times()))
        }
    };
    Schedule::new(&placement.times[1..]).map_err(RunError::Levels)?;
    config.check_memory(problem.mixture.dim(), placement.times.len() - 1)?;
    Ok(placement)
}

/// The barrier of the path by one of its estimators; for rejections, the best that is to be had to
/// start from.
fn local_barrier_of(
    placing: &mut Placing<'_>,
    estimator: BarrierEstimator,
) -> Result<Measured, RunError> {
    match (estimator, placing.config.path.kind()) {
        (BarrierEstimator::Smc, _) | (_, PathKind::Tempering)
            if estimator != BarrierEstimator::ReplicaExchange =>
        {
            local::from_smc(placing)
        }
        (BarrierEstimator::ReplicaExchange, _) => local::from_replica_exchange(placing),
        _ => local::from_exact_samples(placing),
    }
}

/// Kernel steps between two swaps.
fn kernel_steps(config: &RunConfig) -> usize {
    match config.sampler.algorithm {
        Algorithm::ReplicaExchange(rules) => rules.steps_per_swap,
        Algorithm::Ais { .. } | Algorithm::Smc { .. } => config.kernel.steps(),
    }
}

/// Least distance of neighbouring levels, as a fraction of the last time: a noising step needs some
/// digits, and a rejection that remains at this distance is no barrier.
const APART: f64 = 1e-12;

/// Level 0 and `steps` levels at equal increments of a barrier.
fn levels_of(barrier: &Barrier, steps: usize) -> Result<Vec<f64>, RunError> {
    Ok(with_target(barrier.levels(steps, APART * barrier.last_time())?))
}

/// Level 0 and the noisy ones.
fn with_target(noisy: Vec<f64>) -> Vec<f64> {
    std::iter::once(0.0).chain(noisy).collect()
}

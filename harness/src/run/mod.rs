//! One run from its configuration to its summary.
//!
//! `config -> target -> levels -> pilot -> sampler -> the other side -> metrics -> verdict -> summary
//! (-> files)`: everything that can be refused is refused before the first particle moves.

mod annealed;
mod assess;
mod barrier_curve;
mod details;
mod error;
mod estimate;
mod exchanged;
mod kept;
mod library;
mod memory;
mod model;
mod model_quality;
mod moves;
mod output;
mod problem;
mod summary;
mod thread_time;
mod training;
mod work;

pub(crate) use annealed::resampling_rule;
pub use barrier_curve::BarrierCurve;
pub use details::{AnnealingReport, Details, ExchangeReport, MapReport};
pub use error::RunError;
pub use estimate::{Estimate, estimates};
pub use kept::Unfinished;
pub(crate) use kept::is_in as holds_unfinished_run;
pub(crate) use memory::Memory;
pub use model_quality::{ModelQuality, model_quality};
pub(crate) use moves::flow_choice;
pub use output::OutputDir;
pub use problem::{Problem, Top};
pub use summary::{EvaluationCounts, Summary};
pub use training::{Begin, MODEL, Training, model_of};
pub(crate) use work::Work;

use amc_core::density::MixtureLevel;

use crate::config::{Algorithm, RunConfig};
use crate::levels;
use crate::sampler::{Annealing, Observer, Snapshot, Trajectories, WeightedSample};
use assess::Assessment;
use summary::Sampled;
use thread_time::Stopwatch;

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The numbers to report.
    pub summary: Summary,
    /// Samples and weights.
    pub sample: WeightedSample,
    /// Particles at some of the levels, noisiest first.
    pub snapshots: Vec<Snapshot>,
    /// How replicas travelled (replica exchange).
    pub trajectories: Option<Trajectories>,
    /// CPU seconds of the calling thread for placement, pilot and sampler, without what only checks the run: all there is if
    /// the pool has one thread. Wall time where there is no such clock.
    pub sampling_thread_seconds: f64,
}

/// Carries out a run in the current rayon thread pool.
///
/// # Errors
/// [`RunError`]: what is wrong with the target, or why the sampler stopped.
pub fn run(config: &RunConfig, observer: &mut dyn Observer) -> Result<Run, RunError> {
    execute(config, &Problem::new(config)?, observer)
}

/// Carries out a run of a problem that has been built.
///
/// # Errors
/// Why the sampler stopped.
pub fn execute(
    config: &RunConfig,
    problem: &Problem,
    observer: &mut dyn Observer,
) -> Result<Run, RunError> {
    carry_out(config, problem, observer).map_err(|error| problem.blame(error))
}

fn carry_out(
    config: &RunConfig,
    problem: &Problem<'_>,
    observer: &mut dyn Observer,
) -> Result<Run, RunError> {
    let stopwatch = Stopwatch::start();
    let placement = levels::place(config, problem, observer)?;
    let top = Top::of(config);
    problem.with_annealing(config, &placement.times, top, |annealing, target| {
        let sampled = sample(config, annealing, target, observer)?;
        let spent = stopwatch.read();
        let known = sampled.mode_weights.as_deref();
        let assessment = match problem.is_mixture() {
            true => {
                assess::assess(config.seed, target, &sampled.sample, known, assess::MOST_POINTS)?
            }
            false => Assessment::without_truth(target, &sampled.sample)?,
        };
        let mut summary = Summary::new(config, problem, &placement, &sampled, assessment);
        summary.sampling_seconds = spent.wall - sampled.checks.wall;
        summary.seconds = stopwatch.read().wall;
        let sampling_thread_seconds = spent.thread - sampled.checks.thread;
        let Sampled { sample, snapshots, trajectories, .. } = sampled;
        Ok(Run { summary, sample, snapshots, trajectories, sampling_thread_seconds })
    })
}

/// Samples the target by the configured algorithm.
fn sample(
    config: &RunConfig,
    annealing: &mut Annealing<'_>,
    target: &MixtureLevel<'_>,
    observer: &mut dyn Observer,
) -> Result<Sampled, RunError> {
    match config.sampler.algorithm {
        Algorithm::Ais { .. } | Algorithm::Smc { .. } => {
            annealed::sample(config, annealing, target, observer)
        }
        Algorithm::ReplicaExchange(rules) => {
            exchanged::sample(config, rules, annealing, target, observer)
        }
    }
}

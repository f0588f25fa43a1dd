//! One run from its configuration to its summary.
//!
//! `config -> target -> levels -> pilot -> sampler -> metrics -> summary (-> files)`: everything that
//! can be refused is refused before the first particle moves.

mod assess;
mod error;
mod output;
mod problem;
mod summary;

pub use error::RunError;
pub use output::OutputDir;
pub use problem::Problem;
pub use summary::{EvaluationCounts, Summary};

use std::time::Instant;

use crate::catalog::Adaptation;
use crate::config::{Algorithm, RunConfig};
use crate::sampler::{Observer, Outcome, ResamplingRule, anneal, pilot};

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The numbers to report.
    pub summary: Summary,
    /// Samples, weights and level records.
    pub outcome: Outcome,
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
    let start = Instant::now();
    problem.with_annealing(config, |annealing, target| {
        let online = config.kernel.moves().is_some_and(|m| m.adapt == Adaptation::Online);
        let particles = config.sampler.particles;
        let tuning = pilot(annealing, particles, online, observer)?;
        let rule = match config.sampler.algorithm {
            Algorithm::Ais => None,
            Algorithm::Smc { resampling, ess_threshold } => {
                Some(ResamplingRule { scheme: resampling.to_core(), threshold: ess_threshold })
            }
        };
        let outcome = anneal(annealing, &tuning, particles, rule, observer)?;
        let sampling_seconds = start.elapsed().as_secs_f64();
        let assessment = assess::assess(config.seed, target, &outcome)?;
        let mut summary = Summary::new(config, problem, &tuning, &outcome, assessment);
        summary.sampling_seconds = sampling_seconds;
        summary.seconds = start.elapsed().as_secs_f64();
        Ok(Run { summary, outcome })
    })
}

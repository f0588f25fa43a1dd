//! Samplers: how a population of particles is carried down the levels of a path.
//!
//! [`anneal`] is the main loop, annealed importance sampling and sequential Monte Carlo in one:
//! AIS is SMC that never resamples. [`pilot`] tunes what must be fixed before an unbiased run.
//! Particles live in blocks of eight ([`Population`]); work is split over threads by block, every
//! block draws from its own keyed stream, and sums over blocks are taken in block order, so one
//! seed gives the same bits for any number of threads.

mod anneal;
mod annealing;
mod pilot;
mod population;
mod record;
mod step_size;
#[cfg(test)]
mod tests;

pub use anneal::{Outcome, ResamplingRule, anneal};
pub use annealing::{Annealing, KernelChoice, Level};
pub use pilot::{MeanSquareScore, Tuning, pilot};
pub use population::Population;
pub use record::{LevelRecord, Observer, Silent};
pub use step_size::StepSizes;

use thiserror::Error;

/// Why a sampler stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// A computation of the core refused its input.
    #[error(transparent)]
    Core(#[from] amc_core::error::Error),
    /// No particle has any weight left.
    #[error(
        "all {particles} particles lost their weight at level {level} ({non_finite} became \
         non-finite): use more levels (path.levels), a stronger bridge (bridge.kind) or more \
         particles (sampler.particles)"
    )]
    LostAllWeight {
        /// The level it happened at.
        level: usize,
        /// Size of the population.
        particles: usize,
        /// Particles whose density or weight was not a finite number, over the whole run.
        non_finite: u64,
    },
}

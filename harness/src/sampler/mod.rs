//! Samplers: how a population of particles is carried down the levels of a path.
//!
//! [`anneal`] is annealed importance sampling and sequential Monte Carlo in one: AIS is SMC that never
//! resamples; [`anneal_in_reverse`] is the same from the target to the reference. [`exchange`] is
//! replica exchange. [`pilot`] tunes what must be fixed before an unbiased run.
//! Particles live in blocks of eight ([`Population`]); work is split over threads by block, every
//! block draws from its own keyed stream, and sums over blocks are taken in block order, so one
//! seed gives the same bits for any number of threads.

mod anneal;
mod annealing;
mod bridges;
mod exchange;
mod guard;
mod kept;
mod pilot;
mod population;
mod record;
mod sample;
mod snapshot;
mod square_score;
mod step_size;
mod team;
#[cfg(test)]
mod team_tests;
#[cfg(test)]
mod tests;
mod truncation;

pub use anneal::{
    AnnealedOutcome, ResamplingRule, ReverseOutcome, anneal, anneal_in_reverse, ascend, trial,
};
pub use annealing::{Annealing, Diffused, KernelChoice, Level};
pub use bridges::{BridgeChoice, FlowChoice};
pub use exchange::{
    ExchangeOutcome, ExchangeRecord, ExchangeRules, Explorer, LadderEvidence, Start, Trajectories,
    exchange,
};
pub(crate) use kept::{KeptEvaluations, heed, stage};
pub(crate) use pilot::{FIRST_LEVEL_STEPS, LEVEL_STEPS, Pilot, Streams};
pub use pilot::{Tuning, descend, ladder_pilot_particles, pilot, pilot_particles};
pub use population::{Direction, Population};
pub(crate) use record::Unkept;
pub use record::{LevelRecord, Observer, Progress, Silent};
pub use sample::{WeightedSample, pool};
pub use snapshot::Snapshot;
pub use square_score::MeanSquareScore;
pub(crate) use square_score::mean_square_score;
pub use step_size::StepSizes;

use thiserror::Error;

use crate::storage::JournalError;

/// Why a sampler stopped.
#[derive(Debug, Clone, PartialEq, Error)]
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
    /// Somebody wanted the run to end early.
    #[error("stopped before the end")]
    Stopped,
    /// The run cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A density, kernel or bridge panicked; what the pass had done until then is discarded.
    #[error("the density, kernel or bridge panicked at level {level}: {message}")]
    Panicked {
        /// The level that particles stood at or were moved to.
        level: usize,
        /// The first line of the panic's message.
        message: String,
    },
}

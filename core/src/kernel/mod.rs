//! Markov kernels that leave the density of one level invariant.
//!
//! A kernel proposes, evaluates the proposal once and accepts or rejects it by the
//! Metropolis-Hastings rule, lane by lane; the cached `(log p, S)` of the current state is reused.
//! A proposal with a non-finite log-density or ratio is rejected and counted: it never enters the
//! state.

mod accept;
mod hmc;
mod mala;
mod rwm;

pub use accept::Outcome;
pub use hmc::Hmc;
pub use mala::Mala;
pub use rwm::RandomWalk;

use crate::density::Score;
use crate::error::Result;
use crate::point::{Context, PointMut};

/// A Markov kernel with one step size.
pub trait MarkovKernel: Sync {
    /// Workspace, in vectors, beyond the density's own, for dimension `dim`.
    fn scratch_len(&self, dim: usize) -> usize;

    /// The acceptance rate the step size is adapted to by default.
    fn target_acceptance(&self) -> f64;

    /// Whether a step leaves the cached score of the point as it was before the move.
    fn leaves_score_stale(&self) -> bool {
        false
    }

    /// One step from `point`, which carries the density's cached values.
    ///
    /// # Errors
    /// Those of the density, or a short workspace. Bad numbers are rejections, not errors.
    fn step(
        &self,
        density: &dyn Score,
        step_size: f64,
        point: PointMut<'_>,
        context: Context<'_>,
    ) -> Result<Outcome>;
}

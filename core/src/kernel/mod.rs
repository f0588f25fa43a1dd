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
#[cfg(test)]
mod tests;

pub use accept::Outcome;
use accept::take_lanes;
pub(crate) use accept::{decide, take_accepted};
pub use hmc::Hmc;
pub use mala::Mala;
pub use rwm::RandomWalk;

use crate::density::Score;
use crate::error::Result;
pub use crate::point::Team;
use crate::point::{BlocksMut, Context, PointMut};

/// A Markov kernel with one step size.
///
/// It runs on any [`Score`]; here on a density of one's own, `log p = -sum_j x_j^4 / 4`:
///
/// ```
/// use amc_core::density::{LogDensity, Score};
/// use amc_core::error::{Result, check_len};
/// use amc_core::kernel::{Hmc, MarkovKernel};
/// use amc_core::point::{Context, Evaluations, PointMut};
/// use amc_core::rng::{Key, Purpose};
/// use amc_core::scratch::Scratch;
/// use amc_core::simd::{f64x8, splat};
///
/// struct Quartic;
///
/// impl LogDensity for Quartic {
///     fn dim(&self) -> usize {
///         3
///     }
///     fn scratch_len(&self) -> usize {
///         0
///     }
///     fn log_density(&self, x: &[f64x8], _: Scratch<'_>) -> Result<f64x8> {
///         check_len("x", 3, x.len())?;
///         Ok(x.iter().fold(f64x8::ZERO, |sum, &x| sum - splat(0.25) * (x * x) * (x * x)))
///     }
/// }
///
/// impl Score for Quartic {
///     fn log_density_and_score(
///         &self,
///         x: &[f64x8],
///         score: &mut [f64x8],
///         scratch: Scratch<'_>,
///     ) -> Result<f64x8> {
///         check_len("score", 3, score.len())?;
///         for (score, &x) in score.iter_mut().zip(x) {
///             *score = -(x * x * x);
///         }
///         self.log_density(x, scratch)
///     }
/// }
///
/// let kernel = Hmc::new(4)?;
/// let mut memory = vec![f64x8::ZERO; kernel.scratch_len(3) + Quartic.scratch_len()];
/// let mut stream = Key::new(1, Purpose::Kernel).stream();
/// let mut evaluations = Evaluations::default();
/// let mut context = Context {
///     stream: &mut stream,
///     scratch: Scratch::new(&mut memory),
///     evaluations: &mut evaluations,
/// };
/// let (mut x, mut log_density, mut score) = ([splat(2.0); 3], f64x8::ZERO, [f64x8::ZERO; 3]);
/// let mut point = PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
/// point.evaluate(&Quartic, &mut context)?;
/// let mut acceptance = 0.0;
/// for _ in 0..100 {
///     let outcome = kernel.step(&Quartic, 0.3, point.reborrow(), context.reborrow())?;
///     acceptance += outcome.totals(8).0 / 800.0;
/// }
/// assert!(acceptance > 0.9);
/// # Ok::<(), amc_core::error::Error>(())
/// ```
pub trait MarkovKernel: Sync {
    /// Workspace, in vectors, beyond the density's own, for dimension `dim`.
    fn scratch_len(&self, dim: usize) -> usize;

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

    /// Blocks that [`MarkovKernel::step_blocks`] handles best at once, for dimension `dim`, on a density that
    /// gains nothing by many; a team has the larger of this and
    /// [`LogDensity::blocks_at_once`](crate::density::LogDensity::blocks_at_once).
    fn blocks_at_once(&self, dim: usize) -> usize {
        let _ = dim;
        1
    }

    /// One step of every block, each with its own stream; `streams` and `outcomes` `[B]`. What each block does is
    /// what [`MarkovKernel::step`] would do.
    ///
    /// Needs the workspace of `B` steps, `B scratch_len(dim)` vectors beyond the density's own.
    ///
    /// # Errors
    /// As [`MarkovKernel::step`].
    fn step_blocks(
        &self,
        density: &dyn Score,
        step_size: f64,
        mut blocks: BlocksMut<'_>,
        team: Team<'_>,
    ) -> Result<()> {
        team.check(blocks.count())?;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let teams = streams.iter_mut().zip(outcomes).zip(evaluations);
        for (point, ((stream, outcome), evaluations)) in blocks.iter_mut().zip(teams) {
            let context = Context { stream, scratch: scratch.reborrow(), evaluations };
            *outcome = self.step(density, step_size, point, context)?;
        }
        Ok(())
    }
}

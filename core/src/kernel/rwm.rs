//! Random-walk Metropolis: `y = x + h z`, accepted with `min(1, p(y)/p(x))`.
//!
//! Evaluates the log-density only, so the cached score is stale after a step.

use super::MarkovKernel;
use super::accept::{Outcome, decide};
use crate::density::Score;
use crate::error::Result;
use crate::point::{Context, PointMut, evaluate_density};
use crate::simd::{select, splat};

/// Random-walk Metropolis with step size `h`, the standard deviation of the proposal.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomWalk;

impl RandomWalk {
    /// The acceptance rate step sizes are adapted to by default.
    pub const TARGET_ACCEPTANCE: f64 = 0.234;
}

impl MarkovKernel for RandomWalk {
    fn scratch_len(&self, dim: usize) -> usize {
        dim
    }

    fn leaves_score_stale(&self) -> bool {
        true
    }

    fn step(
        &self,
        density: &dyn Score,
        step_size: f64,
        point: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Outcome> {
        let proposal = context.scratch.take(point.x.len())?;
        context.stream.fill_normals(proposal);
        for (y, &x) in proposal.iter_mut().zip(&*point.x) {
            *y = splat(step_size).mul_add(*y, x);
        }
        let proposed = evaluate_density(density, proposal, &mut context)?;
        let outcome = decide(proposed - *point.log_density, proposed, context.stream);
        for (x, &y) in point.x.iter_mut().zip(&*proposal) {
            *x = select(outcome.accepted, y, *x);
        }
        *point.log_density = select(outcome.accepted, proposed, *point.log_density);
        Ok(outcome)
    }
}

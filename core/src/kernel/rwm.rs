//! Random-walk Metropolis: `y = x + h z`, accepted with `min(1, p(y)/p(x))`.
//!
//! Evaluates the log-density only, so the cached score is stale after a step.

use super::MarkovKernel;
use super::accept::{Outcome, decide};
use super::take_lanes;
use crate::density::Score;
use crate::error::Result;
use crate::point::{Context, PointMut, evaluate_density};
use crate::simd::{Lanes, Task, dispatch};

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
        context: Context<'_>,
    ) -> Result<Outcome> {
        dispatch(Step { density, step_size, point, context })
    }
}

struct Step<'a> {
    density: &'a dyn Score,
    step_size: f64,
    point: PointMut<'a>,
    context: Context<'a>,
}

impl Task for Step<'_> {
    type Output = Result<Outcome>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<Outcome> {
        let Step { density, step_size, point, mut context } = self;
        let proposal = context.scratch.take(point.x.len())?;
        let y = V::view_mut(proposal);
        context.stream.fill_normal_lanes(y);
        let h = V::splat(step_size);
        for (y, &x) in y.iter_mut().zip(V::view(point.x)) {
            *y = h.mul_add(*y, x);
        }
        let proposed = V::of(evaluate_density(density, proposal, &mut context)?);
        let current = V::of(*point.log_density);
        let (accepted, outcome) = decide(proposed - current, proposed, context.stream);
        take_lanes::<V>(accepted, proposal, point.x);
        *point.log_density = V::select(accepted, proposed, current).vector();
        Ok(outcome)
    }
}

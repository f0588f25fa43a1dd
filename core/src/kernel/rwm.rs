//! Random-walk Metropolis: `y = x + h z`, accepted with `min(1, p(y)/p(x))`.
//!
//! Evaluates the log-density only, so the cached score is stale after a step.

use super::accept::{Outcome, decide};
use super::{MarkovKernel, Team, take_lanes};
use crate::density::Score;
use crate::error::Result;
use crate::linalg::RowMajor;
use crate::point::{BlocksMut, Context, PointMut};
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
        dim + 1
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
        let mut outcome = Outcome::none();
        let team = context.into_team(&mut outcome);
        self.step_blocks(density, step_size, point.into_blocks(), team)?;
        Ok(outcome)
    }

    fn step_blocks(
        &self,
        density: &dyn Score,
        step_size: f64,
        blocks: BlocksMut<'_>,
        team: Team<'_>,
    ) -> Result<()> {
        blocks.check(density.dim())?;
        team.check(blocks.count())?;
        dispatch(Step { density, step_size, blocks, team })
    }
}

struct Step<'a> {
    density: &'a dyn Score,
    step_size: f64,
    blocks: BlocksMut<'a>,
    team: Team<'a>,
}

impl Task for Step<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let Step { density, step_size, mut blocks, team } = self;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let d = density.dim();
        let proposals = scratch.take(blocks.x.len())?;
        let proposed = scratch.take(blocks.count())?;
        for (y, stream) in V::view_mut(proposals).rows_mut(d).zip(&mut *streams) {
            stream.fill_normal_lanes(y);
        }
        let h = V::splat(step_size);
        for (y, &x) in V::view_mut(proposals).iter_mut().zip(V::view(blocks.x)) {
            *y = h.mul_add(*y, x);
        }
        density.log_densities(proposals, proposed, scratch)?;

        let moves = blocks.iter_mut().zip(proposals.rows(d).zip(&*proposed));
        let team = streams.iter_mut().zip(outcomes).zip(evaluations);
        for ((point, (proposal, &proposed)), ((stream, outcome), evaluations)) in moves.zip(team) {
            evaluations.density += 1;
            let (proposed, current) = (V::of(proposed), V::of(*point.log_density));
            let (accepted, decided) = decide(proposed - current, proposed, stream);
            take_lanes::<V>(accepted, proposal, point.x);
            *point.log_density = V::select(accepted, proposed, current).vector();
            *outcome = decided;
        }
        Ok(())
    }
}

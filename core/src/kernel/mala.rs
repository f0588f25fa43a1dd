//! Metropolis-adjusted Langevin: `y = x + h S(x) + sqrt(2h) z`, `q(y|x) = N(x + h S(x), 2h I)`.
//!
//! With `z` the normals of the proposal, the Metropolis-Hastings ratio is
//! `log p(y) - log p(x) + |z|^2/2 - |z + sqrt(h/2) (S(x) + S(y))|^2/2`,
//! since `x - y - h S(y) = -(sqrt(2h) z + h S(x) + h S(y))`.

use super::accept::{Outcome, decide, take_accepted};
use super::{MarkovKernel, Team};
use crate::density::Score;
use crate::error::Result;
use crate::linalg::RowMajor;
use crate::point::{BlocksMut, Context, Point, PointMut, blocks_in_cache};
use crate::simd::{Lanes, Task, dispatch, dot};

/// MALA with step size `h`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mala;

impl Mala {
    /// The acceptance rate step sizes are adapted to by default.
    pub const TARGET_ACCEPTANCE: f64 = 0.574;
}

impl MarkovKernel for Mala {
    fn scratch_len(&self, dim: usize) -> usize {
        3 * dim + 1
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

    fn blocks_at_once(&self, dim: usize) -> usize {
        blocks_in_cache(dim)
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
        let (total, count) = (blocks.x.len(), blocks.log_density.len());
        let d = total / count.max(1);
        let normals = scratch.take_lanes::<V>(total)?;
        let (y, score) = (scratch.take(total)?, scratch.take(total)?);
        let log_density = scratch.take(count)?;
        for (normals, stream) in normals.rows_mut(d).zip(&mut *streams) {
            stream.fill_normal_lanes(normals);
        }
        let (h, scale) = (V::splat(step_size), V::splat(libm::sqrt(2.0 * step_size)));
        let from = V::view(blocks.x).iter().zip(V::view(blocks.score));
        for ((y, (&x, &s)), &z) in V::view_mut(y).iter_mut().zip(from).zip(&*normals) {
            *y = scale.mul_add(z, h.mul_add(s, x));
        }
        density.log_densities_and_scores(y, score, log_density, scratch)?;
        evaluations.iter_mut().for_each(|evaluations| evaluations.count_scores(1));

        let drift = V::splat(libm::sqrt(0.5 * step_size));
        let proposals = y.rows(d).zip(score.rows(d)).zip(&*log_density);
        let moves = blocks.iter_mut().zip(normals.rows_mut(d)).zip(proposals);
        for (((point, normals), ((y, score), &log_density)), (stream, outcome)) in
            moves.zip(streams.iter_mut().zip(outcomes))
        {
            let forward = dot(normals, normals);
            let scores = V::view(point.score).iter().zip(V::view(score));
            for (z, (&from, &to)) in normals.iter_mut().zip(scores) {
                *z = drift.mul_add(from + to, *z);
            }
            let backward = dot(normals, normals);
            let gain = V::of(log_density) - V::of(*point.log_density);
            let log_ratio = gain + V::splat(0.5) * (forward - backward);
            let (accepted, decided) = decide(log_ratio, V::of(log_density), stream);
            take_accepted::<V>(accepted, Point { x: y, log_density, score }, point);
            *outcome = decided;
        }
        Ok(())
    }
}

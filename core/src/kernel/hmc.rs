//! Hamiltonian Monte Carlo: leapfrog trajectories of jittered length, unit mass.
//!
//! `p <- p + (h/2) S(x); x <- x + h p; p <- p + (h/2) S(x)`, repeated; accepted with
//! `min(1, exp(log p(y) - |p'|^2/2 - log p(x) + |p|^2/2))`. The number of leapfrog steps is uniform
//! on `{1, .., 2n - 1}` (mean `n`), drawn per block before the momenta, so that no trajectory
//! length is periodic for every particle; given the length the kernel is reversible.
//!
//! Blocks that move together stand in order of their lengths, so that those still on their way are always the
//! first ones, and one evaluation serves them all.

use super::accept::{Outcome, decide, take_accepted};
use super::{MarkovKernel, Team};
use crate::density::Score;
use crate::error::{Error, Result};
use crate::linalg::RowMajor;
use crate::point::{BlocksMut, Context, PointMut};
use crate::rng::Stream;
use crate::simd::{Lanes, Task, copy, dispatch, dot, f64x8, splat};

/// HMC with step size `h` and a mean number of leapfrog steps.
#[derive(Debug, Clone, Copy)]
pub struct Hmc {
    leapfrog_steps: u32,
}

impl Hmc {
    /// The acceptance rate step sizes are adapted to by default.
    pub const TARGET_ACCEPTANCE: f64 = 0.8;

    /// HMC with this mean number of leapfrog steps.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it lies in `[1, 10000]`.
    pub fn new(leapfrog_steps: u32) -> Result<Self> {
        if (1..=10_000).contains(&leapfrog_steps) {
            Ok(Self { leapfrog_steps })
        } else {
            let value = f64::from(leapfrog_steps);
            Err(Error::OutOfRange { what: "leapfrog_steps", value, min: 1.0, max: 10_000.0 })
        }
    }
}

impl MarkovKernel for Hmc {
    fn scratch_len(&self, dim: usize) -> usize {
        3 * dim + 3
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
        let choices = f64::from(2 * self.leapfrog_steps - 1);
        dispatch(Trajectories { choices, density, step_size, blocks, team })
    }
}

struct Trajectories<'a> {
    /// Numbers of leapfrog steps to choose from: `2n - 1`.
    choices: f64,
    density: &'a dyn Score,
    step_size: f64,
    blocks: BlocksMut<'a>,
    team: Team<'a>,
}

impl Task for Trajectories<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let Trajectories { choices, density, step_size, mut blocks, team } = self;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let (d, total, count) = (density.dim(), blocks.x.len(), blocks.count());
        let lengths = Lengths::draw(choices, streams, scratch.take(count)?);
        // These stand in order of lengths.
        let (kinetic, momentum) =
            (scratch.take_lanes::<V>(count)?, scratch.take_lanes::<V>(total)?);
        let mut moved = BlocksMut::take_from(&mut scratch, d, count)?;
        for ((block, point), stream) in blocks.iter_mut().enumerate().zip(&mut *streams) {
            let mut places = momentum.rows_mut(d).zip(kinetic.iter_mut()).zip(moved.iter_mut());
            if let Some(((momentum, kinetic), to)) = places.nth(lengths.place(block)) {
                stream.fill_normal_lanes(momentum);
                *kinetic = dot(momentum, momentum);
                copy(to.x, point.x);
                copy(to.score, point.score);
            }
        }

        let (h, half) = (V::splat(step_size), V::splat(0.5 * step_size));
        for step in 0..lengths.longest() {
            let moving = moved.first_mut(lengths.longer_than(step), d);
            let momentum = momentum.get_mut(..moving.x.len()).unwrap_or(&mut []);
            kick(momentum, half, V::view(moving.score));
            kick(V::view_mut(moving.x), h, momentum);
            let BlocksMut { x, log_density, score } = moving;
            density.log_densities_and_scores(x, score, log_density, scratch.reborrow())?;
            kick(momentum, half, V::view(score));
        }

        let team = streams.iter_mut().zip(outcomes).zip(evaluations);
        for ((block, point), ((stream, outcome), evaluations)) in
            blocks.iter_mut().enumerate().zip(team)
        {
            evaluations.count_scores(u64::from(lengths.of(block)));
            let mut places = momentum.rows(d).zip(&*kinetic).zip(moved.as_blocks().iter());
            if let Some(((momentum, &kinetic), to)) = places.nth(lengths.place(block)) {
                let change = V::splat(0.5) * (kinetic - dot(momentum, momentum));
                let log_density = V::of(to.log_density);
                let log_ratio = log_density - V::of(*point.log_density) + change;
                let (accepted, decided) = decide(log_ratio, log_density, stream);
                take_accepted::<V>(accepted, to, point);
                *outcome = decided;
            }
        }
        Ok(())
    }
}

/// How many leapfrog steps each block of a team takes.
struct Lengths<'a> {
    /// `[B]`, the same in all lanes.
    steps: &'a [f64x8],
}

impl<'a> Lengths<'a> {
    /// The first thing that is drawn of each stream.
    fn draw(choices: f64, streams: &mut [Stream], steps: &'a mut [f64x8]) -> Self {
        for (steps, stream) in steps.iter_mut().zip(streams) {
            *steps = splat(f64::from(1 + (stream.uniform() * choices) as u32));
        }
        Self { steps }
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.steps.iter().map(|steps| {
            let [steps, ..] = steps.to_array();
            steps as u32
        })
    }

    /// The steps of a block.
    fn of(&self, block: usize) -> u32 {
        self.iter().nth(block).unwrap_or(0)
    }

    /// The place of a block in order of lengths: the longest first, of two alike the one that comes first.
    fn place(&self, block: usize) -> usize {
        let own = self.of(block);
        let before =
            |&(other, steps): &(usize, u32)| steps > own || (steps == own && other < block);
        self.iter().enumerate().filter(before).count()
    }

    /// Blocks that take more steps than these.
    fn longer_than(&self, steps: u32) -> usize {
        self.iter().filter(|&own| own > steps).count()
    }

    fn longest(&self) -> u32 {
        self.iter().max().unwrap_or(0)
    }
}

/// `a += h b`.
#[inline(always)]
fn kick<V: Lanes>(a: &mut [V], h: V, b: &[V]) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = h.mul_add(b, *a);
    }
}

//! Hamiltonian Monte Carlo: leapfrog trajectories of jittered length, unit mass.
//!
//! `p <- p + (h/2) S(x); x <- x + h p; p <- p + (h/2) S(x)`, repeated; accepted with
//! `min(1, exp(log p(y) - |p'|^2/2 - log p(x) + |p|^2/2))`. The number of leapfrog steps is uniform
//! on `{1, .., 2n - 1}` (mean `n`), drawn per block before the momenta, so that no trajectory
//! length is periodic for every particle; given the length the kernel is reversible.

use super::MarkovKernel;
use super::accept::{Outcome, decide, take_accepted};
use crate::density::Score;
use crate::error::{Error, Result};
use crate::point::{Context, Point, PointMut};
use crate::simd::{Lanes, Task, copy, dispatch, dot, f64x8};

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
        3 * dim
    }

    fn step(
        &self,
        density: &dyn Score,
        step_size: f64,
        point: PointMut<'_>,
        context: Context<'_>,
    ) -> Result<Outcome> {
        let choices = f64::from(2 * self.leapfrog_steps - 1);
        let steps = 1 + (context.stream.uniform() * choices) as u32;
        dispatch(Trajectory { steps, density, step_size, point, context })
    }
}

struct Trajectory<'a> {
    steps: u32,
    density: &'a dyn Score,
    step_size: f64,
    point: PointMut<'a>,
    context: Context<'a>,
}

impl Task for Trajectory<'_> {
    type Output = Result<Outcome>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<Outcome> {
        let Trajectory { steps, density, step_size, point, mut context } = self;
        let d = point.x.len();
        let momentum = context.scratch.take_lanes::<V>(d)?;
        let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
        context.stream.fill_normal_lanes(momentum);
        let initial = dot(momentum, momentum);
        copy(y, point.x);
        copy(score, point.score);

        let (h, half) = (V::splat(step_size), V::splat(0.5 * step_size));
        let mut log_density = f64x8::ZERO;
        for _ in 0..steps {
            kick(momentum, half, V::view(score));
            kick(V::view_mut(y), h, momentum);
            let mut proposal =
                PointMut { x: &mut *y, log_density: &mut log_density, score: &mut *score };
            proposal.evaluate(density, &mut context)?;
            kick(momentum, half, V::view(score));
        }
        let kinetic = V::splat(0.5) * (initial - dot(momentum, momentum));
        let log_ratio = V::of(log_density) - V::of(*point.log_density) + kinetic;
        let (accepted, outcome) = decide(log_ratio, V::of(log_density), context.stream);
        take_accepted::<V>(accepted, Point { x: y, log_density, score }, point);
        Ok(outcome)
    }
}

/// `a += h b`.
#[inline(always)]
fn kick<V: Lanes>(a: &mut [V], h: V, b: &[V]) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = h.mul_add(b, *a);
    }
}

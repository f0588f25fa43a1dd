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
use crate::simd::{copy, dot, f64x8, splat};

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
        mut context: Context<'_>,
    ) -> Result<Outcome> {
        let d = point.x.len();
        let momentum = context.scratch.take(d)?;
        let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let choices = f64::from(2 * self.leapfrog_steps - 1);
        let steps = 1 + (context.stream.uniform() * choices) as u32;
        context.stream.fill_normals(momentum);
        let initial = dot(momentum, momentum);
        copy(y, point.x);
        copy(score, point.score);

        let (h, half) = (splat(step_size), splat(0.5 * step_size));
        let mut log_density = f64x8::ZERO;
        for _ in 0..steps {
            kick(momentum, half, score);
            kick(y, h, momentum);
            let mut proposal =
                PointMut { x: &mut *y, log_density: &mut log_density, score: &mut *score };
            proposal.evaluate(density, &mut context)?;
            kick(momentum, half, score);
        }
        let kinetic = splat(0.5) * (initial - dot(momentum, momentum));
        let log_ratio = log_density - *point.log_density + kinetic;
        let outcome = decide(log_ratio, log_density, context.stream);
        take_accepted(outcome.accepted, Point { x: y, log_density, score }, point);
        Ok(outcome)
    }
}

/// `a += h b`.
fn kick(a: &mut [f64x8], h: f64x8, b: &[f64x8]) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = h.mul_add(b, *a);
    }
}

//! Metropolis-adjusted Langevin: `y = x + h S(x) + sqrt(2h) z`, `q(y|x) = N(x + h S(x), 2h I)`.
//!
//! With `z` the normals of the proposal, the Metropolis-Hastings ratio is
//! `log p(y) - log p(x) + |z|^2/2 - |z + sqrt(h/2) (S(x) + S(y))|^2/2`,
//! since `x - y - h S(y) = -(sqrt(2h) z + h S(x) + h S(y))`.

use super::MarkovKernel;
use super::accept::{Outcome, decide, take_accepted};
use crate::density::Score;
use crate::error::Result;
use crate::point::{Context, Point, PointMut};
use crate::simd::{dot, f64x8, splat};

/// MALA with step size `h`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mala;

impl Mala {
    /// The acceptance rate step sizes are adapted to by default.
    pub const TARGET_ACCEPTANCE: f64 = 0.574;
}

impl MarkovKernel for Mala {
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
        let normals = context.scratch.take(d)?;
        let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
        context.stream.fill_normals(normals);
        let (h, scale) = (splat(step_size), splat(libm::sqrt(2.0 * step_size)));
        for (((y, &x), &s), &z) in y.iter_mut().zip(&*point.x).zip(&*point.score).zip(&*normals) {
            *y = scale.mul_add(z, h.mul_add(s, x));
        }
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;

        let forward = dot(normals, normals);
        let drift = splat(libm::sqrt(0.5 * step_size));
        for ((z, &from), &to) in normals.iter_mut().zip(&*point.score).zip(&*score) {
            *z = drift.mul_add(from + to, *z);
        }
        let backward = dot(normals, normals);
        let log_ratio = log_density - *point.log_density + splat(0.5) * (forward - backward);
        let outcome = decide(log_ratio, log_density, context.stream);
        take_accepted(outcome.accepted, Point { x: y, log_density, score }, point);
        Ok(outcome)
    }
}

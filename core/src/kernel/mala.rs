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
use crate::simd::{Lanes, Task, dispatch, dot, f64x8};

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
        let d = point.x.len();
        let normals = context.scratch.take_lanes::<V>(d)?;
        let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
        context.stream.fill_normal_lanes(normals);
        let (h, scale) = (V::splat(step_size), V::splat(libm::sqrt(2.0 * step_size)));
        let from = V::view(point.x).iter().zip(V::view(point.score));
        for ((y, (&x, &s)), &z) in V::view_mut(y).iter_mut().zip(from).zip(&*normals) {
            *y = scale.mul_add(z, h.mul_add(s, x));
        }
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;

        let forward = dot(normals, normals);
        let drift = V::splat(libm::sqrt(0.5 * step_size));
        let scores = V::view(point.score).iter().zip(V::view(score));
        for (z, (&from, &to)) in normals.iter_mut().zip(scores) {
            *z = drift.mul_add(from + to, *z);
        }
        let backward = dot(normals, normals);
        let gain = V::of(log_density) - V::of(*point.log_density);
        let log_ratio = gain + V::splat(0.5) * (forward - backward);
        let (accepted, outcome) = decide(log_ratio, V::of(log_density), context.stream);
        take_accepted::<V>(accepted, Point { x: y, log_density, score }, point);
        Ok(outcome)
    }
}

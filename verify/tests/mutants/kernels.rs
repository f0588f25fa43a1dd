//! Wrong Markov kernels.

use amc_core::density::Score;
use amc_core::error::Result;
use amc_core::kernel::{MarkovKernel, Outcome, RandomWalk};
use amc_core::point::{Context, PointMut};
use amc_core::simd::{dot, exp, f64x8, less, ln, select, splat};

/// What is wrong with the Langevin kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LangevinDefect {
    None,
    NoProposalRatio,
    /// `sqrt(h)` instead of `sqrt(2h)` in the proposal, not in the ratio.
    HalfTheNoise,
    /// `x + 2 h S` in the proposal, not in the ratio.
    DriftTwice,
    InvertedProposalRatio,
}

pub struct WrongLangevin {
    pub defect: LangevinDefect,
}

/// Accepts by `log_ratio` and moves the accepted lanes.
fn accept(
    log_ratio: f64x8,
    (y, log_density, score): (&[f64x8], f64x8, &[f64x8]),
    point: PointMut<'_>,
    context: Context<'_>,
) -> Outcome {
    let accepted = less(ln(context.stream.uniforms()), log_ratio);
    for (x, &y) in point.x.iter_mut().zip(y) {
        *x = select(accepted, y, *x);
    }
    for (s, &t) in point.score.iter_mut().zip(score) {
        *s = select(accepted, t, *s);
    }
    *point.log_density = select(accepted, log_density, *point.log_density);
    let acceptance_probability = exp(log_ratio.fast_min(f64x8::ZERO));
    Outcome { acceptance_probability, accepted, non_finite: f64x8::ZERO }
}

/// `log q(to | from)` of the Langevin proposal, up to a constant.
fn log_proposal(from: &[f64x8], score: &[f64x8], to: &[f64x8], h: f64) -> f64x8 {
    let pairs = from.iter().zip(score).zip(to);
    let square = pairs.fold(f64x8::ZERO, |sum, ((&x, &s), &y)| {
        let z = y - x - splat(h) * s;
        sum + z * z
    });
    square * splat(-0.25 / h)
}

impl MarkovKernel for WrongLangevin {
    fn scratch_len(&self, dim: usize) -> usize {
        2 * dim
    }

    fn step(
        &self,
        density: &dyn Score,
        h: f64,
        point: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Outcome> {
        let d = point.x.len();
        let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
        context.stream.fill_normals(y);
        let noise = if self.defect == LangevinDefect::HalfTheNoise { h } else { 2.0 * h };
        let drift = if self.defect == LangevinDefect::DriftTwice { 2.0 * h } else { h };
        for ((y, &x), &s) in y.iter_mut().zip(&*point.x).zip(&*point.score) {
            *y = *y * splat(noise.sqrt()) + x + splat(drift) * s;
        }
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;
        let ratio = log_proposal(y, score, point.x, h) - log_proposal(point.x, point.score, y, h);
        let factor = match self.defect {
            LangevinDefect::NoProposalRatio => 0.0,
            LangevinDefect::InvertedProposalRatio => -1.0,
            _ => 1.0,
        };
        let log_ratio = log_density - *point.log_density + ratio * splat(factor);
        Ok(accept(log_ratio, (y, log_density, score), point, context))
    }
}

/// One leapfrog step accepted by the density ratio alone.
pub struct NoMomentum;

impl MarkovKernel for NoMomentum {
    fn scratch_len(&self, dim: usize) -> usize {
        3 * dim
    }

    fn step(
        &self,
        density: &dyn Score,
        h: f64,
        point: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Outcome> {
        let d = point.x.len();
        let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let momentum = context.scratch.take(d)?;
        context.stream.fill_normals(momentum);
        for (((y, &x), &s), &p) in y.iter_mut().zip(&*point.x).zip(&*point.score).zip(&*momentum) {
            *y = x + splat(h) * (p + splat(0.5 * h) * s);
        }
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;
        let log_ratio = log_density - *point.log_density;
        Ok(accept(log_ratio, (y, log_density, score), point, context))
    }
}

/// A right random walk that leaves the proposal's log-density behind a rejection.
pub struct StaleCache;

impl MarkovKernel for StaleCache {
    fn scratch_len(&self, dim: usize) -> usize {
        RandomWalk.scratch_len(dim)
    }

    fn leaves_score_stale(&self) -> bool {
        true
    }

    fn step(
        &self,
        density: &dyn Score,
        h: f64,
        mut point: PointMut<'_>,
        context: Context<'_>,
    ) -> Result<Outcome> {
        let outcome = RandomWalk.step(density, h, point.reborrow(), context)?;
        let wrong = *point.log_density - dot(point.x, point.x);
        *point.log_density = select(outcome.accepted, *point.log_density, wrong);
        Ok(outcome)
    }
}

/// Claims to accept but stays.
pub struct Frozen;

impl MarkovKernel for Frozen {
    fn scratch_len(&self, _dim: usize) -> usize {
        0
    }

    fn step(
        &self,
        _density: &dyn Score,
        _h: f64,
        _point: PointMut<'_>,
        _context: Context<'_>,
    ) -> Result<Outcome> {
        Ok(Outcome { acceptance_probability: splat(0.5), ..Outcome::none() })
    }
}

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
    /// The way back is taken to drift by the score of where it leads.
    ReverseDriftAtWrongPoint,
    /// `|z|^2/(2h)` instead of `|z|^2/(4h)` in the proposal ratio.
    RatioVariance,
    /// Accepts by half the log-ratio.
    HalfTheRatio,
    /// Accepts by the larger of two uniforms.
    LargerUniform,
    /// Accepts by `p^0.95` instead of `p`.
    TemperedRatio,
    /// An accepted state keeps the score of the one before.
    StaleScore,
    /// An accepted state keeps the log-density of the one before.
    StaleLogDensity,
    /// All coordinates share one normal.
    OneNormal,
}

impl LangevinDefect {
    /// The defects, with a step size at which they still accept and reject.
    pub const WRONG: [(Self, f64); 12] = [
        (Self::NoProposalRatio, 0.65),
        (Self::HalfTheNoise, 0.65),
        (Self::DriftTwice, 0.35),
        (Self::InvertedProposalRatio, 0.35),
        (Self::ReverseDriftAtWrongPoint, 0.35),
        (Self::RatioVariance, 0.65),
        (Self::HalfTheRatio, 0.65),
        (Self::LargerUniform, 0.65),
        (Self::TemperedRatio, 0.65),
        (Self::StaleScore, 0.35),
        (Self::StaleLogDensity, 0.35),
        (Self::OneNormal, 0.35),
    ];
}

pub struct WrongLangevin {
    pub defect: LangevinDefect,
}

/// A proposal with its cached values.
type Proposed<'a> = (&'a [f64x8], f64x8, &'a [f64x8]);

/// Accepts by `log_ratio` and moves the accepted lanes.
fn accept(
    log_ratio: f64x8,
    proposed: Proposed<'_>,
    point: PointMut<'_>,
    context: Context<'_>,
) -> Outcome {
    decide(log_ratio, context.stream.uniforms(), proposed, point)
}

/// The same by given uniforms.
fn decide(
    log_ratio: f64x8,
    uniforms: f64x8,
    (y, log_density, score): Proposed<'_>,
    point: PointMut<'_>,
) -> Outcome {
    let accepted = less(ln(uniforms), log_ratio);
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
        if self.defect == LangevinDefect::OneNormal {
            y.fill(y[0]);
        }
        let noise = if self.defect == LangevinDefect::HalfTheNoise { h } else { 2.0 * h };
        let drift = if self.defect == LangevinDefect::DriftTwice { 2.0 * h } else { h };
        for ((y, &x), &s) in y.iter_mut().zip(&*point.x).zip(&*point.score) {
            *y = *y * splat(noise.sqrt()) + x + splat(drift) * s;
        }
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;
        let gain = log_density - *point.log_density;
        let at_wrong_point = self.defect == LangevinDefect::ReverseDriftAtWrongPoint;
        let back = if at_wrong_point { &*point.score } else { &*score };
        let ratio = log_proposal(y, back, point.x, h) - log_proposal(point.x, point.score, y, h);
        let log_ratio = match self.defect {
            LangevinDefect::NoProposalRatio => gain,
            LangevinDefect::InvertedProposalRatio => gain - ratio,
            LangevinDefect::RatioVariance => gain + ratio * splat(2.0),
            LangevinDefect::HalfTheRatio => (gain + ratio) * splat(0.5),
            LangevinDefect::TemperedRatio => gain * splat(0.95) + ratio,
            _ => gain + ratio,
        };
        let mut uniforms = context.stream.uniforms();
        if self.defect == LangevinDefect::LargerUniform {
            uniforms = uniforms.fast_max(context.stream.uniforms());
        }
        match self.defect {
            LangevinDefect::StaleScore => score.copy_from_slice(point.score),
            LangevinDefect::StaleLogDensity => log_density = *point.log_density,
            _ => {}
        }
        Ok(decide(log_ratio, uniforms, (y, log_density, score), point))
    }
}

/// What is wrong with the random walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WalkDefect {
    None,
    /// Proposals drift by a tenth of the step in the first coordinate, and the ratio ignores it.
    Drifting,
    /// `y = x exp(h z/2)` coordinate by coordinate, without the Jacobian `prod y/x`.
    NoJacobian,
    /// Every uphill proposal, and half of the others.
    HalfDownhill,
    /// `1/(1 + p(x)/p(y))` for uphill proposals, Metropolis for the others: two rules, each right alone.
    TwoRules,
}

impl WalkDefect {
    /// The defects with their step sizes.
    pub const WRONG: [(Self, f64); 4] = [
        (Self::Drifting, 0.9),
        (Self::NoJacobian, 0.9),
        (Self::HalfDownhill, 0.9),
        (Self::TwoRules, 0.9),
    ];
}

/// A random walk by hand.
pub struct WrongWalk {
    pub defect: WalkDefect,
}

impl MarkovKernel for WrongWalk {
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
        for (y, &x) in y.iter_mut().zip(&*point.x) {
            *y = match self.defect {
                WalkDefect::NoJacobian => x * exp(*y * splat(0.5 * h)),
                _ => x + splat(h) * *y,
            };
        }
        if self.defect == WalkDefect::Drifting {
            y[0] += splat(0.1 * h);
        }
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;
        let gain = log_density - *point.log_density;
        let uphill = less(f64x8::ZERO, gain);
        let log_ratio = match self.defect {
            WalkDefect::HalfDownhill => {
                select(uphill, f64x8::ZERO, splat(-core::f64::consts::LN_2))
            }
            WalkDefect::TwoRules => {
                select(uphill, -ln(splat(1.0) + exp(-gain.fast_max(f64x8::ZERO))), gain)
            }
            _ => gain,
        };
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

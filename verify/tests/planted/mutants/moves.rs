//! Wrong moves: random walks and leapfrog trajectories with one mistake each.

use amc_core::density::Score;
use amc_core::error::Result;
use amc_core::kernel::{MarkovKernel, Outcome};
use amc_core::point::{Context, PointMut};
use amc_core::simd::{exp, f64x8, less, select, splat};

/// What is altered in a random walk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alteration {
    /// The ratio is off by 1 % where the log-density gains more than 3, which is rare.
    RareRatio,
    /// The decision takes the better of two uniforms; what is reported is right.
    DecidedTwice,
    /// A rejected state keeps the last coordinate of the proposal.
    RejectedMoved,
    /// Probabilities are reported and used times `1 - 1e-8`.
    AlmostOne,
    /// The second coordinate moves half as far.
    HalfNoiseInOneCoordinate,
    /// The last coordinate uses the noise of the first one.
    SharedNoise,
}

pub struct Altered {
    pub alteration: Alteration,
}

impl MarkovKernel for Altered {
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
        if self.alteration == Alteration::SharedNoise {
            y[d - 1] = y[0];
        }
        if self.alteration == Alteration::HalfNoiseInOneCoordinate {
            y[1] *= splat(0.5);
        }
        y.iter_mut().zip(&*point.x).for_each(|(y, &x)| *y = *y * splat(h) + x);
        let mut log_density = f64x8::ZERO;
        PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;
        let gain = log_density - *point.log_density;
        let mut probability = exp(gain.fast_min(f64x8::ZERO));
        match self.alteration {
            Alteration::RareRatio => {
                let rare = less(gain, splat(-3.0));
                probability = select(rare, probability * splat(1.01), probability);
            }
            Alteration::AlmostOne => probability *= splat(1.0 - 1e-8),
            _ => {}
        }
        let mut uniforms = context.stream.uniforms();
        if self.alteration == Alteration::DecidedTwice {
            let another = context.stream.uniforms();
            uniforms = select(less(another, splat(0.03)), f64x8::ZERO, uniforms);
        }
        let accepted = less(uniforms, probability);
        for (i, (x, &y)) in point.x.iter_mut().zip(&*y).enumerate() {
            let torn = self.alteration == Alteration::RejectedMoved && i + 1 == d;
            *x = if torn { y } else { select(accepted, y, *x) };
        }
        *point.log_density = select(accepted, log_density, *point.log_density);
        Ok(Outcome { acceptance_probability: probability, accepted, non_finite: f64x8::ZERO })
    }

    fn leaves_score_stale(&self) -> bool {
        true
    }
}

/// What is wrong with a leapfrog trajectory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LeapfrogDefect {
    None,
    /// The first kick is a whole one.
    WholeFirstKick,
    /// The last half kick is left out.
    NoLastKick,
    /// The kinetic energy enters with the wrong sign.
    KineticSign,
    /// The energy of the momenta before the last kick.
    StaleMomentum,
    /// One step more than was drawn.
    OneStepMore,
}

impl LeapfrogDefect {
    pub const WRONG: [Self; 5] = [
        Self::WholeFirstKick,
        Self::NoLastKick,
        Self::KineticSign,
        Self::StaleMomentum,
        Self::OneStepMore,
    ];
}

pub struct WrongLeapfrog {
    pub defect: LeapfrogDefect,
    pub steps: u32,
}

impl MarkovKernel for WrongLeapfrog {
    fn scratch_len(&self, dim: usize) -> usize {
        4 * dim
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
        let (p, stale) = (context.scratch.take(d)?, context.scratch.take(d)?);
        let choices = f64::from(2 * self.steps - 1);
        let mut steps = 1 + (context.stream.uniform() * choices) as u32;
        steps += u32::from(self.defect == LeapfrogDefect::OneStepMore);
        context.stream.fill_normals(p);
        let energy = |p: &[f64x8]| p.iter().fold(f64x8::ZERO, |sum, &p| sum + p * p) * splat(0.5);
        let kick = |p: &mut [f64x8], s: &[f64x8], h: f64| {
            p.iter_mut().zip(s).for_each(|(p, &s)| *p += splat(h) * s);
        };
        let first = energy(p);
        y.copy_from_slice(point.x);
        score.copy_from_slice(point.score);
        let mut log_density = f64x8::ZERO;
        for step in 0..steps {
            let whole = self.defect == LeapfrogDefect::WholeFirstKick && step == 0;
            kick(p, score, if whole { h } else { 0.5 * h });
            y.iter_mut().zip(&*p).for_each(|(y, &p)| *y += splat(h) * p);
            PointMut { x: y, log_density: &mut log_density, score }
                .evaluate(density, &mut context)?;
            stale.copy_from_slice(p);
            if self.defect != LeapfrogDefect::NoLastKick || step + 1 < steps {
                kick(p, score, 0.5 * h);
            }
        }
        let last = energy(if self.defect == LeapfrogDefect::StaleMomentum { stale } else { p });
        let sign = if self.defect == LeapfrogDefect::KineticSign { -1.0 } else { 1.0 };
        let gain = log_density - *point.log_density + splat(sign) * (first - last);
        let probability = exp(gain.fast_min(f64x8::ZERO));
        let accepted = less(context.stream.uniforms(), probability);
        for (old, &new) in point.x.iter_mut().zip(&*y).chain(point.score.iter_mut().zip(&*score)) {
            *old = select(accepted, new, *old);
        }
        *point.log_density = select(accepted, log_density, *point.log_density);
        Ok(Outcome { acceptance_probability: probability, accepted, non_finite: f64x8::ZERO })
    }
}

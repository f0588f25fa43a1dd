//! Wrong noise schedules and tempering levels.

use amc_core::density::{LogDensity, Score};
use amc_core::error::Result;
use amc_core::path::{NoiseSchedule, NoisingStep};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_verify::law::path::NoisePath;

/// What is wrong with a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PathDefect {
    /// The variance of a step is its square root.
    DeviationForVariance,
    /// `v = v_t - v_s`.
    NoRatio,
    /// `v = v_t - a v_s`.
    RatioNotSquared,
    /// `a^2` instead of `a`.
    SquaredRatio,
    /// The cleaner and the noisier end are exchanged.
    EndsExchanged,
    /// The frozen drift is too large by a part in 1e7.
    Drift,
    /// `g` instead of `g^2`.
    RootDiffusion,
    /// `f` of the wrong sign.
    DriftSign,
    /// The rate of the variance without the drift's part.
    VarianceRate,
    /// Some variance at time 0.
    NoisyTarget,
    /// Times are measured a little late: `t - 1e-4`, where steps are not.
    LateAlpha,
}

impl PathDefect {
    pub const ALL: [Self; 11] = [
        Self::DeviationForVariance,
        Self::NoRatio,
        Self::RatioNotSquared,
        Self::SquaredRatio,
        Self::EndsExchanged,
        Self::Drift,
        Self::RootDiffusion,
        Self::DriftSign,
        Self::VarianceRate,
        Self::NoisyTarget,
        Self::LateAlpha,
    ];
}

pub struct WrongPath {
    pub schedule: NoiseSchedule,
    pub defect: PathDefect,
}

impl WrongPath {
    pub fn alter(&self, step: NoisingStep) -> NoisingStep {
        let carried = step.variance_clean;
        let by = |factor: f64| step.variance_noisy - factor * carried;
        match self.defect {
            PathDefect::DeviationForVariance => {
                NoisingStep { variance: step.variance.sqrt(), ..step }
            }
            PathDefect::NoRatio => NoisingStep { variance: by(1.0), ..step },
            PathDefect::RatioNotSquared => NoisingStep { variance: by(step.ratio), ..step },
            PathDefect::SquaredRatio => NoisingStep { ratio: step.ratio * step.ratio, ..step },
            PathDefect::EndsExchanged => {
                NoisingStep { alpha_clean: step.alpha_noisy, alpha_noisy: step.alpha_clean, ..step }
            }
            PathDefect::Drift => NoisingStep { drift: step.drift * (1.0 + 1e-7), ..step },
            _ => step,
        }
    }
}

impl NoisePath for WrongPath {
    fn alpha(&self, t: f64) -> f64 {
        let late = self.defect == PathDefect::LateAlpha && t > 0.0;
        self.schedule.alpha(if late { t - 1e-4 } else { t })
    }

    fn variance(&self, t: f64) -> f64 {
        let noisy = self.defect == PathDefect::NoisyTarget && t == 0.0;
        if noisy { 1e-5 } else { self.schedule.variance(t) }
    }

    fn step(&self, s: f64, t: f64) -> Result<NoisingStep> {
        Ok(self.alter(self.schedule.step(s, t)?))
    }

    fn drift_and_diffusion(&self, t: f64) -> (f64, f64) {
        let (f, g_squared) = self.schedule.drift_and_diffusion(t);
        match self.defect {
            PathDefect::RootDiffusion => (f, g_squared.sqrt()),
            PathDefect::DriftSign => (-f, g_squared),
            _ => (f, g_squared),
        }
    }

    fn variance_rate(&self, t: f64) -> f64 {
        if self.defect == PathDefect::VarianceRate {
            self.drift_and_diffusion(t).1
        } else {
            self.schedule.variance_rate(t)
        }
    }

    fn last_time(&self) -> f64 {
        self.schedule.default_t_max()
    }
}

/// What is wrong with a tempering level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BlendDefect {
    /// `beta` weighs the reference.
    Exchanged,
    /// `beta^2` in the score.
    SquaredInScore,
    /// The reference enters the log-density alone with weight one.
    WholeReference,
}

pub struct Blend<'a> {
    pub defect: BlendDefect,
    pub beta: f64,
    pub reference: &'a dyn Score,
    pub target: &'a dyn Score,
}

impl LogDensity for Blend<'_> {
    fn dim(&self) -> usize {
        self.target.dim()
    }

    fn scratch_len(&self) -> usize {
        self.dim() + self.reference.scratch_len().max(self.target.scratch_len())
    }

    fn log_density(&self, x: &[f64x8], mut scratch: Scratch<'_>) -> Result<f64x8> {
        let rho = self.reference.log_density(x, scratch.reborrow())?;
        let gamma = self.target.log_density(x, scratch)?;
        let beta = if self.defect == BlendDefect::Exchanged { 1.0 - self.beta } else { self.beta };
        let whole = self.defect == BlendDefect::WholeReference;
        Ok(splat(if whole { 1.0 } else { 1.0 - beta }) * rho + splat(beta) * gamma)
    }
}

impl Score for Blend<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let other = scratch.take(x.len())?;
        let rho = self.reference.log_density_and_score(x, other, scratch.reborrow())?;
        let gamma = self.target.log_density_and_score(x, score, scratch)?;
        let beta = if self.defect == BlendDefect::Exchanged { 1.0 - self.beta } else { self.beta };
        let squared = self.defect == BlendDefect::SquaredInScore;
        let weight = if squared { beta * beta } else { beta };
        for (s, &o) in score.iter_mut().zip(&*other) {
            *s = splat(1.0 - weight) * o + splat(weight) * *s;
        }
        Ok(splat(1.0 - beta) * rho + splat(beta) * gamma)
    }
}

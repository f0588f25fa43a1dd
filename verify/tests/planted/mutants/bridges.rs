//! Wrong bridges and denoising kernels.

use amc_core::bridge::{Bridge, Crossing, DenoisingKernel};
use amc_core::density::Score;
use amc_core::error::Result;
use amc_core::path::NoisingStep;
use amc_core::point::{Context, Point, PointMut};
use amc_core::simd::{f64x8, splat};

/// What slipped in a Gaussian denoising kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slip {
    None,
    /// `log_density` subtracts the drift that `sample` adds.
    DriftSignInDensity,
    /// `log k` uses `v/a^2` for a sample of variance `v`, everywhere.
    WrongVarianceInDensity,
    /// `log k` without `-(d/2) log(2 pi c)`.
    NoNormalization,
    /// The standard deviation is `c` instead of `sqrt c`, in the sampler only.
    DeviationForVariance,
    /// The last coordinate repeats the noise of the first.
    SharedNoise,
    /// The sampler's drift is half as long; the density is that of the right one.
    HalfTheDrift,
}

/// The DDPM kernel `N((x + v S)/a, v I)`, written out plainly.
pub struct GaussianKernel {
    step: NoisingStep,
    slip: Slip,
}

impl GaussianKernel {
    pub fn new(step: &NoisingStep, slip: Slip) -> Self {
        Self { step: *step, slip }
    }

    fn mean(&self, x: f64x8, score: f64x8, sign: f64) -> f64x8 {
        (x + score * splat(sign * self.step.variance)) / splat(self.step.ratio)
    }

    fn log_normal(&self, x: Point<'_>, y: &[f64x8], sign: f64) -> f64x8 {
        let variance = match self.slip {
            Slip::WrongVarianceInDensity => self.step.scaled_variance(),
            _ => self.step.variance,
        };
        let square = x.x.iter().zip(x.score).zip(y).fold(f64x8::ZERO, |sum, ((&x, &s), &y)| {
            let z = y - self.mean(x, s, sign);
            sum + z * z
        });
        let constant = y.len() as f64 * (std::f64::consts::TAU * variance).ln();
        let constant = if self.slip == Slip::NoNormalization { 0.0 } else { constant };
        (square / splat(variance) + splat(constant)) * splat(-0.5)
    }
}

impl DenoisingKernel for GaussianKernel {
    fn scratch_len(&self) -> usize {
        0
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], context: Context<'_>) -> Result<f64x8> {
        context.stream.fill_normals(y);
        if let (Slip::SharedNoise, [first, .., last]) = (self.slip, &mut *y) {
            *last = *first;
        }
        let deviation = match self.slip {
            Slip::DeviationForVariance => self.step.variance,
            _ => self.step.variance.sqrt(),
        };
        let drift = if self.slip == Slip::HalfTheDrift { 0.5 } else { 1.0 };
        for ((y, &x), &s) in y.iter_mut().zip(x.x).zip(x.score) {
            *y = *y * splat(deviation) + self.mean(x, s, drift);
        }
        Ok(self.log_normal(x, y, 1.0))
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], _context: Context<'_>) -> Result<f64x8> {
        let sign = if self.slip == Slip::DriftSignInDensity { -1.0 } else { 1.0 };
        Ok(self.log_normal(x, y, sign))
    }
}

/// What is wrong with the way a bridge is put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Defect {
    None,
    /// `log k - log q` instead of `log q - log k`, in all three methods.
    InvertedRatio,
    /// `-W` in all three methods.
    NegatedWork,
    /// `log p_t(x)` does not enter.
    ForgottenNoisyDensity,
    /// `log p_s(y)` does not enter.
    ForgottenCleanDensity,
    /// `log q(x|y)` does not enter.
    ForgottenBackward,
    /// Half the work, as if it were a logarithm to another base.
    HalvedWork,
    /// No weight at all.
    NoWork,
    /// The noising of `backward` is too wide by a tenth; the work is that of the right noising.
    NoisierBackward,
    /// `backward` alone returns `-W`.
    BackwardSign,
    /// The cached log-density of the new point is that of the old one.
    StaleDensity,
    /// One lane is NaN.
    NotANumber,
}

/// A right bridge with one defect.
pub struct Altered<'a> {
    pub inner: &'a dyn Bridge,
    pub noisy: &'a dyn Score,
    /// The noising step, for what is known about its kernel.
    pub step: NoisingStep,
    pub defect: Defect,
}

impl Altered<'_> {
    /// The wrong work, from the right one and both ends.
    fn alter(&self, work: f64x8, x: Point<'_>, y: Point<'_>) -> f64x8 {
        let (noisy, clean) = (x.log_density, y.log_density);
        match self.defect {
            Defect::InvertedRatio => (clean - noisy) * splat(2.0) - work,
            Defect::NegatedWork => -work,
            Defect::ForgottenNoisyDensity => work + noisy,
            Defect::ForgottenCleanDensity => work - clean,
            Defect::ForgottenBackward => work - self.log_noising(x, y),
            Defect::HalvedWork => work * splat(0.5),
            Defect::NoWork => f64x8::ZERO,
            Defect::NotANumber => {
                let mut lanes = work.to_array();
                lanes[3] = f64::NAN;
                f64x8::new(lanes)
            }
            _ => work,
        }
    }

    /// `log q(x|y)` of the noising step.
    fn log_noising(&self, x: Point<'_>, y: Point<'_>) -> f64x8 {
        let (ratio, variance) = (self.step.ratio, self.step.variance);
        let square = x.x.iter().zip(y.x).fold(f64x8::ZERO, |sum, (&x, &y)| {
            let z = x - splat(ratio) * y;
            sum + z * z
        });
        let constant = x.x.len() as f64 * (std::f64::consts::TAU * variance).ln();
        (square / splat(variance) + splat(constant)) * splat(-0.5)
    }
}

impl Bridge for Altered<'_> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn scratch_len(&self) -> usize {
        self.inner.scratch_len()
    }

    fn forward(&self, x: Point<'_>, mut y: PointMut<'_>, context: Context<'_>) -> Result<Crossing> {
        let work = self.inner.forward(x, y.reborrow(), context)?.log_work;
        let work = self.alter(work, x, y.as_point());
        if self.defect == Defect::StaleDensity {
            *y.log_density = x.log_density;
        }
        Ok(Crossing::from(work))
    }

    fn backward(
        &self,
        y: Point<'_>,
        mut x: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        let mut work = self.inner.backward(y, x.reborrow(), context.reborrow())?.log_work;
        if self.defect == Defect::NoisierBackward {
            // sqrt(1.21 v): independent noise of variance 0.21 v on top.
            let mut extra = vec![f64x8::ZERO; x.x.len()];
            context.stream.fill_normals(&mut extra);
            for (x, z) in x.x.iter_mut().zip(extra) {
                *x += z * splat((0.21 * self.step.variance).sqrt());
            }
            x.evaluate(self.noisy, &mut context)?;
            work = self.inner.log_work(x.as_point(), y, context)?;
        }
        if self.defect == Defect::BackwardSign {
            work = -work;
        }
        Ok(Crossing::from(self.alter(work, x.as_point(), y)))
    }

    fn log_work(&self, x: Point<'_>, y: Point<'_>, context: Context<'_>) -> Result<f64x8> {
        let work = self.inner.log_work(x, y, context)?;
        Ok(self.alter(work, x, y))
    }
}

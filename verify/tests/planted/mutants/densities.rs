//! Wrong densities: a right mixture level with one alteration.

use amc_core::density::{Hessian, HessianProduct, LogDensity, Score};
use amc_core::error::Result;
use amc_core::rng::Stream;
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, less, select, splat};
use amc_verify::oracle::{Cdf, ExactLaw, FixtureLevel};

/// What is wrong with the density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DensityDefect {
    /// The last coordinate of the score has the other sign.
    ScoreSign,
    /// The score is too large by a part in 1e5.
    ScoreFactor,
    /// The score stops growing in the far tail.
    ScoreClipped,
    /// The first two coordinates of the score are exchanged.
    ScoreExchanged,
    /// The log-density alone lacks a constant that the one with the score has.
    AloneShifted,
    /// Of several blocks the second gets the first one's score.
    SecondBlock,
    /// A product lacks the term of the first coordinate.
    ProductTerm,
    /// A linearized product has the other sign.
    LinearizedSign,
    /// One entry above the diagonal of the Hessian is off by a part in 1e4.
    Asymmetric,
    /// The Hessian without its diagonal's noise: `H + I/100`.
    Diagonal,
    /// The log-density is too large by 1e-6.
    Constant,
    /// The log-density is flat by 1e-4 in size: `(1 + 1e-4) log p`.
    Powered,
    /// Score of the log-density times 1.1, both ways consistent; samples of the right one.
    Cooled,
    /// Samples are spread by 5 %.
    WideSamples,
    /// Samples are shifted by 0.05 in the second coordinate.
    ShiftedSamples,
}

pub struct WrongDensity<'a> {
    pub level: &'a FixtureLevel<'a>,
    pub defect: DensityDefect,
}

impl WrongDensity<'_> {
    fn is(&self, defect: DensityDefect) -> bool {
        self.defect == defect
    }

    fn value(&self, value: f64x8) -> f64x8 {
        match self.defect {
            DensityDefect::Constant => value + splat(1e-6),
            DensityDefect::Powered => value * splat(1.0 + 1e-4),
            DensityDefect::Cooled => value * splat(1.1),
            _ => value,
        }
    }

    fn alter(&self, score: &mut [f64x8]) {
        let d = score.len();
        match self.defect {
            DensityDefect::ScoreSign => score[d - 1] = -score[d - 1],
            DensityDefect::ScoreFactor => score.iter_mut().for_each(|s| *s *= splat(1.0 + 1e-5)),
            DensityDefect::ScoreClipped => score.iter_mut().for_each(|s| {
                let limit = splat(100.0);
                let high = select(less(limit, *s), limit, *s);
                *s = select(less(high, -limit), -limit, high);
            }),
            DensityDefect::ScoreExchanged => score.swap(0, 1),
            DensityDefect::Powered => score.iter_mut().for_each(|s| *s *= splat(1.0 + 1e-4)),
            DensityDefect::Cooled => score.iter_mut().for_each(|s| *s *= splat(1.1)),
            _ => {}
        }
    }
}

impl LogDensity for WrongDensity<'_> {
    fn dim(&self) -> usize {
        self.level.level.dim()
    }

    fn scratch_len(&self) -> usize {
        self.level.level.scratch_len()
    }

    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        let value = self.value(self.level.level.log_density(x, scratch)?);
        Ok(if self.is(DensityDefect::AloneShifted) { value + splat(0.3) } else { value })
    }
}

impl Score for WrongDensity<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let value = self.level.level.log_density_and_score(x, score, scratch)?;
        self.alter(score);
        Ok(self.value(value))
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        for (block, value) in log_densities.iter_mut().enumerate() {
            let range = block * d..(block + 1) * d;
            let (x, score) = (&x[range.clone()], &mut score[range]);
            *value = self.log_density_and_score(x, score, scratch.reborrow())?;
        }
        if self.is(DensityDefect::SecondBlock) && log_densities.len() > 1 {
            score[d] = score[0] + splat(1e-3);
        }
        Ok(())
    }
}

impl HessianProduct for WrongDensity<'_> {
    fn hessian_scratch_len(&self) -> usize {
        self.level.level.hessian_scratch_len()
    }

    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        let mut v = v.to_vec();
        if self.is(DensityDefect::ProductTerm) {
            v[0] = f64x8::ZERO;
        }
        self.level.level.hessian_product(x, &v, out, scratch)
    }

    fn linearized_product(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.hessian_product(memory, v, out, scratch)?;
        if self.is(DensityDefect::LinearizedSign) {
            out.iter_mut().for_each(|o| *o = -*o);
        }
        Ok(())
    }
}

impl Hessian for WrongDensity<'_> {
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        self.level.level.hessian(x, out, scratch)?;
        let d = self.dim();
        match self.defect {
            DensityDefect::Asymmetric => out[1] *= splat(1.0 + 1e-4),
            DensityDefect::Diagonal => {
                out.iter_mut().step_by(d + 1).for_each(|h| *h += splat(0.01));
            }
            _ => {}
        }
        Ok(())
    }
}

impl ExactLaw for WrongDensity<'_> {
    fn density(&self) -> &dyn Score {
        self
    }

    fn scratch_len(&self) -> usize {
        ExactLaw::scratch_len(self.level)
    }

    fn sample(&self, x: &mut [f64x8], stream: &mut Stream, scratch: Scratch<'_>) -> Result<()> {
        self.level.sample(x, stream, scratch)?;
        match self.defect {
            DensityDefect::WideSamples => x.iter_mut().for_each(|x| *x *= splat(1.05)),
            DensityDefect::ShiftedSamples => x[1] += splat(0.05),
            _ => {}
        }
        Ok(())
    }

    fn projection_cdf(&self, direction: &[f64]) -> Cdf<'_> {
        self.level.projection_cdf(direction)
    }
}

//! One level of a tempering path: `log p_beta = (1 - beta) log rho + beta log gamma` \[Neal01\].
//!
//! At `beta = 0` and `1` the other end is not evaluated, so a target that is not finite where the
//! reference lives does no harm at the reference itself.

use super::{LogDensity, Score};
use crate::error::{Error, Result, check_len};
use crate::scratch::Scratch;
use crate::simd::{f64x8, splat};

/// The geometric interpolation between a reference `rho` and a target `gamma`.
#[derive(Clone, Copy)]
pub struct Tempered<'a> {
    reference: &'a dyn Score,
    target: &'a dyn Score,
    beta: f64,
}

impl<'a> Tempered<'a> {
    /// The level at inverse temperature `beta`.
    ///
    /// # Errors
    /// `beta` outside `[0, 1]`; different dimensions of reference and target.
    pub fn new(reference: &'a dyn Score, target: &'a dyn Score, beta: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&beta) {
            return Err(Error::OutOfRange { what: "beta", value: beta, min: 0.0, max: 1.0 });
        }
        check_len("dimension of the target", reference.dim(), target.dim())?;
        Ok(Self { reference, target, beta })
    }

    /// `rho`.
    pub fn reference(&self) -> &'a dyn Score {
        self.reference
    }

    /// `gamma`.
    pub fn target(&self) -> &'a dyn Score {
        self.target
    }

    /// The end that alone defines this level, if there is one.
    fn single_end(&self) -> Option<&'a dyn Score> {
        if self.beta == 0.0 {
            Some(self.reference)
        } else if self.beta == 1.0 {
            Some(self.target)
        } else {
            None
        }
    }
}

impl LogDensity for Tempered<'_> {
    fn dim(&self) -> usize {
        self.target.dim()
    }

    fn scratch_len(&self) -> usize {
        self.dim() + self.reference.scratch_len().max(self.target.scratch_len())
    }

    fn log_density(&self, x: &[f64x8], mut scratch: Scratch<'_>) -> Result<f64x8> {
        if let Some(end) = self.single_end() {
            return end.log_density(x, scratch);
        }
        let reference = self.reference.log_density(x, scratch.reborrow())?;
        let target = self.target.log_density(x, scratch)?;
        Ok(splat(1.0 - self.beta) * reference + splat(self.beta) * target)
    }
}

impl Score for Tempered<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        if let Some(end) = self.single_end() {
            return end.log_density_and_score(x, score, scratch);
        }
        let reference_score = scratch.take(self.dim())?;
        let reference =
            self.reference.log_density_and_score(x, reference_score, scratch.reborrow())?;
        let target = self.target.log_density_and_score(x, score, scratch)?;
        for (s, &r) in score.iter_mut().zip(&*reference_score) {
            *s = splat(1.0 - self.beta) * r + splat(self.beta) * *s;
        }
        Ok(splat(1.0 - self.beta) * reference + splat(self.beta) * target)
    }
}

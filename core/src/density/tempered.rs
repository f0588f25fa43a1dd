//! One level of a tempering path: `log p_beta = (1 - beta) log rho + beta log gamma` \[Neal01\].
//!
//! At `beta = 0` and `1` the other end is not evaluated, so a target that is not finite where the
//! reference lives does no harm at the reference itself.

use super::{LogDensity, Score};
use crate::error::{Error, Result, check_len};
use crate::linalg::{pieces, pieces_mut};
use crate::scratch::Scratch;
use crate::simd::{Lanes, Task, dispatch, f64x8, splat};

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

    /// Most blocks whose values at the reference there is room for.
    fn most_blocks(&self) -> usize {
        self.blocks_at_once().clamp(FEWEST_BLOCKS, MOST_BLOCKS)
    }
}

impl LogDensity for Tempered<'_> {
    fn dim(&self) -> usize {
        self.target.dim()
    }

    fn scratch_len(&self) -> usize {
        self.most_blocks() * (self.dim() + 1)
            + self.reference.scratch_len().max(self.target.scratch_len())
    }

    fn log_density(&self, x: &[f64x8], mut scratch: Scratch<'_>) -> Result<f64x8> {
        if let Some(end) = self.single_end() {
            return end.log_density(x, scratch);
        }
        let reference = self.reference.log_density(x, scratch.reborrow())?;
        let target = self.target.log_density(x, scratch)?;
        Ok(splat(1.0 - self.beta) * reference + splat(self.beta) * target)
    }

    fn blocks_at_once(&self) -> usize {
        match self.single_end() {
            Some(end) => end.blocks_at_once(),
            None => {
                self.reference.blocks_at_once().max(self.target.blocks_at_once()).min(MOST_BLOCKS)
            }
        }
    }

    fn log_densities(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        if let Some(end) = self.single_end() {
            return end.log_densities(x, log_densities, scratch);
        }
        let d = self.dim();
        check_len("x", log_densities.len().saturating_mul(d), x.len())?;
        let (beta, rest) = (splat(self.beta), splat(1.0 - self.beta));
        let blocks = self.most_blocks();
        let reference_density = scratch.take(blocks)?;
        let groups = pieces(x, (blocks * d).max(1)).zip(pieces_mut(log_densities, blocks));
        for (x, log_densities) in groups {
            let reference = reference_density.get_mut(..log_densities.len()).unwrap_or(&mut []);
            self.reference.log_densities(x, reference, scratch.reborrow())?;
            self.target.log_densities(x, log_densities, scratch.reborrow())?;
            for (target, &reference) in log_densities.iter_mut().zip(&*reference) {
                *target = rest * reference + beta * *target;
            }
        }
        Ok(())
    }
}

impl Score for Tempered<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let mut log_density = [f64x8::ZERO];
        self.log_densities_and_scores(x, score, &mut log_density, scratch)?;
        let [log_density] = log_density;
        Ok(log_density)
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        if let Some(end) = self.single_end() {
            return end.log_densities_and_scores(x, score, log_densities, scratch);
        }
        let d = self.dim();
        let total = log_densities.len().saturating_mul(d);
        check_len("x", total, x.len())?;
        check_len("score", total, score.len())?;
        // As many blocks at a time as there is room for the reference's scores of.
        let (beta, rest) = (splat(self.beta), splat(1.0 - self.beta));
        let blocks = self.most_blocks();
        let reference_score = scratch.take(blocks * d)?;
        let reference_density = scratch.take(blocks)?;
        let vectors = (blocks * d).max(1);
        let groups = pieces(x, vectors).zip(pieces_mut(score, vectors));
        for ((x, score), log_densities) in groups.zip(pieces_mut(log_densities, blocks)) {
            let reference_score = reference_score.get_mut(..x.len()).unwrap_or(&mut []);
            let reference = reference_density.get_mut(..log_densities.len()).unwrap_or(&mut []);
            let room = scratch.reborrow();
            self.reference.log_densities_and_scores(x, reference_score, reference, room)?;
            let room = scratch.reborrow();
            self.target.log_densities_and_scores(x, score, log_densities, room)?;
            dispatch(Blend { beta: self.beta, reference: reference_score, score });
            for (target, &reference) in log_densities.iter_mut().zip(&*reference) {
                *target = rest * reference + beta * *target;
            }
        }
        Ok(())
    }
}

/// Blocks evaluated at a time, where neither end asks for more.
const FEWEST_BLOCKS: usize = 8;
/// Most blocks evaluated at a time.
const MOST_BLOCKS: usize = 64;

/// `score <- (1 - beta) reference + beta score`.
struct Blend<'a> {
    beta: f64,
    reference: &'a [f64x8],
    score: &'a mut [f64x8],
}

impl Task for Blend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (rest, beta) = (V::splat(1.0 - self.beta), V::splat(self.beta));
        for (s, &r) in V::view_mut(self.score).iter_mut().zip(V::view(self.reference)) {
            *s = rest.mul_add(r, beta * *s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Covariance, Mixture, MixtureLevel};
    use crate::simd::splat;

    /// Fails if reference and target are exchanged, in the density or in the score alone.
    #[test]
    fn weights_of_both_ends() {
        let one = |mean, covariance| Mixture::new(1, &[1.0], mean, covariance).unwrap();
        let reference = one(&[0.0], Covariance::Isotropic(&[1.0]));
        let target = one(&[3.0], Covariance::Isotropic(&[0.5]));
        let (mut first, mut second) = ([0.0; 4], [0.0; 4]);
        let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut first).unwrap();
        let target = MixtureLevel::prepare(&target, 1.0, 0.0, &mut second).unwrap();
        let mut memory = [f64x8::ZERO; 128];
        let x = [splat(0.7)];
        // Up to constants: -x^2/2 and -(x - 3)^2.
        let log_rho = -0.5 * (0.7 * 0.7 + libm::log(core::f64::consts::TAU));
        let log_gamma = -(2.3 * 2.3) - 0.5 * libm::log(core::f64::consts::PI);
        for beta in [0.0, 0.2, 1.0] {
            let level = Tempered::new(&reference, &target, beta).unwrap();
            let mut score = [f64x8::ZERO];
            let alone = level.log_density(&x, Scratch::new(&mut memory)).unwrap().to_array()[0];
            let scratch = Scratch::new(&mut memory);
            let with_score = level.log_density_and_score(&x, &mut score, scratch).unwrap();
            let expected = (1.0 - beta) * log_rho + beta * log_gamma;
            assert!((alone - expected).abs() < 1e-14);
            assert!((with_score.to_array()[0] - expected).abs() < 1e-14);
            let expected = (1.0 - beta) * -0.7 + beta * 2.0 * 2.3;
            assert!((score[0].to_array()[0] - expected).abs() < 1e-14);
        }
    }
}

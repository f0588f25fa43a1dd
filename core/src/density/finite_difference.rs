//! Hessian-vector products of a density that offers a score only, by central differences:
//! `H v = (S(x + h u) - S(x - h u)) |v| / (2 h)`, `u = v/|v|`.
//!
//! **An approximation.** With `h = eps^(1/3) (l + |x|_rms)`, `l` the length on which the score bends,
//! truncation `h^2 S'''/6` and rounding `eps |S|/h` are of the same order; the relative error of a
//! product is about 1e-10 to 1e-6, larger where the score bends on a length below `l`. Products are
//! not exactly linear in `v`, nor is `H` exactly symmetric. Kernels made from them are normalized
//! whatever `H` is, so weights stay unbiased; determinants of maps become approximate.

use super::{HessianProduct, LogDensity, Score};
use crate::error::{Error, Result, check_len};
use crate::point::Evaluations;
use crate::scratch::Scratch;
use crate::simd::blocks::dot;
use crate::simd::{f64x8, reciprocal_or_zero, splat};

/// `eps^(1/3)`.
const STEP: f64 = 6.055_454_452_393_343e-6;

/// A density with a score, and differences of the score for products with its Hessian.
#[derive(Clone, Copy)]
pub struct FiniteDifference<'a> {
    density: &'a dyn Score,
    length: f64,
}

impl<'a> FiniteDifference<'a> {
    /// Smallest length: the step at the origin is then a normal number. Far below it is zero, and every
    /// product is a quotient of zeros.
    pub const SMALLEST_LENGTH: f64 = 1e-300;

    /// Differences of the score of a density whose scales are about 1.
    pub fn new(density: &'a dyn Score) -> Self {
        Self { density, length: 1.0 }
    }

    /// Differences of a score that bends on lengths of about `length`: the smallest standard
    /// deviation, say.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the length is finite and at least [`FiniteDifference::SMALLEST_LENGTH`].
    pub fn with_length(density: &'a dyn Score, length: f64) -> Result<Self> {
        let (min, max) = (Self::SMALLEST_LENGTH, f64::MAX);
        if length >= min && length <= max {
            Ok(Self { density, length })
        } else {
            Err(Error::OutOfRange { what: "length of differences", value: length, min, max })
        }
    }
}

impl LogDensity for FiniteDifference<'_> {
    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn scratch_len(&self) -> usize {
        2 * self.dim() + self.density.scratch_len()
    }

    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        self.density.log_density(x, scratch)
    }

    fn blocks_at_once(&self) -> usize {
        self.density.blocks_at_once()
    }

    fn log_densities(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.density.log_densities(x, log_densities, scratch)
    }
}

impl Score for FiniteDifference<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        self.density.log_density_and_score(x, score, scratch)
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.density.log_densities_and_scores(x, score, log_densities, scratch)
    }
}

impl HessianProduct for FiniteDifference<'_> {
    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        for (what, found) in [("x", x.len()), ("v", v.len()), ("out", out.len())] {
            check_len(what, d, found)?;
        }
        let (point, below) = (scratch.take(d)?, scratch.take(d)?);
        let length = dot(v, v).sqrt();
        // The product with zero is zero, not a quotient of zeros.
        let inverse = reciprocal_or_zero(length);
        let root_mean_square = (dot(x, x) * splat(1.0 / d as f64)).sqrt();
        let step = splat(STEP) * (splat(self.length) + root_mean_square);
        let mut score_at = |step: f64x8, score: &mut [f64x8]| {
            for ((p, &x), &v) in point.iter_mut().zip(x).zip(v) {
                *p = step.mul_add(v, x);
            }
            self.density.log_density_and_score(point, score, scratch.reborrow())
        };
        score_at(step * inverse, out)?;
        score_at(-(step * inverse), below)?;
        let quotient = splat(0.5) * length / step;
        for (o, &b) in out.iter_mut().zip(&*below) {
            *o = (*o - b) * quotient;
        }
        Ok(())
    }

    /// Two scores, each with its log-density.
    fn count_product(&self, evaluations: &mut Evaluations) {
        evaluations.density += 2;
        evaluations.score += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Covariance, Mixture, MixtureLevel};
    use crate::simd::{less_equal, select};

    /// Fails if a sign, the length of `v` or the factor 1/2 is wrong, if the step is shared between
    /// lanes of different sizes, or if a product with zero is not zero; and if the cost is counted
    /// as anything but two scores.
    #[test]
    fn close_to_the_exact_product() {
        let means = [-1.5, 0.4, 1.1, 0.9, -0.3, 2.0];
        let variances = [0.4, 0.9, 0.25, 0.7, 0.5, 1.3];
        let covariance = Covariance::Diagonal(&variances);
        let mixture = Mixture::new(3, &[0.3, 0.7], &means, covariance).unwrap();
        let mut storage = [0.0; 26];
        let level = MixtureLevel::prepare(&mixture, 0.8, 0.2, &mut storage).unwrap();
        let unit = FiniteDifference::new(&level);
        let own = FiniteDifference::with_length(&level, 0.5).unwrap();
        for difference in [unit, own] {
            let lane = |i: usize, a: f64| {
                f64x8::new(core::array::from_fn(|l| a * (1.0 + 0.3 * l as f64) - 0.2 * i as f64))
            };
            let x = [lane(0, 0.3), lane(1, -0.4), lane(2, 0.5)];
            let mut v = [lane(1, 1e3), lane(0, -0.1), lane(3, 1.7)];
            v.iter_mut().for_each(|v| *v = select(lane_mask(5), f64x8::ZERO, *v));
            let mut memory = [f64x8::ZERO; 260];
            let memory = &mut memory[..difference.scratch_len().max(level.hessian_scratch_len())];
            let (mut found, mut expected) = ([f64x8::ZERO; 3], [f64x8::ZERO; 3]);
            difference.hessian_product(&x, &v, &mut found, Scratch::new(memory)).unwrap();
            level.hessian_product(&x, &v, &mut expected, Scratch::new(memory)).unwrap();
            let size = dot(&expected, &expected).sqrt().to_array();
            for (f, e) in found.iter().zip(&expected) {
                for (l, (f, e)) in f.to_array().into_iter().zip(e.to_array()).enumerate() {
                    assert!((f - e).abs() <= 1e-8 * size[l], "lane {l}: {f} for {e}");
                }
            }
            let mut evaluations = Evaluations::default();
            difference.count_product(&mut evaluations);
            let scores = Evaluations { density: 2, score: 2, hessian_product: 0 };
            assert_eq!(evaluations, scores);
        }
        assert!(FiniteDifference::with_length(&level, 0.0).is_err());
    }

    fn lane_mask(lane: usize) -> f64x8 {
        let mark = f64x8::new(core::array::from_fn(|l| if l == lane { 0.0 } else { 1.0 }));
        less_equal(mark, f64x8::ZERO)
    }

    /// Fails if the step vanishes where the point is as far from the origin as the score bends.
    #[test]
    fn points_at_the_length_itself() {
        let mixture = Mixture::new(2, &[1.0], &[0.5, -1.0], Covariance::Isotropic(&[2.0])).unwrap();
        let mut storage = [0.0; 6];
        let level = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage).unwrap();
        let difference = FiniteDifference::with_length(&level, 3.0).unwrap();
        let (mut out, mut memory) = ([splat(0.0); 2], [splat(0.0); 256]);
        let memory = &mut memory[..difference.scratch_len()];
        let x = [splat(3.0), splat(-3.0)];
        let v = [splat(2.0), splat(0.5)];
        difference.hessian_product(&x, &v, &mut out, Scratch::new(memory)).unwrap();
        for (found, expected) in [(out[0], -1.0), (out[1], -0.25)] {
            assert!((found.to_array()[2] - expected).abs() < 1e-8, "{found} {expected}");
        }
    }
}

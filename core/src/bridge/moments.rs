//! Posterior moments of `x_s` given `x_t`: what second-order kernels ask for.
//!
//! For a mixture they are known without cancellation ([`MixtureTransition`]); for any density with
//! a Hessian they follow from Tweedie's formulas, `m = (x + v S)/a`, `C = (v/a^2)(I + v H)`.
//!
//! A covariance of `x_s` given `x_t` is never below `(v v_s/v_t) I`, what it is when `x_0` is known too. A
//! Hessian that is only an approximation need not know that, and where it breaks it grossly there is no kernel,
//! or one whose weights have no mean to speak of. Where `C - (v v_s/v_t) I/2` is not positive definite the moments
//! therefore are `c I`, `c` the mean of the diagonal of `C` between `v v_s/v_t` and `v/a^2`: any function of `x` is a
//! valid covariance. On the step to `s = 0`, where the bound is 0, `C` must be above `1e-6 v/a^2`, and `c` is
//! `v/a^2`: too wide a kernel costs weights, too narrow a one their mean.

use crate::density::Hessian;
use crate::density::mixture::MixtureTransition;
use crate::error::Result;
use crate::linalg::{Cholesky, RowMajor};
use crate::path::NoisingStep;
use crate::point::Point;
use crate::scratch::Scratch;
use crate::simd::{Lanes, Mask, Task, copy, dispatch, f64x8, splat};

/// First and second moments of the cleaner state given the noisier one.
pub trait PosteriorMoments: Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Workspace, in vectors.
    fn scratch_len(&self) -> usize;

    /// `m` `[d]` and the dense `C` `[d x d]`, row-major, in the frame of [`Self::local_coordinates`].
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn covariance(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        covariance: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()>;

    /// `m` `[d]` and the diagonal of `C` `[d]`, in the coordinates of `x`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn diagonal(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        diagonal: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()>;

    /// `out = F x`, the frame [`Self::covariance`] speaks in; the coordinates themselves by default.
    fn local_coordinates(&self, x: &[f64x8], out: &mut [f64x8]) {
        copy(out, x);
    }

    /// `out = F^T y`.
    fn global_coordinates(&self, y: &[f64x8], out: &mut [f64x8]) {
        copy(out, y);
    }
}

/// Posterior moments of a density that offers its Hessian.
#[derive(Clone, Copy)]
pub struct HessianMoments<'a> {
    noisy: &'a dyn Hessian,
    step: NoisingStep,
}

impl<'a> HessianMoments<'a> {
    /// The moments on the step that ends at the level `noisy`.
    pub fn new(noisy: &'a dyn Hessian, step: NoisingStep) -> Self {
        Self { noisy, step }
    }

    fn mean(&self, x: Point<'_>, mean: &mut [f64x8]) {
        let (inverse, v) = (splat(1.0 / self.step.ratio), splat(self.step.variance));
        for ((m, &x), &s) in mean.iter_mut().zip(x.x).zip(x.score) {
            *m = v.mul_add(s, x) * inverse;
        }
    }
}

impl PosteriorMoments for HessianMoments<'_> {
    fn dim(&self) -> usize {
        self.noisy.dim()
    }

    fn scratch_len(&self) -> usize {
        let square = self.dim() * self.dim();
        square + square.max(self.noisy.hessian_scratch_len())
    }

    fn covariance(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        covariance: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        self.mean(x, mean);
        self.noisy.hessian(x.x, covariance, scratch.reborrow())?;
        let (scale, v) = (splat(self.step.scaled_variance()), splat(self.step.variance));
        for entry in covariance.iter_mut() {
            *entry *= scale * v;
        }
        for entry in covariance.diagonal_mut(self.dim()) {
            *entry += scale;
        }
        let dim = self.dim();
        let work = scratch.take(dim * dim)?;
        let bounds = (self.step.posterior_variance(), self.step.scaled_variance());
        dispatch(Guard { dim, covariance, work, bounds })
    }

    fn diagonal(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        diagonal: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let covariance = scratch.take(self.dim() * self.dim())?;
        self.covariance(x, mean, covariance, scratch)?;
        for (c, &entry) in diagonal.iter_mut().zip(covariance.diagonal(self.dim())) {
            *c = entry;
        }
        Ok(())
    }
}

/// Makes the lanes isotropic whose covariance is none.
struct Guard<'a> {
    dim: usize,
    covariance: &'a mut [f64x8],
    work: &'a mut [f64x8],
    /// `v v_s/v_t` and `v/a^2`.
    bounds: (f64, f64),
}

impl Task for Guard<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let (d, (least, most)) = (self.dim, self.bounds);
        let (covariance, work) = (V::view_mut(self.covariance), V::view_mut(self.work));
        for (w, &c) in work.iter_mut().zip(&*covariance) {
            *w = c;
        }
        let (mut trace, mut none) = (V::zero(), V::zero());
        for &entry in &*work {
            // Zero, and NaN where a number is none: such a particle has no moments at all, isotropic or not.
            none += V::zero() * entry;
        }
        for entry in work.diagonal_mut(d) {
            trace += *entry;
            *entry -= V::splat((0.5 * least).max(1e-6 * most));
        }
        let log_determinant = Cholesky::factor(d, work)?.log_determinant();
        // Only numbers are equal to themselves.
        let valid = log_determinant.equal(log_determinant);
        if valid.all() {
            return Ok(());
        }
        let mean = trace * V::splat(1.0 / d as f64);
        let floor = if least > 0.0 { least } else { most };
        let isotropic = V::splat(floor).max(V::splat(most).min(mean)) + none;
        for (i, row) in covariance.rows_mut(d).enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                let other = if i == j { isotropic } else { V::zero() };
                *entry = V::select(valid, *entry, other);
            }
        }
        Ok(())
    }
}

impl PosteriorMoments for MixtureTransition<'_> {
    fn dim(&self) -> usize {
        MixtureTransition::dim(self)
    }

    fn scratch_len(&self) -> usize {
        let d = PosteriorMoments::dim(self);
        let dense = if self.is_diagonal_plus_low_rank() { 0 } else { d * d };
        MixtureTransition::scratch_len(self) + self.components() * d + 3 * d + dense
    }

    fn covariance(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        covariance: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let rows = scratch.take(self.components() * PosteriorMoments::dim(self))?;
        dispatch(Covariance { transition: self, x: x.x, mean, covariance, rows, scratch })
    }

    fn diagonal(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        diagonal: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        dispatch(Variances { transition: self, x: x.x, mean, diagonal, scratch })
    }

    fn local_coordinates(&self, x: &[f64x8], out: &mut [f64x8]) {
        MixtureTransition::local_coordinates(self, x, out);
    }

    fn global_coordinates(&self, y: &[f64x8], out: &mut [f64x8]) {
        MixtureTransition::global_coordinates(self, y, out);
    }
}

struct Covariance<'a, 's> {
    transition: &'a MixtureTransition<'a>,
    x: &'a [f64x8],
    mean: &'a mut [f64x8],
    covariance: &'a mut [f64x8],
    rows: &'a mut [f64x8],
    scratch: Scratch<'s>,
}

impl Task for Covariance<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        self.transition.dense_covariance(
            V::view(self.x),
            V::view_mut(self.mean),
            V::view_mut(self.covariance),
            V::view_mut(self.rows),
            self.scratch,
        )
    }
}

struct Variances<'a, 's> {
    transition: &'a MixtureTransition<'a>,
    x: &'a [f64x8],
    mean: &'a mut [f64x8],
    diagonal: &'a mut [f64x8],
    scratch: Scratch<'s>,
}

impl Task for Variances<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let (mean, diagonal) = (V::view_mut(self.mean), V::view_mut(self.diagonal));
        self.transition.marginal_variances(V::view(self.x), mean, diagonal, self.scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{HessianProduct, LogDensity, Score};
    use crate::error::check_len;
    use crate::path::NoiseSchedule;

    /// `log p = -x^T A x/2` with an `A` of one's own in every lane.
    struct Quadratic([[f64x8; 2]; 2]);

    impl LogDensity for Quadratic {
        fn dim(&self) -> usize {
            2
        }
        fn scratch_len(&self) -> usize {
            0
        }
        fn log_density(&self, x: &[f64x8], _: Scratch<'_>) -> Result<f64x8> {
            check_len("x", 2, x.len())?;
            Ok(splat(0.0))
        }
    }

    impl Score for Quadratic {
        fn log_density_and_score(
            &self,
            x: &[f64x8],
            _: &mut [f64x8],
            scratch: Scratch<'_>,
        ) -> Result<f64x8> {
            self.log_density(x, scratch)
        }
    }

    impl HessianProduct for Quadratic {
        fn hessian_product(
            &self,
            x: &[f64x8],
            _: &[f64x8],
            _: &mut [f64x8],
            _: Scratch<'_>,
        ) -> Result<()> {
            check_len("x", 2, x.len())
        }
    }

    impl Hessian for Quadratic {
        fn hessian(&self, _: &[f64x8], out: &mut [f64x8], _: Scratch<'_>) -> Result<()> {
            for (out, &a) in out.iter_mut().zip(self.0.as_flattened()) {
                *out = -a;
            }
            Ok(())
        }
    }

    /// Fails if a covariance that is one changes, if one that is none stays, if a guard goes over to other lanes,
    /// has the wrong variance, or hides numbers that are none.
    #[test]
    fn covariances_that_are_none_become_isotropic() {
        let step = NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(0.02, 0.3).unwrap();
        let (v, scale, least) = (step.variance, step.scaled_variance(), step.posterior_variance());
        let mut diagonal = [0.3; 8];
        (diagonal[1], diagonal[2], diagonal[3]) = (1.0 / v, 40.0 / v, f64::NAN);
        (diagonal[4], diagonal[5]) = (f64::INFINITY, f64::NEG_INFINITY);
        let off = splat(0.1);
        let density = Quadratic([[f64x8::new(diagonal), off], [off, splat(0.7)]]);
        let moments = HessianMoments::new(&density, step);
        let mut scratch = [splat(0.0); 8];
        let (mut mean, mut covariance) = ([splat(0.0); 2], [splat(0.0); 4]);
        let (x, score) = ([splat(1.0); 2], [splat(0.5); 2]);
        let point = Point { x: &x, log_density: splat(0.0), score: &score };
        let memory = Scratch::new(&mut scratch[..moments.scratch_len()]);
        moments.covariance(point, &mut mean, &mut covariance, memory).unwrap();
        let lane = |lane: usize| covariance.map(|entry| entry.to_array()[lane]);
        let near = |found: [f64; 4], expected: [f64; 4]| {
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12 * scale)
        };
        let (c, o) = (scale * (1.0 - v * 0.7), -scale * v * 0.1);
        assert!(near(lane(0), [scale * (1.0 - v * 0.3), o, o, c]), "{:?}", lane(0));
        let middle = 0.5 * c;
        assert!(middle > least && near(lane(1), [middle, 0.0, 0.0, middle]), "{:?}", lane(1));
        assert!(near(lane(2), [least, 0.0, 0.0, least]), "{:?}", lane(2));
        assert!([3, 4, 5].iter().all(|&none| !lane(none)[0].is_finite()));
    }

    /// Fails if nothing is left of the variance where it has no lower bound, in one dimension or on the diagonal.
    #[test]
    fn the_step_to_the_target_keeps_a_variance() {
        let step = NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(0.0, 0.3).unwrap();
        let (v, scale) = (step.variance, step.scaled_variance());
        let diagonal = [0.2, 1.5 / v, 1.0 / v, 0.9 / v, 0.2, 0.2, 0.2, 0.2];
        let density =
            Quadratic([[f64x8::new(diagonal), splat(0.0)], [splat(0.0), f64x8::new(diagonal)]]);
        let moments = HessianMoments::new(&density, step);
        let mut scratch = [splat(0.0); 12];
        let (mut mean, mut variances) = ([splat(0.0); 2], [splat(0.0); 2]);
        let (x, score) = ([splat(1.0); 2], [splat(0.5); 2]);
        let point = Point { x: &x, log_density: splat(0.0), score: &score };
        let memory = Scratch::new(&mut scratch[..moments.scratch_len()]);
        moments.diagonal(point, &mut mean, &mut variances, memory).unwrap();
        let expected = [1.0 - 0.2 * v, 1.0, 1.0, 0.1];
        for variance in variances {
            for (found, expected) in variance.to_array().into_iter().zip(expected) {
                assert!((found / scale - expected).abs() < 1e-12, "{found} {scale} {expected}");
            }
        }
    }
}

//! Posterior moments of `x_s` given `x_t`: what second-order kernels ask for.
//!
//! For a mixture they are known without cancellation ([`MixtureTransition`]); for any density with
//! a Hessian they follow from Tweedie's formulas, `m = (x + v S)/a`, `C = (v/a^2)(I + v H)`.

use crate::density::Hessian;
use crate::density::mixture::MixtureTransition;
use crate::error::Result;
use crate::linalg::RowMajor;
use crate::path::NoisingStep;
use crate::point::Point;
use crate::scratch::Scratch;
use crate::simd::{Lanes, Task, copy, dispatch, f64x8, splat};

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
        self.noisy.hessian_scratch_len() + self.dim() * self.dim()
    }

    fn covariance(
        &self,
        x: Point<'_>,
        mean: &mut [f64x8],
        covariance: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.mean(x, mean);
        self.noisy.hessian(x.x, covariance, scratch)?;
        let (scale, v) = (splat(self.step.scaled_variance()), splat(self.step.variance));
        for entry in covariance.iter_mut() {
            *entry *= scale * v;
        }
        for entry in covariance.diagonal_mut(self.dim()) {
            *entry += scale;
        }
        Ok(())
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

//! The second-order kernel from a few products with the Hessian:
//! `N(m, (v/a^2) ((1 + v c) I + v V^T (T - c I) V))`, `m = (x + v S)/a`.
//!
//! `V` `[r x d]` (orthonormal rows) and `T` come from `r` Lanczos steps on `H_t(x_t)`; the complement of
//! `V` gets the curvature `c`, which [`Trace`] supplies. With `I + v T = L L^T`, `w = (y - m) a/sqrt(v)`
//! and `p = V w`,
//! `log k = -(d log(2 pi v/a^2) + (d - r) log(1 + v c) + log det(I + v T)`
//! `+ |w - V^T p|^2/(1 + v c) + |L^-1 p|^2)/2`, and `w = sqrt(1 + v c) (z - V^T V z) + V^T L V z`
//! is a sample for standard normals `z`. `r` is a lane's own: Lanczos may break down.
//!
//! **It is a normalized Gaussian for any `V`, `T`, `c`,** so weights are unbiased whatever `H` is.
//! `1 + v c` is kept above the least it can be on a diffusion path, `a^2 v_s/v_t` (at `s = 0`, where that
//! is 0, above 1e-6), and 1 replaces it where `c` is not finite. Where `I + v T` is not positive definite,
//! which no Hessian of a diffusion path causes, the lane falls back to `r = 0`.
//!
//! **Auxiliary variables.** A random start and probes, `u ~ rho(u)`, do not depend on any state.
//! Unbiased: `E[p_s(y) q(x|y)/(p_t(x) k(y|x,u))] = 1` for each `u`, hence for random `u`.
//! Detailed balance of a swap: it draws `u` for `k(y_s|x_t,u)` and `u'` for `k(x_s|y_t,u')`; the way back
//! exchanges their roles, and `rho(u) rho(u')` cancels. The log-work of a given pair is then random, too.
//!
//! For equal isotropic components `r = min(K, d)` steps are exact from either start (`K - 1` for the
//! spread of the components, one for the part of the start outside it);
//! `K - 1` are not.

mod factor;
mod options;

pub use options::{Rank, Start, Trace};

use super::{DenoisingKernel, LOG_TWO_PI};
use crate::density::HessianProduct;
use crate::error::{Error, Result, check_len};
use crate::krylov::{HessianAt, Lanczos};
use crate::linalg::RowMajor;
use crate::path::NoisingStep;
use crate::point::{Context, Point};
use crate::scratch::Scratch;
use crate::simd::blocks::dot;
use crate::simd::{copy, f64x8, ln, splat};
use factor::Factor;

/// `k(y | x)` of second order from a few Hessian-vector products.
#[derive(Clone, Copy)]
pub struct LowRank<'a> {
    noisy: &'a dyn HessianProduct,
    step: NoisingStep,
    steps: usize,
    tolerance: f64,
    trace: Trace,
    start: Start,
}

impl<'a> LowRank<'a> {
    /// Most Lanczos steps.
    pub const LARGEST_RANK: usize = 32;

    /// The kernel of the step that ends at the level `noisy`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a rank or a tolerance, [`Error::Empty`] for no probes,
    /// [`Error::Unsupported`] for [`Trace::Structure`] of a density
    /// without one.
    pub fn new(
        noisy: &'a dyn HessianProduct,
        step: NoisingStep,
        rank: Rank,
        trace: Trace,
        start: Start,
    ) -> Result<Self> {
        let (most, tolerance) = match rank {
            Rank::Fixed(rank) => (rank, 0.0),
            Rank::Tolerance { most, tolerance } => (most, tolerance),
        };
        if !(1..=Self::LARGEST_RANK).contains(&most) {
            let (value, max) = (most as f64, Self::LARGEST_RANK as f64);
            return Err(Error::OutOfRange { what: "rank", value, min: 1.0, max });
        }
        if !(0.0..=f64::MAX).contains(&tolerance) {
            let (what, value) = ("tolerance of the rank", tolerance);
            return Err(Error::OutOfRange { what, value, min: 0.0, max: f64::MAX });
        }
        match trace {
            Trace::Structure if noisy.structure_rank() == 0 => {
                let what = "the trace of a Hessian without structure needs probes";
                return Err(Error::Unsupported { what });
            }
            Trace::Probes(0) => return Err(Error::Empty { what: "probes of the trace" }),
            _ => {}
        }
        Ok(Self { noisy, step, steps: most.min(noisy.dim()), tolerance, trace, start })
    }

    /// Calls `visit(entry, m)` for every entry of `y` and its coordinate of the mean.
    fn with_mean(&self, x: Point<'_>, y: &mut [f64x8], visit: impl Fn(&mut f64x8, f64x8)) {
        let (inverse, v) = (splat(1.0 / self.step.ratio), splat(self.step.variance));
        for ((y, &x), &s) in y.iter_mut().zip(x.x).zip(x.score) {
            visit(y, v.mul_add(s, x) * inverse);
        }
    }

    /// `log k` for the squared length of what `z` is to `w`.
    fn log_normal(&self, factor: &Factor<'_>, square: f64x8) -> f64x8 {
        let d = self.noisy.dim() as f64;
        let constant = splat(d * (LOG_TWO_PI + libm::log(self.step.scaled_variance())));
        let determinant =
            (splat(d) - factor.rank) * ln(factor.complement) + factor.cholesky.log_determinant();
        splat(-0.5) * (square + constant + determinant)
    }

    /// Memory of a factor, a vector, and projections on `V`.
    fn take<'s>(&self, scratch: &mut Scratch<'s>) -> Result<[&'s mut [f64x8]; 3]> {
        let d = self.noisy.dim();
        Ok([
            scratch.take(Lanczos::storage_len(d, self.steps))?,
            scratch.take(d)?,
            scratch.take(self.steps)?,
        ])
    }

    fn check(&self, x: Point<'_>, y: &[f64x8]) -> Result<()> {
        let d = self.noisy.dim();
        for (what, found) in [("x", x.x.len()), ("score", x.score.len()), ("y", y.len())] {
            check_len(what, d, found)?;
        }
        Ok(())
    }
}

impl DenoisingKernel for LowRank<'_> {
    fn scratch_len(&self) -> usize {
        let d = self.noisy.dim();
        let kept = Lanczos::storage_len(d, self.steps) + d + self.steps;
        let iteration = Lanczos::scratch_len(d) + self.noisy.scratch_len();
        kept + HessianAt::storage_len(self.noisy) + iteration
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], mut context: Context<'_>) -> Result<f64x8> {
        self.check(x, y)?;
        let [memory, vector, projections] = self.take(&mut context.scratch)?;
        let factor = self.factor(x, memory, vector, context.reborrow())?;
        context.stream.fill_normals(y);
        let square = dot(y, y);
        factor.split(y, projections);
        factor.cholesky.multiply_lower(projections);
        let width = factor.complement.sqrt();
        y.iter_mut().for_each(|w| *w *= width);
        for (row, &p) in factor.basis.rows(y.len()).zip(&*projections) {
            for (w, &v) in y.iter_mut().zip(row) {
                *w = p.mul_add(v, *w);
            }
        }
        let deviation = splat(libm::sqrt(self.step.scaled_variance()));
        self.with_mean(x, y, |w, mean| *w = deviation.mul_add(*w, mean));
        Ok(self.log_normal(&factor, square))
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], mut context: Context<'_>) -> Result<f64x8> {
        self.check(x, y)?;
        let [memory, vector, projections] = self.take(&mut context.scratch)?;
        let factor = self.factor(x, memory, vector, context.reborrow())?;
        let inverse = splat(1.0 / libm::sqrt(self.step.scaled_variance()));
        copy(vector, y);
        self.with_mean(x, vector, |w, mean| *w = (*w - mean) * inverse);
        factor.split(vector, projections);
        factor.cholesky.solve_lower(projections);
        let square = dot(vector, vector) / factor.complement + dot(projections, projections);
        Ok(self.log_normal(&factor, square))
    }
}

#[cfg(test)]
mod tests;

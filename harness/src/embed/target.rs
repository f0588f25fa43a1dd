//! A density of one's own, as its owner writes it.
//!
//! `gamma(x) >= 0` on `R^d`, known up to a constant by `log gamma(x)`; `-inf` where it is zero. A number that is NaN or
//! `+inf` is a fault: the samplers reject it and count it.

use std::fmt;

/// A target, point by point. Only its log-density is required.
///
/// It is asked about finite points only: where a move ran away, another place is asked about and the answer not taken.
///
/// ```
/// use amc_harness::embed::Target;
///
/// /// `log gamma(x, y) = -x^2/2 - 2 (y - x^2)^2 + x/3`.
/// struct Banana;
///
/// impl Target for Banana {
///     fn log_density(&self, x: &[f64]) -> f64 {
///         -0.5 * x[0] * x[0] - 2.0 * (x[1] - x[0] * x[0]).powi(2) + x[0] / 3.0
///     }
///
///     // Optional: MALA and HMC need it.
///     fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
///         let bend = x[1] - x[0] * x[0];
///         score[0] = 8.0 * x[0] * bend - x[0] + 1.0 / 3.0;
///         score[1] = -4.0 * bend;
///         Some(self.log_density(x))
///     }
/// }
/// ```
pub trait Target: Sync {
    /// `log gamma(x)`, `x` `[d]`.
    fn log_density(&self, x: &[f64]) -> f64;

    /// `log gamma(x)`, and its gradient in `score` `[d]`; `None`, at every point alike, where that is not offered.
    fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
        let _ = (x, score);
        None
    }

    /// The Hessian of `log gamma` at `x` times `v`, in `out` `[d]`; `None`, at every point alike, where that is not
    /// offered.
    fn hessian_product(&self, x: &[f64], v: &[f64], out: &mut [f64]) -> Option<()> {
        let _ = (x, v, out);
        None
    }
}

/// What a target offers beside its log-density.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Derivatives {
    /// Nothing.
    None,
    /// Its score.
    Score,
    /// Its score, and products with its Hessian.
    HessianProduct,
}

/// A target for many points in one call, which may fail: what other languages offer. Every [`Target`] is one.
///
/// Calls come from several threads at once. All points are finite.
pub trait BatchTarget: Sync {
    /// What there is beside log-densities in `dim` coordinates.
    fn offers(&self, dim: usize) -> Derivatives;

    /// Points that one call handles best, from 8 to 512; a call may hold fewer. Acceptance rates are summed call by call,
    /// so results depend on this number as on rounding.
    fn points_at_once(&self) -> usize {
        128
    }

    /// `log gamma` of the points `x` `[N x dim]`, row-major, into `log_densities` `[N]`.
    ///
    /// # Errors
    /// What the target says of itself; it ends the run.
    fn log_densities(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
    ) -> Result<(), TargetFailure>;

    /// The same with the gradients, `scores` `[N x dim]`. Called only where [`BatchTarget::offers`] says so.
    ///
    /// # Errors
    /// As [`BatchTarget::log_densities`].
    fn log_densities_and_scores(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let _ = (x, dim, log_densities, scores);
        Err(TargetFailure::not_offered("scores"))
    }

    /// The Hessian at each `x` times its `v`, all `[N x dim]`. Called only where [`BatchTarget::offers`] says so.
    ///
    /// # Errors
    /// As [`BatchTarget::log_densities`].
    fn hessian_products(
        &self,
        x: &[f64],
        v: &[f64],
        dim: usize,
        out: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let _ = (x, v, dim, out);
        Err(TargetFailure::not_offered("products with its Hessian"))
    }
}

/// What a target reports of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFailure {
    /// What happened, on one line.
    pub message: String,
    /// A number for languages that have one; 0 elsewhere.
    pub code: i32,
}

impl TargetFailure {
    fn not_offered(what: &str) -> Self {
        Self { message: format!("the target says that it offers {what}, and does not"), code: 0 }
    }
}

impl fmt::Display for TargetFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.lines().next().unwrap_or("no message"))?;
        if self.code == 0 { Ok(()) } else { write!(f, " (code {})", self.code) }
    }
}

impl std::error::Error for TargetFailure {}

impl<T: Target> BatchTarget for T {
    /// Asked of the point 0, where a target that is not defined there may say what it likes.
    fn offers(&self, dim: usize) -> Derivatives {
        let (x, mut out) = (vec![0.0; dim], vec![0.0; dim]);
        if self.log_density_and_score(&x, &mut out).is_none() {
            Derivatives::None
        } else if self.hessian_product(&x, &x, &mut out).is_none() {
            Derivatives::Score
        } else {
            Derivatives::HessianProduct
        }
    }

    fn log_densities(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
    ) -> Result<(), TargetFailure> {
        for (x, log_density) in x.chunks_exact(dim).zip(log_densities) {
            *log_density = self.log_density(x);
        }
        Ok(())
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64],
        dim: usize,
        log_densities: &mut [f64],
        scores: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let points = x.chunks_exact(dim).zip(scores.chunks_exact_mut(dim));
        for ((x, score), log_density) in points.zip(log_densities) {
            let offered = self.log_density_and_score(x, score);
            *log_density = offered.ok_or_else(|| TargetFailure::not_offered("scores"))?;
        }
        Ok(())
    }

    fn hessian_products(
        &self,
        x: &[f64],
        v: &[f64],
        dim: usize,
        out: &mut [f64],
    ) -> Result<(), TargetFailure> {
        let points = x.chunks_exact(dim).zip(v.chunks_exact(dim));
        for ((x, v), out) in points.zip(out.chunks_exact_mut(dim)) {
            let offered = self.hessian_product(x, v, out);
            offered.ok_or_else(|| TargetFailure::not_offered("products with its Hessian"))?;
        }
        Ok(())
    }
}

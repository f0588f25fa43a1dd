//! Densities: what kernels and bridges ask of one level.
//!
//! The traits form a ladder, `LogDensity < Score < HessianProduct < Hessian`; a move asks for the
//! lowest rung it needs. All work on one block of eight particles: `x` and `score` are `[d]`
//! vectors of eight lanes, log-densities one vector. A density may be unnormalized.
//!
//! A density of one's own implements the first two ([`crate::kernel::MarkovKernel`] shows one) and
//! then serves every kernel, the identity bridge and the first-order bridges.
//!
//! A density that cannot be evaluated at a point returns a non-finite number in that lane (never
//! an error): kernels reject such proposals and count them.

pub mod mixture;
mod tempered;

pub use mixture::{Covariance, Mixture, MixtureLevel};
pub use tempered::Tempered;

use crate::error::Result;
use crate::scratch::Scratch;
use crate::simd::f64x8;

/// A log-density on `R^d`, known up to a constant.
pub trait LogDensity: Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Workspace, in vectors, that any method of this density needs.
    fn scratch_len(&self) -> usize;

    /// `log p(x)` for eight particles.
    ///
    /// # Errors
    /// A wrong length of `x` or a short workspace.
    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8>;
}

/// A log-density with its gradient.
pub trait Score: LogDensity {
    /// `log p(x)`, and `score = grad log p(x)`.
    ///
    /// # Errors
    /// A wrong length of `x` or `score`, or a short workspace.
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8>;
}

/// A log-density with products of its Hessian.
pub trait HessianProduct: Score {
    /// `out = H(x) v`, `H = grad grad^T log p`; all `[d]`.
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()>;
}

/// A log-density with its dense Hessian.
pub trait Hessian: HessianProduct {
    /// `out = H(x)`, `[d x d]` row-major.
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], scratch: Scratch<'_>) -> Result<()>;
}

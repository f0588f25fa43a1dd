//! Eight matrices side by side, known by their products.

use crate::error::Result;
use crate::linalg::DiagonalPlusLowRank;
use crate::point::Context;
use crate::simd::f64x8;

/// Eight `d x d` matrices `M`, one in each lane, known by their products.
pub trait LinearOperator: Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Workspace, in vectors, of one product.
    fn scratch_len(&self) -> usize;

    /// `out = M v`, both `[d]`; counts what it costs in `context.evaluations`, draws nothing.
    ///
    /// # Errors
    /// A wrong length or a short workspace. Numbers that are not finite are returned, not errors.
    fn apply(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()>;

    /// `out = M^T v`; for a symmetric `M` the same as [`LinearOperator::apply`].
    ///
    /// # Errors
    /// As [`LinearOperator::apply`].
    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()>;

    /// Whether every `M` is symmetric: solvers and estimators rely on it.
    fn is_symmetric(&self) -> bool;

    /// `M` as a diagonal plus a low rank, where it is known to be one.
    fn structure(&self) -> Option<DiagonalPlusLowRank<'_>> {
        None
    }
}

/// How large an operator is: what the room for an algorithm on it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorShape {
    /// The dimension `d`.
    pub dim: usize,
    /// Workspace, in vectors, of one product.
    pub product: usize,
    /// Most rows of [`DiagonalPlusLowRank`]; 0 where there is no structure.
    pub rank: usize,
}

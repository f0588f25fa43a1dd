//! A function `F` of a matrix, known by what it does to vectors: what the estimators of its trace ask
//! for.

use crate::error::Result;
use crate::krylov::LinearOperator;
use crate::point::Context;
use crate::simd::f64x8;

/// `F = f(M)` of eight matrices.
pub(super) trait MatrixFunction {
    /// `out = F v`, both `[d]`.
    fn apply(
        &mut self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        out: &mut [f64x8],
        context: Context<'_>,
    ) -> Result<()>;

    /// `v^T F v`, which may be cheaper than by [`MatrixFunction::apply`].
    fn quadratic_form(
        &mut self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        context: Context<'_>,
    ) -> Result<Form>;

    /// What truncation leaves out of the whole trace, as far as the calls so far tell.
    fn remainder(&self, d: usize) -> f64x8;

    /// Mask of the lanes that were seen not to be positive definite.
    fn not_positive(&self) -> f64x8;
}

/// A quadratic form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// `v^T F v`.
    pub value: f64x8,
    /// Estimated error by truncation of this form; 0 where [`MatrixFunction::remainder`] tells.
    pub truncation: f64x8,
}

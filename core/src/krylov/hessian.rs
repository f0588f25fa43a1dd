//! `H(x)` at a fixed `x`, linearized once.

use super::{LinearOperator, OperatorShape};
use crate::density::HessianProduct;
use crate::error::Result;
use crate::linalg::DiagonalPlusLowRank;
use crate::point::Context;
use crate::scratch::Scratch;
use crate::simd::f64x8;

/// The Hessian of a log-density at a block of points.
#[derive(Clone, Copy)]
pub struct HessianAt<'a> {
    density: &'a dyn HessianProduct,
    memory: &'a [f64x8],
}

impl<'a> HessianAt<'a> {
    /// Numbers of vectors of storage.
    pub fn storage_len(density: &dyn HessianProduct) -> usize {
        density.linearization_len()
    }

    /// How large the Hessian of this density is.
    pub fn shape(density: &dyn HessianProduct) -> OperatorShape {
        OperatorShape {
            dim: density.dim(),
            product: density.scratch_len(),
            rank: density.structure_rank(),
        }
    }

    /// Linearizes at `x`, `[d]`, in `storage`, with workspace as the density needs it.
    ///
    /// # Errors
    /// Wrong lengths, a short workspace.
    pub fn new(
        density: &'a dyn HessianProduct,
        x: &[f64x8],
        storage: &'a mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<Self> {
        density.linearize(x, storage, scratch)?;
        Ok(Self { density, memory: storage })
    }
}

impl LinearOperator for HessianAt<'_> {
    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn scratch_len(&self) -> usize {
        self.density.scratch_len()
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        self.density.count_product(context.evaluations);
        self.density.linearized_product(self.memory, v, out, context.scratch)
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        self.apply(v, out, context)
    }

    fn is_symmetric(&self) -> bool {
        true
    }

    fn structure(&self) -> Option<DiagonalPlusLowRank<'_>> {
        self.density.structure(self.memory)
    }
}

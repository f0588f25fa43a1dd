//! `N = (I + M)^T (I + M) - I = M + M^T + M^T M`: symmetric, and `I + N` positive definite, for any
//! regular `I + M`, so `log|det(I + M)| = log det(I + N) / 2`. A product costs two of `M`.

use super::{LinearOperator, OperatorShape};
use crate::error::{Result, check_len};
use crate::point::Context;
use crate::simd::f64x8;

/// `(I + M)^T (I + M) - I` of an operator `M`.
#[derive(Clone, Copy)]
pub struct Gram<'a> {
    operator: &'a dyn LinearOperator,
}

impl<'a> Gram<'a> {
    /// The Gram operator of `I + M`.
    pub fn new(operator: &'a dyn LinearOperator) -> Self {
        Self { operator }
    }

    /// The shape of the Gram operator of an operator of this shape.
    pub fn shape(operator: OperatorShape) -> OperatorShape {
        OperatorShape { product: operator.product + operator.dim, rank: 0, ..operator }
    }
}

impl LinearOperator for Gram<'_> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn scratch_len(&self) -> usize {
        self.operator.scratch_len() + self.dim()
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], mut context: Context<'_>) -> Result<()> {
        let d = self.dim();
        check_len("v", d, v.len())?;
        check_len("out", d, out.len())?;
        // With w = M v: N v = w + M^T (v + w).
        let product = context.scratch.take(d)?;
        self.operator.apply(v, product, context.reborrow())?;
        for (sum, &v) in product.iter_mut().zip(v) {
            *sum += v;
        }
        self.operator.apply_transposed(product, out, context)?;
        for ((out, &sum), &v) in out.iter_mut().zip(&*product).zip(v) {
            *out += sum - v;
        }
        Ok(())
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        self.apply(v, out, context)
    }

    fn is_symmetric(&self) -> bool {
        true
    }
}

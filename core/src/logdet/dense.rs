//! The exact determinant of `I + M` formed column by column: Cholesky where `M` is symmetric, LU with
//! partial pivoting elsewhere. `d` products and `O(d^3)` arithmetic.

use super::{Estimate, LogDeterminant};
use crate::error::Result;
use crate::krylov::{LinearOperator, OperatorShape};
use crate::linalg::{Cholesky, Lu, RowMajor};
use crate::point::Context;
use crate::simd::{f64x8, finite, greater, select, splat};

/// The dense determinant.
///
/// A symmetric `I + M` that is not positive definite, or any other whose determinant is not positive,
/// marks its lane and has the value NaN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dense;

impl LogDeterminant for Dense {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        shape.dim * (shape.dim + 1) + shape.product
    }

    fn probes(&self, _dim: usize) -> usize {
        0
    }

    fn estimate(
        &self,
        operator: &dyn LinearOperator,
        mut context: Context<'_>,
    ) -> Result<Estimate> {
        let d = operator.dim();
        let matrix = context.scratch.take(d * d)?;
        let unit = context.scratch.take(d)?;
        // Column j of I + M becomes row j: the transposed matrix has the same determinant.
        for (j, column) in matrix.rows_mut(d).enumerate() {
            unit.fill(f64x8::ZERO);
            unit.iter_mut().skip(j).take(1).for_each(|entry| *entry = splat(1.0));
            operator.apply(unit, column, context.reborrow())?;
            for (entry, &unit) in column.iter_mut().zip(&*unit) {
                *entry += unit;
            }
        }
        // A matrix that is not finite says nothing about its determinant.
        let known =
            finite(matrix.iter().fold(f64x8::ZERO, |sum, &entry| sum + entry * f64x8::ZERO));
        let negative_infinity = splat(f64::NEG_INFINITY);
        let (value, positive) = if operator.is_symmetric() {
            let value = Cholesky::factor(d, matrix)?.log_determinant();
            (value, greater(value, negative_infinity))
        } else {
            let (value, negative) = Lu::log_abs_determinant(d, matrix)?;
            (value, select(negative, f64x8::ZERO, greater(value, negative_infinity)))
        };
        let value = select(positive, value, splat(f64::NAN));
        let not_positive = select(positive, f64x8::ZERO, known);
        Ok(Estimate { not_positive, ..Estimate::exact(value) })
    }
}

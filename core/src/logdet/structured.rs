//! The exact determinant of a diagonal plus a low rank, by the determinant lemma.
//!
//! `M = scale (U^T U - diag D)`, `E = I - scale D`:
//! `log det(I + M) = sum_i log(1 - scale D_i) + log det(I_K + scale U E^-1 U^T)`, a `K x K` determinant.
//! Both parts are sums of `log(1 + x)` with `x` formed without the 1, so a small `M` keeps its digits.
//! No products.

use super::{Estimate, LogDeterminant};
use crate::error::{Error, Result, check_len};
use crate::krylov::{LinearOperator, OperatorShape};
use crate::linalg::RowMajor;
use crate::point::Context;
use crate::simd::blocks::dot;
use crate::simd::{f64x8, greater, less_equal, ln_1p, select, splat};

/// The determinant of an operator that knows its structure.
///
/// A lane with `1 - scale D_i <= 0` (where the lemma does not tell) or an indefinite `K x K` matrix is
/// marked and has the value NaN. [`Error::Unsupported`] for an operator without structure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Structured;

impl LogDeterminant for Structured {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        shape.rank * shape.rank + shape.dim
    }

    fn probes(&self, _dim: usize) -> usize {
        0
    }

    fn estimate(
        &self,
        operator: &dyn LinearOperator,
        mut context: Context<'_>,
    ) -> Result<Estimate> {
        let Some(structure) = operator.structure() else {
            let what = "the structured determinant needs a diagonal plus a low rank";
            return Err(Error::Unsupported { what });
        };
        let d = operator.dim();
        check_len("diagonal of the structure", d, structure.diagonal.len())?;
        let rank = structure.rows.rows(d).len();
        let matrix = context.scratch.take(rank * rank)?;
        let weighted = context.scratch.take(d)?;
        let scale = splat(structure.scale);
        let (mut value, mut not_positive) = (f64x8::ZERO, f64x8::ZERO);
        for &entry in structure.diagonal {
            let excess = -scale * entry;
            value += ln_1p(excess);
            let bad = less_equal(splat(1.0) + excess, f64x8::ZERO);
            not_positive = select(bad, bad, not_positive);
        }
        for (i, row) in structure.rows.rows(d).enumerate() {
            for ((weighted, &u), &entry) in weighted.iter_mut().zip(row).zip(structure.diagonal) {
                *weighted = scale * u / (splat(1.0) - scale * entry);
            }
            let matrix_row = matrix.rows_mut(rank).skip(i).take(1).flatten();
            for (entry, other) in matrix_row.zip(structure.rows.rows(d)) {
                *entry = dot(weighted, other);
            }
        }
        let (log_lemma, bad) = log_determinant_of_identity_plus(rank, matrix);
        not_positive = select(bad, bad, not_positive);
        let value = select(not_positive, splat(f64::NAN), value + log_lemma);
        Ok(Estimate { not_positive, ..Estimate::exact(value) })
    }
}

/// `log det(I + B)` of a symmetric `B`, `[n x n]`, which is overwritten, and the mask of the lanes that
/// are not positive definite: `L D L^T` with the pivots kept as `D_i - 1`.
fn log_determinant_of_identity_plus(n: usize, matrix: &mut [f64x8]) -> (f64x8, f64x8) {
    let (mut value, mut not_positive) = (f64x8::ZERO, f64x8::ZERO);
    for i in 0..n {
        let Some((_, rest)) = matrix.split_at_mut_checked(i * n) else { break };
        let Some((pivot_row, below)) = rest.split_at_mut_checked(n) else { break };
        let Some((&excess, tail)) = pivot_row.get(i..).and_then(<[f64x8]>::split_first) else {
            break;
        };
        let pivot = splat(1.0) + excess;
        let bad = less_equal(pivot, f64x8::ZERO);
        not_positive = select(bad, bad, not_positive);
        // Past a bad pivot nothing is meant: keep the lane quiet.
        let inverse = select(greater(pivot, f64x8::ZERO), splat(1.0) / pivot, splat(f64::NAN));
        value += ln_1p(excess);
        for (row, &above) in below.rows_mut(n).zip(tail) {
            let factor = -above * inverse;
            for (entry, &other) in row.iter_mut().skip(i + 1).zip(tail) {
                *entry = factor.mul_add(other, *entry);
            }
        }
    }
    (value, not_positive)
}

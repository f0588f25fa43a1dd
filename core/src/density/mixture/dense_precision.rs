//! Precisions of full covariances as matrices, `P_k = Q_k diag(p_k) Q_k^T`, where that is accurate.
//!
//! With the matrix one product, `d^2` fused multiply-adds, gives both `g_k = -P_k z` and the square `z . P_k z`;
//! through eigenvectors it takes two. The matrix loses the digits that its condition number has: its square is
//! off by up to `d eps cond(P_k)` where `z` lies along the widest axis. Beyond [`MOST_CONDITION`] the
//! eigenvectors serve, whose sum of squares keeps them. Forming `P_k` is a product of matrices per level, not
//! a factorization.

use super::panels::{Panels, for_panels};
use super::row_of;
use crate::linalg::RowMajor;
use crate::simd::{Lanes, Task, dispatch};

/// Largest condition number of a matrix: `eps cond` is then 1e-13.
const MOST_CONDITION: f64 = 512.0;
/// Most numbers in the matrices of one level, 8 MB: beyond, a path of many levels would not fit in memory.
const MOST_NUMBERS: usize = 1 << 20;

/// Room for the matrices of eigenvectors `[K x d x d]`; 0 where there are too many.
pub(super) fn storage_len(eigenvectors: &[f64]) -> usize {
    if eigenvectors.len() <= MOST_NUMBERS { eigenvectors.len() } else { 0 }
}

/// Fills `out` with the packed matrices; returns nothing where one is conditioned too badly.
///
/// Shapes: `precisions` `[K x d]`, `eigenvectors` `[K x d x d]` in rows, `out` as large.
pub(super) fn fill_dense_precisions<'a>(
    precisions: &[f64],
    eigenvectors: &[f64],
    d: usize,
    out: &'a mut [f64],
) -> &'a [f64] {
    let well_conditioned = precisions.rows(d).all(|row| {
        let largest = row.iter().copied().fold(0.0, f64::max);
        let smallest = row.iter().copied().fold(f64::INFINITY, f64::min);
        largest <= MOST_CONDITION * smallest
    });
    if !well_conditioned {
        return &[];
    }
    dispatch(Fill { precisions, eigenvectors, d, out });
    out
}

/// Runs on any lanes: the compiler turns the loops over a panel into vectors, and sums are not fused, so every
/// instruction set gives the same matrix.
struct Fill<'a> {
    precisions: &'a [f64],
    eigenvectors: &'a [f64],
    d: usize,
    out: &'a mut [f64],
}

impl Task for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let square = self.d * self.d;
        let components = self.out.rows_mut(square).zip(self.precisions.rows(self.d));
        for (k, (out, precisions)) in components.enumerate() {
            let axes = row_of(self.eigenvectors, k, square);
            for_panels(self.d, &mut Columns { precisions, axes, d: self.d, out });
        }
    }
}

/// The columns of one matrix, panel by panel.
struct Columns<'a> {
    precisions: &'a [f64],
    axes: &'a [f64],
    d: usize,
    out: &'a mut [f64],
}

impl Panels for Columns<'_> {
    #[inline(always)]
    fn panel<const W: usize>(&mut self, column: usize) {
        let range = column * self.d..(column + W) * self.d;
        let rows = self.out.get_mut(range).unwrap_or(&mut []).as_chunks_mut::<W>().0;
        for (i, row) in rows.iter_mut().enumerate() {
            let mut sums = [0.0; W];
            for (axis, &p) in self.axes.rows(self.d).zip(self.precisions) {
                let Some(entries) = axis.get(column..).and_then(<[f64]>::first_chunk::<W>) else {
                    return;
                };
                let scale = p * axis.get(i).copied().unwrap_or(0.0);
                for (sum, &entry) in sums.iter_mut().zip(entries) {
                    *sum += scale * entry;
                }
            }
            *row = sums;
        }
    }
}

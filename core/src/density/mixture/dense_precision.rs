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

#[cfg(test)]
mod tests {
    use super::*;

    const C: f64 = 0.8;
    const S: f64 = 0.6;

    /// Fails if the largest condition number is another than 512, if it is taken over all components
    /// together, or if one component conditioned badly is overlooked.
    #[test]
    fn only_well_conditioned_matrices() {
        let axes = [1.0, 0.0, 0.0, 1.0, C, S, -S, C];
        for (precisions, filled) in [
            ([2.0, 1024.0, 3.0, 3.0], true),
            ([1024.0, 2.0, 3e6, 3e6], true),
            ([3.0, 3.0, 2.0, 1025.0], false),
            ([2.0, 1025.0, 3.0, 3.0], false),
        ] {
            let mut out = [0.0; 8];
            let len = fill_dense_precisions(&precisions, &axes, 2, &mut out).len();
            assert_eq!(len, if filled { 8 } else { 0 }, "{precisions:?}");
        }
    }

    /// Fails if axes are taken for columns, precisions for those of the other axis, or components mix: both
    /// matrices by hand.
    #[test]
    fn matrices_by_hand() {
        let axes = [C, S, -S, C, 1.0, 0.0, 0.0, 1.0];
        let mut out = [0.0; 8];
        let found = fill_dense_precisions(&[2.0, 7.0, 3.0, 5.0], &axes, 2, &mut out);
        // 2 (c, s)(c, s)^T + 7 (-s, c)(-s, c)^T, symmetric, then diag(3, 5).
        let coupling = (2.0 - 7.0) * C * S;
        let first = [2.0 * C * C + 7.0 * S * S, coupling, coupling, 2.0 * S * S + 7.0 * C * C];
        let expected = [first, [3.0, 0.0, 0.0, 5.0]];
        for (&found, &expected) in found.iter().zip(expected.as_flattened()) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }

    /// Fails if the room is denied below 2^20 numbers or granted beyond.
    #[test]
    fn room_up_to_eight_megabytes() {
        extern crate std;
        let zeros = std::vec![0.0; MOST_NUMBERS + 1];
        assert_eq!(storage_len(&zeros[1..]), MOST_NUMBERS);
        assert_eq!(storage_len(&zeros), 0);
        assert_eq!(MOST_NUMBERS * size_of::<f64>(), 8 * 1024 * 1024);
    }
}

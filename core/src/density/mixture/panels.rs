//! Micro-kernels, the layout they share: matrices in panels of eight columns.
//!
//! A matrix `[n x d]` of means, precisions, or one precision matrix is stored panel after panel: the first
//! eight columns of all rows, then the next eight, and in the end panels of four, two and one. Inside a panel
//! rows follow each other, so that both kernels read it in order: sums over coordinates
//! (`tile_sums.rs`) take a few rows of every panel, sums over components (`row_sums.rs`) all rows of one
//! panel. One copy serves both, and stays in the first cache: with two copies the score of (64, 32) took
//! 1.4 times as long.

use crate::linalg::RowMajor;

/// Columns of the widest panel.
const WIDEST: usize = 8;

/// Something done to every panel.
pub(super) trait Panels {
    /// Handles the panel of `W` columns from `column` on.
    fn panel<const W: usize>(&mut self, column: usize);
}

/// Calls `panels` for every panel of a matrix with so many columns, in order.
#[inline(always)]
pub(super) fn for_panels<P: Panels>(columns: usize, panels: &mut P) {
    let mut column = 0;
    while column + WIDEST <= columns {
        panels.panel::<WIDEST>(column);
        column += WIDEST;
    }
    if columns & 4 != 0 {
        panels.panel::<4>(column);
        column += 4;
    }
    if columns & 2 != 0 {
        panels.panel::<2>(column);
        column += 2;
    }
    if columns & 1 != 0 {
        panels.panel::<1>(column);
    }
}

/// The rows of the panel of `W` columns from `column` on, from row `first`, in a matrix of `rows` rows.
#[inline(always)]
pub(super) fn panel_rows<const W: usize>(
    packed: &[f64],
    rows: usize,
    column: usize,
    first: usize,
) -> &[[f64; W]] {
    let from = column * rows;
    packed.get(from + first * W..from + rows * W).unwrap_or(&[]).as_chunks::<W>().0
}

/// Packs a row-major matrix with `d` columns into `out`, as large.
pub(super) fn pack(matrix: &[f64], d: usize, out: &mut [f64]) {
    for_panels(d, &mut Pack { matrix, d, out });
}

struct Pack<'a> {
    matrix: &'a [f64],
    d: usize,
    out: &'a mut [f64],
}

impl Panels for Pack<'_> {
    fn panel<const W: usize>(&mut self, column: usize) {
        let rows = self.matrix.len() / self.d.max(1);
        let from = column * rows;
        let out = self.out.get_mut(from..from + rows * W).unwrap_or(&mut []).as_chunks_mut::<W>().0;
        for (out, row) in out.iter_mut().zip(self.matrix.rows(self.d)) {
            if let Some(entries) = row.get(column..column + W).and_then(<[f64]>::as_array::<W>) {
                *out = *entries;
            }
        }
    }
}

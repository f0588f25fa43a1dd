//! Micro-kernel: sums over coordinates for eight rows of a matrix at a time, in registers.
//!
//! A tile holds two sums for each of its rows, over even and over odd columns. A coordinate of eight particles is
//! loaded once for all rows, and every entry of the matrix comes straight from memory as an operand: one
//! load for each fused multiply-add, which runs at 97 % of the machine's peak (d = 64, 32 rows). Two blocks of
//! particles at a time were slower (67 %): the entries then need instructions of their own.
//!
//! Orders of summation are the same on every instruction set; where registers are few, a tile is done
//! two rows at a time.

use super::panels::panel_rows;
use crate::simd::Lanes;

/// What is summed over the coordinates `x_j`, for the entries `m_j` of a row.
pub(super) trait Term: Copy {
    /// Adds the panel of `W` columns from `column` on, for the `P` rows from `row` on of `rows`.
    fn add<V: Lanes, const P: usize, const W: usize>(
        self,
        at: Place,
        x: &[V; W],
        m: &[[f64; W]; P],
        sums: &mut Pair<V, P>,
    );
}

/// A panel and the rows in it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    column: usize,
    row: usize,
    rows: usize,
}

/// Sums over even and over odd columns.
pub(super) struct Pair<V, const P: usize> {
    even: [V; P],
    odd: [V; P],
}

/// `sum_j (x_j - m_j)^2`.
#[derive(Clone, Copy)]
pub(super) struct Squares;

/// `sum_j p_j (x_j - m_j)^2`, one row `p` `[d]` for all rows.
#[derive(Clone, Copy)]
pub(super) struct SharedSquares<'a>(pub(super) &'a [f64]);

/// `sum_j p_j (x_j - m_j)^2`, a row of `p` for each row; packed as `m`.
#[derive(Clone, Copy)]
pub(super) struct OwnSquares<'a>(pub(super) &'a [f64]);

/// `sum_j m_j x_j`.
#[derive(Clone, Copy)]
pub(super) struct Products;

impl Term for Squares {
    #[inline(always)]
    fn add<V: Lanes, const P: usize, const W: usize>(
        self,
        _: Place,
        x: &[V; W],
        m: &[[f64; W]; P],
        sums: &mut Pair<V, P>,
    ) {
        add_panel::<V, Self, P, W>(x, m, &[[0.0; W]; P], sums);
    }
}

impl Term for SharedSquares<'_> {
    #[inline(always)]
    fn add<V: Lanes, const P: usize, const W: usize>(
        self,
        at: Place,
        x: &[V; W],
        m: &[[f64; W]; P],
        sums: &mut Pair<V, P>,
    ) {
        if let Some(p) = self.0.get(at.column..).and_then(<[f64]>::first_chunk::<W>) {
            add_panel::<V, Self, P, W>(x, m, &[*p; P], sums);
        }
    }
}

impl Term for OwnSquares<'_> {
    #[inline(always)]
    fn add<V: Lanes, const P: usize, const W: usize>(
        self,
        at: Place,
        x: &[V; W],
        m: &[[f64; W]; P],
        sums: &mut Pair<V, P>,
    ) {
        let rows = panel_rows::<W>(self.0, at.rows, at.column, at.row);
        if let Some(p) = rows.first_chunk::<P>() {
            add_panel::<V, Self, P, W>(x, m, p, sums);
        }
    }
}

impl Term for Products {
    #[inline(always)]
    fn add<V: Lanes, const P: usize, const W: usize>(
        self,
        _: Place,
        x: &[V; W],
        m: &[[f64; W]; P],
        sums: &mut Pair<V, P>,
    ) {
        add_panel::<V, Self, P, W>(x, m, &[[0.0; W]; P], sums);
    }
}

/// One entry of a sum.
trait Entry {
    fn plus<V: Lanes>(x: V, m: f64, p: f64, sum: V) -> V;
}

impl Entry for Squares {
    #[inline(always)]
    fn plus<V: Lanes>(x: V, m: f64, _: f64, sum: V) -> V {
        let z = x - V::splat(m);
        z.mul_add(z, sum)
    }
}

impl Entry for SharedSquares<'_> {
    #[inline(always)]
    fn plus<V: Lanes>(x: V, m: f64, p: f64, sum: V) -> V {
        let z = x - V::splat(m);
        (z * V::splat(p)).mul_add(z, sum)
    }
}

impl Entry for OwnSquares<'_> {
    #[inline(always)]
    fn plus<V: Lanes>(x: V, m: f64, p: f64, sum: V) -> V {
        SharedSquares::plus(x, m, p, sum)
    }
}

impl Entry for Products {
    #[inline(always)]
    fn plus<V: Lanes>(x: V, m: f64, _: f64, sum: V) -> V {
        x.mul_add(V::splat(m), sum)
    }
}

#[inline(always)]
fn add_panel<V: Lanes, E: Entry, const P: usize, const W: usize>(
    x: &[V; W],
    m: &[[f64; W]; P],
    p: &[[f64; W]; P],
    sums: &mut Pair<V, P>,
) {
    let (pairs, last) = x.as_chunks::<2>();
    for (i, &[x0, x1]) in pairs.iter().enumerate() {
        let sums = sums.even.iter_mut().zip(&mut sums.odd);
        for ((even, odd), (m, p)) in sums.zip(m.iter().zip(p)) {
            let &[m0, m1] = m.as_chunks::<2>().0.get(i).unwrap_or(&[0.0; 2]);
            let &[p0, p1] = p.as_chunks::<2>().0.get(i).unwrap_or(&[0.0; 2]);
            *even = E::plus(x0, m0, p0, *even);
            *odd = E::plus(x1, m1, p1, *odd);
        }
    }
    for &x in last {
        for (even, (m, p)) in sums.even.iter_mut().zip(m.iter().zip(p)) {
            if let ([.., m], [.., p]) = (m.as_slice(), p.as_slice()) {
                *even = E::plus(x, *m, *p, *even);
            }
        }
    }
}

/// `out_k = ` the sum that `term` stands for, for every row of the packed matrix `m` `[n x d]`; `x` `[d]`, `out`
/// `[n]`.
#[inline(always)]
pub(super) fn sum_tiles<V: Lanes, T: Term>(term: T, x: &[V], m: &[f64], out: &mut [V]) {
    let rows = out.len();
    let mut first = 0;
    while first + 8 <= rows {
        tile::<V, T, 8>(term, x, m, out, first);
        first += 8;
    }
    if rows & 4 != 0 {
        tile::<V, T, 4>(term, x, m, out, first);
        first += 4;
    }
    if rows & 2 != 0 {
        tile::<V, T, 2>(term, x, m, out, first);
        first += 2;
    }
    if rows & 1 != 0 {
        tile::<V, T, 1>(term, x, m, out, first);
    }
}

/// `R` rows from `first` on.
#[inline(always)]
fn tile<V: Lanes, T: Term, const R: usize>(
    term: T,
    x: &[V],
    m: &[f64],
    out: &mut [V],
    first: usize,
) {
    if R <= 2 || 4 * R <= V::REGISTERS {
        part::<V, T, R>(term, x, m, out, first);
    } else {
        for pair in 0..R / 2 {
            part::<V, T, 2>(term, x, m, out, first + 2 * pair);
        }
    }
}

/// `P` rows from `row` on, all columns.
#[inline(always)]
fn part<V: Lanes, T: Term, const P: usize>(term: T, x: &[V], m: &[f64], out: &mut [V], row: usize) {
    let (columns, rows) = (x.len(), out.len());
    let mut sums = Pair { even: [V::zero(); P], odd: [V::zero(); P] };
    let mut column = 0;
    while column + 8 <= columns {
        add::<V, T, P, 8>(term, Place { column, row, rows }, x, m, &mut sums);
        column += 8;
    }
    if columns & 4 != 0 {
        add::<V, T, P, 4>(term, Place { column, row, rows }, x, m, &mut sums);
        column += 4;
    }
    if columns & 2 != 0 {
        add::<V, T, P, 2>(term, Place { column, row, rows }, x, m, &mut sums);
        column += 2;
    }
    if columns & 1 != 0 {
        add::<V, T, P, 1>(term, Place { column, row, rows }, x, m, &mut sums);
    }
    let out = out.get_mut(row..).unwrap_or(&mut []);
    for (out, (&even, &odd)) in out.iter_mut().zip(sums.even.iter().zip(&sums.odd)) {
        *out = even + odd;
    }
}

#[inline(always)]
fn add<V: Lanes, T: Term, const P: usize, const W: usize>(
    term: T,
    at: Place,
    x: &[V],
    m: &[f64],
    sums: &mut Pair<V, P>,
) {
    let x = x.get(at.column..).and_then(<[V]>::first_chunk::<W>);
    let m = panel_rows::<W>(m, at.rows, at.column, at.row).first_chunk::<P>();
    if let (Some(x), Some(m)) = (x, m) {
        term.add::<V, P, W>(at, x, m, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::super::panels::pack;
    use super::*;
    use crate::simd::{f64x8, splat};

    const ROWS: usize = 21;
    const COLUMNS: usize = 19;

    fn entry(k: usize, j: usize) -> f64 {
        (7 * k + 3 * j) as f64 - 0.5 * (k * j) as f64
    }

    fn weight(k: usize, j: usize) -> f64 {
        1.0 + (k as f64) * 0.25 + j as f64
    }

    fn coordinate(j: usize) -> f64 {
        2.0 * j as f64 - 1.0
    }

    /// Fails if a row or column is dropped, counted twice or taken from a neighbour, for any mixture of
    /// tiles and panels (all numbers are exact).
    #[test]
    fn sums_of_every_shape() {
        let x: [f64x8; COLUMNS] = core::array::from_fn(|j| splat(coordinate(j)));
        for rows in 1..=ROWS {
            for d in 1..=COLUMNS {
                let n = rows * d;
                let (mut m, mut p) = ([0.0; ROWS * COLUMNS], [0.0; ROWS * COLUMNS]);
                let plain: [f64; ROWS * COLUMNS] = core::array::from_fn(|i| entry(i / d, i % d));
                pack(&plain[..n], d, &mut m[..n]);
                let plain: [f64; ROWS * COLUMNS] = core::array::from_fn(|i| weight(i / d, i % d));
                pack(&plain[..n], d, &mut p[..n]);
                let (x, m, p, shared) = (&x[..d], &m[..n], &p[..n], &plain[..d]);
                let check = |out: &[f64x8], term: &dyn Fn(usize, usize) -> f64| {
                    for (k, out) in out.iter().enumerate() {
                        let sum: f64 = (0..d).map(|j| term(k, j)).sum();
                        assert_eq!(out.to_array(), [sum; 8], "{rows} x {d}, row {k}");
                    }
                };
                let square = |k, j| (coordinate(j) - entry(k, j)) * (coordinate(j) - entry(k, j));
                let mut out = [f64x8::ZERO; ROWS];
                let out = &mut out[..rows];
                sum_tiles(Squares, x, m, out);
                check(out, &square);
                sum_tiles(SharedSquares(shared), x, m, out);
                check(out, &|k, j| square(k, j) * weight(0, j));
                sum_tiles(OwnSquares(p), x, m, out);
                check(out, &|k, j| square(k, j) * weight(k, j));
                sum_tiles(Products, x, m, out);
                check(out, &|k, j| coordinate(j) * entry(k, j));
            }
        }
    }
}

//! Micro-kernel: sums over components for eight coordinates at a time, in registers.
//!
//! `out_j = sum_k w_k p_kj (m_kj - x_j)`, where components have diagonals `p` of their own, else without `p`. The
//! coordinates of one panel (four of them where registers are few) are summed while the loop runs over the
//! components that have a weight in some lane; the others add exactly nothing. Each coordinate has one sum
//! in the order of the components, so the result does not depend on either.

use super::panels::{Panels, for_panels, panel_rows};
use crate::linalg::RowMajor;
use crate::simd::{Lanes, Mask, equal};

/// Components handled between two visits of `out`: as many as a word has bits.
const GROUP: usize = 64;

/// The matrices `[K x d]`, packed.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) means: &'a [f64],
    /// One row for each component, or empty.
    pub(super) precisions: &'a [f64],
}

/// `out_j = sum_k w_k p_kj (m_kj - x_j)`, without `p` where there are no precisions; `weights` `[K]`, `x`, `out`
/// `[d]`.
#[inline(always)]
pub(super) fn sum_rows<V: Lanes>(rows: Rows<'_>, weights: &[V], x: &[V], out: &mut [V]) {
    for (index, group) in weights.chunks(GROUP).enumerate() {
        let (first, components) = (index * GROUP, weights.len());
        let active = active(group);
        for_panels(x.len(), &mut Group { rows, active, weights: group, first, components, x, out });
    }
}

/// NaN is not zero: a lane that lost its numbers shows it.
#[inline(always)]
fn active<V: Lanes>(weights: &[V]) -> u64 {
    let mut active = 0;
    for (k, &w) in weights.iter().enumerate() {
        active |= u64::from(!equal(w, V::zero()).all()) << k;
    }
    active
}

/// Up to [`GROUP`] components, from `first` on.
struct Group<'a, V> {
    rows: Rows<'a>,
    /// Bit `k` is set where component `first + k` has a weight in some lane.
    active: u64,
    weights: &'a [V],
    first: usize,
    components: usize,
    x: &'a [V],
    out: &'a mut [V],
}

impl<V: Lanes> Panels for Group<'_, V> {
    #[inline(always)]
    fn panel<const W: usize>(&mut self, column: usize) {
        if W <= 4 || V::REGISTERS >= 32 {
            self.part::<W, W>(column, 0);
        } else {
            self.part::<W, 4>(column, 0);
            self.part::<W, 4>(column, 1);
        }
    }
}

impl<V: Lanes> Group<'_, V> {
    /// `T` coordinates of a panel of `W`.
    #[inline(always)]
    fn part<const W: usize, const T: usize>(&mut self, column: usize, part: usize) {
        let from = column + part * T;
        let x = self.x.get(from..).and_then(<[V]>::first_chunk::<T>);
        let out = self.out.get_mut(from..).and_then(<[V]>::first_chunk_mut::<T>);
        let (Some(&x), Some(out)) = (x, out) else { return };
        let mut sums = if self.first == 0 { [V::zero(); T] } else { *out };
        let m = panel_rows::<W>(self.rows.means, self.components, column, self.first);
        let p = panel_rows::<W>(self.rows.precisions, self.components, column, self.first);
        let mut active = self.active;
        while active != 0 {
            let k = active.trailing_zeros() as usize;
            active &= active - 1;
            let (Some(&w), Some(m)) = (self.weights.get(k), part_of::<W, T>(m, k, part)) else {
                break;
            };
            if p.is_empty() {
                add_row(w, m, &x, &mut sums);
            } else if let Some(p) = part_of::<W, T>(p, k, part) {
                add_weighted_row(w, m, p, &x, &mut sums);
            }
        }
        *out = sums;
    }
}

/// `T` of the `W` entries of row `k`.
#[inline(always)]
fn part_of<const W: usize, const T: usize>(
    rows: &[[f64; W]],
    k: usize,
    part: usize,
) -> Option<&[f64; T]> {
    rows.get(k)?.as_chunks::<T>().0.get(part)
}

#[inline(always)]
fn add_row<V: Lanes, const T: usize>(weight: V, m: &[f64; T], x: &[V; T], sums: &mut [V; T]) {
    for (sum, (&m, &x)) in sums.iter_mut().zip(m.iter().zip(x)) {
        // In this order the entry is an operand of the subtraction.
        *sum = (-weight).mul_add(x - V::splat(m), *sum);
    }
}

#[inline(always)]
fn add_weighted_row<V: Lanes, const T: usize>(
    weight: V,
    m: &[f64; T],
    p: &[f64; T],
    x: &[V; T],
    sums: &mut [V; T],
) {
    for (sum, ((&m, &p), &x)) in sums.iter_mut().zip(m.iter().zip(p).zip(x)) {
        *sum = (-(weight * V::splat(p))).mul_add(x - V::splat(m), *sum);
    }
}

/// `out_j = -sum_k w_k g_kj` for rows of lanes, `[K x d]`.
#[inline(always)]
pub(super) fn subtract_rows<V: Lanes>(weights: &[V], rows: &[V], out: &mut [V]) {
    for o in out.iter_mut() {
        *o = V::zero();
    }
    for (&w, row) in weights.iter().zip(rows.rows(out.len())) {
        if equal(w, V::zero()).all() {
            continue;
        }
        for (o, &g) in out.iter_mut().zip(row) {
            *o = (-w).mul_add(g, *o);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::panels::pack;
    use super::*;
    use crate::simd::{f64x8, splat};

    /// Fails if a component or coordinate is lost at the seams of groups and tiles, a skipped
    /// component is one that counts, or scales and precisions are taken from a neighbour.
    #[test]
    fn sums_of_every_shape() {
        const K: usize = 131;
        const D: usize = 13;
        let mean = |k: usize, j: usize| (5 * k % 17) as f64 - 2.0 * j as f64;
        let precision = |k: usize, j: usize| 1.0 + ((k + 3 * j) % 7) as f64;
        let scale = |k: usize| 0.25 * (1 + k % 5) as f64;
        for k_count in [1, 2, 63, 64, 65, K] {
            for d in [1, 3, 4, 8, 12, D] {
                let mut means = [0.0; K * D];
                let mut precisions = [0.0; K * D];
                for (i, (m, p)) in means.iter_mut().zip(&mut precisions).enumerate() {
                    (*m, *p) = (mean(i / d, i % d), precision(i / d, i % d));
                }
                let n = k_count * d;
                let mut packed = ([0.0; K * D], [0.0; K * D]);
                pack(&means[..n], d, &mut packed.0[..n]);
                pack(&precisions[..n], d, &mut packed.1[..n]);
                let (means, precisions) = (&packed.0[..n], &packed.1[..n]);
                // Every third component counts, in one lane only.
                let lane = |k: usize| k % 8;
                let r: [f64x8; K] = core::array::from_fn(|k| {
                    let mut lanes = [0.0; 8];
                    lanes[lane(k)] = if k % 3 == 0 { 0.5 * scale(k) } else { 0.0 };
                    f64x8::new(lanes)
                });
                let x: [f64x8; D] = core::array::from_fn(|j| splat(j as f64));
                for own in [false, true] {
                    let rows = Rows { means, precisions: if own { precisions } else { &[] } };
                    let mut out = [splat(9.0); D];
                    sum_rows(rows, &r[..k_count], &x[..d], &mut out[..d]);
                    for j in 0..d {
                        let mut expected = [0.0; 8];
                        for k in (0..k_count).step_by(3) {
                            let p = if own { precision(k, j) } else { 1.0 };
                            let term = 0.5 * scale(k) * p * (mean(k, j) - j as f64);
                            expected[lane(k)] += term;
                        }
                        assert_eq!(out[j].to_array(), expected, "{k_count} x {d}, {j}, {own}");
                    }
                }
            }
        }
    }

    /// Fails if a weight that is NaN in one lane is skipped like a zero, in either sum, or shows in a
    /// neighbour.
    #[test]
    fn lost_weights_show() {
        let mut lanes = [0.0; 8];
        lanes[3] = f64::NAN;
        let (weights, x) = ([splat(0.0), f64x8::new(lanes)], [splat(1.0)]);
        let mut out = [splat(9.0)];
        sum_rows(Rows { means: &[2.0, 3.0], precisions: &[] }, &weights, &x, &mut out);
        let mut subtracted = [splat(9.0)];
        subtract_rows(&weights, &[splat(2.0), splat(3.0)], &mut subtracted);
        for found in [out[0].to_array(), subtracted[0].to_array()] {
            for (lane, found) in found.into_iter().enumerate() {
                assert!(if lane == 3 { found.is_nan() } else { found == 0.0 }, "{lane} {found}");
            }
        }
    }
}

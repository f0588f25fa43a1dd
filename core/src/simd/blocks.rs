//! Inner products and sums of blocks on the instructions in force, for code that is not generic over lanes.

use super::{Lanes, Task, dispatch, f64x8};

/// `sum_j a_j b_j`, per lane; see [`super::dot`].
pub(crate) fn dot(a: &[f64x8], b: &[f64x8]) -> f64x8 {
    dispatch(Dot { a, b })
}

/// `w <- w - row (row . w)`, `row` of unit length; returns `row . w`.
pub(crate) fn remove_along(row: &[f64x8], w: &mut [f64x8]) -> f64x8 {
    dispatch(RemoveAlong { row, w })
}

/// `out += scale v`, lane by lane.
pub(crate) fn add_product(out: &mut [f64x8], scale: f64x8, v: &[f64x8]) {
    dispatch(AddProduct { out, scale, v });
}

struct Dot<'a> {
    a: &'a [f64x8],
    b: &'a [f64x8],
}

impl Task for Dot<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        super::dot(V::view(self.a), V::view(self.b)).vector()
    }
}

struct RemoveAlong<'a> {
    row: &'a [f64x8],
    w: &'a mut [f64x8],
}

impl Task for RemoveAlong<'_> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        super::slices::remove_along(V::view(self.row), V::view_mut(self.w)).vector()
    }
}

struct AddProduct<'a> {
    out: &'a mut [f64x8],
    scale: f64x8,
    v: &'a [f64x8],
}

impl Task for AddProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let scale = V::of(self.scale);
        for (out, &v) in V::view_mut(self.out).iter_mut().zip(V::view(self.v)) {
            *out = scale.mul_add(v, *out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    /// Fails if an argument is swapped, a sign is wrong or an entry is left out.
    #[test]
    fn by_hand() {
        let a = [1.0, 2.0, -3.0].map(splat);
        let b = [4.0, 0.5, 1.0].map(splat);
        assert_eq!(dot(&a, &b).to_array(), [2.0; 8]);
        let row = [0.6, 0.0, 0.8].map(splat);
        let mut w = [5.0, 7.0, 0.0].map(splat);
        let overlap = remove_along(&row, &mut w).to_array();
        assert_eq!(overlap, [3.0; 8]);
        for (w, expected) in w.iter().zip([5.0 - 1.8, 7.0, -2.4]) {
            assert!((w.to_array()[3] - expected).abs() < 1e-15);
        }
        let mut out = a;
        add_product(&mut out, splat(2.0), &b);
        assert_eq!(out.map(|o| o.to_array()[7]), [9.0, 3.0, -1.0]);
    }
}

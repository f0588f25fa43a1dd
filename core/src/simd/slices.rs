//! Inner products and sums over the coordinates of a block.

use super::Lanes;

/// `w <- w - row (row . w)`, `row` of unit length; returns `row . w`.
#[inline(always)]
pub(crate) fn remove_along<V: Lanes>(row: &[V], w: &mut [V]) -> V {
    let overlap = dot(row, w);
    for (w, &v) in w.iter_mut().zip(row) {
        *w = (-overlap).mul_add(v, *w);
    }
    overlap
}

/// Copies as many vectors as both slices have (lengths are checked where a call enters the crate).
#[inline(always)]
pub fn copy<V: Lanes>(out: &mut [V], source: &[V]) {
    for (o, &s) in out.iter_mut().zip(source) {
        *o = s;
    }
}

/// `sum_j a_j b_j` over coordinates, per lane; four accumulators in a fixed order.
///
/// Shapes: `a`, `b` `[d]`; the shorter one sets the length.
#[inline(always)]
pub fn dot<V: Lanes>(a: &[V], b: &[V]) -> V {
    // Cut to one length first: the chunks of slices of different lengths would not line up.
    let d = a.len().min(b.len());
    let (quads_a, rest_a) = a.get(..d).unwrap_or(a).as_chunks::<4>();
    let (quads_b, rest_b) = b.get(..d).unwrap_or(b).as_chunks::<4>();
    let [mut s0, mut s1, mut s2, mut s3] = [V::zero(); 4];
    for (&[p0, p1, p2, p3], &[q0, q1, q2, q3]) in quads_a.iter().zip(quads_b) {
        s0 = p0.mul_add(q0, s0);
        s1 = p1.mul_add(q1, s1);
        s2 = p2.mul_add(q2, s2);
        s3 = p3.mul_add(q3, s3);
    }
    let mut tail = V::zero();
    for (&p, &q) in rest_a.iter().zip(rest_b) {
        tail = p.mul_add(q, tail);
    }
    (s0 + s1) + (s2 + s3) + tail
}

/// `sum_j c_j b_j` with scalar coefficients shared by all lanes. Shapes: `[d]`; the shorter one
/// sets the length.
#[inline(always)]
pub fn dot_scalar<V: Lanes>(coefficients: &[f64], b: &[V]) -> V {
    let d = coefficients.len().min(b.len());
    let (quads_a, rest_a) = coefficients.get(..d).unwrap_or(coefficients).as_chunks::<4>();
    let (quads_b, rest_b) = b.get(..d).unwrap_or(b).as_chunks::<4>();
    let [mut s0, mut s1, mut s2, mut s3] = [V::zero(); 4];
    for (&[p0, p1, p2, p3], &[q0, q1, q2, q3]) in quads_a.iter().zip(quads_b) {
        s0 = q0.mul_add(V::splat(p0), s0);
        s1 = q1.mul_add(V::splat(p1), s1);
        s2 = q2.mul_add(V::splat(p2), s2);
        s3 = q3.mul_add(V::splat(p3), s3);
    }
    let mut tail = V::zero();
    for (&p, &q) in rest_a.iter().zip(rest_b) {
        tail = q.mul_add(V::splat(p), tail);
    }
    (s0 + s1) + (s2 + s3) + tail
}

/// `out += scale * direction`, with scalar entries of `direction`. Shapes: `[d]`.
#[inline(always)]
pub fn add_scaled<V: Lanes>(out: &mut [V], scale: V, direction: &[f64]) {
    for (o, &q) in out.iter_mut().zip(direction) {
        *o = scale.mul_add(V::splat(q), *o);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{f64x8, splat};
    use super::*;

    /// Fails if a coordinate is dropped or counted twice at the seams of the unrolled loop, or if
    /// slices of different lengths do not line up.
    #[test]
    fn dot_covers_every_length() {
        for d in 0..11 {
            let a: [f64x8; 11] = core::array::from_fn(|i| splat(i as f64 + 1.0));
            let b: [f64x8; 11] = core::array::from_fn(|i| splat(2.0 * i as f64 - 3.0));
            let c: [f64; 11] = core::array::from_fn(|i| i as f64 + 1.0);
            let expected: f64 = (0..d).map(|i| (i as f64 + 1.0) * (2.0 * i as f64 - 3.0)).sum();
            for longer in d..11 {
                assert_eq!(dot(&a[..d], &b[..longer]).to_array(), [expected; 8]);
                assert_eq!(dot(&a[..longer], &b[..d]).to_array(), [expected; 8]);
                assert_eq!(dot_scalar(&c[..d], &b[..longer]).to_array(), [expected; 8]);
                assert_eq!(dot_scalar(&c[..longer], &b[..d]).to_array(), [expected; 8]);
            }
        }
    }
}

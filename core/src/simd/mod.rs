//! Eight particles side by side: the lane type and elementary functions on it.
//!
//! [`f64x8`] (from `wide`) is the data type of every kernel in this crate: one vector holds the
//! same coordinate of eight particles. A *block* is `d` such vectors, coordinate-major.
//! Comparison results are masks: vectors whose lanes are all ones or all zeros.

// The constants of these functions are written as published, with more digits than a double has.
#[allow(clippy::excessive_precision)]
mod exp;
#[allow(clippy::excessive_precision)]
mod ln;
#[allow(clippy::excessive_precision)]
mod sin_cos;

pub use exp::exp;
pub use ln::ln;
pub(crate) use ln::ln_1p;
pub use sin_cos::sin_cos_turns;
pub use wide::f64x8;

/// Particles in a block.
pub const LANES: usize = 8;

/// `1.5 * 2^52`: adding it to `|n| < 2^51` leaves the integer nearest to `n` in the low bits.
pub(crate) const ROUNDING_MAGIC: f64 = 6_755_399_441_055_744.0;

/// The same number in all eight lanes.
#[inline(always)]
pub fn splat(value: f64) -> f64x8 {
    f64x8::splat(value)
}

/// `if_true` where the mask is set, `if_false` elsewhere.
#[inline(always)]
pub fn select(mask: f64x8, if_true: f64x8, if_false: f64x8) -> f64x8 {
    wide::Select::select(mask, if_true, if_false)
}

/// The number in one lane; NaN past the last.
#[inline(always)]
pub(crate) fn lane_of(a: f64x8, lane: usize) -> f64 {
    a.to_array().get(lane).copied().unwrap_or(f64::NAN)
}

/// `N` vectors from `N` numbers of every lane.
#[inline(always)]
pub(crate) fn from_lanes<const N: usize>(lanes: &[[f64; N]; LANES]) -> [f64x8; N] {
    core::array::from_fn(|i| f64x8::new(lanes.map(|lane| lane.get(i).copied().unwrap_or(f64::NAN))))
}

/// Mask of the lanes with `a < b` (false where either is NaN).
#[inline(always)]
pub fn less(a: f64x8, b: f64x8) -> f64x8 {
    a.simd_lt(b)
}

/// Mask of the lanes with `a <= b` (false where either is NaN).
#[inline(always)]
pub fn less_equal(a: f64x8, b: f64x8) -> f64x8 {
    a.simd_le(b)
}

/// Mask of the lanes with `a > b` (false where either is NaN).
#[inline(always)]
pub fn greater(a: f64x8, b: f64x8) -> f64x8 {
    a.simd_gt(b)
}

/// Mask of the lanes with `a >= b` (false where either is NaN).
#[inline(always)]
pub fn greater_equal(a: f64x8, b: f64x8) -> f64x8 {
    a.simd_ge(b)
}

/// Mask of the lanes with `a == b`.
#[inline(always)]
pub fn equal(a: f64x8, b: f64x8) -> f64x8 {
    a.simd_eq(b)
}

/// Mask of the lanes that hold a finite number.
#[inline(always)]
#[allow(clippy::eq_op)]
pub fn finite(a: f64x8) -> f64x8 {
    // x - x is 0 for finite numbers and NaN otherwise.
    (a - a).simd_eq(f64x8::ZERO)
}

/// `1/x` of lengths, and 0 where `x` is 0.
#[inline(always)]
pub(crate) fn reciprocal_or_zero(x: f64x8) -> f64x8 {
    select(less_equal(x, f64x8::ZERO), f64x8::ZERO, splat(1.0) / x)
}

/// `w <- w - row (row . w)`, `row` of unit length; returns `row . w`.
#[inline]
pub(crate) fn remove_along(row: &[f64x8], w: &mut [f64x8]) -> f64x8 {
    let overlap = dot(row, w);
    for (w, &v) in w.iter_mut().zip(row) {
        *w = (-overlap).mul_add(v, *w);
    }
    overlap
}

/// Copies as many vectors as both slices have (lengths are checked where a call enters the crate).
#[inline(always)]
pub fn copy(out: &mut [f64x8], source: &[f64x8]) {
    for (o, &s) in out.iter_mut().zip(source) {
        *o = s;
    }
}

/// `sum_j a_j b_j` over coordinates, per lane; four accumulators in a fixed order.
///
/// Shapes: `a`, `b` `[d]`; the shorter one sets the length.
#[inline]
pub fn dot(a: &[f64x8], b: &[f64x8]) -> f64x8 {
    // Cut to one length first: the chunks of slices of different lengths would not line up.
    let d = a.len().min(b.len());
    let (quads_a, rest_a) = a.get(..d).unwrap_or(a).as_chunks::<4>();
    let (quads_b, rest_b) = b.get(..d).unwrap_or(b).as_chunks::<4>();
    let mut sums = [f64x8::ZERO; 4];
    for (x, y) in quads_a.iter().zip(quads_b) {
        for ((sum, &p), &q) in sums.iter_mut().zip(x).zip(y) {
            *sum = p.mul_add(q, *sum);
        }
    }
    let [s0, s1, s2, s3] = sums;
    let tail = rest_a.iter().zip(rest_b).fold(f64x8::ZERO, |sum, (&p, &q)| p.mul_add(q, sum));
    (s0 + s1) + (s2 + s3) + tail
}

/// `sum_j c_j b_j` with scalar coefficients shared by all lanes. Shapes: `[d]`; the shorter one
/// sets the length.
#[inline]
pub fn dot_scalar(coefficients: &[f64], b: &[f64x8]) -> f64x8 {
    let d = coefficients.len().min(b.len());
    let (quads_a, rest_a) = coefficients.get(..d).unwrap_or(coefficients).as_chunks::<4>();
    let (quads_b, rest_b) = b.get(..d).unwrap_or(b).as_chunks::<4>();
    let mut sums = [f64x8::ZERO; 4];
    for (x, y) in quads_a.iter().zip(quads_b) {
        for ((sum, &p), &q) in sums.iter_mut().zip(x).zip(y) {
            *sum = q.mul_add(splat(p), *sum);
        }
    }
    let [s0, s1, s2, s3] = sums;
    let tail =
        rest_a.iter().zip(rest_b).fold(f64x8::ZERO, |sum, (&p, &q)| q.mul_add(splat(p), sum));
    (s0 + s1) + (s2 + s3) + tail
}

/// `out += scale * direction`, with scalar entries of `direction`. Shapes: `[d]`.
#[inline]
pub fn add_scaled(out: &mut [f64x8], scale: f64x8, direction: &[f64]) {
    for (o, &q) in out.iter_mut().zip(direction) {
        *o = scale.mul_add(splat(q), *o);
    }
}

#[cfg(test)]
mod tests {
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

    /// Fails if infinities or NaN pass for finite numbers.
    #[test]
    fn finite_mask() {
        let x = f64x8::new([
            0.0,
            -1.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            1e308,
            -0.0,
            5e-324,
        ]);
        assert_eq!(finite(x).to_bitmask(), 0b1110_0011);
    }
}

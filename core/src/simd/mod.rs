//! Eight particles side by side: the lane type, elementary functions on it, and the instructions.
//!
//! [`f64x8`] (from `wide`) is the data type of every kernel in this crate: one vector holds the
//! same coordinate of eight particles. A *block* is `d` such vectors, coordinate-major.
//!
//! Kernels are written once over [`Lanes`] and run on the best [`Instructions`] of the processor, found at
//! run time: a kernel that is worth it is a [`Task`], called through [`dispatch`]. What is not runs on
//! [`f64x8`] as it is. Masks are what comparisons give; those of [`f64x8`] have all bits of a lane set,
//! or none. This room and nothing else in the crate is `unsafe`: [`dispatch`] enters functions compiled
//! for instructions that the processor was seen to have, and [`Lanes::view`] reads the same 64 bytes
//! through other registers.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod blocks;
#[cfg(target_arch = "x86_64")]
mod detect;
mod dispatch;
// The constants of these functions are written as published, with more digits than a double has.
#[allow(clippy::excessive_precision)]
mod exp;
mod instructions;
mod lanes;
#[allow(clippy::excessive_precision)]
mod ln;
mod portable;
mod rows;
#[allow(clippy::excessive_precision)]
mod sin_cos;
mod slices;
#[cfg(target_arch = "x86_64")]
mod view;

pub use dispatch::{Task, dispatch};
pub use exp::exp;
pub(crate) use exp::exp_not_positive;
pub use instructions::Instructions;
pub use lanes::{Kernel, Lanes, Mask, Words};
pub use ln::ln;
pub(crate) use ln::{ln_1p, ln_of_normal, ln_of_product};
pub use rows::{blocks_to_rows, rows_to_blocks};
pub(crate) use sin_cos::sin_cos_of_eighth;
pub use sin_cos::sin_cos_turns;
pub use slices::{add_scaled, copy, dot, dot_scalar};
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
pub fn select<V: Lanes>(mask: V::Mask, if_true: V, if_false: V) -> V {
    V::select(mask, if_true, if_false)
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
pub fn less<V: Lanes>(a: V, b: V) -> V::Mask {
    a.less(b)
}

/// Mask of the lanes with `a <= b` (false where either is NaN).
#[inline(always)]
pub fn less_equal<V: Lanes>(a: V, b: V) -> V::Mask {
    a.less_equal(b)
}

/// Mask of the lanes with `a > b` (false where either is NaN).
#[inline(always)]
pub fn greater<V: Lanes>(a: V, b: V) -> V::Mask {
    b.less(a)
}

/// Mask of the lanes with `a >= b` (false where either is NaN).
#[inline(always)]
pub fn greater_equal<V: Lanes>(a: V, b: V) -> V::Mask {
    b.less_equal(a)
}

/// Mask of the lanes with `a == b`.
#[inline(always)]
pub fn equal<V: Lanes>(a: V, b: V) -> V::Mask {
    a.equal(b)
}

/// Mask of the lanes that hold a finite number.
#[inline(always)]
#[allow(clippy::eq_op)]
pub fn finite<V: Lanes>(a: V) -> V::Mask {
    // x - x is 0 for finite numbers and NaN otherwise.
    (a - a).equal(V::zero())
}

/// `1/x` of lengths, and 0 where `x` is 0.
#[inline(always)]
pub(crate) fn reciprocal_or_zero<V: Lanes>(x: V) -> V {
    V::select(x.less_equal(V::zero()), V::zero(), V::splat(1.0) / x)
}

#[cfg(test)]
mod operations;

#[cfg(test)]
mod tests {
    use super::*;

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

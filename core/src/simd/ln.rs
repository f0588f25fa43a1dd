//! Natural logarithm on lanes, over the full range of doubles.
//!
//! `x = 2^k m` with `m` in `[sqrt(1/2), sqrt(2))`, `f = m - 1`, `z = f/(2 + f)`; then
//! `ln m = f - f^2/2 + z (f^2/2 + R(z^2))` with fdlibm's minimax polynomial `R`
//! (`e_log.c`, error below 1 ulp). Subnormals are scaled up by `2^54` first.

use super::{equal, f64x8, less, select, splat};
use wide::{bytemuck, i64x8, u64x8};

const LN2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
const R: [f64; 7] = [
    6.666_666_666_666_735_130e-1,
    3.999_999_999_940_941_908e-1,
    2.857_142_874_366_239_149e-1,
    2.222_219_843_214_978_396e-1,
    1.818_357_216_161_805_012e-1,
    1.531_383_769_920_937_332e-1,
    1.479_819_860_511_658_591e-1,
];
/// Bits of `sqrt(1/2)`: subtracting them moves the exponent boundary from 1 to `sqrt(1/2)`.
const SQRT_HALF_BITS: i64 = 0x3fe6_a09e_667f_3bcd;
const MANTISSA: i64 = 0x000f_ffff_ffff_ffff;
/// Bits of `2^52`: an integer below `2^52` put into its mantissa is that integer as a double.
const TWO_52_BITS: u64 = 0x4330_0000_0000_0000;
const TWO_52: f64 = 4_503_599_627_370_496.0;

/// `ln(x)` per lane: `-inf` at zero, NaN below it, infinity and NaN pass through.
#[inline(always)]
pub fn ln(x: f64x8) -> f64x8 {
    let tiny = less(x, splat(f64::MIN_POSITIVE));
    let scaled = select(tiny, x * splat(18_014_398_509_481_984.0), x);
    let (m, exponent) = split_exponent(scaled);
    let k = exponent - select(tiny, splat(54.0), f64x8::ZERO);

    let f = m - splat(1.0);
    let z = f / (splat(2.0) + f);
    let w = z * z;
    let w2 = w * w;
    let [r1, r2, r3, r4, r5, r6, r7] = R.map(f64x8::splat);
    let even = w2 * w2.mul_add(w2.mul_add(r6, r4), r2);
    let odd = w * w2.mul_add(w2.mul_add(w2.mul_add(r7, r5), r3), r1);
    let half_square = splat(0.5) * f * f;
    let low = k.mul_add(splat(LN2_LOW), z * (half_square + (even + odd)));
    let result = k.mul_add(splat(LN2_HIGH), f - (half_square - low));

    let result = select(equal(x, f64x8::ZERO), splat(f64::NEG_INFINITY), result);
    let result = select(less(x, f64x8::ZERO), splat(f64::NAN), result);
    // Infinity and NaN are their own logarithms.
    select(less(x, splat(f64::INFINITY)), result, x)
}

/// `ln(1 + x)` per lane without losing the digits of a small `x`; NaN where `x <= -1`.
#[inline(always)]
pub(crate) fn ln_1p(x: f64x8) -> f64x8 {
    let sum = splat(1.0) + x;
    // What rounding the sum has dropped, to first order.
    let dropped = x - (sum - splat(1.0));
    ln(sum) + dropped / sum
}

/// `(m, k)` with `x = 2^k m`, `m` in `[sqrt(1/2), sqrt(2))`, for normal positive `x`.
#[inline(always)]
fn split_exponent(x: f64x8) -> (f64x8, f64x8) {
    let bits: i64x8 = bytemuck::cast(x);
    let offset = bits - i64x8::splat(SQRT_HALF_BITS);
    let mantissa = bits - (offset & i64x8::splat(!MANTISSA));
    // Biased by 2048 the exponent is a non-negative integer, which converts by its bits.
    let biased: u64x8 = bytemuck::cast(offset ^ i64x8::splat(i64::MIN));
    let as_double = (biased >> 52) | u64x8::splat(TWO_52_BITS);
    let exponent: f64x8 = bytemuck::cast(as_double);
    (bytemuck::cast(mantissa), exponent - splat(TWO_52 + 2048.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if an exponent or mantissa range is wrong by more than 2 ulp, subnormals included.
    #[test]
    fn agrees_with_libm_over_the_full_range() {
        let mut x = 5e-324;
        while x < 1e308 {
            let xs = f64x8::new(core::array::from_fn(|i| x * (1.0 + 0.11 * i as f64)));
            for (&x, &y) in xs.to_array().iter().zip(&ln(xs).to_array()) {
                let truth = libm::log(x);
                assert!((y - truth).abs() <= 4.5e-16 * truth.abs(), "ln({x}) = {y}, libm {truth}");
            }
            x *= 1.9;
        }
    }

    /// Fails if a special value is lost.
    #[test]
    fn special_values() {
        let x = [0.0, -0.0, -1.0, f64::INFINITY, f64::NAN, 1.0, f64::NEG_INFINITY, 5e-324];
        let y = ln(f64x8::new(x)).to_array();
        assert_eq!(y[..2], [f64::NEG_INFINITY; 2]);
        assert!(y[2].is_nan() && y[4].is_nan() && y[6].is_nan());
        assert_eq!(y[3], f64::INFINITY);
        assert_eq!(y[5], 0.0);
        assert_eq!(y[7], libm::log(5e-324));
    }

    /// Fails if small arguments lose digits, or large ones gain an error from the correction.
    #[test]
    fn of_one_plus_x() {
        let mut size = 1e-300;
        while size < 1e20 {
            let factors = [1.0, -1.0, 1.3, -0.7, 2.2, -0.4, 5.1, -0.999];
            let xs = factors
                .map(|factor| factor * if factor < 0.0 { f64::min(size, 0.9) } else { size });
            for (&x, &y) in xs.iter().zip(&ln_1p(f64x8::new(xs)).to_array()) {
                let truth = libm::log1p(x);
                assert!((y - truth).abs() <= 6e-16 * truth.abs(), "ln_1p({x}) = {y}, libm {truth}");
            }
            size *= 1.7;
        }
        let edge = ln_1p(f64x8::new([-1.0, -2.0, f64::NAN, 0.0, 0.0, 0.0, 0.0, 0.0])).to_array();
        assert!(edge[..3].iter().all(|y| y.is_nan()) && edge[3] == 0.0);
    }
}

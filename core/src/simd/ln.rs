//! Natural logarithm on lanes, over the full range of doubles.
//!
//! `x = 2^k m` with `m` in `[sqrt(1/2), sqrt(2))`, `f = m - 1`, `z = f/(2 + f)`; then
//! `ln m = f - f^2/2 + z (f^2/2 + R(z^2))` with fdlibm's minimax polynomial `R`
//! (`e_log.c`, error below 1 ulp). Subnormals are scaled up by `2^54` first.

use super::{Lanes, Words};

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
const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;
/// Bits of `2^52`: an integer below `2^52` put into its mantissa is that integer as a double.
const TWO_52_BITS: u64 = 0x4330_0000_0000_0000;
const TWO_52: f64 = 4_503_599_627_370_496.0;

/// `ln(x)` per lane: `-inf` at zero, NaN below it, infinity and NaN pass through.
#[inline(always)]
pub fn ln<V: Lanes>(x: V) -> V {
    let tiny = x.less(V::splat(f64::MIN_POSITIVE));
    let scaled = V::select(tiny, x * V::splat(18_014_398_509_481_984.0), x);
    let (m, exponent) = split_exponent(scaled);
    let k = exponent - V::select(tiny, V::splat(54.0), V::zero());
    let result = ln_of_parts(m, k);
    let result = V::select(x.equal(V::zero()), V::splat(f64::NEG_INFINITY), result);
    let result = V::select(x.less(V::zero()), V::splat(f64::NAN), result);
    // Infinity and NaN are their own logarithms.
    V::select(x.less(V::splat(f64::INFINITY)), result, x)
}

/// `ln(x)` per lane where every `x` is known to be positive, normal and finite; anything else gives
/// some number.
#[inline(always)]
pub(crate) fn ln_of_normal<V: Lanes>(x: V) -> V {
    let (m, k) = split_exponent(x);
    ln_of_parts(m, k)
}

/// `ln(2^k m)` for `m` in `[sqrt(1/2), sqrt(2))`.
#[inline(always)]
fn ln_of_parts<V: Lanes>(m: V, k: V) -> V {
    let f = m - V::splat(1.0);
    let z = f / (V::splat(2.0) + f);
    let w = z * z;
    let w2 = w * w;
    let [r1, r2, r3, r4, r5, r6, r7] = R;
    let even = w2 * w2.mul_add(w2.mul_add(V::splat(r6), V::splat(r4)), V::splat(r2));
    let odd = w * w2
        .mul_add(w2.mul_add(w2.mul_add(V::splat(r7), V::splat(r5)), V::splat(r3)), V::splat(r1));
    let half_square = V::splat(0.5) * f * f;
    let low = k.mul_add(V::splat(LN2_LOW), z * (half_square + (even + odd)));
    k.mul_add(V::splat(LN2_HIGH), f - (half_square - low))
}

/// `sum_j ln(x_j)` per lane of positive normal numbers, at the cost of one logarithm: exponents are added and
/// mantissas multiplied. NaN where an `x_j` is not finite.
#[inline(always)]
#[allow(clippy::eq_op)]
pub(crate) fn ln_of_product<V: Lanes>(x: &[V]) -> V {
    let (mut log, mut exponents) = (V::zero(), V::zero());
    // Mantissas lie in [sqrt(1/2), sqrt(2)): a product of 512 of them is far from the ends of the range.
    for x in x.chunks(512) {
        let mut product = V::splat(1.0);
        for &x in x {
            let (m, k) = split_exponent(x);
            product *= m;
            // x - x is NaN where x is not finite, else 0.
            exponents += k + (x - x);
        }
        log += ln_of_normal(product);
    }
    let low = exponents.mul_add(V::splat(LN2_LOW), log);
    exponents.mul_add(V::splat(LN2_HIGH), low)
}

/// `ln(1 + x)` per lane without losing the digits of a small `x`; NaN where `x <= -1`.
#[inline(always)]
pub(crate) fn ln_1p<V: Lanes>(x: V) -> V {
    let sum = V::splat(1.0) + x;
    // What rounding the sum has dropped, to first order.
    let dropped = x - (sum - V::splat(1.0));
    ln(sum) + dropped / sum
}

/// `(m, k)` with `x = 2^k m`, `m` in `[sqrt(1/2), sqrt(2))`, for normal positive `x`.
#[inline(always)]
fn split_exponent<V: Lanes>(x: V) -> (V, V) {
    let bits = x.to_words();
    let offset = bits.sub(V::Words::splat(SQRT_HALF_BITS));
    let mantissa = bits.sub(offset.and(V::Words::splat(!MANTISSA)));
    // Biased by 2048 the exponent is a non-negative integer, which converts by its bits.
    let biased = offset.xor(V::Words::splat(1 << 63));
    let as_double = biased.shift_right::<52>().or(V::Words::splat(TWO_52_BITS));
    let exponent = V::from_words(as_double);
    (V::from_words(mantissa), exponent - V::splat(TWO_52 + 2048.0))
}

#[cfg(test)]
mod tests {
    use super::super::f64x8;
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

    /// Fails if an exponent or a mantissa is lost, at any length, or a number that is not finite passes.
    #[test]
    fn of_products() {
        for count in [0, 1, 2, 511, 512, 513, 1200] {
            let x: [f64x8; 1200] = core::array::from_fn(|j| {
                f64x8::new(core::array::from_fn(|lane| {
                    libm::exp((j * (lane + 3) % 101) as f64 - 30.0 - lane as f64)
                }))
            });
            let sum = ln_of_product(&x[..count]).to_array();
            for lane in 0..8 {
                let truth: f64 =
                    (0..count).map(|j| (j * (lane + 3) % 101) as f64 - 30.0 - lane as f64).sum();
                assert!((sum[lane] - truth).abs() < 1e-12 * (1.0 + count as f64), "{count} {lane}");
            }
        }
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0, 2.0, 1.0, 1.0, 1.0];
        let sum = ln_of_product(&[f64x8::splat(3.0), f64x8::new(odd)]).to_array();
        assert!(sum[..3].iter().all(|s| s.is_nan()) && sum[3..].iter().all(|s| s.is_finite()));
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

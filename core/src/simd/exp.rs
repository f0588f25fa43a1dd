//! `exp` on lanes, over the full range of doubles.
//!
//! Reduction `x = n ln 2 + r`, `|r| <= ln(2)/2`, with `ln 2` split in two parts (Cody and Waite);
//! then `exp(r) = 1 + r + r^2 q(r)` with a degree-9 minimax polynomial `q`, evaluated by Estrin's
//! scheme. The scaling by `2^n` is made in two factors so that subnormal results are right.

use super::{Lanes, ROUNDING_MAGIC, Words};

const LN2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
const Q: [f64; 10] = [
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_1,
    0.041_666_666_666_529_725,
    0.008_333_333_333_494_976,
    0.001_388_888_894_375_996_5,
    0.000_198_412_695_057_737_76,
    2.480_149_294_963_387e-5,
    2.755_758_680_389_532_6e-6,
    2.763_032_625_029_36e-7,
    2.500_001_883_318_737_4e-8,
];
/// Above this the result overflows, below the second it is zero.
const OVERFLOW: f64 = 709.782_712_893_384;
const UNDERFLOW: f64 = -745.133_219_101_941_2;

/// `exp(x)` per lane; subnormal results, overflow to infinity and NaN are right.
#[inline(always)]
pub fn exp<V: Lanes>(x: V) -> V {
    // In this order a NaN survives: both functions return their second operand then.
    let clamped = V::splat(-746.0).max(V::splat(710.0).min(x));
    let (y, n) = reduced_exp(clamped);
    let magic = V::splat(ROUNDING_MAGIC);
    let half = n.mul_add(V::splat(0.5), magic);
    let rest = n - (half - magic) + magic;
    let result = y * power_of_two(half) * power_of_two(rest);
    let result = V::select(V::splat(OVERFLOW).less(x), V::splat(f64::INFINITY), result);
    V::select(x.less(V::splat(UNDERFLOW)), V::zero(), result)
}

/// `exp(x)` per lane for `x <= 0`, and 0 below `cutoff`, which is -708 or above.
///
/// For sums of exponentials relative to the largest.
#[inline(always)]
pub(crate) fn exp_not_positive<V: Lanes>(x: V, cutoff: f64) -> V {
    let cutoff = V::splat(cutoff);
    let (y, n) = reduced_exp(cutoff.max(x));
    let result = scaled(y, n + V::splat(ROUNDING_MAGIC));
    // What is not above the cutoff is below it, or NaN, which stays itself whatever its bits are.
    V::select(cutoff.less_equal(x), result, V::select(x.less(cutoff), V::zero(), x))
}

/// `(exp(x - n ln 2), n)`, `n` the integer nearest to `x / ln 2`.
#[inline(always)]
fn reduced_exp<V: Lanes>(x: V) -> (V, V) {
    let magic = V::splat(ROUNDING_MAGIC);
    let n = x.mul_add(V::splat(core::f64::consts::LOG2_E), magic) - magic;
    // n * LN2_HIGH is exact: LN2_HIGH ends in 21 zero bits and |n| < 2^11; so is the difference.
    let high = n.mul_add(V::splat(-LN2_HIGH), x);
    let correction = n * V::splat(-LN2_LOW);
    let r = high + correction;

    let [q0, q1, q2, q3, q4, q5, q6, q7, q8, q9] = Q;
    let r2 = r * r;
    let r4 = r2 * r2;
    let low =
        r2.mul_add(r.mul_add(V::splat(q3), V::splat(q2)), r.mul_add(V::splat(q1), V::splat(q0)));
    let middle =
        r2.mul_add(r.mul_add(V::splat(q7), V::splat(q6)), r.mul_add(V::splat(q5), V::splat(q4)));
    let high_terms = r4.mul_add(r.mul_add(V::splat(q9), V::splat(q8)), middle);
    let q = r4.mul_add(high_terms, low);
    // From the small terms to the large: what rounding r has lost comes in with the first of them.
    (r2.mul_add(q, correction) + high + V::splat(1.0), n)
}

/// `y 2^n` for `n` held in the low bits of `n + ROUNDING_MAGIC`, where the result is normal.
#[inline(always)]
fn scaled<V: Lanes>(y: V, magic: V) -> V {
    V::from_words(y.to_words().add(magic.to_words().shift_left::<52>()))
}

/// `2^n` for `n` held in the low bits of `n + ROUNDING_MAGIC`, `|n| < 1022`.
#[inline(always)]
fn power_of_two<V: Lanes>(magic: V) -> V {
    scaled(V::splat(1.0), magic)
}

#[cfg(test)]
mod tests {
    use super::super::f64x8;
    use super::*;

    /// Fails if range reduction, polynomial or scaling is off by more than 2 ulp anywhere.
    #[test]
    fn agrees_with_libm_over_the_full_range() {
        let mut x = -746.0;
        while x < 710.0 {
            let xs = f64x8::new(core::array::from_fn(|i| x + 0.003_1 * i as f64));
            for (&x, &y) in xs.to_array().iter().zip(&exp(xs).to_array()) {
                let truth = libm::exp(x);
                let tolerance = (4.0 * f64::EPSILON * truth).max(5e-324);
                assert!(
                    y == truth || (y - truth).abs() <= tolerance,
                    "exp({x}) = {y}, libm {truth}"
                );
            }
            x += 0.027;
        }
    }

    /// Fails if a special value is lost: the classic case is a clamp that swallows NaN.
    #[test]
    fn special_values() {
        let x = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 710.0, -746.0, -744.5];
        let y = exp(f64x8::new(x)).to_array();
        assert!(y[0].is_nan());
        assert_eq!(y[1..7], [f64::INFINITY, 0.0, 1.0, 1.0, f64::INFINITY, 0.0]);
        assert!(y[7] > 0.0 && y[7] < 1e-322);
    }
}

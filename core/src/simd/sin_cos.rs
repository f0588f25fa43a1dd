//! Sine and cosine of an angle given in turns, on lanes: what the Box-Muller transform needs.
//!
//! `u` turns are `q` quarter turns plus a remainder `r` within an eighth of a turn, both exact in
//! floating point for any `u`. fdlibm's minimax polynomials (`k_sin.c`, `k_cos.c`) do the remainder,
//! rewritten for turns: their coefficients times powers of `2 pi`, the leading ones in parts of which one is
//! a power of two.

use super::Lanes;

/// `2 pi - 6`; what its double leaves out is 4e-18 of `2 pi`.
const TURN_REST: f64 = 0.283_185_307_179_586_476_9;
/// fdlibm's `S1 .. S6` times `(2 pi)^3, (2 pi)^5, ..`.
const S: [f64; 6] = [
    -41.341_702_240_399_68,
    81.605_249_275_968_86,
    -76.705_859_708_943_3,
    42.058_685_524_837_91,
    -15.093_830_287_058_815,
    3.781_385_920_589_322_8,
];
/// `16 - (2 pi)^2 / 2`, then fdlibm's `C1 .. C6` times `(2 pi)^4, (2 pi)^6, ..`.
const C: [f64; 7] = [
    -3.739_208_802_178_717_3,
    64.939_394_022_668_2,
    -85.456_817_206_602_79,
    60.244_641_342_459_3,
    -26.426_252_110_769_937,
    7.903_145_004_143_06,
    -1.697_786_258_825_899,
];

/// `(sin(2 pi u), cos(2 pi u))` per lane; NaN where `u` is not finite.
#[inline(always)]
pub fn sin_cos_turns<V: Lanes>(u: V) -> (V, V) {
    // Whole turns first, so that the number of quarter turns is small whatever u is.
    let u = u - u.round();
    let quarters = u * V::splat(4.0);
    let q = quarters.round();
    let (sine, cosine) = sin_cos_of_eighth(q.mul_add(V::splat(-0.25), u));

    // Turn the pair by q quarter turns, q from -2 to 2.
    let (q, two) = (V::splat(0.0).max(q) - V::splat(0.0).min(q), q);
    let odd = q.equal(V::splat(1.0));
    let (sine, cosine) = (V::select(odd, cosine, sine), V::select(odd, sine, cosine));
    let half = q.equal(V::splat(2.0));
    let sine_flips = half | two.equal(V::splat(-1.0));
    let cosine_flips = half | two.equal(V::splat(1.0));
    (V::select(sine_flips, -sine, sine), V::select(cosine_flips, -cosine, cosine))
}

/// `(sin(2 pi r), cos(2 pi r))` per lane for `|r| <= 1/8`.
#[inline(always)]
pub(crate) fn sin_cos_of_eighth<V: Lanes>(r: V) -> (V, V) {
    let z = r * r;
    let [s1, s2, s3, s4, s5, s6] = S;
    let tail = z.mul_add(
        z.mul_add(
            z.mul_add(z.mul_add(z.mul_add(V::splat(s6), V::splat(s5)), V::splat(s4)), V::splat(s3)),
            V::splat(s2),
        ),
        V::splat(s1),
    );
    // Products with powers of two are exact, and added to them from the small to the large every other
    // rounding is a small one: 2 pi r without a fused operation would cost half an ulp by itself.
    let low = r * z.mul_add(tail, V::splat(TURN_REST));
    let sine = r.mul_add(V::splat(4.0), r.mul_add(V::splat(2.0), low));
    let [c0, c1, c2, c3, c4, c5, c6] = C;
    let tail = z.mul_add(
        z.mul_add(
            z.mul_add(z.mul_add(z.mul_add(V::splat(c6), V::splat(c5)), V::splat(c4)), V::splat(c3)),
            V::splat(c2),
        ),
        V::splat(c1),
    );
    let low = z * z.mul_add(tail, V::splat(c0));
    let cosine = z.mul_add(V::splat(-16.0), low) + V::splat(1.0);
    (sine, cosine)
}

#[cfg(test)]
mod tests {
    use super::super::splat;
    use super::*;

    /// Fails if a quadrant has the wrong sign or the functions are swapped in one.
    #[test]
    fn agrees_with_libm_on_the_whole_turn() {
        for i in 0..=4000 {
            let u = f64::from(i) / 4000.0;
            let (s, c) = sin_cos_turns(splat(u));
            let angle = core::f64::consts::TAU * u;
            assert!((s.to_array()[0] - libm::sin(angle)).abs() < 1e-15, "sin of {u} turns");
            assert!((c.to_array()[3] - libm::cos(angle)).abs() < 1e-15, "cos of {u} turns");
        }
    }
}

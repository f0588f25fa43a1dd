//! Sine and cosine of a fraction of a turn, on lanes: what the Box-Muller transform needs.
//!
//! `u` turns are `q` quarter turns plus a remainder within an eighth of a turn, both exact in
//! floating point; fdlibm's minimax polynomials (`k_sin.c`, `k_cos.c`) do the remainder.

use super::{equal, f64x8, greater_equal, select, splat};

const S: [f64; 6] = [
    -1.666_666_666_666_663_243_48e-1,
    8.333_333_333_322_489_461_24e-3,
    -1.984_126_982_985_794_931_34e-4,
    2.755_731_370_707_006_767_89e-6,
    -2.505_076_025_340_686_341_95e-8,
    1.589_690_995_211_550_102_21e-10,
];
const C: [f64; 6] = [
    4.166_666_666_666_660_190_37e-2,
    -1.388_888_888_887_410_957_49e-3,
    2.480_158_728_947_672_941_78e-5,
    -2.755_731_435_139_066_330_35e-7,
    2.087_572_321_298_174_827_90e-9,
    -1.135_964_755_778_819_482_65e-11,
];

/// `(sin(2 pi u), cos(2 pi u))` per lane for `u` in `[0, 1]`.
#[inline(always)]
pub fn sin_cos_turns(u: f64x8) -> (f64x8, f64x8) {
    let quarters = u * splat(4.0);
    let magic = splat(super::ROUNDING_MAGIC);
    let q = (quarters + magic) - magic;
    let x = (quarters - q) * splat(core::f64::consts::FRAC_PI_2);
    let z = x * x;

    let [s1, s2, s3, s4, s5, s6] = S.map(f64x8::splat);
    let tail = z.mul_add(z.mul_add(z.mul_add(z.mul_add(s6, s5), s4), s3), s2);
    let sine = x + (z * x) * z.mul_add(tail, s1);
    let [c1, c2, c3, c4, c5, c6] = C.map(f64x8::splat);
    let tail = z.mul_add(z.mul_add(z.mul_add(z.mul_add(z.mul_add(c6, c5), c4), c3), c2), c1);
    let half = splat(0.5) * z;
    let w = splat(1.0) - half;
    let cosine = w + (((splat(1.0) - w) - half) + z * z * tail);

    // Turn the pair by q quarter turns; q = 4 is q = 0 again.
    let one = equal(q, splat(1.0));
    let three = equal(q, splat(3.0));
    let odd = one | three;
    let (sine, cosine) = (select(odd, cosine, sine), select(odd, sine, cosine));
    let sine_flips = greater_equal(q, splat(2.0)) & !equal(q, splat(4.0));
    let cosine_flips = one | equal(q, splat(2.0));
    (select(sine_flips, -sine, sine), select(cosine_flips, -cosine, cosine))
}

#[cfg(test)]
mod tests {
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

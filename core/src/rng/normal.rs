//! Standard normals, eight at a time, by the Box-Muller transform.
//!
//! `r = sqrt(-2 ln u)`, `(z_1, z_2) = r (cos 2 pi v, sin 2 pi v)`, exact up to rounding;
//! the largest value is `sqrt(2 * 53 ln 2) = 8.57`, which 1e17 draws would not pass.

use super::Stream;
use crate::simd::{LANES, f64x8, ln, sin_cos_turns, splat};

/// Two vectors of independent normals.
#[inline]
fn pair(stream: &mut Stream) -> (f64x8, f64x8) {
    let radius = (splat(-2.0) * ln(stream.uniforms())).sqrt();
    let (sine, cosine) = sin_cos_turns(stream.uniforms());
    (radius * cosine, radius * sine)
}

/// Fills `out` with standard normals; an odd last vector uses half of its pair.
pub(super) fn fill(stream: &mut Stream, out: &mut [f64x8]) {
    let (pairs, rest) = out.as_chunks_mut::<2>();
    for [first, second] in pairs {
        (*first, *second) = pair(stream);
    }
    for last in rest {
        *last = pair(stream).0;
    }
}

/// Fills `out` with standard normals; what the last pair has left over is not used.
pub(super) fn fill_scalars(stream: &mut Stream, out: &mut [f64]) {
    for chunk in out.chunks_mut(2 * LANES) {
        let (first, second) = pair(stream);
        let normals = first.to_array().into_iter().chain(second.to_array());
        for (number, normal) in chunk.iter_mut().zip(normals) {
            *number = normal;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rng::{Key, Purpose};
    use crate::simd::f64x8;

    /// Fails if scale, sign symmetry or independence of the pair is broken: with 2^17 draws the
    /// bounds below are six standard errors wide.
    #[test]
    fn moments() {
        let mut stream = Key::new(3, Purpose::User).stream();
        let mut z = [f64x8::ZERO; 128];
        let (mut n, mut sums, mut products) = (0.0, [0.0; 4], 0.0);
        for _ in 0..128 {
            stream.fill_normals(&mut z);
            for pair in z.as_chunks::<2>().0 {
                for (&a, &b) in pair[0].to_array().iter().zip(&pair[1].to_array()) {
                    for x in [a, b] {
                        sums[0] += x;
                        sums[1] += x * x;
                        sums[2] += x * x * x;
                        sums[3] += x * x * x * x;
                        n += 1.0;
                    }
                    products += a * b;
                }
            }
        }
        let bound = 6.0 / libm::sqrt(n);
        assert!((sums[0] / n).abs() < bound);
        assert!((sums[1] / n - 1.0).abs() < bound * libm::sqrt(2.0));
        assert!((sums[2] / n).abs() < bound * libm::sqrt(15.0));
        assert!((sums[3] / n - 3.0).abs() < bound * libm::sqrt(96.0));
        assert!((2.0 * products / n).abs() < bound * libm::sqrt(2.0));
    }

    /// Fails if single numbers are drawn in another way than vectors, skip a lane or leave the end
    /// unfilled.
    #[test]
    fn scalars_are_the_lanes_in_order() {
        let stream = || Key::new(5, Purpose::User).round(1).stream();
        let mut vectors = [f64x8::ZERO; 4];
        stream().fill_normals(&mut vectors);
        let lanes = vectors.map(f64x8::to_array);
        for len in [0, 1, 8, 16, 17, 31] {
            let mut numbers = [f64::NAN; 32];
            stream().fill_scalar_normals(&mut numbers[..len]);
            assert_eq!(numbers[..len], lanes.as_flattened()[..len]);
            assert!(numbers[len..].iter().all(|number| number.is_nan()));
        }
    }

    /// Fails if the scale is off by less than moments can see: `z_1^2 + z_2^2 = -2 ln u` for the
    /// uniforms of the same stream, and the angle is `2 pi v`.
    #[test]
    fn pairs_are_the_transform_of_their_uniforms() {
        let stream = || Key::new(6, Purpose::User).stream();
        let mut normals = [f64x8::ZERO; 2];
        stream().fill_normals(&mut normals);
        let mut uniforms = stream();
        let (u, v) = (uniforms.uniforms().to_array(), uniforms.uniforms().to_array());
        let [first, second] = normals.map(f64x8::to_array);
        for lane in 0..8 {
            let radius = libm::sqrt(-2.0 * libm::log(u[lane]));
            let angle = core::f64::consts::TAU * v[lane];
            assert!((first[lane] - radius * libm::cos(angle)).abs() < 1e-14);
            assert!((second[lane] - radius * libm::sin(angle)).abs() < 1e-14);
        }
    }
}

//! Uniform and standard normal numbers, eight at a time.
//!
//! Normals by the Box-Muller transform, `r = sqrt(-2 ln u)`, `(z_1, z_2) = r (cos a, sin a)`, exact up to
//! rounding. The angle `a` is uniform on the circle: `a = r + (quarter turns)` with `r` within an eighth of
//! a turn, where sine and cosine need no reduction; the sign of `r` says which of the two comes first, and
//! two further bits of the same word their signs. The largest value is `sqrt(2 * 53 ln 2) = 8.57`, which
//! 1e17 draws would not pass.

use super::lane_generator::{LaneGenerator, Running};
use crate::simd::{
    Kernel, LANES, Lanes, Task, Words, dispatch, f64x8, ln_of_normal, sin_cos_of_eighth,
};

/// Bits of 1.0: the exponent of `[1, 2)`.
const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
/// The width of one of `2^52` equal cells of `(0, 1)`.
const CELL: f64 = 1.0 / 4_503_599_627_370_496.0;

/// The midpoint of one of `2^52` equal cells of `(0, 1)`: never 0 or 1, exact in a double.
#[inline(always)]
fn open_uniform<V: Lanes>(words: V::Words) -> V {
    in_one_to_two::<V>(words) - V::splat(1.0 - 0.5 * CELL)
}

/// The same number in `[1, 2)`, at the start of its cell; the twelve lowest bits are not used.
#[inline(always)]
fn in_one_to_two<V: Lanes>(words: V::Words) -> V {
    V::from_words(words.shift_right::<12>().or(V::Words::splat(ONE_BITS)))
}

/// Eight independent uniform numbers in `(0, 1)`.
#[inline(always)]
pub(super) fn uniforms<V: Lanes>(running: &mut Running<V>) -> V {
    open_uniform(running.next())
}

/// Two vectors of independent normals.
#[inline(always)]
fn pair<V: Lanes>(running: &mut Running<V>) -> (V, V) {
    let u: V = open_uniform(running.next());
    let radius = (V::splat(-2.0) * ln_of_normal(u)).sqrt();
    let words = running.next();
    // The midpoint of a cell of (-1/8, 1/8), exact.
    let centred = in_one_to_two::<V>(words) - V::splat(1.5);
    let turns = centred.mul_add(V::splat(0.25), V::splat(0.125 * CELL));
    let (sine, cosine) = sin_cos_of_eighth(turns);
    let swapped = turns.less(V::zero());
    let (first, second) = (V::select(swapped, sine, cosine), V::select(swapped, cosine, sine));
    let sign = V::Words::splat(1 << 63);
    let first = first.to_words().xor(words.shift_left::<63>());
    let second = second.to_words().xor(words.shift_left::<62>().and(sign));
    (radius * V::from_words(first), radius * V::from_words(second))
}

/// Fills `out` with standard normals; an odd last vector uses half of its pair.
#[inline(always)]
pub(super) fn fill_lanes<V: Lanes>(generator: &mut LaneGenerator, out: &mut [V]) {
    V::call(FillLanes { generator, out });
}

struct FillLanes<'a, V> {
    generator: &'a mut LaneGenerator,
    out: &'a mut [V],
}

impl<V: Lanes> Kernel<V> for FillLanes<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut running = self.generator.start::<V>();
        let (pairs, rest) = self.out.as_chunks_mut::<2>();
        for [first, second] in pairs {
            (*first, *second) = pair(&mut running);
        }
        for last in rest {
            *last = pair(&mut running).0;
        }
        running.save(self.generator);
    }
}

/// Fills `out` with standard normals on the instructions in force.
pub(super) fn fill(generator: &mut LaneGenerator, out: &mut [f64x8]) {
    dispatch(Fill { generator, out });
}

struct Fill<'a> {
    generator: &'a mut LaneGenerator,
    out: &'a mut [f64x8],
}

impl Task for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        fill_lanes(self.generator, V::view_mut(self.out));
    }
}

/// Fills `out` with standard normals; what the last pair has left over is not used.
pub(super) fn fill_scalars(generator: &mut LaneGenerator, out: &mut [f64]) {
    for chunk in out.chunks_mut(2 * LANES) {
        let mut normals = [f64x8::ZERO; 2];
        fill(generator, &mut normals);
        let normals = normals.map(f64x8::to_array);
        for (number, normal) in chunk.iter_mut().zip(normals.as_flattened()) {
            *number = *normal;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Key, Purpose, Stream};

    /// Fails if scale, sign symmetry or independence of the pair is broken: with 2^17 draws the
    /// bounds below are six standard errors wide.
    #[test]
    fn moments() {
        let mut stream = Key::new(3, Purpose::User).stream();
        let mut z = [f64x8::ZERO; 128];
        let (mut n, mut sums, mut products) = (0.0, [0.0; 4], [0.0; 2]);
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
                    products[0] += a * b;
                    products[1] += (a * a - 1.0) * (b * b - 1.0);
                }
            }
        }
        let bound = 6.0 / libm::sqrt(n);
        assert!((sums[0] / n).abs() < bound);
        assert!((sums[1] / n - 1.0).abs() < bound * libm::sqrt(2.0));
        assert!((sums[2] / n).abs() < bound * libm::sqrt(15.0));
        assert!((sums[3] / n - 3.0).abs() < bound * libm::sqrt(96.0));
        assert!((2.0 * products[0] / n).abs() < bound * libm::sqrt(2.0));
        assert!((2.0 * products[1] / n).abs() < bound * libm::sqrt(8.0));
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
    /// first uniform of the same stream.
    #[test]
    fn radius_is_that_of_the_uniform() {
        for (first, second, u, _) in pairs(500) {
            let square = -2.0 * libm::log(u);
            assert!(((first * first + second * second) / square - 1.0).abs() < 1e-14);
        }
    }

    /// Fails if the angle is not uniform: the eight half-quadrants must be hit alike, and within each the
    /// position must be the one that the second uniform has within its half (so it is uniform there too).
    #[test]
    fn angle_is_uniform() {
        let (mut hits, mut n) = ([0.0; 8], 0.0);
        for (first, second, _, v) in pairs(4000) {
            let turns = libm::atan2(second, first) / core::f64::consts::TAU;
            hits[((turns + 1.0) * 8.0) as usize % 8] += 1.0;
            n += 1.0;
            // Distance from the nearest axis, up to 1/8 of a turn.
            let to_axis = (4.0 * turns - libm::round(4.0 * turns)).abs() / 4.0;
            assert!((to_axis - (0.25 * (v - 0.5)).abs()).abs() < 1e-15);
        }
        let bound = 6.0 * libm::sqrt(n * 7.0 / 64.0);
        assert!(hits.iter().all(|hits: &f64| (hits - n / 8.0).abs() < bound), "{hits:?}");
    }

    /// Pairs of normals with the two uniforms behind them.
    fn pairs(vectors: usize) -> impl Iterator<Item = (f64, f64, f64, f64)> {
        let stream = |i| -> Stream { Key::new(6, Purpose::User).round(i as u64).stream() };
        (0..vectors).flat_map(move |i| {
            let mut normals = [f64x8::ZERO; 2];
            stream(i).fill_normals(&mut normals);
            let mut uniforms = stream(i);
            let (u, v) = (uniforms.uniforms().to_array(), uniforms.uniforms().to_array());
            let [first, second] = normals.map(f64x8::to_array);
            (0..8).map(move |lane| (first[lane], second[lane], u[lane], v[lane]))
        })
    }

    /// Fails if a uniform is the end of its cell instead of the middle: word 0 would then be 0, whose logarithm
    /// is `-inf`, and the upper end 1 would be closer than the lower end.
    #[test]
    fn uniforms_are_the_middles_of_cells() {
        for (word, expected) in
            [(0, 0.5 * CELL), (u64::MAX, 1.0 - 0.5 * CELL), (1 << 63, 0.5 + 0.5 * CELL)]
        {
            let words = <f64x8 as Lanes>::Words::splat(word);
            assert_eq!(open_uniform::<f64x8>(words).to_array(), [expected; 8]);
        }
    }
}

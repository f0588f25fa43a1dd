//! Random streams keyed by what they are for, so that results never depend on scheduling.
//!
//! A [`Key`] names one stream: a seed, a [`Phase`] and repetition of the run, a [`Purpose`] and up to
//! three indices (level, round, block of particles). All of it is hashed into the state *and* the increment of a PCG generator
//! (`Pcg64Dxsm`): PCG streams that differ in the increment alone are correlated. Two different
//! uses never share a stream, and a block's numbers do not depend on which thread draws them.
//!
//! Numbers drawn one at a time are the generator's own. Vectors, which are nearly all, come from eight
//! generators side by side, seeded by the same hash (`lane_generator.rs`), the same on every instruction set.

mod lane_generator;
mod normal;

use crate::simd::{LANES, Lanes, Task, dispatch, f64x8};
use lane_generator::LaneGenerator;
use rand_core::{Rng, TryRng};
use rand_pcg::Pcg64Dxsm;

/// What a stream is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Sampling the reference at the noisiest level.
    Reference = 1,
    /// Moves between levels.
    Bridge = 2,
    /// Markov kernels within a level.
    Kernel = 3,
    /// Resampling.
    Resampling = 4,
    /// Exact samples of the target, for metrics.
    TargetSample = 5,
    /// A second, independent set of exact samples: the noise floor of a metric.
    TargetFloor = 6,
    /// Random directions and thinning inside metrics.
    Metric = 7,
    /// Generating a target's parameters.
    Parameters = 8,
    /// Uses outside this project.
    User = 9,
    /// Swaps of replica exchange.
    Swap = 10,
    /// Which pairs a round of replica exchange swaps.
    Parity = 11,
    /// First parameters of a network.
    Initialization = 12,
    /// Order, levels and noises of training.
    Training = 13,
    /// Where the fit of a mixture starts.
    Fit = 14,
}

/// Which part of a run a stream belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u64)]
pub enum Phase {
    /// The run whose results are reported.
    #[default]
    Production = 0,
    /// The pilot that tunes step sizes and variances before it.
    Pilot = 1,
    /// The run from the other side, target to reference.
    Reverse = 2,
    /// Finding the levels.
    Schedule = 3,
    /// Measuring one part of a method by itself.
    Study = 4,
}

/// The name of one random stream.
///
/// ```
/// use amc_core::rng::{Key, Purpose};
///
/// let key = Key::new(7, Purpose::Kernel).level(3);
/// // A block's numbers depend on its name alone, not on who drew before.
/// let mut first = key.block(0).stream();
/// let mut second = key.block(1).stream();
/// let number = second.uniform();
/// assert_ne!(number, first.uniform());
/// assert_eq!(number, key.block(1).stream().uniform());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    seed: u64,
    phase: Phase,
    repetition: u64,
    purpose: Purpose,
    level: u64,
    round: u64,
    block: u64,
}

impl Key {
    /// The streams of one seed for one purpose; indices start at zero.
    pub const fn new(seed: u64, purpose: Purpose) -> Self {
        Self {
            seed,
            phase: Phase::Production,
            repetition: 0,
            purpose,
            level: 0,
            round: 0,
            block: 0,
        }
    }

    /// Sets the part of the run; the streams of two parts are independent.
    #[must_use]
    pub const fn phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// Sets the repetition of the whole run; the streams of two repetitions are independent.
    #[must_use]
    pub const fn repetition(self, repetition: u64) -> Self {
        Self { repetition, ..self }
    }

    /// Sets the annealing level.
    #[must_use]
    pub const fn level(self, level: u64) -> Self {
        Self { level, ..self }
    }

    /// Sets the round.
    #[must_use]
    pub const fn round(self, round: u64) -> Self {
        Self { round, ..self }
    }

    /// Sets the block of particles.
    #[must_use]
    pub const fn block(self, block: u64) -> Self {
        Self { block, ..self }
    }

    /// The stream of this name, at its beginning.
    pub fn stream(self) -> Stream {
        let words = [
            self.seed,
            (self.repetition << 8) | self.phase as u64,
            self.purpose as u64,
            self.level,
            self.round,
            self.block,
        ];
        let (mut a, mut b) = (0x243f_6a88_85a3_08d3_u64, 0x1319_8a2e_0370_7344_u64);
        for word in words {
            a = mix(a ^ word).wrapping_add(b);
            b = mix(b.rotate_left(29) ^ a);
        }
        let wide = |tag: u64| {
            let high = mix(a ^ tag.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let low = mix(b ^ tag.wrapping_mul(0xd1b5_4a32_d192_ed03));
            (u128::from(high) << 64) | u128::from(low)
        };
        Stream { generator: Pcg64Dxsm::new(wide(1), wide(2)), lanes: LaneGenerator::new(a, b) }
    }
}

/// A bijection of 64-bit words in which every input bit reaches every output bit
/// (the finalizer of SplitMix64, Stafford's variant 13).
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A stream of random numbers.
///
/// It is a [`rand_core::Rng`], so it also serves functions that take any generator.
#[derive(Debug, Clone)]
pub struct Stream {
    generator: Pcg64Dxsm,
    lanes: LaneGenerator,
}

impl TryRng for Stream {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.generator.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.generator.try_next_u64()
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Self::Error> {
        self.generator.try_fill_bytes(destination)
    }
}

impl Stream {
    /// One uniform number in the open interval `(0, 1)`.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        open_uniform(self.generator.next_u64())
    }

    /// Eight independent uniform numbers in `(0, 1)`.
    pub fn uniforms(&mut self) -> f64x8 {
        self.uniform_lanes()
    }

    /// [`Stream::uniforms`] inside a [`Task`].
    #[inline(always)]
    pub fn uniform_lanes<V: Lanes>(&mut self) -> V {
        let mut running = self.lanes.start::<V>();
        let uniforms = normal::uniforms(&mut running);
        running.save(&mut self.lanes);
        uniforms
    }

    /// Fills `out` (any length) with independent uniform numbers in `(0, 1)`, eight per vector.
    pub fn fill_uniforms(&mut self, out: &mut [f64x8]) {
        dispatch(FillUniforms { lanes: &mut self.lanes, out });
    }

    /// Fills `out` (any length) with independent standard normals, eight per vector.
    pub fn fill_normals(&mut self, out: &mut [f64x8]) {
        normal::fill(&mut self.lanes, out);
    }

    /// [`Stream::fill_normals`] inside a [`Task`].
    #[inline(always)]
    pub fn fill_normal_lanes<V: Lanes>(&mut self, out: &mut [V]) {
        normal::fill_lanes(&mut self.lanes, out);
    }

    /// Fills `out` (any length) with independent signs, `-1` or `1` with probability one half.
    pub fn fill_signs(&mut self, out: &mut [f64x8]) {
        for chunk in out.chunks_mut(LANES) {
            // One word of the generator is eight vectors of eight signs.
            let mut word = self.generator.next_u64();
            for signs in chunk {
                *signs = f64x8::new(core::array::from_fn(|lane| {
                    if word >> lane & 1 == 0 { 1.0 } else { -1.0 }
                }));
                word >>= LANES;
            }
        }
    }

    /// Fills `out` with independent standard normals: those of [`Stream::fill_normals`], lane
    /// after lane.
    pub fn fill_scalar_normals(&mut self, out: &mut [f64]) {
        normal::fill_scalars(&mut self.lanes, out);
    }
}

struct FillUniforms<'a> {
    lanes: &'a mut LaneGenerator,
    out: &'a mut [f64x8],
}

impl Task for FillUniforms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let mut running = self.lanes.start::<V>();
        for out in V::view_mut(self.out) {
            *out = normal::uniforms(&mut running);
        }
        running.save(self.lanes);
    }
}

/// The midpoint of one of `2^52` equal cells of `(0, 1)`: never 0 or 1, exact in a double.
#[inline(always)]
pub(crate) fn open_uniform(word: u64) -> f64 {
    const CELL: f64 = 1.0 / 4_503_599_627_370_496.0;
    f64::from_bits((word >> 12) | 0x3ff0_0000_0000_0000) - (1.0 - 0.5 * CELL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if any part of the name is left out of the hash.
    #[test]
    fn every_part_of_the_key_matters() {
        let base = Key::new(7, Purpose::Bridge);
        let keys = [
            base,
            Key::new(8, Purpose::Bridge),
            Key::new(7, Purpose::Kernel),
            base.phase(Phase::Pilot),
            base.phase(Phase::Reverse),
            base.phase(Phase::Schedule),
            base.phase(Phase::Study),
            base.repetition(1),
            base.level(1),
            base.round(1),
            base.block(1),
        ];
        for (i, a) in keys.iter().enumerate() {
            for b in &keys[..i] {
                let (mut a, mut b) = (a.stream(), b.stream());
                assert!((0..4).all(|_| a.next_u64() != b.next_u64()));
                let (a, b) = (a.uniforms().to_array(), b.uniforms().to_array());
                assert!(a.iter().all(|a| b.iter().all(|b| a != b)));
            }
        }
    }

    /// Fails if a sign is anything but 1 in size, is tied to a neighbour in its vector or in the slice,
    /// or is positive more or less than half of the time (6 standard errors).
    #[test]
    fn signs_are_fair_and_independent() {
        let mut stream = Key::new(4, Purpose::User).stream();
        let mut signs = [f64x8::ZERO; 19];
        let (mut sum, mut lanes, mut rows, mut n) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..400 {
            stream.fill_signs(&mut signs);
            for pair in signs.windows(2) {
                let (a, b) = (pair[0].to_array(), pair[1].to_array());
                for lane in 0..8 {
                    assert_eq!(a[lane].abs(), 1.0);
                    sum += a[lane];
                    rows += a[lane] * b[lane];
                    lanes += a[lane] * a[(lane + 3) % 8];
                    n += 1.0;
                }
            }
        }
        let bound = 6.0 * libm::sqrt(n);
        assert!(f64::abs(sum) < bound && f64::abs(rows) < bound && f64::abs(lanes) < 2.0 * bound);
    }

    /// Fails if the conversion can return 0 or 1 or is not centred.
    #[test]
    fn uniform_is_open_and_symmetric() {
        assert_eq!(open_uniform(0), f64::EPSILON / 2.0);
        assert_eq!(open_uniform(u64::MAX), 1.0 - f64::EPSILON / 2.0);
        assert_eq!(open_uniform(0) + open_uniform(u64::MAX), 1.0);
    }
}

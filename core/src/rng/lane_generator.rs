//! Eight generators side by side: xoshiro256++ (Blackman & Vigna, Scrambled linear pseudorandom number
//! generators, ACM Trans. Math. Softw. 47, 2021), one per lane.
//!
//! ```text
//! out = rotl(s0 + s3, 23) + s0
//! t = s1 << 17
//! s2 ^= s0;  s3 ^= s1;  s1 ^= s2;  s0 ^= s3;  s2 ^= t;  s3 = rotl(s3, 45)
//! ```
//!
//! Sums, shifts and exclusive ors alone, so every instruction set gives the same numbers and none needs a
//! 64-bit multiplication. The 32 words of state come from SplitMix64, as its authors advise, started by the two
//! halves of the hash of the stream's name, even lanes by one and odd lanes by the other. Of the `2^256 - 1` states of a
//! lane so many can start that two streams share a lane with probability `2^-61`: 1e-7 for a million streams.

use super::mix;
use crate::simd::{Lanes, Words};

/// `2^64` over the golden ratio: the step of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The state `s0 .. s3` of eight generators.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct LaneGenerator {
    state: [[u64; 8]; 4],
}

impl LaneGenerator {
    /// Eight generators for the two halves of a hash, which start two SplitMix64 sequences.
    pub(super) fn new(first: u64, second: u64) -> Self {
        let mut state = [[0; 8]; 4];
        let (mut a, mut b) = (first, second);
        for row in &mut state {
            for [even, odd] in row.as_chunks_mut::<2>().0 {
                (a, b) = (a.wrapping_add(GOLDEN), b.wrapping_add(GOLDEN));
                (*even, *odd) = (mix(a), mix(b));
            }
        }
        let [.., last] = &mut state;
        for word in last {
            // A state of all zeros would stay there; an odd word costs one bit of 256.
            *word |= 1;
        }
        Self { state }
    }

    /// The generators in the registers of `V`, to draw many numbers; [`Running::save`] ends that.
    #[inline(always)]
    pub(super) fn start<V: Lanes>(&self) -> Running<V> {
        let [s0, s1, s2, s3] = &self.state;
        Running { state: [s0, s1, s2, s3].map(V::Words::load) }
    }
}

/// Generators at work in registers.
pub(super) struct Running<V: Lanes> {
    state: [V::Words; 4],
}

impl<V: Lanes> Running<V> {
    /// Eight independent words, uniform on all of them.
    #[inline(always)]
    pub(super) fn next(&mut self) -> V::Words {
        let [s0, s1, s2, s3] = self.state;
        let out = s0.add(s3).rotate_left::<23, 41>().add(s0);
        let t = s1.shift_left::<17>();
        let s2 = s2.xor(s0);
        let s3 = s3.xor(s1);
        let s1 = s1.xor(s2);
        let s0 = s0.xor(s3);
        self.state = [s0, s1, s2.xor(t), s3.rotate_left::<45, 19>()];
        out
    }

    /// Writes the state back.
    #[inline(always)]
    pub(super) fn save(self, generator: &mut LaneGenerator) {
        for (words, row) in self.state.into_iter().zip(&mut generator.state) {
            words.store(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::f64x8;

    /// The published algorithm, one lane.
    fn scalar(s: &mut [u64; 4]) -> u64 {
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// Fails if SplitMix64 is not the published one: its first numbers from state 0.
    #[test]
    fn states_come_from_split_mix() {
        let state = LaneGenerator::new(0, 0).state;
        assert_eq!(state[0][..2], [0xe220_a839_7b1d_cdaf; 2]);
        assert_eq!(state[0][2..4], [0x6e78_9e6a_a1b9_65f4; 2]);
        assert_ne!(LaneGenerator::new(0, 1).state[0][1], state[0][1]);
        assert!(state[3].iter().all(|word| word & 1 == 1));
    }

    /// Fails if a rotation, a shift or the order of the steps differs from the published algorithm, a
    /// lane reads its neighbour's state, or the state is not carried from one start to the next. The
    /// published first outputs for the state (1, 2, 3, 4) are 41943041 and 58720359.
    #[test]
    fn every_lane_is_the_published_generator() {
        assert_eq!(
            [(); 2].map({
                let mut state = [1, 2, 3, 4];
                move |()| scalar(&mut state)
            }),
            [41_943_041, 58_720_359]
        );
        let mut generator = LaneGenerator::new(7, 9);
        let mut lanes: [[u64; 4]; 8] =
            core::array::from_fn(|lane| core::array::from_fn(|i| generator.state[i][lane]));
        for _ in 0..3 {
            let mut running = generator.start::<f64x8>();
            for _ in 0..5 {
                let mut words = [0; 8];
                running.next().store(&mut words);
                assert_eq!(words, core::array::from_fn(|lane| scalar(&mut lanes[lane])));
            }
            running.save(&mut generator);
        }
    }
}

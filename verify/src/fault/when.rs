//! When a fault is injected: by the number of the call, or by where a particle is.

use amc_core::simd::{LANES, f64x8};

/// The schedule of a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// In calls `every`, `2 every`, .., in the lanes whose bits are set (bit 0 is lane 0); in none where
    /// `every` is 0.
    ///
    /// Calls are counted over all threads, so which block the fault meets is fixed in one thread only.
    Calls {
        /// Calls from one fault to the next.
        every: u64,
        /// The lanes that fail.
        lanes: u8,
    },
    /// Wherever this coordinate lies above the limit.
    Beyond {
        /// The coordinate, from 0; one that does not exist never fails.
        coordinate: usize,
        /// Where the region starts.
        limit: f64,
    },
    /// At one position in so many, by the bits of all coordinates: the same positions in any order of calls
    /// and with any number of threads; nowhere where it is 0.
    Positions {
        /// Positions from one fault to the next, on average.
        one_in: u64,
    },
}

impl When {
    /// The lanes that fail in this call, the `call`-th from 1 on, at `x`.
    pub(super) fn lanes(self, call: u64, x: &[f64x8]) -> u8 {
        match self {
            Self::Calls { every, lanes } if every > 0 && call.is_multiple_of(every) => lanes,
            Self::Calls { .. } => 0,
            Self::Beyond { coordinate, limit } => {
                x.get(coordinate).map_or(0, |x| bits(x.to_array().map(|x| x > limit)))
            }
            Self::Positions { one_in } => {
                bits(hashes(x).map(|hash| one_in > 0 && hash.is_multiple_of(one_in)))
            }
        }
    }
}

/// Bit `i` for lane `i`.
fn bits(lanes: [bool; LANES]) -> u8 {
    lanes.iter().enumerate().fold(0, |bits, (lane, &hit)| bits | (u8::from(hit) << lane))
}

/// One number per lane that depends on every bit of every coordinate: the finalizer of splitmix64 (Steele,
/// Lea, Flood, OOPSLA 2014), coordinate after coordinate.
fn hashes(x: &[f64x8]) -> [u64; LANES] {
    x.iter().fold([0; LANES], |mut hashes, x| {
        for (hash, x) in hashes.iter_mut().zip(x.to_array()) {
            let z = (*hash ^ x.to_bits()).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *hash = z ^ (z >> 31);
        }
        hashes
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::simd::splat;

    /// Fails if calls are counted from elsewhere, a lane stands for another, or a period of zero divides.
    #[test]
    fn calls_hit_every_so_often() {
        let when = When::Calls { every: 3, lanes: 0b1010 };
        let hits: Vec<u8> = (1..=7).map(|call| when.lanes(call, &[])).collect();
        assert_eq!(hits, [0, 0, 0b1010, 0, 0, 0b1010, 0]);
        assert_eq!(When::Calls { every: 0, lanes: 0xff }.lanes(4, &[]), 0);
    }

    /// Fails if the region looks at another coordinate or side, or takes NaN for far away.
    #[test]
    fn a_region_is_a_half_space() {
        let x = f64x8::new([0.0, 3.0, -9.0, f64::NAN, f64::INFINITY, 2.0, 2.5, 1.0]);
        let when = When::Beyond { coordinate: 1, limit: 2.0 };
        assert_eq!(when.lanes(1, &[splat(9.0), x]), 0b101_0010);
        assert_eq!(when.lanes(1, &[splat(9.0)]), 0);
    }

    /// Fails if some coordinate or lane does not matter, or the share of positions is not the one asked for.
    #[test]
    fn positions_fail_by_their_bits() {
        let when = When::Positions { one_in: 16 };
        let at = |i: u64| f64x8::new(core::array::from_fn(|lane| (8 * i) as f64 + lane as f64));
        let (mut hits, mut differ) = (0, 0);
        for i in 0..2_000 {
            let lanes = when.lanes(1, &[at(i), splat(0.25)]);
            hits += lanes.count_ones();
            assert_eq!(lanes, when.lanes(7, &[at(i), splat(0.25)]));
            differ += u32::from(lanes != when.lanes(1, &[at(i), splat(0.5)]));
        }
        assert!((900..1_100).contains(&hits), "{hits}");
        assert!(differ > 600, "{differ}");
        assert_eq!(When::Positions { one_in: 0 }.lanes(1, &[at(0)]), 0);
    }
}

//! What crossing a bridge did: the log-work, and what a deterministic map may have failed at.

use crate::simd::{LANES, f64x8};

/// The outcome of [`Bridge::forward`](super::Bridge::forward) or
/// [`Bridge::backward`](super::Bridge::backward), lane by lane.
#[derive(Debug, Clone, Copy, Default)]
pub struct Crossing {
    /// `log_work(x, y)`; NaN in a lane that must be rejected.
    pub log_work: f64x8,
    /// Most that truncation moves the mean of an estimated work by; 0 where it is exact.
    pub truncation: f64x8,
    /// What went wrong on the way; only maps have any.
    pub faults: Faults,
}

impl From<f64x8> for Crossing {
    /// A crossing without faults.
    fn from(log_work: f64x8) -> Self {
        Self { log_work, truncation: f64x8::ZERO, faults: Faults::default() }
    }
}

/// Masks of the lanes in which a deterministic map or the estimate of its determinant failed.
///
/// The first two reject the lane (its log-work is NaN), which costs a swap its chance and an annealed
/// particle its weight; the others mark an estimate that is biased.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// No inverse was found, or the one found does not lead back.
    pub not_inverted: f64x8,
    /// The Jacobian was seen not to be positive definite, or to turn space over: the map folds.
    pub not_positive: f64x8,
    /// The estimate is too noisy for the exact penalty: three terms of its series stand in.
    pub past_penalty: f64x8,
    /// The series behind the estimate does not converge.
    pub diverged: f64x8,
}

/// How often each fault happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// See [`Faults::not_inverted`].
    pub not_inverted: u64,
    /// See [`Faults::not_positive`].
    pub not_positive: u64,
    /// See [`Faults::past_penalty`].
    pub past_penalty: u64,
    /// See [`Faults::diverged`].
    pub diverged: u64,
}

impl Faults {
    /// Mask of the lanes that must be rejected.
    pub fn rejected(&self) -> f64x8 {
        self.not_inverted | self.not_positive
    }

    /// The faults of the lanes of a mask.
    #[must_use]
    pub fn within(self, lanes: f64x8) -> Self {
        Self {
            not_inverted: self.not_inverted & lanes,
            not_positive: self.not_positive & lanes,
            past_penalty: self.past_penalty & lanes,
            diverged: self.diverged & lanes,
        }
    }

    /// Counts the faults of the first `lanes` lanes.
    pub fn count(&self, lanes: usize) -> FaultCounts {
        let active = if lanes >= LANES { u32::MAX } else { (1 << lanes) - 1 };
        let count = |mask: f64x8| u64::from((mask.to_bitmask() & active).count_ones());
        FaultCounts {
            not_inverted: count(self.not_inverted),
            not_positive: count(self.not_positive),
            past_penalty: count(self.past_penalty),
            diverged: count(self.diverged),
        }
    }
}

impl FaultCounts {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.not_inverted = self.not_inverted.wrapping_add(other.not_inverted);
        self.not_positive = self.not_positive.wrapping_add(other.not_positive);
        self.past_penalty = self.past_penalty.wrapping_add(other.past_penalty);
        self.diverged = self.diverged.wrapping_add(other.diverged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{less, splat};

    /// Fails if a lane past the active ones is counted, or one fault is counted as another.
    #[test]
    fn counts_active_lanes_only() {
        let lanes = f64x8::new(core::array::from_fn(|lane| lane as f64));
        let below = |limit: f64| less(lanes, splat(limit));
        let faults = Faults {
            not_inverted: below(1.0),
            not_positive: below(2.0),
            past_penalty: below(8.0),
            diverged: f64x8::ZERO,
        };
        let mut counts = faults.count(8);
        let expected =
            FaultCounts { not_inverted: 1, not_positive: 2, past_penalty: 8, diverged: 0 };
        assert_eq!(counts, expected);
        counts.add(&faults.count(3));
        let expected =
            FaultCounts { not_inverted: 2, not_positive: 4, past_penalty: 11, diverged: 0 };
        assert_eq!(counts, expected);
    }

    /// Fails if faults outside the mask stay, those inside are lost, or a fault becomes another; if a lane is
    /// rejected for less than a missing inverse or a matrix that is not positive definite.
    #[test]
    fn faults_within_a_mask() {
        let mask = |bits: u32| {
            let lane = |lane: usize| if bits >> lane & 1 == 1 { -1.0 } else { 1.0 };
            less(f64x8::new(core::array::from_fn(lane)), f64x8::ZERO)
        };
        let faults = Faults {
            not_inverted: mask(0b1100),
            not_positive: mask(0b1010_0001),
            past_penalty: mask(0b0110),
            diverged: mask(0b1001),
        };
        assert_eq!(faults.rejected().to_bitmask(), 0b1010_1101);
        let within = faults.within(mask(0b1000_0101));
        let found =
            [within.not_inverted, within.not_positive, within.past_penalty, within.diverged];
        assert_eq!(found.map(|mask| mask.to_bitmask()), [0b100, 0b1000_0001, 0b100, 0b1]);
    }
}

//! The Metropolis-Hastings decision, shared by all kernels and by swaps.

use crate::point::{Point, PointMut};
use crate::rng::Stream;
use crate::simd::{LANES, Lanes, Mask, equal, exp, f64x8, finite, greater, less};

/// What one kernel step did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// `min(1, ratio)` per lane; 0 where the proposal was not finite.
    pub acceptance_probability: f64x8,
    /// Mask of the lanes whose proposal was accepted.
    pub accepted: f64x8,
    /// Mask of the lanes whose proposal had a NaN or `+inf` log-density, or a ratio of NaN or zero with a
    /// density that is not zero: a score that is no number.
    pub non_finite: f64x8,
}

/// Accepts with probability `min(1, exp(log_ratio))`; the decision uses one uniform per lane.
///
/// `-inf` is a density of zero, an honest rejection; NaN and `+inf` are faults and are counted, and so is a
/// ratio of `-inf` for any other density, which only an infinite score or an overflow leads to.
#[inline(always)]
pub(crate) fn decide<V: Lanes>(
    log_ratio: V,
    proposed: V,
    stream: &mut Stream,
) -> (V::Mask, Outcome) {
    let zero = V::splat(f64::NEG_INFINITY);
    let zero_density = equal(proposed, zero);
    // False for NaN, too.
    let valid = finite(proposed) & greater(log_ratio, zero);
    let probability = V::select(valid, exp(log_ratio.min(V::zero())), V::zero());
    let accepted = less(stream.uniform_lanes(), probability);
    let outcome = Outcome {
        acceptance_probability: probability.vector(),
        accepted: accepted.vector(),
        non_finite: (!(valid | zero_density)).vector(),
    };
    (accepted, outcome)
}

/// Replaces the accepted lanes of `point` by `proposal`.
#[inline(always)]
pub(crate) fn take_accepted<V: Lanes>(accepted: V::Mask, proposal: Point<'_>, point: PointMut<'_>) {
    take_lanes::<V>(accepted, proposal.x, point.x);
    take_lanes::<V>(accepted, proposal.score, point.score);
    let (new, old) = (V::of(proposal.log_density), V::of(*point.log_density));
    *point.log_density = V::select(accepted, new, old).vector();
}

/// Replaces the accepted lanes of `old` by those of `new`.
#[inline(always)]
pub(crate) fn take_lanes<V: Lanes>(accepted: V::Mask, new: &[f64x8], old: &mut [f64x8]) {
    for (old, &new) in V::view_mut(old).iter_mut().zip(V::view(new)) {
        *old = V::select(accepted, new, *old);
    }
}

impl Outcome {
    /// The outcome of no step at all: nothing moved.
    pub const fn none() -> Self {
        Self { acceptance_probability: f64x8::ZERO, accepted: f64x8::ZERO, non_finite: f64x8::ZERO }
    }

    /// Sum of the acceptance probabilities and count of faults over the first `active` lanes.
    pub fn totals(&self, active: usize) -> (f64, u64) {
        let probabilities = self.acceptance_probability.to_array();
        let sum = probabilities.iter().take(active.min(LANES)).sum();
        let mask = (1_u32 << active.min(LANES)) - 1;
        (sum, u64::from((self.non_finite.to_bitmask() & mask).count_ones()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Key, Purpose};

    /// Fails if a fault is accepted, or a zero density is counted as a fault.
    #[test]
    fn faults_are_rejected_and_counted() {
        let nan = f64::NAN;
        let inf = f64::INFINITY;
        let ratio = f64x8::new([5.0, -inf, nan, inf, -inf, 5.0, 0.0, inf]);
        let proposed = f64x8::new([1.0, -inf, 1.0, inf, 1.0, nan, 2.0, 1.0]);
        let (_, outcome) = decide(ratio, proposed, &mut Key::new(1, Purpose::User).stream());
        assert_eq!(outcome.accepted.to_bitmask(), 0b1100_0001);
        assert_eq!(outcome.non_finite.to_bitmask(), 0b0011_1100);
        assert_eq!(
            outcome.acceptance_probability.to_array(),
            [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(outcome.totals(3), (1.0, 1));
        assert_eq!(outcome.totals(8), (3.0, 4));
    }
}

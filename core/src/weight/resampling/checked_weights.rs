//! Weights that have passed every check, and the inversion of their cumulative sum.
//!
//! ```text
//! ancestor of the point u in (0, 1) = first i with  w_1 + .. + w_i > u sum_j w_j
//! ```

use crate::error::{Error, Result};
use crate::weight::pairwise_sum;

/// `2^200`: brings any positive number below `2^-900` back to full precision.
const RAISE: f64 = f64::from_bits((1023 + 200) << 52);
/// `2^-200`: leaves room for the sum of any number of weights.
const LOWER: f64 = f64::from_bits((1023 - 200) << 52);
/// `2^-900` and `2^900`: between them no scaling is needed.
const SMALL: f64 = f64::from_bits((1023 - 900) << 52);
const LARGE: f64 = f64::from_bits((1023 + 900) << 52);

/// Finite, non-negative weights, shape `[N]`, with at least one positive entry.
pub(super) struct CheckedWeights<'a> {
    weights: &'a [f64],
    /// Power of two applied to every weight, so that it changes no ratio.
    scale: f64,
    /// Sum of the scaled weights.
    total: f64,
    /// Last particle of positive weight: whatever rounding leaves over is its share.
    last: usize,
}

impl<'a> CheckedWeights<'a> {
    /// Checks every weight.
    pub(super) fn new(weights: &'a [f64]) -> Result<Self> {
        let what = "weights";
        if weights.is_empty() {
            return Err(Error::Empty { what });
        }
        let mut largest = 0.0;
        let mut last = None;
        for (index, &value) in weights.iter().enumerate() {
            if !value.is_finite() {
                return Err(Error::NotFinite { what, index });
            }
            if value < 0.0 {
                return Err(Error::Negative { what, index, value });
            }
            if value > 0.0 {
                last = Some(index);
                largest = value.max(largest);
            }
        }
        let last = last.ok_or(Error::WeightsAllZero)?;
        let scale = if largest < SMALL {
            RAISE
        } else if largest > LARGE {
            LOWER
        } else {
            1.0
        };
        Ok(Self { weights, scale, total: pairwise_sum(weights, |w| w * scale), last })
    }

    /// Last particle of positive weight.
    pub(super) fn last(&self) -> usize {
        self.last
    }

    /// For each particle `(i, floor(M W_i), M W_i - floor(M W_i))`, for `count = M` offspring.
    ///
    /// The floors come to `M` at most, up to rounding; a particle of weight zero has `(i, 0, 0)`.
    pub(super) fn floors(&self, count: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        let count = count as f64;
        self.weights.iter().enumerate().map(move |(index, &weight)| {
            // Product first: integer expected counts then come out exact where they can.
            let expected = count * (weight * self.scale) / self.total;
            let floor = libm::floor(expected);
            (index, floor as usize, expected - floor)
        })
    }

    /// Fills `ancestors [M]` with the particles at the points `point(0) <= point(1) <= ..`, each a
    /// fraction of the total weight in (0, 1].
    pub(super) fn invert(&self, ancestors: &mut [usize], mut point: impl FnMut(usize) -> f64) {
        let mut particles = self.weights.iter().enumerate();
        let mut index = 0;
        let mut cumulative = 0.0;
        for (position, ancestor) in ancestors.iter_mut().enumerate() {
            let target = point(position) * self.total;
            // Strictly greater ends the search, so a weight of zero never does.
            while cumulative <= target
                && let Some((next, &weight)) = particles.next()
            {
                index = next;
                cumulative += weight * self.scale;
                if index == self.last {
                    cumulative = f64::INFINITY;
                }
            }
            *ancestor = index;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the search stops one particle early or late, stops on a zero weight at a boundary,
    /// or runs past the last positive weight.
    #[test]
    fn inversion_by_hand() {
        let weights = [0.0, 1.0, 0.0, 2.0, 5.0, 0.0];
        let points = [1e-9, 0.124, 0.125, 0.374, 0.375, 0.999, 1.0];
        let mut ancestors = [9; 7];
        CheckedWeights::new(&weights).unwrap().invert(&mut ancestors, |m| points[m]);
        assert_eq!(ancestors, [1, 1, 3, 3, 4, 4, 4]);
    }

    /// Fails if floors or remainders are those of another particle or of unnormalized weights.
    #[test]
    fn floors_by_hand() {
        let weights = CheckedWeights::new(&[0.0, 1.0, 2.0, 5.0]).unwrap();
        let exact = [(0, 0, 0.0), (1, 1, 0.25), (2, 2, 0.5), (3, 6, 0.25)];
        assert!(weights.floors(10).eq(exact));
        assert!(weights.floors(8).eq([(0, 0, 0.0), (1, 1, 0.0), (2, 2, 0.0), (3, 5, 0.0)]));
    }

    /// Fails if the scale is not the power of two it is said to be, or if a total over- or underflows.
    #[test]
    fn totals_are_normal_numbers() {
        assert_eq!((RAISE, LOWER), (libm::ldexp(1.0, 200), libm::ldexp(1.0, -200)));
        assert_eq!((LARGE, SMALL), (libm::ldexp(1.0, 900), libm::ldexp(1.0, -900)));
        for weights in [[f64::MAX; 3], [5e-324; 3], [1.0; 3], [f64::MIN_POSITIVE; 3]] {
            let checked = CheckedWeights::new(&weights).unwrap();
            assert!(checked.total.is_normal());
            assert!((checked.total / (weights[0] * checked.scale) - 3.0).abs() < 1e-15);
        }
    }
}

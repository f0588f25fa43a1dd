//! The empirical distribution of weighted numbers: sorted values and cumulative weights.
//!
//! With values `x_(1) <= ... <= x_(N)` the distribution function is `F(x) = sum_{x_(i) <= x} W_(i)`
//! and the quantile function is `Q(u) = x_(i)` for `u` in `(F_(i-1), F_(i)]`. Both one-dimensional
//! distances walk two such step functions at once and are exact for any weights and sizes.

/// A value and the cumulative normalized weight up to and including it.
#[derive(Debug, Clone, Copy)]
struct Step {
    value: f64,
    level: f64,
}

/// A weighted empirical distribution on the line, reusable as a buffer.
#[derive(Debug, Default)]
pub(super) struct Empirical {
    steps: Vec<Step>,
}

impl Empirical {
    /// Replaces the content by `(value, weight)` pairs of at least one positive weight.
    ///
    /// The levels do not depend on the order of the pairs, not even in the last bit: ties in value
    /// are sorted by weight, and the total is the last cumulative sum, so the last level is one.
    pub(super) fn refill(&mut self, pairs: impl Iterator<Item = (f64, f64)>) {
        self.steps.clear();
        let positive = pairs.filter(|&(_, weight)| weight > 0.0);
        self.steps.extend(positive.map(|(value, weight)| Step { value, level: weight }));
        self.steps.sort_unstable_by(|a, b| {
            a.value.total_cmp(&b.value).then_with(|| a.level.total_cmp(&b.level))
        });
        let mut total = 0.0;
        for step in &mut self.steps {
            total += step.level;
            step.level = total;
        }
        for step in &mut self.steps {
            step.level /= total;
        }
    }

    /// `int_0^1 cost(Q_a(u) - Q_b(u)) du`, the optimal transport cost for convex `cost`.
    ///
    /// Levels that should be equal but differ in rounding (weights `1/N` given as numbers against
    /// equal weights) leave slivers of mass near `1e-16`, each moved between neighbouring values.
    pub(super) fn transport_cost(&self, other: &Self, cost: impl Fn(f64) -> f64) -> f64 {
        let (mut i, mut j) = (0, 0);
        let (mut level, mut total) = (0.0, 0.0);
        while let (Some(a), Some(b)) = (self.steps.get(i), other.steps.get(j)) {
            let next = a.level.min(b.level);
            total += (next - level) * cost(a.value - b.value);
            level = next;
            i += usize::from(a.level <= next);
            j += usize::from(b.level <= next);
        }
        total
    }

    /// `sup_x |F_a(x) - F_b(x)|`, the Kolmogorov-Smirnov distance.
    ///
    /// The difference is read only after all steps at one value are taken on both sides, so ties
    /// within and between the samples are no difference.
    pub(super) fn largest_level_gap(&self, other: &Self) -> f64 {
        let (mut i, mut j) = (0, 0);
        let (mut level_a, mut level_b) = (0.0, 0.0);
        let mut largest: f64 = 0.0;
        // Once one side is used up its level is one, and the gap can only shrink.
        while let (Some(a), Some(b)) = (self.steps.get(i), other.steps.get(j)) {
            let value = a.value.min(b.value);
            while let Some(step) = self.steps.get(i).filter(|step| step.value <= value) {
                level_a = step.level;
                i += 1;
            }
            while let Some(step) = other.steps.get(j).filter(|step| step.value <= value) {
                level_b = step.level;
                j += 1;
            }
            largest = largest.max((level_a - level_b).abs());
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empirical(pairs: &[(f64, f64)]) -> Empirical {
        let mut result = Empirical::default();
        result.refill(pairs.iter().copied());
        result
    }

    /// Fails when quantiles are paired wrongly: mass 1/4 moves 0 to 1, 1/4 moves 0 to 5 and 1/2
    /// stays within 10 to 5.
    #[test]
    fn transport_merges_unequal_steps() {
        let a = empirical(&[(10.0, 1.0), (0.0, 1.0)]);
        let b = empirical(&[(5.0, 3.0), (1.0, 1.0)]);
        assert_eq!(a.transport_cost(&b, f64::abs), 0.25 * 1.0 + 0.25 * 5.0 + 0.5 * 5.0);
        assert_eq!(a.transport_cost(&b, |x| x * x), 0.25 + 0.25 * 25.0 + 0.5 * 25.0);
    }

    /// Fails when a buffer remembers its last content, or points of weight zero are kept.
    #[test]
    fn refill_forgets_and_skips_weight_zero() {
        let mut reused = empirical(&[(7.0, 2.0), (9.0, 1.0)]);
        reused.refill([(1.0, 2.0), (-1e300, 0.0)].into_iter());
        // Kept, the far point would enter as zero times infinity.
        assert_eq!(reused.transport_cost(&empirical(&[(4.0, 0.3)]), |x| x * x), 9.0);
    }

    /// Fails when sums are taken in the order given: ties then change the last bits.
    #[test]
    fn levels_are_the_same_bits_in_any_order() {
        let mut pairs = [(1.0, 0.1), (1.0, 0.7), (1.0, 0.3), (0.5, 0.2), (2.0, 0.9)];
        let levels = |pairs: &[(f64, f64)]| -> Vec<u64> {
            empirical(pairs).steps.iter().map(|step| step.level.to_bits()).collect()
        };
        let expected = levels(&pairs);
        for _ in 0..pairs.len() {
            pairs.rotate_left(1);
            assert_eq!(levels(&pairs), expected);
        }
    }
}

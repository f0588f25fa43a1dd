//! Residual resampling: floors of the expected counts, multinomial remainders [Liu & Chen 1998].
//!
//! ```text
//! O_i = floor(M W_i) + R_i
//! (R_1, .., R_N) ~ Multinomial(R; r_i / sum_j r_j),   r_i = M W_i - floor(M W_i),   R = sum_i r_i
//! ```

use rand_core::Rng;

use super::checked_weights::CheckedWeights;
use super::offspring::Offspring;
use super::uniform::OrderedUniforms;

/// Fills `ancestors [M]`; uses `R` uniforms, the number of offspring that the floors leave over.
pub(super) fn residual(
    weights: &CheckedWeights<'_>,
    rng: &mut (impl Rng + ?Sized),
    ancestors: &mut [usize],
) {
    let count = ancestors.len();
    let mut floors: usize = 0;
    let mut remainders = 0.0;
    let mut last = weights.last();
    for (index, floor, remainder) in weights.floors(count) {
        floors = floors.saturating_add(floor);
        remainders += remainder;
        if remainder > 0.0 {
            last = index;
        }
    }

    // R is counted, not computed from the remainders, so rounding cannot change the total.
    let mut points = OrderedUniforms::new(count.saturating_sub(floors));
    let mut target = points.next(rng).map(|point| point * remainders);
    let mut offspring = Offspring::new(ancestors);
    let mut cumulative = 0.0;
    for (index, floor, remainder) in weights.floors(count) {
        offspring.push(index, floor);
        cumulative += remainder;
        // The last remainder takes whatever rounding would put beyond the end.
        let reach = if index == last { f64::INFINITY } else { cumulative };
        while target.is_some_and(|target| target < reach) {
            offspring.push(index, 1);
            target = points.next(rng).map(|point| point * remainders);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_rng::{Uniforms, counts, midpoint};
    use super::*;

    fn draw<const N: usize, const M: usize>(
        weights: &[f64; N],
        uniforms: &[f64],
    ) -> ([usize; N], usize) {
        let mut rng = Uniforms::new(uniforms);
        let mut ancestors = [usize::MAX; M];
        residual(&CheckedWeights::new(weights).unwrap(), &mut rng, &mut ancestors);
        assert!(ancestors.is_sorted());
        (counts(&ancestors), rng.draws)
    }

    /// Fails if the remainders are not drawn in proportion: M W = (0.5, 2.25, 0, 1.25), so one
    /// offspring is left over and the uniform integrates out exactly on a grid of 8 cells.
    #[test]
    fn one_remainder_integrates_to_the_weights() {
        let mut totals = [0; 4];
        for index in 0..8 {
            let (found, draws) = draw::<4, 4>(&[2.0, 9.0, 0.0, 5.0], &[midpoint(index, 8)]);
            assert_eq!(draws, 1);
            assert!(found[1] >= 2 && found[3] >= 1);
            totals.iter_mut().zip(found).for_each(|(total, count)| *total += count);
        }
        assert_eq!(totals, [4, 18, 0, 10]);
    }

    /// Fails if two remainders are not independent: M W = (0.75, 1.75, 0.5) leaves R = 2, and both
    /// fall on the last particle with probability (0.5 / 2)^2, on the first with (0.75 / 2)^2.
    #[test]
    fn two_remainders_are_independent() {
        const GRID: usize = 400;
        let (mut both_first, mut both_last) = (0, 0);
        for cell in 0..GRID * GRID {
            let points = [midpoint(cell % GRID, GRID), midpoint(cell / GRID, GRID)];
            let (found, draws) = draw::<3, 3>(&[3.0, 7.0, 2.0], &points);
            assert_eq!(draws, 2);
            both_first += usize::from(found == [2, 1, 0]);
            both_last += usize::from(found == [0, 1, 2]);
        }
        let cells = (GRID * GRID) as f64;
        assert!((both_first as f64 / cells - 0.140625).abs() < 3e-3);
        assert!((both_last as f64 / cells - 0.0625).abs() < 3e-3);
    }

    /// Fails if integer expected counts draw a uniform or are changed by rounding.
    #[test]
    fn integer_counts_are_deterministic() {
        assert_eq!(draw::<4, 16>(&[1.0, 0.0, 2.0, 5.0], &[0.5]), ([2, 0, 4, 10], 0));
        assert_eq!(draw::<3, 3>(&[0.1, 0.1, 0.1], &[0.999]).0, [1, 1, 1]);
    }
}

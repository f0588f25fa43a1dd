//! SSP resampling: the Srinivasan sampling process on the fractional parts [Gerber, Chopin &
//! Whiteley 2019, Negative association, ordering and convergence of resampling methods].
//!
//! Each particle starts with `floor(M W_i)` offspring and the fraction `r_i = M W_i - floor(M W_i)`.
//! Two fractions `a`, `b` at a time are traded until one of them is 0 or 1:
//!
//! ```text
//! a + b < 1:   (a + b, 0) with probability a / (a + b),             else (0, a + b)
//! a + b >= 1:  (1, a + b - 1) with probability (1 - b)/(2 - a - b), else (a + b - 1, 1)
//! ```
//!
//! Both rules keep the expectation of each fraction, hence `E[O_i] = M W_i`, and `O_i` is the floor
//! or the ceiling of `M W_i`.

use rand_core::Rng;

use super::checked_weights::CheckedWeights;
use super::offspring::Offspring;
use super::uniform::open_uniform;

/// The one particle whose fraction is not settled yet.
struct Open {
    index: usize,
    fraction: f64,
    /// Where its last copy would go in the sorted list.
    position: usize,
}

/// Fills `ancestors [M]`; uses at most `N - 1` uniforms.
///
/// An open particle may win its extra copy after later particles were written; these then move
/// back by one. The next open particle comes after all of them, so an entry moves at most once
/// and the whole takes `O(N + M)`.
pub(super) fn ssp(
    weights: &CheckedWeights<'_>,
    rng: &mut (impl Rng + ?Sized),
    ancestors: &mut [usize],
) {
    let count = ancestors.len();
    let mut offspring = Offspring::new(ancestors);
    let mut open: Option<Open> = None;
    for (index, floor, fraction) in weights.floors(count) {
        offspring.push(index, floor);
        if fraction > 0.0 {
            open = trade(open, index, fraction, rng, &mut offspring);
        }
    }
    // The fractions sum to an integer, so the last open one is 0 or 1 up to rounding: the number
    // written tells which.
    if let Some(open) = open
        && offspring.missing() > 0
    {
        offspring.insert(open.position, open.index);
    }
    // Nothing is missing here unless rounding, about 1e-16 (N + M), has lost a whole offspring.
    offspring.push(weights.last(), offspring.missing());
}

/// Trades the open fraction with that of `newcomer`, whose floor has just been written, settles one
/// of the two and returns the other.
fn trade(
    open: Option<Open>,
    newcomer: usize,
    fraction: f64,
    rng: &mut (impl Rng + ?Sized),
    offspring: &mut Offspring<'_>,
) -> Option<Open> {
    let Some(open) = open else {
        return Some(Open { index: newcomer, fraction, position: offspring.filled() });
    };
    let sum = open.fraction + fraction;
    if sum < 1.0 {
        if open_uniform(rng) * sum < open.fraction {
            return Some(Open { fraction: sum, ..open });
        }
        return Some(Open { index: newcomer, fraction: sum, position: offspring.filled() });
    }
    let rest = sum - 1.0;
    let unsettled = if open_uniform(rng) * (2.0 - sum) < 1.0 - fraction {
        offspring.insert(open.position, open.index);
        Open { index: newcomer, fraction: rest, position: offspring.filled() }
    } else {
        offspring.push(newcomer, 1);
        Open { fraction: rest, ..open }
    };
    (rest > 0.0).then_some(unsettled)
}

#[cfg(test)]
mod tests {
    use super::super::test_rng::{Uniforms, counts, midpoint};
    use super::*;
    use rand_pcg::Lcg128CmDxsm64;

    fn draw<const N: usize, const M: usize>(
        weights: &[f64; N],
        uniforms: &[f64],
    ) -> ([usize; N], usize) {
        let mut rng = Uniforms::new(uniforms);
        let mut ancestors = [usize::MAX; M];
        ssp(&CheckedWeights::new(weights).unwrap(), &mut rng, &mut ancestors);
        assert!(ancestors.is_sorted(), "{ancestors:?}");
        (counts(&ancestors), rng.draws)
    }

    /// Fails if a branch probability of the rule for `a + b >= 1` is wrong: M W = (0.5, 1.75, 0.75)
    /// gives (1, 2, 0), (1, 1, 1), (0, 2, 1) with probabilities 1/4, 1/4, 1/2 by enumeration.
    #[test]
    fn branches_with_large_fractions() {
        const GRID: usize = 120;
        let mut found = [0; 3];
        for cell in 0..GRID * GRID {
            let points = [midpoint(cell % GRID, GRID), midpoint(cell / GRID, GRID)];
            let (counts, draws) = draw::<3, 3>(&[2.0, 7.0, 3.0], &points);
            assert_eq!(draws, 2);
            let outcomes = [[1, 2, 0], [1, 1, 1], [0, 2, 1]];
            found[outcomes.iter().position(|&outcome| outcome == counts).unwrap()] += 1;
        }
        // The grid resolves 1/3 and 1/4, so the enumeration is exact.
        assert_eq!(found, [GRID * GRID / 4, GRID * GRID / 4, GRID * GRID / 2]);
    }

    /// Fails if a branch probability of the rule for `a + b < 1` is wrong: with M = 1 the one
    /// offspring falls on particle i with probability W_i = (1, 0, 2, 5)/8.
    #[test]
    fn branches_with_small_fractions() {
        const GRID: usize = 240;
        let mut totals = [0; 4];
        for cell in 0..GRID * GRID {
            let points = [midpoint(cell % GRID, GRID), midpoint(cell / GRID, GRID)];
            let (found, _) = draw::<4, 1>(&[1.0, 0.0, 2.0, 5.0], &points);
            totals.iter_mut().zip(found).for_each(|(total, count)| *total += count);
        }
        assert_eq!(totals, [1, 0, 2, 5].map(|w| w * GRID * GRID / 8));
    }

    /// Fails if integer expected counts draw a uniform or are changed.
    #[test]
    fn integer_counts_are_deterministic() {
        assert_eq!(draw::<4, 16>(&[1.0, 0.0, 2.0, 5.0], &[0.5]), ([2, 0, 4, 10], 0));
    }

    /// Fails if the last open particle is dropped when rounding leaves its fraction below 1: ten
    /// fractions of 0.1 come to 1 - 1e-16, and uniforms near 0 leave the first particle open.
    #[test]
    fn the_last_open_particle_gets_the_missing_offspring() {
        assert!([0.1; 10].iter().sum::<f64>() < 1.0);
        let (found, draws) = draw::<10, 1>(&[1.0; 10], &[0.0]);
        assert_eq!((found[0], draws), (1, 9));
    }

    /// Fails if rounding over many particles loses or invents an offspring, or if late insertions
    /// spoil the order: 1,000 particles, weights over twelve decades, several M.
    #[test]
    fn many_particles_stay_sorted_and_within_bounds() {
        let mut rng = Lcg128CmDxsm64::new(8, 9);
        let mut ancestors = [0; 3001];
        for len in [1, 7, 999, 1000, 3001] {
            let mut weights = [0.0; 1000];
            for (index, weight) in weights.iter_mut().enumerate() {
                let decades = if index % 50 == 0 { 12.0 } else { 1.0 };
                *weight = libm::pow(10.0, -decades * open_uniform(&mut rng));
            }
            weights[998..].fill(0.0);
            let total: f64 = weights.iter().sum();
            let filled = &mut ancestors[..len];
            filled.fill(usize::MAX);
            ssp(&CheckedWeights::new(&weights).unwrap(), &mut rng, filled);
            assert!(filled.is_sorted());
            let found: [usize; 1000] = counts(filled);
            for (count, weight) in found.into_iter().zip(weights) {
                let mean = weight * len as f64 / total;
                assert!((count as f64 - mean).abs() < 1.0, "{count} for {mean}");
            }
        }
    }
}

//! Multinomial resampling: `M` independent draws from the weights [Gordon, Salmond & Smith 1993].
//!
//! ```text
//! (O_1, .., O_N) ~ Multinomial(M; W_1, .., W_N)
//! ```
//!
//! The uniforms are generated in increasing order, so that one pass over the weights inverts all.

use rand_core::Rng;

use super::checked_weights::CheckedWeights;
use super::uniform::OrderedUniforms;

/// Fills `ancestors [M]`; uses `M` uniforms.
pub(super) fn multinomial(
    weights: &CheckedWeights<'_>,
    rng: &mut (impl Rng + ?Sized),
    ancestors: &mut [usize],
) {
    let mut points = OrderedUniforms::new(ancestors.len());
    // There is one point for each ancestor; past the end the last positive weight would do.
    weights.invert(ancestors, |_| points.next(rng).unwrap_or(1.0));
}

#[cfg(test)]
mod tests {
    use super::super::test_rng::{Uniforms, counts, midpoint};
    use super::*;

    /// Fails if the points are not those of independent uniforms: with M = 2 the joint
    /// probabilities are W_i^2 and 2 W_i W_j; systematic points would never give (2, 0, 0).
    #[test]
    fn two_draws_are_independent() {
        const GRID: usize = 400;
        let weights = [0.2, 0.5, 0.3];
        let checked = CheckedWeights::new(&weights).unwrap();
        let mut joint = [[0.0; 3]; 3];
        for cell in 0..GRID * GRID {
            let points = [midpoint(cell % GRID, GRID), midpoint(cell / GRID, GRID)];
            let mut ancestors = [9; 2];
            multinomial(&checked, &mut Uniforms::new(&points), &mut ancestors);
            joint[ancestors[0]][ancestors[1]] += 1.0 / (GRID * GRID) as f64;
        }
        let pair = |i: usize, j: usize| weights[i] * weights[j];
        for i in 0..3 {
            assert!((joint[i][i] - pair(i, i)).abs() < 5e-3, "{joint:?}");
            for j in 0..i {
                assert!((joint[j][i] - 2.0 * pair(i, j)).abs() < 5e-3, "{joint:?}");
                assert_eq!(joint[i][j], 0.0);
            }
        }
    }

    /// Fails if the number of uniforms used is not `M`, or if the count has another mean: one draw
    /// integrates to the weights exactly on a grid of eighths.
    #[test]
    fn one_draw_integrates_to_the_weights() {
        let checked = CheckedWeights::new(&[1.0, 0.0, 2.0, 5.0]).unwrap();
        let mut totals = [0; 4];
        for index in 0..8 {
            let point = [midpoint(index, 8)];
            let mut rng = Uniforms::new(&point);
            let mut ancestors = [9; 1];
            multinomial(&checked, &mut rng, &mut ancestors);
            assert_eq!(rng.draws, 1);
            let found: [usize; 4] = counts(&ancestors);
            totals.iter_mut().zip(found).for_each(|(total, count)| *total += count);
        }
        assert_eq!(totals, [1, 0, 2, 5]);
    }
}

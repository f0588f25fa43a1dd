//! Systematic resampling: one uniform for all strata [Carpenter, Clifford & Fearnhead 1999].
//!
//! ```text
//! point_m = (m + U) / M,   m = 0 .. M - 1,   U uniform on (0, 1)
//! ```
//!
//! Each particle gets the floor or the ceiling of `M W_i`.

use rand_core::Rng;

use super::checked_weights::CheckedWeights;
use super::uniform::open_uniform;

/// Fills `ancestors [M]`; uses one uniform, whatever `M`.
pub(super) fn systematic(
    weights: &CheckedWeights<'_>,
    rng: &mut (impl Rng + ?Sized),
    ancestors: &mut [usize],
) {
    let strata = ancestors.len() as f64;
    let uniform = open_uniform(rng);
    weights.invert(ancestors, |stratum| (stratum as f64 + uniform) / strata);
}

#[cfg(test)]
mod tests {
    use super::super::test_rng::{Uniforms, counts, midpoint};
    use super::*;

    /// Fails if the comb is shifted by anything but `U / M`: cumulative weights (0.2, 0.7, 1.0),
    /// teeth at (0.05, 0.30, 0.55, 0.80) for U = 0.2 and (0.225, 0.475, 0.725, 0.975) for U = 0.9.
    #[test]
    fn teeth_by_hand() {
        let checked = CheckedWeights::new(&[0.2, 0.5, 0.3]).unwrap();
        let draw = |uniform: f64| {
            let uniforms = [uniform];
            let mut rng = Uniforms::new(&uniforms);
            let mut ancestors = [9; 4];
            systematic(&checked, &mut rng, &mut ancestors);
            assert_eq!(rng.draws, 1);
            ancestors
        };
        assert_eq!(draw(0.2), [0, 1, 1, 2]);
        assert_eq!(draw(0.9), [1, 1, 2, 2]);
    }

    /// Fails if the mean counts are not `M W_i`, or if a count is neither floor nor ceiling: the
    /// uniform is integrated out exactly over 24 cells, M = 3, N = 4.
    #[test]
    fn counts_integrate_to_the_weights() {
        let checked = CheckedWeights::new(&[1.0, 0.0, 2.0, 5.0]).unwrap();
        let mut totals = [0; 4];
        for index in 0..24 {
            let point = [midpoint(index, 24)];
            let mut ancestors = [9; 3];
            systematic(&checked, &mut Uniforms::new(&point), &mut ancestors);
            let found: [usize; 4] = counts(&ancestors);
            // M W = (0.375, 0, 0.75, 1.875)
            assert!(found[0] <= 1 && found[2] <= 1 && (1..=2).contains(&found[3]), "{found:?}");
            totals.iter_mut().zip(found).for_each(|(total, count)| *total += count);
        }
        assert_eq!(totals, [9, 0, 18, 45]);
    }
}

//! Stratified resampling: one independent uniform in each of `M` strata [Kitagawa 1996].
//!
//! ```text
//! point_m = (m + U_m) / M,   m = 0 .. M - 1,   U_m uniform on (0, 1), independent
//! ```

use rand_core::Rng;

use super::checked_weights::CheckedWeights;
use super::uniform::open_uniform;

/// Fills `ancestors [M]`; uses `M` uniforms.
pub(super) fn stratified(
    weights: &CheckedWeights<'_>,
    rng: &mut (impl Rng + ?Sized),
    ancestors: &mut [usize],
) {
    let strata = ancestors.len() as f64;
    weights.invert(ancestors, |stratum| (stratum as f64 + open_uniform(rng)) / strata);
}

#[cfg(test)]
mod tests {
    use super::super::test_rng::{Uniforms, counts, midpoint};
    use super::*;

    /// Fails if the strata share a uniform or take it in another order: cumulative weights
    /// (0.2, 0.7, 1.0); points (0.05, 0.475, 0.5, 0.975) for uniforms (0.2, 0.9, 0, 0.9).
    #[test]
    fn each_stratum_has_its_own_uniform() {
        let checked = CheckedWeights::new(&[0.2, 0.5, 0.3]).unwrap();
        let draw = |uniforms: [f64; 4]| {
            let mut rng = Uniforms::new(&uniforms);
            let mut ancestors = [9; 4];
            stratified(&checked, &mut rng, &mut ancestors);
            assert_eq!(rng.draws, 4);
            ancestors
        };
        assert_eq!(draw([0.2, 0.9, 0.0, 0.9]), [0, 1, 1, 2]);
        assert_eq!(draw([0.9, 0.0, 0.9, 0.0]), [1, 1, 2, 2]);
        assert_eq!(draw([0.7, 0.1, 0.7, 0.9]), [0, 1, 1, 2]);
    }

    /// Fails if the mean counts are not `M W_i`. Each stratum depends on its own uniform alone, so
    /// sweeping all of them together over a grid integrates every count: M = 3, N = 4, 24 cells.
    #[test]
    fn counts_integrate_to_the_weights() {
        let checked = CheckedWeights::new(&[1.0, 0.0, 2.0, 5.0]).unwrap();
        let mut totals = [0; 4];
        for index in 0..24 {
            let point = [midpoint(index, 24)];
            let mut ancestors = [9; 3];
            stratified(&checked, &mut Uniforms::new(&point), &mut ancestors);
            let found: [usize; 4] = counts(&ancestors);
            totals.iter_mut().zip(found).for_each(|(total, count)| *total += count);
        }
        // 24 cells times M = 3 draws, shared as 1 : 0 : 2 : 5.
        assert_eq!(totals, [9, 0, 18, 45]);
    }
}

//! Systematic resampling with cumulative weights in fixed point, so that prefix sums are exact.
//!
//! ```text
//! q_i = floor(2^64 W_i),  T = sum q_i,  S_i = q_1 + .. + q_i
//! offspring before the boundary S:  C(S) = #{m : m T + u < S N} = ceil((S N - u)/T),  u = floor(U T)
//! ```
//!
//! Integers add up to the same number in any order: the result does not depend on the number of ranks,
//! and boundaries never overlap. For `u` uniform on `0..T` the numbers `m T + u` take every value below
//! `N T` once, hence `E[O_i] = N q_i/T` exactly. What is lost is the part of a weight below `2^-64`.

/// The weights of one rank as integers.
pub struct FixedWeights {
    weights: Vec<u128>,
    mass: u128,
}

/// `(N, T, U)` of one resampling.
pub type Comb = (usize, u128, f64);

/// `2^64`.
const ONE: f64 = 18_446_744_073_709_551_616.0;

impl FixedWeights {
    /// Rounds normalized weights down.
    pub fn new(weights: &[f64]) -> Self {
        // A power of two changes no digit, and the conversion truncates.
        let weights: Vec<u128> = weights.iter().map(|weight| (weight * ONE) as u128).collect();
        let mass = weights.iter().sum();
        Self { weights, mass }
    }

    /// The sum of this rank's weights.
    pub fn mass(&self) -> u128 {
        self.mass
    }

    /// Offspring of each particle, where `prefix` is the mass of the ranks before this one.
    pub fn offspring(&self, prefix: u128, comb: Comb) -> Vec<usize> {
        let (mut boundary, mut below) = (prefix, offspring_below(prefix, comb));
        let count = |weight: &u128| {
            boundary += weight;
            let next = offspring_below(boundary, comb);
            next - std::mem::replace(&mut below, next)
        };
        self.weights.iter().map(count).collect()
    }
}

/// `C(S)`, exact while `N T < 2^127`.
pub fn offspring_below(boundary: u128, (particles, total, uniform): Comb) -> usize {
    // The uniforms of the core are odd multiples of 2^-53.
    let tooth = ((uniform * 9_007_199_254_740_992.0) as u128 * total) >> 53;
    let end = boundary * particles as u128;
    end.saturating_sub(tooth).div_ceil(total) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::counts;
    use amc_core::rng::{Key, Purpose};
    use amc_core::weight::Resampling;

    /// Fails if a boundary is counted twice or not at all, if an offspring gets lost, or if the comb
    /// is not that of the core: random weights on 1 to 16 ranks.
    #[test]
    fn any_number_of_ranks_agrees_with_the_core() {
        let mut stream = Key::new(3, Purpose::User).stream();
        for _ in 0..50 {
            let raw: Vec<f64> = (0..512).map(|_| stream.uniform().powi(4)).collect();
            let sum: f64 = raw.iter().sum();
            let weights: Vec<f64> = raw.iter().map(|w| w / sum).collect();
            let (mut ancestors, uniform) = (vec![0; 512], stream.clone().uniform());
            Resampling::Systematic.ancestors(&weights, &mut stream, &mut ancestors).unwrap();
            let expected = counts(&ancestors);
            for ranks in [1, 4, 16] {
                let fixed: Vec<FixedWeights> =
                    weights.chunks(512 / ranks).map(FixedWeights::new).collect();
                let total = fixed.iter().map(FixedWeights::mass).sum();
                let mut prefix = 0;
                let mut found = Vec::new();
                for fixed in &fixed {
                    found.extend(fixed.offspring(prefix, (512, total, uniform)));
                    prefix += fixed.mass();
                }
                assert_eq!(found, expected);
            }
        }
    }

    /// Fails if the ends are off: nothing before the first weight, everything before the last.
    #[test]
    fn ends_of_the_comb() {
        let total = 3 << 60;
        for uniform in [f64::EPSILON / 2.0, 0.3, 1.0 - f64::EPSILON / 2.0] {
            assert_eq!(offspring_below(0, (100, total, uniform)), 0);
            assert_eq!(offspring_below(total, (100, total, uniform)), 100);
        }
    }
}

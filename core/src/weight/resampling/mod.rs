//! Resampling: one file per scheme, and the enum that names them all.

use rand_core::Rng;

use crate::error::Result;

mod checked_weights;
mod multinomial;
mod offspring;
mod residual;
mod ssp;
mod stratified;
mod systematic;
#[cfg(test)]
mod test_rng;
mod uniform;

use checked_weights::CheckedWeights;

/// The rule that replaces `N` weighted particles by `M` equally weighted ones.
///
/// With `W_i = w_i / sum_j w_j` and `O_i` the number of offspring of particle `i`:
///
/// ```text
/// sum_i O_i = M   and   E[O_i] = M W_i   for every scheme, so SMC stays unbiased [DelMoral06]
/// ```
///
/// | scheme | `O_i` | uniforms | source |
/// |---|---|---|---|
/// | multinomial | `Binomial(M, W_i)` | `M` | [Gordon, Salmond & Smith 1993] |
/// | stratified | within 2 of `M W_i` | `M` | [Kitagawa 1996] |
/// | systematic | floor or ceiling of `M W_i` | 1 | [Carpenter, Clifford & Fearnhead 1999] |
/// | residual | at least the floor of `M W_i` | at most `min(M, N - 1)` | [Liu & Chen 1998] |
/// | SSP | floor or ceiling of `M W_i` | at most `N - 1` | [Gerber, Chopin & Whiteley 2019] |
///
/// Every scheme takes `O(N + M)` operations and no scratch. Multinomial, stratified and systematic
/// invert the cumulative weights at increasing points of (0, 1); residual and SSP copy floors first.
///
/// ```
/// use amc_core::rng::{Key, Purpose};
/// use amc_core::weight::Resampling;
///
/// // Expected offspring 1.5, 0, 3, 1.5: every scheme keeps them in the mean.
/// let weights = [0.25, 0.0, 0.5, 0.25];
/// let mut stream = Key::new(1, Purpose::Resampling).stream();
/// let mut ancestors = [0; 6];
/// Resampling::Ssp.ancestors(&weights, &mut stream, &mut ancestors)?;
/// assert!(ancestors.is_sorted());
/// assert_eq!(ancestors.iter().filter(|ancestor| **ancestor == 2).count(), 3);
/// assert!(!ancestors.contains(&1));
/// # Ok::<(), amc_core::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resampling {
    /// Independent draws: the reference of the theory, and the noisiest.
    Multinomial,
    /// One independent uniform in each of `M` equal strata.
    Stratified,
    /// One uniform shared by all strata: the cheapest; its variance depends on the particles' order.
    #[default]
    Systematic,
    /// Floors of the expected counts, then multinomial draws on the remainders.
    Residual,
    /// Srinivasan sampling process: as even as systematic, with negatively associated counts, so
    /// that consistency is proven whatever the order of the particles.
    Ssp,
}

impl Resampling {
    /// Every scheme, in the order of the table above.
    pub const ALL: [Self; 5] =
        [Self::Multinomial, Self::Stratified, Self::Systematic, Self::Residual, Self::Ssp];

    /// Name in configuration files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Multinomial => "multinomial",
            Self::Stratified => "stratified",
            Self::Systematic => "systematic",
            Self::Residual => "residual",
            Self::Ssp => "ssp",
        }
    }

    /// The scheme with this [`name`](Self::name), exactly as written there.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Draws `ancestors [M]`, indices into `weights [N]` in non-decreasing order.
    ///
    /// `weights` are non-negative and need not be normalized; any scale that `f64` holds will do.
    /// A particle of weight zero has no offspring. `M` may differ from `N`, and may be zero.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::error::Error::Empty) for no particle,
    /// [`Error::NotFinite`](crate::error::Error::NotFinite) and
    /// [`Error::Negative`](crate::error::Error::Negative) for the first such weight,
    /// [`Error::WeightsAllZero`](crate::error::Error::WeightsAllZero) when no weight is positive.
    /// Neither `ancestors` nor `rng` is touched then.
    pub fn ancestors(
        self,
        weights: &[f64],
        rng: &mut (impl Rng + ?Sized),
        ancestors: &mut [usize],
    ) -> Result<()> {
        let weights = CheckedWeights::new(weights)?;
        match self {
            Self::Multinomial => multinomial::multinomial(&weights, rng, ancestors),
            Self::Stratified => stratified::stratified(&weights, rng, ancestors),
            Self::Systematic => systematic::systematic(&weights, rng, ancestors),
            Self::Residual => residual::residual(&weights, rng, ancestors),
            Self::Ssp => ssp::ssp(&weights, rng, ancestors),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::test_rng::{Uniforms, counts};
    use super::*;
    use crate::error::Error;
    use rand_pcg::Lcg128CmDxsm64;

    /// Fails if a scheme is missing from `ALL` by name, or if two share a name.
    #[test]
    fn names_round_trip() {
        for scheme in Resampling::ALL {
            assert_eq!(Resampling::from_name(scheme.name()), Some(scheme));
        }
        assert_eq!(Resampling::from_name("Systematic"), None);
        assert_eq!(Resampling::default(), Resampling::Systematic);
    }

    /// Fails if a scheme's mean counts are off by more than six standard errors of the multinomial
    /// mean, if an output is unsorted, or if a scheme leaves its bounds. Weights are asymmetric.
    #[test]
    fn mean_offspring_and_bounds_over_many_seeds() {
        const RUNS: usize = 20_000;
        let weights = [0.0, 3.0, 0.2, 11.0, 0.0, 1.7, 4.1, 0.0];
        let expected = weights.map(|w| 13.0 * w / 20.0);
        for scheme in Resampling::ALL {
            let mut rng = Lcg128CmDxsm64::new(20, 24);
            let mut totals = [0; 8];
            for _ in 0..RUNS {
                let mut ancestors = [usize::MAX; 13];
                scheme.ancestors(&weights, &mut rng, &mut ancestors).unwrap();
                assert!(ancestors.is_sorted());
                let count: [usize; 8] = counts(&ancestors);
                for ((total, &found), &mean) in totals.iter_mut().zip(&count).zip(&expected) {
                    *total += found;
                    let distance = (found as f64 - mean).abs();
                    let even = matches!(scheme, Resampling::Systematic | Resampling::Ssp);
                    assert!(!even || distance < 1.0, "{scheme:?} {found} for {mean}");
                    assert!(scheme != Resampling::Stratified || distance < 2.0);
                    assert!(scheme != Resampling::Residual || found as f64 > mean - 1.0);
                }
            }
            for (&total, &mean) in totals.iter().zip(&expected) {
                let difference = total as f64 / RUNS as f64 - mean;
                let bound = 6.0 * libm::sqrt(mean / RUNS as f64);
                assert!(difference.abs() <= bound, "{scheme:?}: {difference} at {mean}");
            }
        }
    }

    /// Fails if a trailing or leading zero weight is drawn, or the end overrun, when the uniforms
    /// sit at either end of (0, 1) and ten weights of 0.1 do not sum to 1 exactly.
    #[test]
    fn extreme_uniforms_never_reach_a_zero_weight() {
        let mut weights = [0.1; 14];
        (weights[0], weights[1], weights[12], weights[13]) = (0.0, 0.0, 0.0, 0.0);
        for scheme in Resampling::ALL {
            for edge in [[0], [u64::MAX]] {
                let mut rng = Uniforms::raw(&edge);
                for len in 0..40 {
                    let mut ancestors = [usize::MAX; 40];
                    scheme.ancestors(&weights, &mut rng, &mut ancestors[..len]).unwrap();
                    assert!(ancestors[..len].is_sorted());
                    assert!(ancestors[..len].iter().all(|a| (2..12).contains(a)), "{scheme:?}");
                    assert!(ancestors[len..].iter().all(|&a| a == usize::MAX));
                }
            }
        }
    }

    /// Fails if the scale of the weights matters, where their sum overflows or is subnormal.
    #[test]
    fn scale_does_not_matter() {
        let draw = |scheme: Resampling, scale: f64| {
            let mut rng = Lcg128CmDxsm64::new(5, 6);
            let mut ancestors = [0; 21];
            let weights = [1.0, 0.0, 2.0, 5.0].map(|w: f64| w * scale);
            scheme.ancestors(&weights, &mut rng, &mut ancestors).unwrap();
            ancestors
        };
        for scheme in Resampling::ALL {
            for exponent in [-1074, -1000, -300, 300, 1021] {
                let found = draw(scheme, libm::ldexp(1.0, exponent));
                assert_eq!(found, draw(scheme, 1.0), "{scheme:?} 2^{exponent}");
            }
        }
    }

    /// Fails if a single particle, a dominating weight or `M = 0` is not handled.
    #[test]
    fn degenerate_populations() {
        let mut rng = Lcg128CmDxsm64::new(1, 1);
        for scheme in Resampling::ALL {
            let mut ancestors = [9; 3];
            scheme.ancestors(&[1e-300], &mut rng, &mut ancestors).unwrap();
            assert_eq!(ancestors, [0; 3]);
            let weights = [1e-300, 0.0, 1.0, 1e-300, 0.0];
            scheme.ancestors(&weights, &mut rng, &mut ancestors).unwrap();
            assert_eq!(ancestors, [2; 3], "{scheme:?}");
            scheme.ancestors(&weights, &mut rng, &mut []).unwrap();
        }
    }

    /// Fails if a bad weight passes, or if the output or the generator moves before the check.
    #[test]
    fn bad_weights_are_refused_before_anything_is_written() {
        let what = "weights";
        let cases: [(&[f64], Error); 5] = [
            (&[], Error::Empty { what }),
            (&[0.0, -0.0], Error::WeightsAllZero),
            (&[1.0, f64::NAN], Error::NotFinite { what, index: 1 }),
            (&[1.0, 0.0, f64::INFINITY], Error::NotFinite { what, index: 2 }),
            (&[1.0, -1e-300], Error::Negative { what, index: 1, value: -1e-300 }),
        ];
        for scheme in Resampling::ALL {
            for (weights, error) in cases {
                let mut ancestors = [7; 2];
                let mut rng = Lcg128CmDxsm64::new(3, 4);
                assert_eq!(scheme.ancestors(weights, &mut rng, &mut ancestors), Err(error));
                assert_eq!(ancestors, [7; 2]);
                assert!(rng == Lcg128CmDxsm64::new(3, 4));
            }
        }
    }
}

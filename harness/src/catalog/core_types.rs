//! What the chosen names stand for in the core.

use amc_core::bridge::DdpmVariance;
use amc_core::path::VeShape;
use amc_core::weight::Resampling;

use super::{BridgeVariance, ResamplingScheme, SigmaShape};

impl ResamplingScheme {
    /// The scheme as the core runs it.
    pub const fn to_core(self) -> Resampling {
        match self {
            Self::Multinomial => Resampling::Multinomial,
            Self::Stratified => Resampling::Stratified,
            Self::Systematic => Resampling::Systematic,
            Self::Residual => Resampling::Residual,
            Self::Ssp => Resampling::Ssp,
        }
    }
}

impl BridgeVariance {
    /// The variance as the core computes it.
    pub const fn to_core(self) -> DdpmVariance {
        match self {
            Self::Noise => DdpmVariance::Noise,
            Self::Scaled => DdpmVariance::Scaled,
            Self::Posterior => DdpmVariance::Posterior,
        }
    }
}

impl SigmaShape {
    /// The shape as the core computes it.
    pub const fn to_core(self) -> VeShape {
        match self {
            Self::Geometric => VeShape::Geometric,
            Self::Rho7 => VeShape::Rho7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a name means another scheme here than in the core, or one side lacks a scheme.
    #[test]
    fn resampling_schemes_have_the_names_of_the_core() {
        let here: Vec<_> = ResamplingScheme::ALL.iter().map(|scheme| scheme.to_core()).collect();
        assert_eq!(here, Resampling::ALL);
        for scheme in ResamplingScheme::ALL {
            assert_eq!(scheme.name(), scheme.to_core().name());
        }
    }

    /// Fails when two choices are crossed: where the core has no names, its variants do.
    #[test]
    fn other_choices_keep_their_variants() {
        for variance in BridgeVariance::ALL {
            assert_eq!(format!("{variance:?}"), format!("{:?}", variance.to_core()));
        }
        for shape in SigmaShape::ALL {
            assert_eq!(format!("{shape:?}"), format!("{:?}", shape.to_core()));
        }
    }
}

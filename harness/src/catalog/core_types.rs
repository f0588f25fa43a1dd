//! What the chosen names stand for in the core.

use amc_core::bridge::DdpmVariance;
use amc_core::logdet::{Penalty, ProbeLaw};
use amc_core::path::VeShape;
use amc_core::transport::FlowMethod;
use amc_core::weight::Resampling;

use super::{BridgeVariance, FlowMapKind, PenaltyKind, ProbeKind, ResamplingScheme, SigmaShape};

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

impl FlowMapKind {
    /// The method as the core computes it.
    pub const fn to_core(self) -> FlowMethod {
        match self {
            Self::PfEi => FlowMethod::PfEi,
            Self::Ddim => FlowMethod::Ddim,
            Self::Heun => FlowMethod::Heun,
            Self::ThirdOrder => FlowMethod::ThirdOrder,
            Self::FourthOrder => FlowMethod::FourthOrder,
        }
    }
}

impl ProbeKind {
    /// The law as the core draws it.
    pub const fn to_core(self) -> ProbeLaw {
        match self {
            Self::Rademacher => ProbeLaw::Rademacher,
            Self::Gaussian => ProbeLaw::Gaussian,
        }
    }
}

impl PenaltyKind {
    /// The penalty as the core computes it.
    pub const fn to_core(self) -> Penalty {
        match self {
            Self::ClosedForm => Penalty::ClosedForm,
            Self::Series => Penalty::Series,
            Self::None => Penalty::None,
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
        for map in FlowMapKind::ALL {
            assert_eq!(format!("{map:?}"), format!("{:?}", map.to_core()));
        }
        for probes in ProbeKind::ALL {
            assert_eq!(format!("{probes:?}"), format!("{:?}", probes.to_core()));
        }
        for penalty in PenaltyKind::ALL {
            assert_eq!(format!("{penalty:?}"), format!("{:?}", penalty.to_core()));
        }
    }
}

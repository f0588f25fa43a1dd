//! From the configured bridge to the moves of a problem.

use amc_core::bridge::Rank;
use amc_core::error::Result;
use amc_core::logdet::{
    Dense, HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, PowerSeries, Structured,
};
use amc_core::transport::InversionRule;

use super::Top;
use crate::catalog::LogDetEstimator;
use crate::config::{BridgeConfig, FlowMapConfig};
use crate::sampler::{BridgeChoice, FlowChoice};

/// Lanczos steps that bound the spectrum of a recentred series.
const SPECTRUM_STEPS: usize = 8;

/// The bridge in `dim` coordinates. Swaps, which are what a ladder with the reference on `top` does, need
/// maps whose inverse is checked.
pub(super) fn bridge_choice(config: &BridgeConfig, dim: usize, top: Top) -> Result<BridgeChoice> {
    Ok(match config {
        BridgeConfig::Identity => BridgeChoice::Identity,
        BridgeConfig::ExponentialIntegrator => BridgeChoice::ExponentialIntegrator,
        BridgeConfig::Ddpm { variance } => BridgeChoice::Ddpm(variance.to_core()),
        BridgeConfig::IsotropicOptimal => BridgeChoice::IsotropicOptimal,
        BridgeConfig::Diagonal => BridgeChoice::Diagonal,
        BridgeConfig::SecondOrder => BridgeChoice::SecondOrder,
        BridgeConfig::LowRank { rank, tolerance } => BridgeChoice::LowRank(match tolerance {
            None => Rank::Fixed(*rank),
            Some(tolerance) => Rank::Tolerance { most: *rank, tolerance: *tolerance },
        }),
        BridgeConfig::FlowMap(flow) => BridgeChoice::FlowMap(flow_choice(flow, dim, top)?),
        BridgeConfig::Exact => BridgeChoice::Exact,
    })
}

/// A deterministic map with its estimator and penalty, ready for use in `dim` coordinates.
pub(crate) fn flow_choice(flow: &FlowMapConfig, dim: usize, top: Top) -> Result<FlowChoice> {
    let determinant = determinant(flow, dim)?;
    Ok(FlowChoice {
        method: flow.map.to_core(),
        inversion: InversionRule { fixed_point: flow.n_iter, newton: flow.newton },
        penalty: flow.logdet.penalty.to_core(),
        determinant,
        checked: top == Top::Reference,
    })
}

/// The estimator of `log|det J|` in `dim` coordinates.
fn determinant(flow: &FlowMapConfig, dim: usize) -> Result<Box<dyn LogDeterminant>> {
    let config = &flow.logdet;
    let (terms, probes, law) = (config.n_trunc, config.n_hutch, config.probes.to_core());
    let sketched = |logarithm| Ok(Box::new(HutchPlusPlus::new(logarithm, probes, law)?) as Box<_>);
    match config.estimator_for(flow.map, dim) {
        LogDetEstimator::Auto | LogDetEstimator::Dense => Ok(Box::new(Dense)),
        LogDetEstimator::Structured => Ok(Box::new(Structured)),
        LogDetEstimator::PowerSeries => Ok(Box::new(PowerSeries::new(terms, probes, law)?)),
        LogDetEstimator::HutchPlusPlus => sketched(Logarithm::Series { terms }),
        LogDetEstimator::RecentredHutchPlusPlus => {
            sketched(Logarithm::Recentred { terms, steps: SPECTRUM_STEPS })
        }
        LogDetEstimator::Lanczos => Ok(Box::new(LanczosQuadrature::new(terms, probes, law)?)),
        LogDetEstimator::LanczosHutchPlusPlus => sketched(Logarithm::Lanczos { steps: terms }),
    }
}

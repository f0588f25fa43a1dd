//! Every stochastic bridge of the core, in each of its forms, as something to list and to build.

use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, DenoisingKernel, Diagonal, Exact, HessianMoments, Identity,
    LowRank, Rank, SecondOrderDense, SecondOrderStructured, Start, Trace, ddpm,
    exponential_integrator, isotropic_optimal,
};
use amc_core::error::Error;
use amc_core::path::NoisingStep;

use super::Place;
use crate::VerifyError;
use crate::oracle::FixtureStep;

/// A bridge with its options.
#[derive(Debug, Clone, Copy)]
pub(super) enum Variant {
    Identity,
    ExponentialIntegrator,
    Ddpm(DdpmVariance),
    IsotropicOptimal,
    /// From the transition, or from the Hessian of the noisier level.
    Diagonal(Moments),
    SecondOrderStructured,
    SecondOrderDense(Moments),
    LowRank(usize, Start, Trace),
    Exact,
}

/// Where posterior moments come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moments {
    Transition,
    Hessian,
}

impl Variant {
    /// Those whose log-work is a function of the pair of states.
    pub(super) const FIXED: [Self; 13] = [
        Self::Identity,
        Self::ExponentialIntegrator,
        Self::Ddpm(DdpmVariance::Noise),
        Self::Ddpm(DdpmVariance::Scaled),
        Self::Ddpm(DdpmVariance::Posterior),
        Self::IsotropicOptimal,
        Self::Diagonal(Moments::Transition),
        Self::Diagonal(Moments::Hessian),
        Self::SecondOrderStructured,
        Self::SecondOrderDense(Moments::Transition),
        Self::SecondOrderDense(Moments::Hessian),
        Self::LowRank(2, Start::Score, Trace::Structure),
        Self::Exact,
    ];

    /// Those with auxiliary variables: the log-work of a given pair is random.
    pub(super) const RANDOM: [Self; 6] = [
        Self::LowRank(1, Start::Score, Trace::Probes(1)),
        Self::LowRank(2, Start::Score, Trace::Probes(1)),
        Self::LowRank(1, Start::Random, Trace::Probes(2)),
        Self::LowRank(2, Start::Random, Trace::Probes(2)),
        Self::LowRank(1, Start::Random, Trace::Structure),
        Self::LowRank(2, Start::Random, Trace::Structure),
    ];

    /// The name users choose it by.
    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::ExponentialIntegrator => "exponential-integrator",
            Self::Ddpm(_) => "ddpm",
            Self::IsotropicOptimal => "isotropic-optimal",
            Self::Diagonal(_) => "diagonal",
            Self::SecondOrderStructured | Self::SecondOrderDense(_) => "second-order",
            Self::LowRank(..) => "low-rank",
            Self::Exact => "exact",
        }
    }

    /// Name in verdicts.
    pub(super) fn name(self) -> String {
        let subject = self.subject();
        match self {
            Self::Ddpm(DdpmVariance::Noise) => format!("{subject}, v"),
            Self::Ddpm(DdpmVariance::Scaled) => format!("{subject}, v/a^2"),
            Self::Ddpm(DdpmVariance::Posterior) => format!("{subject}, v v_s/v_t"),
            Self::Diagonal(Moments::Hessian) => format!("{subject}, hessian"),
            Self::SecondOrderStructured => format!("{subject}, structured"),
            Self::SecondOrderDense(Moments::Transition) => format!("{subject}, dense"),
            Self::SecondOrderDense(Moments::Hessian) => format!("{subject}, hessian"),
            Self::LowRank(rank, start, trace) => format!("{subject} {rank}, {start:?}, {trace:?}"),
            _ => subject.to_owned(),
        }
    }

    /// Whether the bridge exists at this place: some need a structure, or noise at the cleaner level.
    pub(super) fn exists(self, place: &Place) -> Result<bool, VerifyError> {
        match place.with_step(|_, step| self.with_bridge(step, |_| Ok(()))) {
            Ok(()) => Ok(true),
            Err(VerifyError::Core(Error::Unsupported { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Calls `visit` with the bridge over a step.
    pub(super) fn with_bridge<R>(
        self,
        step: &FixtureStep<'_>,
        visit: impl FnOnce(&dyn Bridge) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        let (noisy, transition) = (&step.noisy.level, &step.transition);
        let hessian = HessianMoments::new(noisy, step.step);
        let step_ = &step.step;
        match self {
            Self::Identity => visit(&Identity::new(noisy, &step.clean.level)?),
            Self::ExponentialIntegrator => denoise(step, exponential_integrator(step_)?, visit),
            Self::Ddpm(variance) => denoise(step, ddpm(step_, variance)?, visit),
            Self::IsotropicOptimal => {
                let kernel = isotropic_optimal(step_, mean_square_score(step_), 0.0)?;
                denoise(step, kernel, visit)
            }
            Self::Diagonal(Moments::Transition) => denoise(step, Diagonal::new(transition), visit),
            Self::Diagonal(Moments::Hessian) => denoise(step, Diagonal::new(&hessian), visit),
            Self::SecondOrderStructured => {
                denoise(step, SecondOrderStructured::new(transition)?, visit)
            }
            Self::SecondOrderDense(Moments::Transition) => {
                denoise(step, SecondOrderDense::new(transition), visit)
            }
            Self::SecondOrderDense(Moments::Hessian) => {
                denoise(step, SecondOrderDense::new(&hessian), visit)
            }
            Self::LowRank(rank, start, trace) => {
                let kernel = LowRank::new(noisy, *step_, Rank::Fixed(rank), trace, start)?;
                denoise(step, kernel, visit)
            }
            Self::Exact => denoise(step, Exact::new(transition), visit),
        }
    }
}

fn denoise<K: DenoisingKernel, R>(
    step: &FixtureStep<'_>,
    kernel: K,
    visit: impl FnOnce(&dyn Bridge) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    visit(&Denoising::new(&step.noisy.level, &step.clean.level, step.step, kernel)?)
}

/// `(v/a^2)`-optimal variances need `E|S|^2/d` of the noisier level; any value gives a valid kernel, so a
/// rough one is given: 0.9 of the bound `1/v`.
fn mean_square_score(step: &NoisingStep) -> f64 {
    0.9 / (step.variance_noisy + step.alpha_noisy * step.alpha_noisy * 0.4)
}

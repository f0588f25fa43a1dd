//! One annealing problem, ready to run: levels, reference, bridges between levels, kernel.

use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, DenoisingKernel, Diagonal, Exact, Identity, SecondOrderDense,
    SecondOrderStructured, ddpm, exponential_integrator, isotropic_optimal,
};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{MixtureLevel, Score, Tempered};
use amc_core::error::{Error, Result};
use amc_core::kernel::MarkovKernel;
use amc_core::path::{NoiseSchedule, NoisingStep};

use super::MeanSquareScore;
use crate::catalog::BridgeKind;

/// The density of one level.
#[derive(Clone, Copy)]
pub enum Level<'a> {
    /// A level of a diffusion path from a mixture, or the mixture itself.
    Diffusion(MixtureLevel<'a>),
    /// A level of a tempering path.
    Tempering(Tempered<'a>),
}

impl Level<'_> {
    /// The density, to evaluate.
    pub fn density(&self) -> &dyn Score {
        match self {
            Self::Diffusion(level) => level,
            Self::Tempering(level) => level,
        }
    }
}

/// The Markov kernel run at each level, and how often.
pub struct KernelChoice {
    /// The kernel.
    pub kernel: Box<dyn MarkovKernel>,
    /// Steps at each level, at least 1.
    pub steps: usize,
    /// The acceptance rate step sizes are tuned to.
    pub target_acceptance: f64,
    /// Step size the tuning starts from, at the noisiest level.
    pub initial_step_size: f64,
}

/// What a sampler needs to know of a problem. Level 0 is the target, level `L` the noisiest.
pub struct Annealing<'a> {
    /// Levels `0..=L`.
    pub levels: Vec<Level<'a>>,
    /// Times of the levels, `[L + 1]`, increasing from 0.
    pub times: Vec<f64>,
    /// The Gaussian that the first particles are drawn from.
    pub reference: &'a MixtureLevel<'a>,
    /// The noise schedule of a diffusion path.
    pub schedule: Option<NoiseSchedule>,
    /// The moves between levels.
    pub bridge: BridgeKind,
    /// The variance of the ddpm bridge.
    pub ddpm_variance: DdpmVariance,
    /// The moves within a level, if any.
    pub kernel: Option<KernelChoice>,
    /// The seed all random numbers derive from.
    pub seed: u64,
}

impl Annealing<'_> {
    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.reference.mixture().dim()
    }

    /// The number of annealing steps `L`.
    pub fn steps(&self) -> usize {
        self.levels.len() - 1
    }

    /// Whether the bridge needs the pilot's `E_t|S|^2`.
    pub fn needs_mean_square_score(&self) -> bool {
        self.bridge == BridgeKind::IsotropicOptimal
    }

    /// Calls `visit` with the bridge from level `clean + 1` to level `clean`.
    ///
    /// `mean_square_score` is that of the noisier level (isotropic-optimal only).
    ///
    /// # Errors
    /// Parameters the bridge refuses, and the errors of `visit`.
    pub fn with_bridge<T, E: From<Error>>(
        &self,
        clean: usize,
        mean_square_score: Option<MeanSquareScore>,
        visit: impl FnOnce(&dyn Bridge) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        match self.bridge {
            BridgeKind::Identity => {
                let (noisy, clean) = (&self.levels[clean + 1], &self.levels[clean]);
                visit(&Identity::new(noisy.density(), clean.density())?)
            }
            BridgeKind::ExponentialIntegrator => {
                let join = self.join(clean)?;
                visit(&join.bridge(exponential_integrator(&join.step)?)?)
            }
            BridgeKind::Ddpm => {
                let join = self.join(clean)?;
                visit(&join.bridge(ddpm(&join.step, self.ddpm_variance_at(clean))?)?)
            }
            BridgeKind::IsotropicOptimal => {
                let join = self.join(clean)?;
                let MeanSquareScore { mean, standard_error } =
                    mean_square_score.unwrap_or(MeanSquareScore::UNKNOWN);
                visit(&join.bridge(isotropic_optimal(&join.step, mean, standard_error)?)?)
            }
            BridgeKind::Diagonal => self.join(clean)?.with_transition(|join, transition| {
                visit(&join.bridge(Diagonal::new(transition))?)
            }),
            BridgeKind::SecondOrder => self.join(clean)?.with_transition(|join, transition| {
                if structure_pays(transition) {
                    visit(&join.bridge(SecondOrderStructured::new(transition)?)?)
                } else {
                    visit(&join.bridge(SecondOrderDense::new(transition))?)
                }
            }),
            BridgeKind::Exact => self
                .join(clean)?
                .with_transition(|join, transition| visit(&join.bridge(Exact::new(transition))?)),
        }
    }

    /// What every denoising bridge to level `clean` is made of.
    fn join(&self, clean: usize) -> Result<Join<'_>> {
        let (Some(schedule), Level::Diffusion(noisy)) = (&self.schedule, &self.levels[clean + 1])
        else {
            let what = "a denoising bridge needs a diffusion path";
            return Err(Error::Unsupported { what });
        };
        let step = schedule.step(self.times[clean], self.times[clean + 1])?;
        Ok(Join { noisy, clean: self.levels[clean].density(), step })
    }

    /// The variance ddpm uses on the step to level `clean`.
    ///
    /// The posterior variance is zero on the step to the target, which has the noise variance
    /// instead (the run says so in a warning).
    fn ddpm_variance_at(&self, clean: usize) -> DdpmVariance {
        match self.ddpm_variance {
            DdpmVariance::Posterior if clean == 0 => DdpmVariance::Noise,
            variance => variance,
        }
    }
}

/// The `K x K` form costs less than the `d x d` form when there are fewer components than
/// coordinates.
fn structure_pays(transition: &MixtureTransition<'_>) -> bool {
    transition.is_diagonal_plus_low_rank() && transition.components() <= transition.dim()
}

/// The two ends of a denoising bridge and the step between them.
struct Join<'a> {
    noisy: &'a MixtureLevel<'a>,
    clean: &'a dyn Score,
    step: NoisingStep,
}

impl<'a> Join<'a> {
    fn bridge<K: DenoisingKernel>(&self, kernel: K) -> Result<Denoising<'a, K>> {
        Denoising::new(self.noisy, self.clean, self.step, kernel)
    }

    /// Calls `visit` with the exact law of the cleaner state given the noisier one.
    fn with_transition<T, E: From<Error>>(
        &self,
        visit: impl FnOnce(&Self, &MixtureTransition<'_>) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        let mut storage = vec![0.0; MixtureTransition::storage_len(self.noisy)];
        let transition = MixtureTransition::prepare(self.noisy, &self.step, &mut storage)?;
        visit(self, &transition)
    }
}

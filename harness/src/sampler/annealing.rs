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
use amc_core::rng::{Key, Phase, Purpose};

use super::MeanSquareScore;
use crate::catalog::BridgeKind;

/// The density of one level.
#[derive(Clone, Copy)]
pub enum Level<'a> {
    /// A level of a diffusion path from a mixture, or the mixture itself.
    Diffusion(MixtureLevel<'a>),
    /// A level of a tempering path.
    Tempering(Tempered<'a>),
    /// The reference in the place of the noisiest level of a diffusion path. Denoising kernels take
    /// their moments from the level it stands for; any kernel is a valid one.
    Reference {
        /// The density of this level.
        reference: MixtureLevel<'a>,
        /// The level of the diffusion path at this time.
        diffusion: MixtureLevel<'a>,
    },
}

impl Level<'_> {
    /// The density, to evaluate.
    pub fn density(&self) -> &dyn Score {
        match self {
            Self::Diffusion(level) => level,
            Self::Tempering(level) => level,
            Self::Reference { reference, .. } => reference,
        }
    }

    /// The same density, where it can be sampled exactly.
    pub fn exact(&self) -> Option<&MixtureLevel<'_>> {
        match self {
            Self::Diffusion(level) | Self::Reference { reference: level, .. } => Some(level),
            Self::Tempering(_) => None,
        }
    }

    /// The level of a diffusion path at this time.
    fn diffusion(&self) -> Option<&MixtureLevel<'_>> {
        match self {
            Self::Diffusion(level) | Self::Reference { diffusion: level, .. } => Some(level),
            Self::Tempering(_) => None,
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
    /// The variance of its coordinates; its mean is 0.
    pub reference_variance: f64,
    /// The target, where it can be sampled exactly.
    pub exact_target: Option<&'a MixtureLevel<'a>>,
    /// Second moment of the target, `E|x|^2/d` about 0, where it is known.
    pub second_moment: Option<f64>,
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
    /// Which of the independent repetitions of the run this is, from 0.
    pub repetition: u64,
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

    /// The second moment `E|x|^2/d` of a level of a diffusion path, if that of the target is known.
    pub fn second_moment_at(&self, level: usize) -> Option<f64> {
        match &self.levels[level] {
            Level::Diffusion(density) => {
                let alpha = density.alpha();
                self.second_moment.map(|m| alpha * alpha * m + density.variance())
            }
            Level::Reference { .. } => Some(self.reference_variance),
            Level::Tempering(_) => None,
        }
    }

    /// The random streams of this problem for one purpose.
    pub fn key(&self, phase: Phase, purpose: Purpose) -> Key {
        Key::new(self.seed, purpose).phase(phase).repetition(self.repetition)
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
        let mut storage = self.transition_storage(clean);
        let transition = self.transition(clean, &mut storage)?;
        visit(self.bridge(clean, mean_square_score, transition.as_ref())?.as_ref())
    }

    /// Calls `visit` with all bridges; `bridges[i]` goes from level `i + 1` to level `i`.
    ///
    /// `mean_square_scores` are those of levels `0..=L` (isotropic-optimal only).
    ///
    /// # Errors
    /// As [`Annealing::with_bridge`].
    pub fn with_bridges<T, E: From<Error>>(
        &self,
        mean_square_scores: &[MeanSquareScore],
        visit: impl FnOnce(&[Box<dyn Bridge + '_>]) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        let mut storage: Vec<Vec<f64>> =
            (0..self.steps()).map(|clean| self.transition_storage(clean)).collect();
        let transitions: Result<Vec<Option<MixtureTransition<'_>>>> = storage
            .iter_mut()
            .enumerate()
            .map(|(clean, storage)| self.transition(clean, storage))
            .collect();
        let transitions = transitions?;
        let bridges: Result<Vec<Box<dyn Bridge + '_>>> = transitions
            .iter()
            .enumerate()
            .map(|(clean, transition)| {
                let score = mean_square_scores.get(clean + 1).copied();
                self.bridge(clean, score, transition.as_ref())
            })
            .collect();
        visit(&bridges?)
    }

    /// The bridge to level `clean`; `transition` is that of [`Annealing::transition`].
    fn bridge<'s>(
        &'s self,
        clean: usize,
        mean_square_score: Option<MeanSquareScore>,
        transition: Option<&'s MixtureTransition<'s>>,
    ) -> Result<Box<dyn Bridge + 's>> {
        let (noisy, clean_density) = (&self.levels[clean + 1], self.levels[clean].density());
        let identity = || Ok(Box::new(Identity::new(noisy.density(), clean_density)?) as Box<_>);
        if self.bridge == BridgeKind::Identity {
            return identity();
        }
        let join = Join { noisy: noisy.density(), clean: clean_density, step: self.step(clean)? };
        let transition = || transition.ok_or(NO_DIFFUSION);
        match self.bridge {
            BridgeKind::Identity => identity(),
            BridgeKind::ExponentialIntegrator => join.bridge(exponential_integrator(&join.step)?),
            BridgeKind::Ddpm => join.bridge(ddpm(&join.step, self.ddpm_variance_at(clean))?),
            BridgeKind::IsotropicOptimal => {
                let MeanSquareScore { mean, standard_error } =
                    mean_square_score.unwrap_or(MeanSquareScore::UNKNOWN);
                join.bridge(isotropic_optimal(&join.step, mean, standard_error)?)
            }
            BridgeKind::Diagonal => join.bridge(Diagonal::new(transition()?)),
            BridgeKind::SecondOrder if structure_pays(transition()?) => {
                join.bridge(SecondOrderStructured::new(transition()?)?)
            }
            BridgeKind::SecondOrder => join.bridge(SecondOrderDense::new(transition()?)),
            BridgeKind::Exact => join.bridge(Exact::new(transition()?)),
        }
    }

    /// Whether the bridge needs the exact law of the cleaner state given the noisier one.
    fn needs_transition(&self) -> bool {
        matches!(self.bridge, BridgeKind::Diagonal | BridgeKind::SecondOrder | BridgeKind::Exact)
    }

    /// Room for [`Annealing::transition`].
    fn transition_storage(&self, clean: usize) -> Vec<f64> {
        let noisy = self.levels[clean + 1].diffusion().filter(|_| self.needs_transition());
        vec![0.0; noisy.map_or(0, MixtureTransition::storage_len)]
    }

    /// The law of the state at level `clean` given the next noisier one, if the bridge needs it.
    fn transition<'s>(
        &'s self,
        clean: usize,
        storage: &'s mut [f64],
    ) -> Result<Option<MixtureTransition<'s>>> {
        if !self.needs_transition() {
            return Ok(None);
        }
        let noisy = self.levels[clean + 1].diffusion().ok_or(NO_DIFFUSION)?;
        MixtureTransition::prepare(noisy, &self.step(clean)?, storage).map(Some)
    }

    /// The noising step from level `clean` to the next noisier one.
    pub(crate) fn step(&self, clean: usize) -> Result<NoisingStep> {
        let schedule = self.schedule.as_ref().ok_or(NO_DIFFUSION)?;
        schedule.step(self.times[clean], self.times[clean + 1])
    }

    /// The variance ddpm uses on the step to level `clean`.
    ///
    /// The posterior variance is zero on the step to the target, which has the noise variance
    /// instead (the run says so in a warning).
    fn ddpm_variance_at(&self, clean: usize) -> DdpmVariance {
        match self.ddpm_variance {
            DdpmVariance::Posterior if self.times[clean] == 0.0 => DdpmVariance::Noise,
            variance => variance,
        }
    }
}

/// The `K x K` form costs less than the `d x d` form when there are fewer components than
/// coordinates.
fn structure_pays(transition: &MixtureTransition<'_>) -> bool {
    transition.is_diagonal_plus_low_rank() && transition.components() <= transition.dim()
}

/// A denoising bridge on a path that has no noising steps.
const NO_DIFFUSION: Error =
    Error::Unsupported { what: "a denoising bridge needs a diffusion path" };

/// The two ends of a denoising bridge and the step between them.
struct Join<'a> {
    noisy: &'a dyn Score,
    clean: &'a dyn Score,
    step: NoisingStep,
}

impl<'a> Join<'a> {
    fn bridge<K: DenoisingKernel + 'a>(&self, kernel: K) -> Result<Box<dyn Bridge + 'a>> {
        Ok(Box::new(Denoising::new(self.noisy, self.clean, self.step, kernel)?))
    }
}

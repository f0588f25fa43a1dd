//! One annealing problem, ready to run: levels, reference, bridges between levels, kernel.

use amc_core::density::{HessianProduct, MixtureLevel, Score, Tempered};
use amc_core::error::Result;
use amc_core::kernel::MarkovKernel;
use amc_core::path::{NoiseSchedule, NoisingStep};
use amc_core::rng::{Key, Phase, Purpose};

use super::BridgeChoice;
use super::bridges::NO_DIFFUSION;

/// The density of one level.
#[derive(Clone, Copy)]
// A run has some hundred levels: boxing the larger ones would save nothing.
#[allow(clippy::large_enum_variant)]
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

    /// The same density with products of its Hessian, where it offers them.
    pub fn hessian_product(&self) -> Option<&dyn HessianProduct> {
        self.exact().map(|level| level as &dyn HessianProduct)
    }

    /// The same density, where it can be sampled exactly.
    pub fn exact(&self) -> Option<&MixtureLevel<'_>> {
        match self {
            Self::Diffusion(level) | Self::Reference { reference: level, .. } => Some(level),
            Self::Tempering(_) => None,
        }
    }

    /// The level of a diffusion path at this time.
    pub(super) fn diffusion(&self) -> Option<&MixtureLevel<'_>> {
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
    pub bridge: BridgeChoice,
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
        matches!(self.bridge, BridgeChoice::IsotropicOptimal)
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

    /// The noising step from level `clean` to the next noisier one.
    pub(crate) fn step(&self, clean: usize) -> Result<NoisingStep> {
        let schedule = self.schedule.as_ref().ok_or(NO_DIFFUSION)?;
        schedule.step(self.times[clean], self.times[clean + 1])
    }
}

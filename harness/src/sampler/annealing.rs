//! One annealing problem, ready to run: levels, reference, bridges between levels, kernel.

use amc_core::density::{Hessian, HessianProduct, MixtureLevel, Score, Tempered};
use amc_core::error::Result;
use amc_core::kernel::MarkovKernel;
use amc_core::path::{NoiseSchedule, NoisingStep};
use amc_core::rng::{Key, Phase, Purpose};

use super::BridgeChoice;
use super::bridges::NO_DIFFUSION;
use crate::catalog::Source;
use crate::learned::{DiffusionModel, SourcedLevel, Sources};

/// A level of a diffusion path.
#[derive(Clone, Copy)]
// A run has some hundred levels: boxing the larger ones would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Diffused<'a> {
    /// The diffused mixture itself.
    Exact(MixtureLevel<'a>),
    /// Log-density or score taken from a model.
    Sourced(SourcedLevel<'a>),
}

impl<'a> Diffused<'a> {
    /// The density, to evaluate.
    pub fn density(&self) -> &dyn Score {
        match self {
            Self::Exact(level) => level,
            Self::Sourced(level) => level,
        }
    }

    /// The same density with the Hessian that belongs to its score, where there is one.
    pub fn hessian(&self) -> Option<&dyn Hessian> {
        match self {
            Self::Exact(level) => Some(level),
            Self::Sourced(level) => level.has_hessian().then_some(level as &dyn Hessian),
        }
    }

    /// The exact law at this time, whatever is taken from a model.
    pub fn target(&self) -> &MixtureLevel<'a> {
        match self {
            Self::Exact(level) => level,
            Self::Sourced(level) => level.target(),
        }
    }

    fn sources(&self) -> Sources {
        match self {
            Self::Exact(_) => Sources { density: Source::Exact, score: Source::Exact },
            Self::Sourced(level) => level.sources(),
        }
    }

    /// The exact law, where the density is that.
    pub fn exact_density(&self) -> Option<&MixtureLevel<'a>> {
        (self.sources().density == Source::Exact).then(|| self.target())
    }

    /// The exact law, where the score is that.
    pub fn exact_score(&self) -> Option<&MixtureLevel<'a>> {
        (self.sources().score == Source::Exact).then(|| self.target())
    }
}

/// The density of one level.
#[derive(Clone, Copy)]
// A run has some hundred levels: boxing the larger ones would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Level<'a> {
    /// A level of a diffusion path from a mixture, or the mixture itself.
    Diffusion(Diffused<'a>),
    /// A level of a tempering path.
    Tempering(Tempered<'a>),
    /// The reference in the place of the noisiest level of a diffusion path. Denoising kernels take
    /// their moments from the level it stands for; any kernel is a valid one.
    Reference {
        /// The density of this level.
        reference: MixtureLevel<'a>,
        /// The level of the diffusion path at this time.
        diffusion: Diffused<'a>,
    },
    /// A density of its own in the place of the cleanest level of a diffusion path, which a mixture leads to.
    Target {
        /// The density of this level.
        density: &'a dyn Score,
        /// The same with products of its Hessian, where it offers them.
        products: Option<&'a dyn HessianProduct>,
        /// The level of the diffusion path at this time: the mixture itself.
        diffusion: Diffused<'a>,
    },
}

impl<'a> Level<'a> {
    /// The density, to evaluate.
    pub fn density(&self) -> &dyn Score {
        match self {
            Self::Diffusion(level) => level.density(),
            Self::Tempering(level) => level,
            Self::Reference { reference, .. } => reference,
            Self::Target { density, .. } => *density,
        }
    }

    /// The same density with products of its Hessian, where it offers them. A density of its own that does not is
    /// stood for by the mixture of its path: any map is a valid one.
    pub fn hessian_product(&self) -> Option<&dyn HessianProduct> {
        match self {
            Self::Diffusion(level) => level.hessian().map(|level| level as &dyn HessianProduct),
            Self::Reference { reference, .. } => Some(reference),
            Self::Target { products, diffusion, .. } => {
                products.or_else(|| diffusion.hessian().map(|level| level as &dyn HessianProduct))
            }
            Self::Tempering(_) => None,
        }
    }

    /// The same density, where it can be sampled exactly.
    pub fn exact(&self) -> Option<&MixtureLevel<'a>> {
        match self {
            Self::Diffusion(level) => level.exact_density(),
            Self::Reference { reference, .. } => Some(reference),
            Self::Tempering(_) | Self::Target { .. } => None,
        }
    }

    /// The law of the path at this level, where it can be sampled exactly: that of the mixture where a density of its
    /// own takes its place.
    pub fn path_law(&self) -> Option<&MixtureLevel<'a>> {
        match self {
            Self::Target { diffusion, .. } => diffusion.exact_density(),
            _ => self.exact(),
        }
    }

    /// The level of a diffusion path at this time.
    pub(crate) fn diffusion(&self) -> Option<&Diffused<'a>> {
        match self {
            Self::Diffusion(level)
            | Self::Reference { diffusion: level, .. }
            | Self::Target { diffusion: level, .. } => Some(level),
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
    /// The model that noisy levels take densities or scores from.
    pub model: Option<(&'a dyn DiffusionModel, Sources)>,
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
            Level::Diffusion(level) => {
                // Stein's identity, which the moment is for, needs the score of this very density.
                let density = level.exact_density().and(level.exact_score())?;
                let alpha = density.alpha();
                self.second_moment.map(|m| alpha * alpha * m + density.variance())
            }
            Level::Reference { .. } => Some(self.reference_variance),
            Level::Tempering(_) | Level::Target { .. } => None,
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

//! From a configuration to a problem the samplers can run: target, levels, reference, kernel.

use amc_core::density::{Mixture, MixtureLevel, Tempered};
use amc_core::error::Error;
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::path::{NoiseSchedule, Schedule};

use super::RunError;
use crate::config::{KernelConfig, PathFamily, RunConfig, TargetFamily};
use crate::mixture::OwnedMixture;
use crate::sampler::{Annealing, KernelChoice, Level};
use crate::target::{
    AffineMap, Gmm40, ManyModes, MixtureParameters, Standardize, TwoModes, load_mixture,
    standardize,
};
use std::path::Path;

/// A target with the path to it, checked and ready.
pub struct Problem {
    /// The target in the coordinates that are sampled.
    pub mixture: OwnedMixture,
    /// From the target's own coordinates to those that are sampled.
    pub map: AffineMap,
    /// Times of the levels, `[L + 1]`, from 0.
    pub times: Vec<f64>,
    /// The noise schedule, on a diffusion path.
    pub schedule: Option<NoiseSchedule>,
    /// Variance of the reference `N(0, variance I)`, and its parameters.
    reference_variance: [f64; 1],
    reference_mean: Vec<f64>,
}

impl Problem {
    /// Builds target and path.
    ///
    /// # Errors
    /// Files that cannot be read, parameters out of range, a problem too large for memory.
    pub fn new(config: &RunConfig) -> Result<Self, RunError> {
        let (parameters, choice) = target_parameters(config)?;
        config.check_memory(parameters.dim)?;
        let (parameters, map) = standardize(&parameters, choice)?;
        let name = parameters.name.clone();
        let mixture = OwnedMixture::new(parameters)
            .map_err(|source| RunError::Mixture { target: name, source })?;
        let noisy = config.path.times();
        Schedule::new(&noisy).map_err(RunError::Levels)?;
        let schedule = match config.path.family {
            PathFamily::Diffusion { schedule, .. } => Some(schedule.to_core()?),
            PathFamily::Tempering => None,
        };
        let reference_variance = match (&schedule, noisy.last()) {
            (Some(schedule), Some(&last)) => {
                let alpha = schedule.alpha(last);
                alpha * alpha * mixture.mean_variance()? + schedule.variance(last)
            }
            _ => 1.0,
        };
        let problem = Self {
            map,
            times: std::iter::once(0.0).chain(noisy).collect(),
            schedule,
            reference_variance: [reference_variance],
            reference_mean: vec![0.0; mixture.dim()],
            mixture,
        };
        problem.reference_mixture().map_err(|source| {
            let target = problem.mixture.parameters().name.clone();
            RunError::Reference { target, source }
        })?;
        Ok(problem)
    }

    /// The core's view of the target.
    pub fn view(&self) -> Mixture<'_> {
        self.mixture.view()
    }

    /// Storage for the reference, then for each level of the path.
    pub fn storage(&self) -> Vec<Vec<f64>> {
        let reference = self.reference_mixture().map_or(0, |m| MixtureLevel::storage_len(&m));
        let reference = vec![0.0; reference];
        let on_path = if self.schedule.is_some() { self.times.len() } else { 0 };
        let levels = (0..on_path).map(|_| self.mixture.level_storage());
        std::iter::once(reference).chain(levels).collect()
    }

    /// The reference density, in its storage.
    ///
    /// # Errors
    /// A variance that over- or underflows.
    pub fn reference<'a>(&'a self, storage: &'a mut [f64]) -> Result<MixtureLevel<'a>, Error> {
        MixtureLevel::prepare(&self.reference_mixture()?, 1.0, 0.0, storage)
    }

    /// Puts everything together; `levels` is the storage after the reference's.
    ///
    /// # Errors
    /// What the core refuses.
    pub fn annealing<'a>(
        &'a self,
        config: &RunConfig,
        reference: &'a MixtureLevel<'a>,
        target: &'a MixtureLevel<'a>,
        levels: &'a mut [Vec<f64>],
    ) -> Result<Annealing<'a>, Error> {
        let levels: Result<Vec<Level<'a>>, Error> = match &self.schedule {
            Some(schedule) => levels
                .iter_mut()
                .zip(&self.times)
                .map(|(storage, &t)| {
                    let (alpha, variance) = (schedule.alpha(t), schedule.variance(t));
                    MixtureLevel::prepare(&self.view(), alpha, variance, storage)
                        .map(Level::Diffusion)
                })
                .collect(),
            None => self
                .times
                .iter()
                .map(|t| Tempered::new(reference, target, 1.0 - t).map(Level::Tempering))
                .collect(),
        };
        Ok(Annealing {
            levels: levels?,
            times: self.times.clone(),
            reference,
            schedule: self.schedule,
            bridge: config.bridge.kind,
            ddpm_variance: config.bridge.variance.to_core(),
            kernel: self.kernel(&config.kernel)?,
            seed: config.seed,
        })
    }

    /// The reference, a mixture of one component.
    fn reference_mixture(&self) -> Result<Mixture<'_>, Error> {
        let covariance = amc_core::density::Covariance::Isotropic(&self.reference_variance);
        Mixture::new(self.mixture.dim(), &[1.0], &self.reference_mean, covariance)
    }

    /// The kernel with the step size its tuning starts from: near the optimum for a Gaussian of the
    /// reference's width (`2.38 s/sqrt(d)`, `1.4 s^2/d^(1/3)`, `s/d^(1/4)`).
    fn kernel(&self, config: &KernelConfig) -> Result<Option<KernelChoice>, Error> {
        let Some(moves) = config.moves() else { return Ok(None) };
        let variance = self.reference_variance[0];
        let (width, d) = (variance.sqrt(), self.mixture.dim() as f64);
        let (kernel, guess): (Box<dyn MarkovKernel>, f64) = match config {
            KernelConfig::None => return Ok(None),
            KernelConfig::Rwm(_) => (Box::new(RandomWalk), 2.38 * width / d.sqrt()),
            KernelConfig::Mala(_) => (Box::new(Mala), 1.4 * variance / d.cbrt()),
            KernelConfig::Hmc { leapfrog_steps, .. } => {
                let steps = u32::try_from(*leapfrog_steps).unwrap_or(u32::MAX);
                (Box::new(Hmc::new(steps)?), width / d.powf(0.25))
            }
        };
        Ok(Some(KernelChoice {
            kernel,
            steps: moves.steps,
            target_acceptance: moves.target_acceptance,
            initial_step_size: moves.step_size.unwrap_or(guess),
        }))
    }
}

/// The target as defined, and how it is to be standardized.
fn target_parameters(config: &RunConfig) -> Result<(MixtureParameters, Standardize), RunError> {
    let target = &config.target;
    let chosen = target.standardize;
    let parameters = match &target.family {
        TargetFamily::TwoModes { dim, separation, conditioning, rotate } => {
            let family = TwoModes {
                conditioning: *conditioning,
                rotate: *rotate,
                ..TwoModes::new(*dim, *separation)
            };
            family.parameters()?
        }
        TargetFamily::ManyModes { dim, components, seed } => {
            let family = ManyModes::new(*dim, *components);
            ManyModes { seed: seed.unwrap_or(family.seed), ..family }.parameters()?
        }
        TargetFamily::Gmm40 { dim, seed } => {
            let family = Gmm40::new(*dim);
            Gmm40 { seed: seed.unwrap_or(family.seed), ..family }.parameters()?
        }
        TargetFamily::File { path } => {
            let (parameters, own) = load_mixture(Path::new(path))?;
            return Ok((parameters, chosen.unwrap_or(own)));
        }
    };
    Ok((parameters, chosen.unwrap_or(Standardize::Diagonal)))
}

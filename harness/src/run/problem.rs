//! From a configuration to a problem the samplers can run: target, levels, reference, kernel.

use amc_core::density::{HessianProduct, Mixture, MixtureLevel, Score, Tempered};
use amc_core::error::Error;
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::path::{NoiseSchedule, Schedule};

use super::model::LoadedModel;
use super::moves::bridge_choice;
use super::{Memory, RunError};
use crate::catalog::{LogDetEstimator, Source};
use crate::config::{Algorithm, KernelConfig, PathFamily, RunConfig, TargetFamily};
use crate::embed::{Derivatives, Held, OwnDensity};
use crate::learned::{DiffusionModel, ModelLevel, SignalNoise, SourcedLevel, Sources};
use crate::mixture::OwnedMixture;
use crate::sampler::{Annealing, Diffused, KernelChoice, Level};
use crate::target::{
    AffineMap, Gmm40, ManyModes, MixtureParameters, Standardize, TwoModes, load_mixture,
    standardize,
};
use std::path::Path;

/// What the noisiest level of a diffusion path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Top {
    /// The diffused target at its time, which the reference approximates (annealed runs weigh it).
    Diffusion,
    /// The reference itself, which can always be sampled (replica exchange).
    Reference,
}

impl Top {
    /// What the sampler of a run needs.
    pub fn of(config: &RunConfig) -> Self {
        match config.sampler.algorithm {
            Algorithm::Ais { .. } | Algorithm::Smc { .. } => Self::Diffusion,
            Algorithm::ReplicaExchange(_) => Self::Reference,
        }
    }
}

/// A target with the path to it, checked and ready.
pub struct Problem<'a> {
    /// The target in the coordinates that are sampled; of a target that is no mixture, the mixture whose path leads to
    /// it.
    pub mixture: OwnedMixture,
    /// The target, where it is no mixture.
    own: Option<OwnDensity<'a>>,
    /// From the target's own coordinates to those that are sampled.
    pub map: AffineMap,
    /// The noise schedule, on a diffusion path.
    pub schedule: Option<NoiseSchedule>,
    /// The model that levels take densities or scores from, if any does.
    pub(super) model: Option<LoadedModel>,
    /// Variance of the reference `N(0, variance I)`, and its parameters.
    reference_variance: [f64; 1],
    reference_mean: Vec<f64>,
}

impl<'a> Problem<'a> {
    /// Builds target and path.
    ///
    /// # Errors
    /// Files that cannot be read, parameters out of range, a problem too large for memory.
    pub fn new(config: &RunConfig) -> Result<Self, RunError> {
        let problem = Self::admitted(config)?;
        problem.require_memory(config)?;
        Ok(problem)
    }

    /// The same where somebody else has seen to it that memory suffices.
    ///
    /// # Errors
    /// As [`Problem::new`].
    pub(crate) fn admitted(config: &RunConfig) -> Result<Self, RunError> {
        if let TargetFamily::SharedLibrary(library) = &config.target.family {
            return Self::of_library(config, library);
        }
        let (parameters, choice) = target_parameters(config)?;
        Self::on_mixture(config, &parameters, choice)
    }

    /// What a run takes of memory.
    pub(crate) fn memory(&self, config: &RunConfig) -> Memory {
        Memory::of(config, self.mixture.dim(), self.mixture.level_storage().len())
    }

    /// Refuses a run that does not fit into the memory that is free now, on the threads of the current pool.
    ///
    /// # Errors
    /// [`RunError::Memory`].
    pub(crate) fn require_memory(&self, config: &RunConfig) -> Result<(), RunError> {
        // Outside of a pool nobody knows how many there are going to be.
        let threads = rayon::current_thread_index().map_or(0, |_| rayon::current_num_threads());
        self.memory(config).at_once(1, threads).map(|_| ())
    }

    /// The target alone, in the coordinates that are sampled.
    ///
    /// # Errors
    /// A file that cannot be read, parameters out of range, a target that is no mixture.
    pub(crate) fn target(config: &RunConfig) -> Result<MixtureParameters, RunError> {
        let (parameters, choice) = target_parameters(config)?;
        Ok(standardize(&parameters, choice)?.0)
    }

    /// The same with a given target in the place of the configuration's.
    ///
    /// # Errors
    /// As [`Problem::new`].
    pub fn of_target(
        config: &RunConfig,
        parameters: &MixtureParameters,
        choice: Standardize,
    ) -> Result<Self, RunError> {
        let problem = Self::on_mixture(config, parameters, choice)?;
        problem.require_memory(config)?;
        Ok(problem)
    }

    /// The same without asking what memory is free.
    fn on_mixture(
        config: &RunConfig,
        parameters: &MixtureParameters,
        choice: Standardize,
    ) -> Result<Self, RunError> {
        config.check_memory(parameters.dim, config.path.levels)?;
        let (parameters, map) = standardize(parameters, choice)?;
        let name = parameters.name.clone();
        let mixture = OwnedMixture::new(parameters)
            .map_err(|source| RunError::Mixture { target: name, source })?;
        let schedule = match config.path.family {
            PathFamily::Diffusion { schedule, .. } => Some(schedule.to_core()?),
            PathFamily::Tempering => None,
        };
        let reference_variance = match &schedule {
            Some(schedule) => {
                let last = config.path.last_time();
                let alpha = schedule.alpha(last);
                alpha * alpha * mixture.mean_variance()? + schedule.variance(last)
            }
            None => 1.0,
        };
        if schedule.is_some() {
            config.check_level_memory(config.path.levels, mixture.level_storage().len())?;
        }
        let model = LoadedModel::of(config, &mixture, schedule.as_ref())?;
        let problem = Self {
            own: None,
            model,
            map,
            schedule,
            reference_variance: [reference_variance],
            reference_mean: vec![0.0; mixture.dim()],
            mixture,
        };
        problem.reference_mixture().map_err(|source| {
            let target = problem.mixture.parameters().name.clone();
            RunError::Reference { target, source }
        })?;
        problem.check_structure(config)?;
        let noisy = config.path.times();
        if !noisy.is_empty() {
            Schedule::new(&noisy).map_err(RunError::Levels)?;
        }
        Ok(problem)
    }

    /// The same with a target that is no mixture, in the place of the mixture whose path leads to it. Its derivatives
    /// come from differences with `step`, where that is given and it has none.
    ///
    /// # Errors
    /// As [`Problem::new`]; a kernel that needs a score where there is none.
    pub(crate) fn of_density(
        config: &RunConfig,
        target: Held<'a>,
        step: Option<f64>,
        mixture: (&MixtureParameters, Standardize),
    ) -> Result<Self, RunError> {
        let problem = Self::beyond_mixture(config, target, step, mixture)?;
        problem.require_memory(config)?;
        Ok(problem)
    }

    /// The same without asking what memory is free.
    pub(super) fn beyond_mixture(
        config: &RunConfig,
        target: Held<'a>,
        step: Option<f64>,
        (mixture, choice): (&MixtureParameters, Standardize),
    ) -> Result<Self, RunError> {
        let problem = Self::on_mixture(config, mixture, choice)?;
        let own = OwnDensity::new(target, problem.map.clone(), step);
        let reads_score = match config.kernel {
            KernelConfig::None | KernelConfig::Rwm(_) => false,
            KernelConfig::Mala(_) | KernelConfig::Hmc { .. } => true,
        };
        if reads_score && own.derivatives() < Derivatives::Score {
            let kernel = config.kernel.kind().name();
            return Err(RunError::NeedsScore { kernel });
        }
        Ok(Self { own: Some(own), ..problem })
    }

    /// Whether the target is a mixture, of which exact samples and mode weights are known.
    pub fn is_mixture(&self) -> bool {
        self.own.is_none()
    }

    /// The error of a run; the target's own, if there was one.
    pub(crate) fn blame(&self, error: RunError) -> RunError {
        let failure = self.own.as_ref().and_then(OwnDensity::take_failure);
        failure.map_or(error, RunError::OwnTarget)
    }

    /// The same with noisy levels that take from a model of the same dimension what `sources` say.
    pub(crate) fn with_model(self, model: Box<dyn DiffusionModel>, sources: Sources) -> Self {
        Self { model: Some(LoadedModel::given(model, sources)), ..self }
    }

    /// Calls `visit` with levels at `times` `[L + 1]` and all that belongs to them, and with the mixture, which is the
    /// target unless there is another.
    ///
    /// # Errors
    /// What the core refuses, and the errors of `visit`.
    pub fn with_annealing<T>(
        &self,
        config: &RunConfig,
        times: &[f64],
        top: Top,
        visit: impl FnOnce(&mut Annealing<'_>, &MixtureLevel<'_>) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        if self.schedule.is_some() {
            config.check_level_memory(times.len(), self.mixture.level_storage().len())?;
        }
        let (mixture, reference) = (self.mixture.view(), self.reference_mixture()?);
        let mut reference_storage = vec![0.0; MixtureLevel::storage_len(&reference)];
        let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut reference_storage)?;
        let mut target_storage = self.mixture.level_storage();
        let target = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut target_storage)?;
        let own = self.own.as_ref();
        let mut storage: Vec<Vec<f64>>;
        let models: Vec<Option<Box<dyn ModelLevel + '_>>>;
        let model = self.model.as_ref().map(LoadedModel::parts);
        let levels: Result<Vec<Level<'_>>, Error> = match &self.schedule {
            Some(schedule) => {
                storage = times.iter().map(|_| self.mixture.level_storage()).collect();
                // Level 0 is the target itself, whatever the model says of the others.
                let learned = |&t: &f64| {
                    let (alpha, sigma) = (schedule.alpha(t), libm::sqrt(schedule.variance(t)));
                    let level = SignalNoise { alpha, sigma };
                    model.filter(|_| sigma > 0.0).map(|(model, _)| model.level(level))
                };
                models = times.iter().map(learned).collect();
                let levels = storage.iter_mut().zip(times).zip(&models).enumerate();
                levels
                    .map(|(level, ((storage, &t), learned))| {
                        let (alpha, variance) = (schedule.alpha(t), schedule.variance(t));
                        let exact = MixtureLevel::prepare(&mixture, alpha, variance, storage)?;
                        let diffusion = match (learned, model) {
                            (Some(learned), Some((_, sources))) => {
                                let learned = learned.as_ref();
                                Diffused::Sourced(SourcedLevel::new(exact, learned, sources)?)
                            }
                            _ => Diffused::Exact(exact),
                        };
                        Ok(match own {
                            Some(own) if t == 0.0 => Level::Target {
                                density: own,
                                products: own.hessian_product(),
                                diffusion,
                            },
                            _ if top == Top::Reference && level + 1 == times.len() => {
                                Level::Reference { reference, diffusion }
                            }
                            _ => Level::Diffusion(diffusion),
                        })
                    })
                    .collect()
            }
            None => {
                let target: &dyn Score = own.map_or(&target, |own| own);
                let level = |t: &f64| Tempered::new(&reference, target, 1.0 - t);
                times.iter().map(|t| level(t).map(Level::Tempering)).collect()
            }
        };
        let mut annealing = Annealing {
            levels: levels?,
            times: times.to_vec(),
            reference: &reference,
            reference_variance: self.reference_variance[0],
            exact_target: own.is_none().then_some(&target),
            second_moment: Some(self.mixture.second_moment()?),
            schedule: self.schedule,
            model,
            bridge: bridge_choice(&config.bridge, self.mixture.dim(), top)?,
            kernel: self.kernel(&config.kernel)?,
            seed: config.seed,
            repetition: 0,
        };
        visit(&mut annealing, &target)
    }

    /// Refuses a determinant by structure where the Hessian of the target has none.
    ///
    /// # Errors
    /// [`RunError::NoStructure`].
    pub(crate) fn check_structure(&self, config: &RunConfig) -> Result<(), RunError> {
        let flow = config.bridge.flow_map();
        let asked = flow.is_some_and(|f| f.logdet.estimator == LogDetEstimator::Structured);
        let (mixture, mut storage) = (self.mixture.view(), self.mixture.level_storage());
        let level = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage)?;
        if let (true, Some(file)) =
            (asked && config.model.score == Source::Learned, &config.model.file)
        {
            let problem = "has no Hessian by structure, which logdet.estimator = \"structured\" needs; use \
                           \"dense\" or \"lanczos-hutchpp\"";
            return Err(RunError::Model { file: file.clone(), problem: problem.into() });
        }
        if asked && level.structure_rank() == 0 {
            let target = self.mixture.parameters().name.clone();
            return Err(RunError::NoStructure { target });
        }
        Ok(())
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
            KernelConfig::Mala(_) => (Box::new(Mala), 1.4 * variance / libm::cbrt(d)),
            KernelConfig::Hmc { leapfrog_steps, .. } => {
                let steps = u32::try_from(*leapfrog_steps).unwrap_or(u32::MAX);
                (Box::new(Hmc::new(steps)?), width / libm::pow(d, 0.25))
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
        TargetFamily::SharedLibrary(library) => {
            return Err(RunError::NoMixture { target: library.library.clone() });
        }
    };
    Ok((parameters, chosen.unwrap_or(Standardize::Diagonal)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (Problem<'static>, RunConfig) {
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        (Problem::new(&config).unwrap(), config)
    }

    /// Fails if the reference is not `N(0, (alpha_L^2 s^2 + v_L) I)`, `s^2` the mean of the target's
    /// variances (unequal here, `0.05 * 0.1^(1 - i) + 8 a^2/9` for `i = 0, 1`), or if the initial
    /// step sizes do not scale with it: `h` is a length for rwm and hmc, its square for mala.
    #[test]
    fn reference_and_first_step_sizes_scale_with_the_target() {
        let target = "[target]\ndim = 2\nseparation = 3.0\nconditioning = \"medium\"\n\
            standardize = \"none\"\n[path]\nlevels = 4\nt_max = 0.3\n";
        let s2 = 0.5 * (0.05 + 0.005) + 8.0;
        let b: f64 = 0.1 * 0.3 + 19.9 * 0.3 * 0.3 / 2.0;
        let variance = (-b).exp() * s2 + 1.0 - (-b).exp();
        let guesses = [
            ("rwm", 2.38 * (variance / 2.0).sqrt()),
            ("mala", 1.4 * variance / 2f64.cbrt()),
            ("hmc", variance.sqrt() / 2f64.powf(0.25)),
        ];
        for (kind, guess) in guesses {
            let (problem, config) = problem(&format!("{target}[kernel]\nkind = \"{kind}\"\n"));
            assert!((problem.reference_variance[0] / variance - 1.0).abs() < 1e-12, "{kind}");
            let choice = problem.kernel(&config.kernel).unwrap().unwrap();
            assert!((choice.initial_step_size / guess - 1.0).abs() < 1e-12, "{kind}");
        }
    }

    /// Fails if a tempering path runs from the target (`beta = 1` at level 0) to anything but the
    /// reference (`beta = 0` at level `L`).
    #[test]
    fn tempering_starts_at_the_reference() {
        use amc_core::density::LogDensity;
        use amc_core::scratch::Scratch;
        use amc_core::simd::splat;
        let (problem, config) = problem("[target]\ndim = 3\n[path]\nkind = \"tempering\"\n");
        let times = std::iter::once(0.0).chain(config.path.times()).collect::<Vec<_>>();
        let checked =
            problem.with_annealing(&config, &times, Top::Diffusion, |annealing, target| {
                let x = [splat(0.9); 3];
                let value = |density: &dyn LogDensity| {
                    let mut memory = vec![splat(0.0); density.scratch_len()];
                    density.log_density(&x, Scratch::new(&mut memory)).unwrap().to_array()
                };
                assert_eq!(value(annealing.levels[0].density()), value(target));
                assert_eq!(value(annealing.levels[128].density()), value(annealing.reference));
                assert_ne!(value(target), value(annealing.reference));
                Ok(())
            });
        checked.unwrap();
    }
}

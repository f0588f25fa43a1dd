//! A run of a sampler, set up step by step.
//!
//! ```
//! use amc_harness::config::{KernelConfig, PathConfig, SamplerConfig};
//! use amc_harness::embed::{Sampling, Target};
//!
//! /// `log gamma(x) = -(x^2 - 1)^2/0.1 + x/2`, two wells of unequal depth.
//! struct Wells;
//!
//! impl Target for Wells {
//!     fn log_density(&self, x: &[f64]) -> f64 {
//!         -10.0 * (x[0] * x[0] - 1.0).powi(2) + 0.5 * x[0]
//!     }
//! }
//!
//! let sampled = Sampling::of(&Wells, 1)
//!     .path(PathConfig::tempering(16))
//!     .kernel(KernelConfig::rwm(4))
//!     .sampler(SamplerConfig::smc(2048))
//!     .run()?;
//! let right = sampled.mean(|x| if x[0] > 0.0 { 1.0 } else { 0.0 });
//! assert!((right - 0.73).abs() < 0.05);
//! # Ok::<(), amc_harness::embed::EmbedError>(())
//! ```

use std::path::Path;

use toml::{Table, Value};

use super::{BatchTarget, EmbedError, Held, Sampled};
use crate::config::{
    BridgeConfig, KernelConfig, PathConfig, PathFamily, RunConfig, SamplerConfig, parse,
};
use crate::run::{Problem, execute};
use crate::sampler::{Observer, Silent};
use crate::target::{Covariance, MixtureParameters, Standardize};

/// What settings are called in messages.
const SETTINGS: &str = "settings";
/// What a target of one's own is called in a summary.
const OWN_TARGET: &str = "target";
/// The keys and sections that settings may have.
const SECTIONS: [&str; 6] = ["seed", "path", "bridge", "logdet", "kernel", "sampler"];

/// A target, settings, and how the run is carried out.
///
/// Settings that are not given have the defaults of the program (`amc list fields`), but for the path of a target that
/// is no mixture and has no backbone: that is a tempering path. Nothing is checked before [`Sampling::run`].
pub struct Sampling<'a> {
    subject: Subject<'a>,
    backbone: Option<MixtureParameters>,
    reference: Option<(Vec<f64>, Vec<f64>)>,
    step: Option<f64>,
    layers: Vec<Layer>,
    threads: usize,
    observer: Option<&'a mut (dyn Observer + Send)>,
}

/// What is sampled.
enum Subject<'a> {
    Own(&'a dyn BatchTarget, usize),
    Mixture(MixtureParameters),
}

/// Some of the settings.
enum Layer {
    Text(String),
    Section(&'static str, Value),
}

impl<'a> Sampling<'a> {
    /// Samples a target of one's own in `dim` coordinates.
    pub fn of(target: &'a dyn BatchTarget, dim: usize) -> Self {
        Self::new(Subject::Own(target, dim))
    }

    /// Samples a mixture, of which `log Z = 0`, mode weights and exact samples are known: metrics and the run from the
    /// other side come with it.
    pub fn of_mixture(parameters: MixtureParameters) -> Self {
        Self::new(Subject::Mixture(parameters))
    }

    fn new(subject: Subject<'a>) -> Self {
        Self {
            subject,
            backbone: None,
            reference: None,
            step: None,
            layers: Vec::new(),
            threads: 0,
            observer: None,
        }
    }

    /// The mixture whose diffusion path leads to a target of one's own: near it, and with all of its modes, as one fitted
    /// to samples is ([`crate::fit`]). Its mean and variances centre and scale the target, so that they also give the
    /// Gaussian that a tempering path starts from.
    #[must_use]
    pub fn backbone(self, parameters: MixtureParameters) -> Self {
        Self { backbone: Some(parameters), ..self }
    }

    /// The Gaussian that a tempering path to a target of one's own starts from: means and standard deviations of the
    /// coordinates, `[d]` each; 0 and 1 if nothing is said. It should be wider than the target.
    #[must_use]
    pub fn reference(self, mean: &[f64], scale: &[f64]) -> Self {
        Self { reference: Some((mean.to_vec(), scale.to_vec())), ..self }
    }

    /// Allows derivatives that the target does not offer to be taken by differences with this step, in units of the
    /// reference's standard deviations (1e-4, say): `2 d` log-densities for a score.
    #[must_use]
    pub fn finite_differences(self, step: f64) -> Self {
        Self { step: Some(step), ..self }
    }

    /// Settings as a configuration file has them: `seed` and the sections `[path]`, `[bridge]`, `[logdet]`, `[kernel]`,
    /// `[sampler]`. What is given later wins, key by key.
    #[must_use]
    pub fn configure(self, toml: &str) -> Self {
        self.with(Layer::Text(toml.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn path(self, path: PathConfig) -> Self {
        self.with(Layer::Section("path", path.to_table().into()))
    }

    /// The moves between levels.
    #[must_use]
    pub fn bridge(self, bridge: BridgeConfig) -> Self {
        let logdet = bridge.flow_map().map(|flow| flow.logdet.to_table());
        let sampling = self.with(Layer::Section("bridge", bridge.to_table().into()));
        match logdet {
            Some(logdet) => sampling.with(Layer::Section("logdet", logdet.into())),
            None => sampling,
        }
    }

    /// The moves within a level.
    #[must_use]
    pub fn kernel(self, kernel: KernelConfig) -> Self {
        self.with(Layer::Section("kernel", kernel.to_table().into()))
    }

    /// The algorithm and its size.
    #[must_use]
    pub fn sampler(self, sampler: SamplerConfig) -> Self {
        self.with(Layer::Section("sampler", sampler.to_table().into()))
    }

    /// The seed that all random numbers derive from; 1 if nothing is said.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.with(Layer::Section("seed", Value::String(seed.to_string())))
    }

    /// Threads of the run, which has a pool of its own; 0, the default, takes all cores. Results do not depend on it.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Who sees the run go on, from one of its threads, and may end it.
    #[must_use]
    pub fn watched_by(self, observer: &'a mut (dyn Observer + Send)) -> Self {
        Self { observer: Some(observer), ..self }
    }

    fn with(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Carries out the run.
    ///
    /// # Errors
    /// Whatever is wrong with the settings, before any work; why the run ended early; what the target reports of itself.
    pub fn run(self) -> Result<Sampled, EmbedError> {
        let config = self.config()?;
        let problem = self.problem(&config)?;
        let pool = pool(self.threads)?;
        let mut silent = Silent;
        let observer = self.observer.unwrap_or(&mut silent);
        let run = pool.install(|| execute(&config, &problem, observer))?;
        let mut settings = config.to_table();
        settings.retain(|key, _| SECTIONS.contains(&key));
        Ok(Sampled::new(&problem, run, settings.to_string()))
    }

    /// The settings, checked.
    fn config(&self) -> Result<RunConfig, EmbedError> {
        let mut table = Table::new();
        for layer in &self.layers {
            match layer {
                Layer::Text(text) => merge(&mut table, parse(text, SETTINGS)?),
                Layer::Section(name, value) => {
                    table.insert((*name).to_owned(), value.clone());
                }
            }
        }
        if let Some(name) = table.keys().find(|name| !SECTIONS.contains(&name.as_str())) {
            let message =
                format!("{name:?} cannot be set here; allowed are {}", SECTIONS.join(", "));
            return Err(EmbedError::Argument { name: SETTINGS, message });
        }
        let no_path = matches!(self.subject, Subject::Own(..)) && self.backbone.is_none();
        if no_path {
            let path = table.entry("path").or_insert_with(|| Table::new().into());
            if let Some(path) = path.as_table_mut() {
                path.entry("kind").or_insert_with(|| "tempering".into());
            }
        }
        let config = RunConfig::from_toml(&table.to_string(), SETTINGS, Path::new(""), &[])?;
        if no_path && matches!(config.path.family, PathFamily::Diffusion { .. }) {
            let message = "path.kind = \"diffusion\" needs a mixture near the target to lead to it: give one, fitted to \
                           samples, or use path.kind = \"tempering\"";
            return Err(EmbedError::Argument { name: "backbone", message: message.into() });
        }
        Ok(config)
    }

    /// The target with its path.
    fn problem(&self, config: &RunConfig) -> Result<Problem<'a>, EmbedError> {
        let choice = Standardize::Diagonal;
        let (target, dim) = match &self.subject {
            Subject::Mixture(parameters) => {
                let given = [
                    ("backbone", self.backbone.is_some()),
                    ("reference", self.reference.is_some()),
                ];
                if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
                    let message = "a mixture is its own; leave it out".to_owned();
                    return Err(EmbedError::Argument { name, message });
                }
                return Ok(Problem::of_target(config, parameters, choice)?);
            }
            Subject::Own(target, dim) => (*target, *dim),
        };
        // Before anything of that length is made.
        config.check_memory(dim, config.path.levels)?;
        if let Some(step) = self.step.filter(|step| !(*step > 0.0 && *step < 1.0)) {
            let message = format!("{step} lies outside (0, 1); 1e-4 serves most targets");
            return Err(EmbedError::Argument { name: "finite_differences", message });
        }
        let backbone = match (&self.backbone, &self.reference) {
            (Some(backbone), None) => backbone.clone(),
            (Some(_), Some(_)) => {
                let message = "is that of the backbone: give one of the two".to_owned();
                return Err(EmbedError::Argument { name: "reference", message });
            }
            (None, Some((mean, scale))) => gaussian(dim, mean, scale)?,
            (None, None) => gaussian(dim, &vec![0.0; dim], &vec![1.0; dim])?,
        };
        let backbone = MixtureParameters { name: OWN_TARGET.into(), ..backbone };
        if backbone.dim != dim {
            let message = format!("has {} coordinates, and the target {dim}", backbone.dim);
            return Err(EmbedError::Argument { name: "backbone", message });
        }
        let held = Held::Borrowed(target);
        Ok(Problem::of_density(config, held, self.step, (&backbone, choice))?)
    }
}

/// Takes what `other` says over what `table` says, key by key.
fn merge(table: &mut Table, other: Table) {
    for (name, value) in other {
        match (table.get_mut(&name), value) {
            (Some(Value::Table(section)), Value::Table(keys)) => section.extend(keys),
            (_, value) => {
                table.insert(name, value);
            }
        }
    }
}

/// One Gaussian as a mixture.
fn gaussian(dim: usize, mean: &[f64], scale: &[f64]) -> Result<MixtureParameters, EmbedError> {
    let refuse = |message: String| Err(EmbedError::Argument { name: "reference", message });
    if dim == 0 {
        let message = "a target of 0 coordinates: at least 1 is needed".to_owned();
        return Err(EmbedError::Shape { message });
    }
    for (name, numbers) in [("mean", mean), ("scale", scale)] {
        if numbers.len() != dim {
            return refuse(format!("{name} has {} entries, and the target {dim}", numbers.len()));
        }
    }
    if let Some(j) = mean.iter().position(|m| !m.is_finite()) {
        return refuse(format!("mean[{j}] = {} is not a finite number", mean[j]));
    }
    if let Some(j) = scale.iter().position(|s| !(*s > 0.0 && (s * s).is_normal())) {
        return refuse(format!("scale[{j}] = {} must be greater than 0", scale[j]));
    }
    Ok(MixtureParameters {
        name: OWN_TARGET.into(),
        dim,
        weights: vec![1.0],
        means: mean.to_vec(),
        covariance: Covariance::Diagonal(scale.iter().map(|s| s * s).collect()),
        origin: String::new(),
    })
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, EmbedError> {
    let refuse = |message: String| EmbedError::Argument { name: "threads", message };
    if threads > MOST_THREADS {
        return Err(refuse(format!("{threads} are more than {MOST_THREADS}; 0 takes all cores")));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| refuse(error.to_string()))
}

/// More threads than any machine has cores are a typing error.
const MOST_THREADS: usize = 4096;

//! Why a run was refused or stopped.

use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigError;
use crate::fit::FitError;
use crate::learned::data::DataError;
use crate::learned::file::FileError;
use crate::learned::training::TrainingError;
use crate::metric::MetricError;
use crate::sampler::SamplerError;
use crate::schedule::ScheduleError;
use crate::target::TargetError;

/// Everything that can keep a run from its result; every message is one line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The target or one of its files.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Training samples.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A mixture that is to be fitted to samples.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The file of a model or of a training.
    #[error(transparent)]
    ModelFile(#[from] FileError),
    /// The target's numbers, as the core sees them.
    #[error("{target}: {source}")]
    Mixture {
        /// Name of the target.
        target: String,
        /// What is wrong.
        source: amc_core::error::Error,
    },
    /// Level times that coincide in double precision.
    #[error("path.levels: {0}; use fewer levels or a wider range of times")]
    Levels(amc_core::error::Error),
    /// A reference that cannot be represented.
    #[error("{target}: its variance is too large for a reference ({source}); standardize it")]
    Reference {
        /// Name of the target.
        target: String,
        /// What is wrong.
        source: amc_core::error::Error,
    },
    /// A kernel that needs a score, and a target without one.
    #[error(
        "kernel.kind = \"{kernel}\" needs the score of the target, which it does not offer: give it one, use \
         kernel.kind = \"rwm\" or \"none\", or ask for finite differences"
    )]
    NeedsScore {
        /// The kernel.
        kernel: &'static str,
    },
    /// A shared library that cannot be a target.
    #[error(transparent)]
    Library(#[from] crate::embed::LibraryError),
    /// A mixture that does not lead to the target.
    #[error("target.backbone {file}: has {found} coordinates, and the target {expected}")]
    Backbone {
        /// The mixture file.
        file: String,
        /// Its dimension.
        found: usize,
        /// That of the target.
        expected: usize,
    },
    /// Something that only a mixture has.
    #[error(
        "{target} is no mixture, so that no exact samples or densities of its levels are known"
    )]
    NoMixture {
        /// The target.
        target: String,
    },
    /// A target that is no mixture reported a failure of its own.
    #[error("the target failed: {0}")]
    OwnTarget(crate::embed::TargetFailure),
    /// A determinant by structure of a target that has none.
    #[error(
        "logdet.estimator = \"structured\" needs covariances that are isotropic, diagonal or shared, \
         and {target} has full ones that differ; use \"dense\" or \"lanczos-hutchpp\""
    )]
    NoStructure {
        /// Name of the target.
        target: String,
    },
    /// A model that does not go with the rest of the configuration.
    #[error("model.file {file}: {problem}")]
    Model {
        /// The file.
        file: String,
        /// What does not fit, and what to do.
        problem: String,
    },
    /// Adaptive spacing that does not come to an end.
    #[error(
        "levels of conditional effective sample size {cess}: after {levels} levels the path is at \
         t = {time}, where the shortest step has {found:.3}; use target.standardize, a smaller \
         path.cess, a stronger bridge.kind or another path.spacing"
    )]
    NoEnd {
        /// Levels placed so far.
        levels: usize,
        /// Time of the last one.
        time: f64,
        /// The conditional ESS of the shortest step.
        found: f64,
        /// The conditional ESS asked for.
        cess: f64,
    },
    /// A training.
    #[error(transparent)]
    Training(TrainingError),
    /// A schedule of levels.
    #[error("levels: {0}")]
    Schedule(#[from] ScheduleError),
    /// The sampler.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// A computation of the core.
    #[error(transparent)]
    Core(#[from] amc_core::error::Error),
    /// A metric.
    #[error("metric: {0}")]
    Metric(#[from] MetricError),
    /// A file or folder that cannot be used.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A run that does not fit into memory.
    #[error(
        "this run would take {needed:.1} GiB of memory, and {available:.1} GiB are free; use {remedy}"
    )]
    Memory {
        /// What it takes, in GiB.
        needed: f64,
        /// What is free, in GiB.
        available: f64,
        /// What would take less.
        remedy: &'static str,
    },
    /// A file of a run that cannot be written.
    #[error("{path}: {message}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A run that was asked to stop.
    #[error("stopped; `amc resume {0}` goes on with it to the same result")]
    Stopped(PathBuf),
    /// An experiment that was asked to stop.
    #[error("{0}: stopped; the same command goes on from here to the same result")]
    ExperimentStopped(PathBuf),
    /// An argument of the command line.
    #[error("{name}: {message}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The configuration of an experiment.
    #[error("{origin}: {field}: {message}")]
    Experiment {
        /// The file.
        origin: String,
        /// The key, with its value where there is one.
        field: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// Results of an experiment that are not what is expected.
    #[error("{deviating} of {compared} numbers deviate from expected.json")]
    Deviations {
        /// Numbers outside their intervals.
        deviating: usize,
        /// Numbers that were compared.
        compared: usize,
    },
    /// The list of statistical cases cannot be made.
    #[error("the suite cannot be listed: {0}")]
    Suite(String),
    /// A folder that no report can be made of.
    #[error(transparent)]
    Folder(#[from] crate::report::FolderError),
    /// Statistical cases that did not pass.
    #[error("{failed} of {cases} cases did not pass, {first} first; {repeat} repeats it")]
    Verification {
        /// Cases that did not pass.
        failed: usize,
        /// Cases that were run.
        cases: usize,
        /// The first of them.
        first: String,
        /// Options that repeat the run.
        repeat: String,
    },
    /// The thread pool could not be built.
    #[error("--threads {threads}: {message}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What is wrong.
        message: String,
    },
}

impl RunError {
    /// Whether the input is to blame (exit code 2), not the run (exit code 1).
    pub fn is_bad_input(&self) -> bool {
        !matches!(
            self,
            Self::Sampler(_)
                | Self::OwnTarget(_)
                | Self::Core(_)
                | Self::Metric(_)
                | Self::Schedule(_)
                | Self::NoEnd { .. }
                | Self::Training(_)
                | Self::Fit(FitError::Stopped | FitError::Core(_))
                | Self::Unwritable { .. }
                | Self::Stopped(_)
                | Self::ExperimentStopped(_)
                | Self::Suite(_)
                | Self::Deviations { .. }
                | Self::Verification { .. }
        )
    }
}

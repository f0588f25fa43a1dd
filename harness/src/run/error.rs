//! Why a run was refused or stopped.

use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigError;
use crate::metric::MetricError;
use crate::sampler::SamplerError;
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
    /// An argument of the command line.
    #[error("{name}: {message}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// What is wrong and what is allowed.
        message: String,
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
        !matches!(self, Self::Sampler(_) | Self::Core(_) | Self::Metric(_))
    }
}

//! What can be wrong with a call from outside.

use thiserror::Error;

use super::TargetFailure;
use crate::config::ConfigError;
use crate::run::RunError;
use crate::sampler::SamplerError;

/// Why an evaluation or a run was refused, or ended early; every message is one line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// Memory that does not hold what it should.
    #[error("{message}")]
    Shape {
        /// What is wrong.
        message: String,
    },
    /// A point that is not one.
    #[error("{name}: coordinate {column} of point {row} is {value}; it must be finite")]
    NotFinite {
        /// The points, as the argument is called.
        name: &'static str,
        /// Index of the point.
        row: usize,
        /// Index of the coordinate.
        column: usize,
        /// What it is.
        value: f64,
    },
    /// Numbers that define no mixture, or a noise level out of range.
    #[error("{what}: {source}")]
    Mixture {
        /// What is refused.
        what: String,
        /// Why.
        source: amc_core::error::Error,
    },
    /// An argument out of range.
    #[error("{name}: {message}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The target reported a failure of its own.
    #[error("the target failed: {0}")]
    Target(TargetFailure),
    /// The run.
    #[error(transparent)]
    Run(RunError),
    /// Somebody wanted the run to end early.
    #[error("stopped before the end")]
    Stopped,
}

/// The kinds of errors, for languages that tell them apart by codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbedErrorKind {
    /// Lengths, strides or dimensions.
    Shape,
    /// A coordinate that is NaN or infinite.
    NotFinite,
    /// A parameter or a setting.
    Config,
    /// The target's own failure.
    Target,
    /// A run that was asked to stop.
    Stopped,
    /// A computation: weights all lost, levels that cannot be placed.
    Numerical,
    /// Rust code that panicked.
    Panic,
}

impl EmbedError {
    /// The kind of the error.
    pub fn kind(&self) -> EmbedErrorKind {
        match self {
            Self::Shape { .. } => EmbedErrorKind::Shape,
            Self::NotFinite { .. } => EmbedErrorKind::NotFinite,
            Self::Mixture { .. } | Self::Argument { .. } | Self::Config(_) => {
                EmbedErrorKind::Config
            }
            Self::Target(_) => EmbedErrorKind::Target,
            Self::Stopped => EmbedErrorKind::Stopped,
            Self::Run(RunError::Sampler(SamplerError::Panicked { .. })) => EmbedErrorKind::Panic,
            Self::Run(error) if error.is_bad_input() => EmbedErrorKind::Config,
            Self::Run(_) => EmbedErrorKind::Numerical,
        }
    }
}

impl From<RunError> for EmbedError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Config(error) => Self::Config(error),
            RunError::OwnTarget(failure) => Self::Target(failure),
            RunError::Sampler(SamplerError::Stopped) => Self::Stopped,
            error => Self::Run(error),
        }
    }
}

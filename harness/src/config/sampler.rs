//! `[sampler]`: how many particles there are and when they are resampled.

use toml::Table;

use super::entries::Entries;
use super::error::ConfigError;
use super::memory::MOST_NUMBERS;
use super::reader::Section;
use super::schema::Key;
use super::value::Interval;
use crate::catalog::{ResamplingScheme, SamplerKind};

pub(super) const SECTION: &str = "sampler";

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the algorithm (ais)"),
    Key::always("particles", "number of particles N (4096)"),
    Key::always("resampling", "how smc draws offspring (systematic)"),
    Key::always("ess_threshold", "smc resamples below this fraction of N (0.5)"),
];

/// A validated `[sampler]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerConfig {
    /// The algorithm and its parameters.
    pub algorithm: Algorithm,
    /// Number of particles, at least 1.
    pub particles: usize,
}

/// A sampling algorithm with the parameters that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Algorithm {
    /// See [`SamplerKind::Ais`].
    Ais,
    /// See [`SamplerKind::Smc`].
    Smc {
        /// How offspring are drawn.
        resampling: ResamplingScheme,
        /// Resample when the effective sample size falls below this fraction of N: 0 never does.
        ess_threshold: f64,
    },
}

impl SamplerConfig {
    /// The algorithm's name.
    pub fn kind(&self) -> SamplerKind {
        match self.algorithm {
            Algorithm::Ais => SamplerKind::Ais,
            Algorithm::Smc { .. } => SamplerKind::Smc,
        }
    }

    /// Reads the section. The keys of smc are checked under ais too, where they change nothing:
    /// one file then serves both algorithms and `sampler.kind` alone switches between them.
    pub(super) fn read(mut section: Section<'_>) -> Result<Self, ConfigError> {
        let kind = section.choice("kind", SamplerKind::Ais)?;
        let particles = section.usize("particles", 4096, 1..=MOST_NUMBERS)?;
        let resampling = section.choice("resampling", ResamplingScheme::Systematic)?;
        let ess_threshold = section.f64("ess_threshold", 0.5, Interval::Closed(0.0, 1.0))?;
        let algorithm = match kind {
            SamplerKind::Ais => Algorithm::Ais,
            SamplerKind::Smc => Algorithm::Smc { resampling, ess_threshold },
        };
        section.finish()?;
        Ok(Self { algorithm, particles })
    }

    pub(super) fn to_table(self) -> Table {
        let entries =
            Entries::new().put("kind", self.kind().name()).count("particles", self.particles);
        match self.algorithm {
            Algorithm::Ais => entries,
            Algorithm::Smc { resampling, ess_threshold } => {
                entries.put("resampling", resampling.name()).put("ess_threshold", ess_threshold)
            }
        }
        .into_table()
    }
}

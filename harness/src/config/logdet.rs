//! `[logdet]`: how the log-determinant of a deterministic map is found.

use toml::Table;

use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::schema::Key;
use crate::catalog::{FlowMapKind, LogDetEstimator, PenaltyKind, ProbeKind};

pub(super) const SECTION: &str = "logdet";

pub(super) const KEYS: &[Key] = &[
    Key::always("estimator", "flow-map: how log|det J| is found (auto)"),
    Key::always("n_trunc", "terms of the series, or Lanczos steps, of each probe (6)"),
    Key::always("n_hutch", "probes; a third of them sketch the range in Hutch++ (12)"),
    Key::always("probes", "their law (rademacher)"),
    Key::always("penalty", "what corrects their noise in weights and swaps (closed-form)"),
];

/// A validated `[logdet]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDetConfig {
    /// How the determinant is found.
    pub estimator: LogDetEstimator,
    /// Terms of the series, or Lanczos steps; at least 1.
    pub n_trunc: usize,
    /// Probes, at least 2; for Hutch++ enough that 2 are left after the sketch.
    pub n_hutch: usize,
    /// The law of the probes.
    pub probes: ProbeKind,
    /// What corrects their noise.
    pub penalty: PenaltyKind,
}

/// Most terms of a series, Lanczos steps and probes.
const MOST_TERMS: usize = 64;
const MOST_LANCZOS_STEPS: usize = 32;
const MOST_PROBES: usize = 4096;

impl LogDetEstimator {
    /// Whether a third of the probes sketches the range of the matrix.
    pub fn sketches(self) -> bool {
        matches!(
            self,
            Self::Auto
                | Self::HutchPlusPlus
                | Self::RecentredHutchPlusPlus
                | Self::LanczosHutchPlusPlus
        )
    }

    /// Whether `n_trunc` counts Lanczos steps.
    pub fn runs_lanczos(self) -> bool {
        matches!(self, Self::Auto | Self::Lanczos | Self::LanczosHutchPlusPlus)
    }
}

impl LogDetConfig {
    pub(super) fn read(mut section: Section<'_>) -> Result<Self, ConfigError> {
        let estimator = section.choice("estimator", LogDetEstimator::Auto)?;
        let most = if estimator.runs_lanczos() { MOST_LANCZOS_STEPS } else { MOST_TERMS };
        let n_trunc = section.usize("n_trunc", 6, 1..=most)?;
        // The penalty needs two samples, and a sketch takes two thirds of the probes.
        let fewest = if estimator.sketches() { 8 } else { 2 };
        let n_hutch = section.usize("n_hutch", 12, fewest..=MOST_PROBES)?;
        let config = Self {
            estimator,
            n_trunc,
            n_hutch,
            probes: section.choice("probes", ProbeKind::Rademacher)?,
            penalty: section.choice("penalty", PenaltyKind::ClosedForm)?,
        };
        section.finish()?;
        Ok(config)
    }

    pub(crate) fn to_table(self) -> Table {
        Entries::new()
            .put("estimator", self.estimator.name())
            .count("n_trunc", self.n_trunc)
            .count("n_hutch", self.n_hutch)
            .put("probes", self.probes.name())
            .put("penalty", self.penalty.name())
            .into_table()
    }

    /// The estimator for `map` in `dim` coordinates, `"auto"` decided: a dense determinant takes `dim`
    /// products with the Jacobian, the estimate up to `n_trunc (n_hutch + 2)`, and twice that for a map of
    /// several stages, whose Jacobian is not symmetric. The structure of a mixture is not used: `"auto"`
    /// keeps to what every density has.
    pub fn estimator_for(&self, map: FlowMapKind, dim: usize) -> LogDetEstimator {
        let sides = if map.to_core().stages() > 1 { 2 } else { 1 };
        let estimate = self.n_trunc.saturating_mul(self.n_hutch + 2).saturating_mul(sides);
        match self.estimator {
            LogDetEstimator::Auto if dim <= estimate => LogDetEstimator::Dense,
            LogDetEstimator::Auto => LogDetEstimator::LanczosHutchPlusPlus,
            chosen => chosen,
        }
    }
}

//! `path.schedule`: the noise schedule of a diffusion path and its parameters.

use amc_core::error::Result as CoreResult;
use amc_core::path;

use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::value::Interval;
use crate::catalog::{NoiseScheduleKind, SigmaShape};

/// A validated noise schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoiseSchedule {
    /// `alpha_t = exp(-B/2)`, `B = beta_min t + (beta_max - beta_min) t^2/2`.
    VpLinear {
        /// Rate of noise at the target.
        beta_min: f64,
        /// Rate of noise at the reference, at least `beta_min`.
        beta_max: f64,
    },
    /// `alpha_t = cos(pi t/2)`, `sigma_t = sin(pi t/2)`.
    VpCosine,
    /// `alpha_t = 1`, `sigma_t` from `sigma_min` to `sigma_max`.
    Ve {
        /// Least noise.
        sigma_min: f64,
        /// Most noise, above `sigma_min`.
        sigma_max: f64,
        /// How the noise grows between the two.
        shape: SigmaShape,
    },
}

impl Default for NoiseSchedule {
    fn default() -> Self {
        Self::VpLinear { beta_min: 0.1, beta_max: 20.0 }
    }
}

impl NoiseSchedule {
    /// The schedule's name.
    pub fn kind(&self) -> NoiseScheduleKind {
        match self {
            Self::VpLinear { .. } => NoiseScheduleKind::VpLinear,
            Self::VpCosine => NoiseScheduleKind::VpCosine,
            Self::Ve { .. } => NoiseScheduleKind::Ve,
        }
    }

    /// The schedule as the core computes it.
    ///
    /// # Errors
    /// What the core refuses; never for a schedule that was read from a configuration.
    pub fn to_core(&self) -> CoreResult<path::NoiseSchedule> {
        match *self {
            Self::VpLinear { beta_min, beta_max } => {
                path::NoiseSchedule::vp_linear(beta_min, beta_max)
            }
            Self::VpCosine => Ok(path::NoiseSchedule::vp_cosine()),
            Self::Ve { sigma_min, sigma_max, shape } => {
                path::NoiseSchedule::ve(sigma_min, sigma_max, shape.to_core())
            }
        }
    }

    /// The times that a level may have.
    pub fn times(&self) -> Interval {
        match self {
            // No signal is left at t = 1 (alpha = 0), so no bridge could start there.
            Self::VpCosine => Interval::Open(0.0, 1.0),
            Self::VpLinear { .. } | Self::Ve { .. } => Interval::Above(0.0, 1.0),
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        match section.choice("schedule", NoiseScheduleKind::VpLinear)? {
            NoiseScheduleKind::VpLinear => vp_linear(section),
            NoiseScheduleKind::VpCosine => Ok(Self::VpCosine),
            NoiseScheduleKind::Ve => ve(section),
        }
    }

    pub(super) fn put(self, entries: Entries) -> Entries {
        let entries = entries.put("schedule", self.kind().name());
        match self {
            Self::VpLinear { beta_min, beta_max } => {
                entries.put("beta_min", beta_min).put("beta_max", beta_max)
            }
            Self::VpCosine => entries,
            Self::Ve { sigma_min, sigma_max, shape } => entries
                .put("sigma_min", sigma_min)
                .put("sigma_max", sigma_max)
                .put("shape", shape.name()),
        }
    }
}

fn vp_linear(section: &mut Section<'_>) -> Result<NoiseSchedule, ConfigError> {
    let allowed = Interval::Above(0.0, path::NoiseSchedule::LARGEST_BETA);
    let beta_min = section.f64("beta_min", 0.1, allowed)?;
    let beta_max = section.f64("beta_max", 20.0, allowed)?;
    checked(NoiseSchedule::VpLinear { beta_min, beta_max }, || {
        let (low, high) = (("beta_min", beta_min), ("beta_max", beta_max));
        section.out_of_order(low, high, "noise must grow with t")
    })
}

fn ve(section: &mut Section<'_>) -> Result<NoiseSchedule, ConfigError> {
    use path::NoiseSchedule as Core;
    let allowed = Interval::Closed(Core::SMALLEST_SIGMA, Core::LARGEST_SIGMA);
    let sigma_min = section.f64("sigma_min", 2e-3, allowed)?;
    let sigma_max = section.f64("sigma_max", 80.0, allowed)?;
    let shape = section.choice("shape", SigmaShape::Geometric)?;
    checked(NoiseSchedule::Ve { sigma_min, sigma_max, shape }, || {
        let (low, high) = (("sigma_min", sigma_min), ("sigma_max", sigma_max));
        section.out_of_order(low, high, "noise must grow with t")
    })
}

/// The schedule, if the core takes it. Each number being in its range, all that the core can
/// still refuse is their order, which `out_of_order` puts into words.
fn checked(
    schedule: NoiseSchedule,
    out_of_order: impl FnOnce() -> ConfigError,
) -> Result<NoiseSchedule, ConfigError> {
    schedule.to_core().map(|_| schedule).map_err(|_| out_of_order())
}

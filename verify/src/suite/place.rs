//! Where bridges are put to the test: a standard problem, a noise schedule, a step.

use amc_core::path::{NoiseSchedule, VeShape};

use crate::VerifyError;
use crate::oracle::{Fixture, FixtureKind, FixtureStep};

/// The linear variance-preserving schedule that most instances are on, `beta` from 0.1 to 20.
pub(super) fn linear_schedule() -> Result<NoiseSchedule, VerifyError> {
    Ok(NoiseSchedule::vp_linear(0.1, 20.0)?)
}

/// A standard problem with a step of a noise schedule.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The problem.
    pub kind: FixtureKind,
    /// The schedule.
    pub schedule: NoiseSchedule,
    /// Its name; empty for the linear one that most places have.
    schedule_name: &'static str,
    /// Cleaner and noisier time.
    pub times: (f64, f64),
}

impl Place {
    /// On the linear variance-preserving schedule, `beta` from 0.1 to 20.
    ///
    /// # Errors
    /// None.
    pub fn new(kind: FixtureKind, times: (f64, f64)) -> Result<Self, VerifyError> {
        Ok(Self { kind, schedule: linear_schedule()?, schedule_name: "", times })
    }

    /// On the cosine schedule.
    pub fn cosine(kind: FixtureKind, times: (f64, f64)) -> Self {
        Self { kind, schedule: NoiseSchedule::vp_cosine(), schedule_name: "cosine, ", times }
    }

    /// On a variance-exploding schedule, where `a = 1`.
    ///
    /// # Errors
    /// None.
    pub fn exploding(kind: FixtureKind, times: (f64, f64)) -> Result<Self, VerifyError> {
        let schedule = NoiseSchedule::ve(0.02, 20.0, VeShape::Geometric)?;
        Ok(Self { kind, schedule, schedule_name: "exploding, ", times })
    }

    /// Name in verdicts.
    pub fn name(&self) -> String {
        let (s, t) = self.times;
        format!("{}{}, {t} to {s}", self.schedule_name, self.kind.name())
    }

    /// Calls `visit` with the step between its exact levels.
    ///
    /// # Errors
    /// Those of `visit`.
    pub fn with_step<R>(
        &self,
        visit: impl FnOnce(&Fixture, &FixtureStep<'_>) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        let fixture = Fixture::new(self.kind)?;
        let step = self.schedule.step(self.times.0, self.times.1)?;
        fixture.with_step(&step, |step| visit(&fixture, step))?
    }
}

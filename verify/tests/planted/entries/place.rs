//! Where defects are planted, and the samples that the full tier of the suite has for their laws.

use amc_core::path::NoiseSchedule;
use amc_verify::VerifyError;
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, FixtureStep};

/// Samples of the laws of bridges, ladders, schemes and streams.
pub const PASSAGES: usize = 64_000;
/// Samples of the laws of kernels.
pub const PARTICLES: usize = 512_000;
/// Samples of the law of noising.
pub const CARRIED: usize = 512_000;
/// Samples of the laws of swaps.
pub const PAIRS: usize = 32_000;

/// The schedule of all places.
pub fn schedule() -> NoiseSchedule {
    NoiseSchedule::vp_linear(0.1, 20.0).unwrap()
}

/// Calls `visit` with a step of the given times.
pub fn on_step<R>(
    kind: FixtureKind,
    (s, t): (f64, f64),
    visit: impl FnOnce(&FixtureStep<'_>) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    let step = schedule().step(s, t)?;
    Fixture::new(kind)?.with_step(&step, visit)?
}

/// Calls `visit` with a level.
pub fn on_level<R>(
    visit: impl FnOnce(&dyn ExactLaw) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    let fixture = Fixture::new(FixtureKind::FullPerComponent)?;
    let (alpha, variance) = (schedule().alpha(0.25), schedule().variance(0.25));
    fixture.with_level(alpha, variance, |level| visit(level))?
}

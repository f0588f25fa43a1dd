//! Oracles: laws known exactly, from raw parameters, by code that shares nothing with the core.
//!
//! A law of this crate compares an instance with an [`ExactLaw`]: a density to run on, exact samples
//! to start from, and the distribution function of any linear projection to compare with. The
//! standard problems ([`Fixture`], [`TemperedGaussian`]) are small and asymmetric on purpose: on a
//! symmetric target a wrong sign passes. Elementary functions, and densities far from the origin, are
//! compared with [`DoubleDouble`]s.

pub mod double_double;
mod fixture;
mod gaussian_mixture;
mod standard_problem;
mod tempered_gaussian;
mod tridiagonal;

pub use double_double::DoubleDouble;
pub use fixture::{Fixture, FixtureLevel, FixtureStep};
pub use gaussian_mixture::{GaussianMixture, ProjectedMixture, standard_normal_cdf};
pub use standard_problem::FixtureKind;
pub use tempered_gaussian::TemperedGaussian;
pub use tridiagonal::Tridiagonal;

use amc_core::density::Score;
use amc_core::error::Result;
use amc_core::rng::Stream;
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

/// The distribution function of a projection.
pub type Cdf<'a> = Box<dyn Fn(f64) -> f64 + 'a>;

/// A density with exact samples and exact one-dimensional projections.
pub trait ExactLaw: Sync {
    /// The density, as the instance under test sees it.
    fn density(&self) -> &dyn Score;

    /// Log of the integral of the density; 0 where it is normalized.
    fn log_normalizer(&self) -> f64 {
        0.0
    }

    /// Workspace, in vectors, that [`ExactLaw::sample`] needs.
    fn scratch_len(&self) -> usize;

    /// Fills `x` `[d]` with eight independent exact samples.
    ///
    /// # Errors
    /// A wrong length of `x` or a short workspace.
    fn sample(&self, x: &mut [f64x8], stream: &mut Stream, scratch: Scratch<'_>) -> Result<()>;

    /// `F(c) = P(direction . X <= c)`, for a direction `[d]`.
    fn projection_cdf(&self, direction: &[f64]) -> Cdf<'_>;
}

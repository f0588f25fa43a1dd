//! Faults put into a density on purpose, to see what samplers make of them.
//!
//! A density of one's own fails somewhere: it overflows, takes the logarithm of a negative number, panics, or
//! is slow. [`FaultyTarget`] wraps a good density and fails so on a deterministic schedule ([`When`]), which
//! makes it a test of whatever stands around the density: a kernel has to reject and count, a bridge to give
//! a work that no sampler accepts, a sampler to end with a result or a typed error.
//!
//! ```
//! use amc_core::density::LogDensity;
//! use amc_core::scratch::Scratch;
//! use amc_core::simd::{f64x8, splat};
//! use amc_verify::fault::{Fault, FaultyTarget, When};
//! use amc_verify::oracle::{Fixture, FixtureKind};
//!
//! # fn main() -> Result<(), amc_verify::VerifyError> {
//! let found = Fixture::new(FixtureKind::DiagonalShared)?.with_level(1.0, 0.0, |level| {
//!     let when = When::Calls { every: 1, lanes: 0b100 };
//!     let faulty = FaultyTarget::new(&level.level, Fault::LogDensity(f64::NAN), when);
//!     let mut memory = vec![f64x8::ZERO; faulty.scratch_len()];
//!     faulty.log_density(&[splat(0.3); 3], Scratch::new(&mut memory))
//! })??;
//! let nan = found.to_array().map(f64::is_nan);
//! assert_eq!(nan, [false, false, true, false, false, false, false, false]);
//! # Ok(())
//! # }
//! ```

mod target;
mod when;

pub use target::FaultyTarget;
pub use when::When;

use std::time::Duration;

use amc_core::error::Error;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// This number in the place of the log-density: NaN, infinity, or minus infinity, which is a density of
    /// zero and no fault.
    LogDensity(f64),
    /// This number in the place of every coordinate of the score.
    Score(f64),
    /// This number in the place of every entry of a Hessian and of its products.
    Hessian(f64),
    /// This error in the place of a result.
    Error(Error),
    /// A panic, with the message [`FaultyTarget::PANIC`].
    Panic,
    /// The right result, so much later.
    Slow(Duration),
}

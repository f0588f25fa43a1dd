//! Typed errors: a law that cannot be evaluated, as opposed to one that is broken.

use thiserror::Error;

/// Why a law could not be evaluated; a broken law is a [`crate::Verdict`], not an error.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A core function refused its arguments.
    #[error("{0}")]
    Core(#[from] amc_core::error::Error),
    /// A bound or a law needs more samples.
    #[error("{what}: at least {needed} needed, {found} given")]
    TooFewSamples {
        /// The bound or law.
        what: &'static str,
        /// Smallest usable number.
        needed: usize,
        /// Number given.
        found: usize,
    },
    /// A case of a suite panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// What a law was given is not what it says it is.
    #[error("{0}")]
    Unusable(String),
    /// No step size lets a kernel both accept and reject often enough.
    #[error(
        "no step size leads to an acceptance near 0.6: the closest, {closest:e}, has {acceptance:.3}; a \
         kernel that (almost) always accepts or rejects has no decision to test"
    )]
    NoStepSize {
        /// The step size where the search ended.
        closest: f64,
        /// Its mean acceptance probability.
        acceptance: f64,
    },
    /// A number lies outside the range a parameter allows.
    #[error("{what} = {value:?} lies outside [{min:?}, {max:?}]")]
    OutOfRange {
        /// The parameter.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
    },
    /// Two quantities that belong together have different lengths.
    #[error("{what}: {expected} entries expected, {found} found")]
    Length {
        /// The quantity.
        what: &'static str,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// The sampler under test failed.
    #[error("the sampler under test failed: {0}")]
    Sampler(String),
}

impl VerifyError {
    /// Checks that `value` lies in `[min, max]`; NaN does not.
    pub(crate) fn check_range(
        what: &'static str,
        value: f64,
        min: f64,
        max: f64,
    ) -> Result<(), Self> {
        if value >= min && value <= max {
            Ok(())
        } else {
            Err(Self::OutOfRange { what, value, min, max })
        }
    }

    /// Checks that at least `needed` samples are there.
    pub(crate) fn check_samples(
        what: &'static str,
        needed: usize,
        found: usize,
    ) -> Result<(), Self> {
        if found >= needed { Ok(()) } else { Err(Self::TooFewSamples { what, needed, found }) }
    }

    /// Checks a length.
    pub(crate) fn check_len(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::Length { what, expected, found }) }
    }
}

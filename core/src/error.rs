//! Typed errors: every variant names the condition that was violated.
//!
//! Core functions return these instead of panicking. Variants carry what a caller needs to
//! write one clear line for a user: the quantity, its position and the offending value.

use core::fmt;

/// The condition a call violated.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong length.
    Length {
        /// The quantity the slice holds.
        what: &'static str,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// The workspace handed in is shorter than `scratch_len` asks for.
    Scratch {
        /// Vectors of eight lanes needed.
        needed: usize,
        /// Vectors of eight lanes left.
        found: usize,
    },
    /// A quantity that must hold at least one entry is empty.
    Empty {
        /// The empty quantity.
        what: &'static str,
    },
    /// An entry is NaN or infinite.
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// Position of the entry in its slice.
        index: usize,
    },
    /// An entry that must be greater than zero is not.
    NotPositive {
        /// The quantity.
        what: &'static str,
        /// Position of the entry in its slice.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// An entry that must not be below zero is.
    Negative {
        /// The quantity.
        what: &'static str,
        /// Position of the entry in its slice.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// All weights are zero, so nothing can be normalized.
    WeightsAllZero,
    /// A covariance matrix is not symmetric to rounding.
    NotSymmetric {
        /// Row of the entry that differs from its mirror image.
        row: usize,
        /// Column of that entry.
        column: usize,
    },
    /// A matrix is not positive definite.
    NotPositiveDefinite {
        /// Index of the pivot or eigenvalue that is not above zero.
        index: usize,
    },
    /// An iteration did not converge.
    NotConverged {
        /// The iteration.
        what: &'static str,
        /// Sweeps or iterations made.
        iterations: usize,
    },
    /// A number lies outside the range a parameter allows.
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
    /// Times that must increase strictly do not.
    NotIncreasing {
        /// The quantity.
        what: &'static str,
        /// Position of the first entry that is not above its predecessor.
        index: usize,
    },
    /// What was asked for cannot be done with these arguments, each of which is valid.
    Unsupported {
        /// Why, as the message says it.
        what: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { what, expected, found } => {
                write!(f, "{what}: {expected} entries expected, {found} found")
            }
            Self::Scratch { needed, found } => {
                write!(f, "workspace: {needed} vectors needed, {found} left")
            }
            Self::Empty { what } => write!(f, "{what}: at least one entry is needed"),
            Self::NotFinite { what, index } => {
                write!(f, "{what}[{index}] is not a finite number")
            }
            Self::NotPositive { what, index, value } => {
                write!(f, "{what}[{index}] = {value} must be greater than 0")
            }
            Self::Negative { what, index, value } => {
                write!(f, "{what}[{index}] = {value} must not be negative")
            }
            Self::WeightsAllZero => {
                write!(f, "weights: all are zero, at least one must be positive")
            }
            Self::NotSymmetric { row, column } => {
                write!(
                    f,
                    "matrix is not symmetric: entry ({row}, {column}) differs from ({column}, {row})"
                )
            }
            Self::NotPositiveDefinite { index } => {
                write!(f, "matrix is not positive definite (pivot {index})")
            }
            Self::NotConverged { what, iterations } => {
                write!(f, "{what}: no convergence after {iterations} iterations")
            }
            Self::OutOfRange { what, value, min, max } => {
                write!(f, "{what} = {value:?} lies outside [{min:?}, {max:?}]")
            }
            Self::NotIncreasing { what, index } => {
                write!(f, "{what}[{index}] is not greater than the entry before it")
            }
            Self::Unsupported { what } => f.write_str(what),
        }
    }
}

impl core::error::Error for Error {}

/// Shorthand for results of this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// Checks a slice length.
///
/// # Errors
/// [`Error::Length`] when `found != expected`.
pub fn check_len(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Length { what, expected, found }) }
}

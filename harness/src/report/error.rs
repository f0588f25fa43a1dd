//! The conditions under which there is no figure.

use thiserror::Error;

/// The condition the data of a figure violated.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A number is NaN or infinite.
    #[error("entry {index} of the {what} is {value}; only finite numbers can be drawn")]
    NotFinite {
        /// The list.
        what: &'static str,
        /// Index of the entry.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// A list has the wrong number of entries.
    #[error("the {what} have {found} entries instead of {expected}")]
    Length {
        /// The list.
        what: &'static str,
        /// Entries it should have.
        expected: usize,
        /// Entries it has.
        found: usize,
    },
    /// A list has too few entries for a line.
    #[error("the {what} need at least two entries, not {found}")]
    TooShort {
        /// The list.
        what: &'static str,
        /// Entries it has.
        found: usize,
    },
    /// A list of times stands still or goes back.
    #[error("entry {index} of the {what} is not greater than the one before")]
    NotIncreasing {
        /// The list.
        what: &'static str,
        /// Index of the entry.
        index: usize,
    },
    /// A level lies where the curves are not given.
    #[error("level {index} at {time} lies outside the times of the curves, {first} to {last}")]
    LevelOutside {
        /// Index of the level.
        index: usize,
        /// Its time.
        time: f64,
        /// First node of the curves.
        first: f64,
        /// Last node of the curves.
        last: f64,
    },
    /// Coordinates that a target does not have.
    #[error("{0}")]
    Coordinates(String),
    /// A bitmap cannot be made.
    #[error("the figure cannot be turned into a bitmap: {0}")]
    Bitmap(String),
}

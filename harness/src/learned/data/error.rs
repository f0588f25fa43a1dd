//! Everything that can be wrong with training samples, each as one line for the user.
//!
//! Rows and columns are counted from 1, as in files of points.

use std::io;

use crate::target::TargetError;

/// Why samples are not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The name of the file tells no format.
    #[error("{file}: its name tells no format; end it with .npy, .npz, .csv or .parquet")]
    Ending {
        /// The file.
        file: String,
    },
    /// A Parquet file in a compression that this build does not have.
    #[error(
        "{file}: its compression is not part of this program ({detail}); write it with Snappy, or build with `--features \
         zstd`"
    )]
    Compression {
        /// The file.
        file: String,
        /// What the reader says.
        detail: String,
    },
    /// The file cannot be opened or read.
    #[error("{file}: cannot be read ({error}); check the path and its permissions")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The bytes are not what the ending of the name says.
    #[error("{file}: not a {format} file, or a damaged one: {detail}; write it again")]
    Damaged {
        /// The file, with the array in it.
        file: String,
        /// The format.
        format: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// An array that is not one row per point.
    #[error(
        "{file}: {found} found, an array [N, d] expected, one row per point; reshape it, for one \
         coordinate with x.reshape(-1, 1)"
    )]
    Shape {
        /// The file, with the array in it.
        file: String,
        /// The shape it has.
        found: String,
    },
    /// An array that belongs to the points has another length than they do.
    #[error("{file}: {found} found, [{expected}] expected, one number for each {what}")]
    Length {
        /// The file, with the array in it.
        file: String,
        /// The shape it has.
        found: String,
        /// The length it must have.
        expected: usize,
        /// Row or column.
        what: &'static str,
    },
    /// Numbers of a type that are no coordinates.
    #[error(
        "{file}: its numbers are of type {found}; real numbers in single or double precision, or \
         integers, are expected: convert them with x.astype(\"f8\")"
    )]
    NumberType {
        /// The file, with the array in it.
        file: String,
        /// The type as the file names it.
        found: String,
    },
    /// Points of another dimension than the target.
    #[error(
        "{file}: {found} columns found, {expected} expected, the dimension of the target; choose \
         another file or target"
    )]
    Dimension {
        /// The file, with the array in it.
        file: String,
        /// Coordinates per point.
        found: usize,
        /// The dimension of the target.
        expected: usize,
    },
    /// A coordinate that is no number.
    #[error(
        "{file}, row {row}, column {column}: {value} is not a finite number; remove the row, or \
         write the number it should be"
    )]
    NotFinite {
        /// The file, with the array in it.
        file: String,
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The value.
        value: f64,
    },
    /// No points, or a single one.
    #[error("{file}: {found} rows found, at least 2 expected; a model learns from many samples")]
    TooFew {
        /// The file, with the array in it.
        file: String,
        /// Rows.
        found: usize,
    },
    /// An archive in which nothing says which array holds the points.
    #[error(
        "{file}: which array holds the samples? It has {found}; name one of them positions, samples \
         or x"
    )]
    WhichArray {
        /// The file.
        file: String,
        /// The names of its arrays.
        found: String,
    },
    /// One half of the map back to the coordinates of the target.
    #[error("{file}: {found} without {missing}; add {missing}, or leave both out")]
    HalfMap {
        /// The file.
        file: String,
        /// The array that is there.
        found: &'static str,
        /// The array that is not.
        missing: &'static str,
    },
    /// Samples that count differently.
    #[error(
        "{file}: its {name} differ, and every sample counts the same in training; draw rows by \
         weight first, for example rng.choice(x, size=N, p=weights), and write those alone"
    )]
    Weighted {
        /// The file.
        file: String,
        /// The array of weights.
        name: &'static str,
    },
    /// A column that holds no coordinates.
    #[error("{file}, column {column} ({name:?}): {detail}")]
    Column {
        /// The file.
        file: String,
        /// Column, from 1.
        column: usize,
        /// Its name.
        name: String,
        /// What is wrong and what to do.
        detail: String,
    },
    /// A coordinate that is the same in every sample: the samples have no density.
    #[error(
        "training samples, column {column}: {value} in every row; leave this coordinate out, a \
         density needs some spread in each"
    )]
    Constant {
        /// Column, from 1.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A coordinate whose moments are beyond double precision.
    #[error(
        "training samples, column {column}: mean {mean:e} and variance {variance:e}, beyond double \
         precision; change the unit of this coordinate"
    )]
    Spread {
        /// Column, from 1.
        column: usize,
        /// Mean, as far as it could be computed.
        mean: f64,
        /// Variance, likewise.
        variance: f64,
    },
    /// A file of text.
    #[error(transparent)]
    Text(#[from] TargetError),
}

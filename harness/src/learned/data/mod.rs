//! A user's own training samples: files of points, checked row by row, and their moments.
//!
//! `x_n`, `n = 1..N`, in `R^d`, all of the same weight `1/N`. What a file holds is decided by its ending:
//!
//! | ending | contents |
//! |---|---|
//! | `.npy` | an array `[N, d]` of real numbers or integers, in either order of rows and of bytes |
//! | `.npz` | its array `positions`, `samples` or `x`, or its only one; also `samples.npz` of a run |
//! | `.csv` | one point per line, without a header line |
//! | `.parquet` | numeric columns in order (compressed by Zstandard only with the cargo feature `zstd`) |
//!
//! Coordinates are those of the target as it was defined: positions that come with `shift` and `scale`, as those
//! of a run do, are read as `positions * scale + shift`. Samples with weights that differ are refused, since
//! every loss takes its samples for draws of the target.

mod error;
mod moments;
mod npy;
mod npz;
mod parquet;

pub use error::DataError;
pub(crate) use npy::{Array, read_up_to};

use std::fs::File;
use std::path::Path;

use crate::target::{parse_points, parse_points_of_any_dim};

/// Samples of equal weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Dimension `d`, at least 1.
    pub dim: usize,
    /// Points `x_n`, `[N x d]`, row-major, all finite, `N` at least 2.
    pub rows: Vec<f64>,
}

impl Samples {
    /// Samples from numbers that come from `source`, a file or what else a message should name.
    ///
    /// # Errors
    /// [`DataError::Shape`] for numbers that are no whole rows, [`DataError::NotFinite`],
    /// [`DataError::TooFew`].
    pub fn new(source: &str, dim: usize, rows: Vec<f64>) -> Result<Self, DataError> {
        if dim == 0 || !rows.len().is_multiple_of(dim) {
            let found = format!("{} numbers in rows of {dim}", rows.len());
            return Err(DataError::Shape { file: source.into(), found });
        }
        if let Some(index) = rows.iter().position(|value| !value.is_finite()) {
            return Err(DataError::NotFinite {
                file: source.into(),
                row: index / dim + 1,
                column: index % dim + 1,
                value: rows.get(index).copied().unwrap_or(f64::NAN),
            });
        }
        let found = rows.len() / dim;
        if found < 2 {
            return Err(DataError::TooFew { file: source.into(), found });
        }
        Ok(Self { dim, rows })
    }

    /// Number of points `N`.
    pub fn count(&self) -> usize {
        self.rows.len() / self.dim
    }
}

/// Reads a file of samples; `dim` is the dimension of the target where that is known.
///
/// # Errors
/// [`DataError`], which names the file, the place in it, and what to do.
pub fn read_samples(path: &Path, dim: Option<usize>) -> Result<Samples, DataError> {
    let source = path.display().to_string();
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let read = match ending.as_deref() {
        Some("npy") => npy::read_samples,
        Some("npz") => npz::read_samples,
        Some("csv") => read_csv,
        Some("parquet") => parquet::read_samples,
        _ => return Err(DataError::Ending { file: source }),
    };
    let file =
        File::open(path).map_err(|error| DataError::Unreadable { file: source.clone(), error })?;
    read(file, &source, dim)
}

fn read_csv(file: File, source: &str, dim: Option<usize>) -> Result<Samples, DataError> {
    let (dim, rows) = match dim {
        Some(dim) => (dim, parse_points(file, source, dim)?),
        None => parse_points_of_any_dim(file, source)?,
    };
    Samples::new(source, dim, rows)
}

/// Refuses points of another dimension than the target's.
fn check_dim(source: &str, found: usize, expected: Option<usize>) -> Result<(), DataError> {
    match expected {
        Some(expected) if expected != found => {
            Err(DataError::Dimension { file: source.into(), found, expected })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

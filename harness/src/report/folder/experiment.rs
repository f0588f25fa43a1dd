//! `results.json` of an experiment: rows of measures, and claims with their verdicts.

use std::path::{Path, PathBuf};

use super::{FolderError, read_json};
use crate::experiment::folder::RESULTS;
use crate::experiment::{Results, Row};

/// One finished experiment.
#[derive(Debug, Clone)]
pub struct ExperimentFolder {
    /// The folder.
    pub(crate) path: PathBuf,
    /// What it found.
    pub(crate) results: Results,
}

impl ExperimentFolder {
    /// Reads the results in a folder.
    pub(super) fn read(path: &Path) -> Result<Self, FolderError> {
        Ok(Self { path: path.to_owned(), results: read_json(&path.join(RESULTS))? })
    }
}

/// The mean and standard error of a measure of a row, where it has them.
pub(crate) fn measure(row: &Row, name: &str) -> Option<(f64, Option<f64>)> {
    let measure = row.measures.get(name)?;
    Some((measure.mean, measure.std_error))
}

//! `results.json` of an experiment: rows of measures, and claims with their verdicts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{FolderError, read_json};
use crate::experiment::folder::RESULTS;

/// One finished experiment.
#[derive(Debug, Clone, Deserialize)]
pub struct Results {
    /// The folder.
    #[serde(skip)]
    pub(crate) path: PathBuf,
    /// Its name.
    pub(crate) experiment: String,
    /// The size it was run at.
    pub(crate) preset: String,
    /// A line above everything.
    pub(crate) title: String,
    /// What it tests.
    #[serde(default)]
    pub(crate) claim: String,
    /// Version of the program that ran it.
    #[serde(default)]
    pub(crate) version: String,
    /// The vector instructions it ran on.
    #[serde(default)]
    pub(crate) instructions: String,
    /// One row for every setting.
    pub(crate) rows: Vec<Row>,
    /// What follows from the rows.
    #[serde(default)]
    pub(crate) claims: Vec<Claim>,
}

/// Runs that differ in their seeds alone.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) settings: serde_json::Map<String, serde_json::Value>,
    pub(crate) axis: Option<Axis>,
    #[serde(default)]
    pub(crate) series: String,
    #[serde(default)]
    pub(crate) panel: String,
    pub(crate) runs: usize,
    #[serde(default)]
    pub(crate) failed: usize,
    pub(crate) measures: BTreeMap<String, Measure>,
}

/// What an experiment varies along.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Axis {
    pub(crate) name: String,
    /// A number, or a name where the setting has names.
    pub(crate) value: serde_json::Value,
}

/// One measure over the runs of a row; a number without a value is `null`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Measure {
    pub(crate) mean: Option<f64>,
    pub(crate) std_error: Option<f64>,
}

/// One claim.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claim {
    pub(crate) claim: String,
    pub(crate) verdict: String,
    #[serde(default)]
    pub(crate) detail: String,
}

impl Results {
    /// Reads the results in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, FolderError> {
        let results: Self = read_json(&folder.join(RESULTS))?;
        Ok(Self { path: folder.to_owned(), ..results })
    }
}

impl Row {
    /// The mean and standard error of a measure, where it has them.
    pub(crate) fn measure(&self, name: &str) -> Option<(f64, Option<f64>)> {
        let measure = self.measures.get(name)?;
        let finite = |x: &f64| x.is_finite();
        Some((measure.mean.filter(finite)?, measure.std_error.filter(finite)))
    }
}

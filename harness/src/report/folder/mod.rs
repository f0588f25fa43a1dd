//! What finished runs and experiments left in their folders, as reports read it.
//!
//! | file | read by |
//! |---|---|
//! | `manifest.json`: names, sizes and checksums of the others | `complete.rs` |
//! | `summary.json`, `config.toml` of a run | `run.rs` |
//! | `snapshots.npz` and `samples.npz` of a run | `snapshots.rs` |
//! | `results.json` of an experiment | `experiment.rs` |
//!
//! A folder is complete and undamaged, or an error that says what to do.

mod complete;
mod experiment;
mod run;
mod snapshots;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::experiment::folder::RESULTS;

pub use experiment::ExperimentFolder;
pub(super) use experiment::measure;
pub use run::RunFolder;
pub(super) use run::{BarrierEntry, LevelEntry, RunSummary};
pub(super) use snapshots::{Replicas, Snapshots};

/// A folder that no report can be made of.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}: {problem}", path.display())]
pub struct FolderError {
    /// The folder or its file.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl FolderError {
    fn new(path: &Path, problem: impl Into<String>) -> Self {
        // Messages are one line, whatever names and parsers put into them.
        let problem = problem.into().replace(['\n', '\r'], " ");
        Self { path: path.to_owned(), problem }
    }
}

/// What a folder holds.
#[derive(Debug)]
pub enum Folder {
    /// A run.
    Run(Box<RunFolder>),
    /// An experiment.
    Experiment(Box<ExperimentFolder>),
}

impl Folder {
    /// Reads a folder.
    ///
    /// # Errors
    /// No folder, one that is not complete, one of something else, and files that are damaged.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        if !path.is_dir() {
            let problem = if path.exists() {
                "is a file: give the folder that `amc run --out` or `amc experiment run --out` wrote"
            } else {
                "there is no such folder: give one that `amc run --out` or `amc experiment run --out` wrote"
            };
            return Err(FolderError::new(path, problem));
        }
        let experiment = path.join(RESULTS).exists();
        complete::check(path, if experiment { &[RESULTS] } else { &run::FILES })?;
        if experiment {
            Ok(Self::Experiment(Box::new(ExperimentFolder::read(path)?)))
        } else if path.join(run::SUMMARY).exists() {
            Ok(Self::Run(Box::new(RunFolder::read(path)?)))
        } else {
            let problem = "holds neither summary.json of a run nor results.json of an experiment";
            Err(FolderError::new(path, problem))
        }
    }
}

impl Folder {
    /// What a reader of its results must know, besides the results.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.run().and_then(RunFolder::progress_warning)
    }

    /// The run, if it holds one.
    pub(super) fn run(&self) -> Option<&RunFolder> {
        match self {
            Self::Run(run) => Some(run),
            Self::Experiment(_) => None,
        }
    }

    /// The experiment, if it holds one.
    pub(super) fn experiment(&self) -> Option<&ExperimentFolder> {
        match self {
            Self::Experiment(experiment) => Some(experiment),
            Self::Run(_) => None,
        }
    }
}

/// Reads a file of JSON.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| FolderError::new(path, format!("cannot be read ({error})")))?;
    serde_json::from_str(&text).map_err(|error| {
        FolderError::new(path, format!("is not what this version of amc writes ({error})"))
    })
}

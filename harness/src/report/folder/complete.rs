//! Whether a folder is complete, and its files the ones that were written.

use std::path::Path;

use super::FolderError;
use crate::run::holds_unfinished_run;
use crate::storage::{Manifest, ManifestError};

/// Compares every file of a folder with its manifest.
pub(super) fn check(folder: &Path) -> Result<(), FolderError> {
    match Manifest::check(folder) {
        Ok(_) => Ok(()),
        Err(ManifestError::Missing) => Err(FolderError::new(folder, unfinished(folder))),
        Err(ManifestError::File { name, problem }) => {
            let remedy = "it was damaged; repeat the run, or restore it";
            Err(FolderError::new(&folder.join(name), format!("{problem}: {remedy}")))
        }
        Err(error) => Err(FolderError::new(folder, error.to_string())),
    }
}

/// What to do about a folder without a manifest.
fn unfinished(folder: &Path) -> String {
    if folder.join("plan.json").exists() {
        return "is an experiment that is not finished (no manifest.json): `amc experiment run` with \
                the same --out goes on with it"
            .into();
    }
    if holds_unfinished_run(folder) {
        let name = folder.display();
        return format!(
            "is a run that is not finished (no manifest.json): `amc resume {name}` goes on with it"
        );
    }
    if folder.join("summary.json").exists() {
        return "has no manifest.json: it was written by an earlier version; repeat the run".into();
    }
    "has no manifest.json: it is no finished run or experiment; `amc run CONFIG --out DIR` makes one, \
     `amc resume DIR` and `amc experiment run` go on with unfinished ones"
        .into()
}

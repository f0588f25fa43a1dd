//! Whether a folder is complete, and its files the ones that were written.

use std::path::Path;

use super::FolderError;
use crate::experiment::folder::{PLAN, RESULTS, again};
use crate::run::holds_unfinished_run;
use crate::storage::{Manifest, ManifestError};

/// Compares every file of a folder with its manifest, which must have those that are to be read.
pub(super) fn check(folder: &Path, read: &[&str]) -> Result<(), FolderError> {
    let checked = Manifest::check(folder).and_then(|manifest| manifest.vouch_for(folder, read));
    let remedy = || match [PLAN, RESULTS].iter().any(|name| folder.join(name).exists()) {
        true => again(folder),
        false => "repeat the run, or restore it".into(),
    };
    match checked {
        Ok(()) => Ok(()),
        Err(ManifestError::Missing) => Err(FolderError::new(folder, unfinished(folder))),
        Err(ManifestError::File { name, problem }) => {
            let problem = format!("{problem}: it was changed or damaged; {}", remedy());
            Err(FolderError::new(&folder.join(name), problem))
        }
        Err(error) => Err(FolderError::new(folder, format!("{error}; {}", remedy()))),
    }
}

/// What to do about a folder without a manifest.
fn unfinished(folder: &Path) -> String {
    if folder.join(PLAN).exists() {
        return format!(
            "is an experiment that is not finished (no manifest.json): {}",
            again(folder)
        );
    }
    if holds_unfinished_run(folder) {
        let name = folder.display();
        return format!(
            "is a run that is not finished (no manifest.json): `amc resume {name}` goes on with it"
        );
    }
    if folder.join("summary.json").exists() {
        return "manifest.json is missing: the run did not end, or the file was removed; its files cannot be \
                vouched for, repeat the run"
            .into();
    }
    "has no manifest.json: it is no finished run or experiment; `amc run CONFIG --out DIR` makes one, \
     `amc resume DIR` and `amc experiment run` go on with unfinished ones"
        .into()
}

//! The folder of an experiment: files that are whole or absent, and a manifest of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::plan::Plan;
use crate::run::RunError;
use crate::storage::{Manifest, replace};

const PLAN: &str = "plan.json";
/// The file with the rows and claims.
pub const RESULTS: &str = "results.json";

/// A folder that belongs to one plan.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates the folder for a plan, or goes on with the one that has begun.
    ///
    /// # Errors
    /// A folder of another plan or of something else, and one that cannot be written.
    pub fn open(path: &Path, plan: &Plan) -> Result<Self, RunError> {
        let folder = Self { path: path.to_owned() };
        let refuse = |message: String| RunError::File { path: path.to_owned(), message };
        match fs::read_to_string(path.join(PLAN)) {
            Ok(text) => {
                let known: Json = serde_json::from_str(&text).unwrap_or_default();
                if known["fingerprint"] != json!(plan.fingerprint) {
                    let message = "holds the cells of another experiment, preset, version of the program or \
                                   set of instructions; choose another --out or remove the folder";
                    return Err(refuse(message.into()));
                }
            }
            Err(_) => {
                // A run that was killed before its plan was whole leaves nothing else.
                let ours = |file: &fs::DirEntry| {
                    let name = file.file_name();
                    name.to_string_lossy().starts_with('.') || name == "plan.part"
                };
                let occupied =
                    fs::read_dir(path).is_ok_and(|files| files.flatten().any(|file| !ours(&file)));
                if occupied {
                    let message = "holds other files; choose another --out";
                    return Err(refuse(message.into()));
                }
            }
        }
        let create = |path: &Path| {
            fs::create_dir_all(path).map_err(|error| {
                refuse(format!("the folder cannot be created ({error}): choose another --out"))
            })
        };
        create(path)?;
        folder.write(PLAN, &describe(plan))?;
        create(&path.join("cells"))?;
        Ok(folder)
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file as JSON, so that it is whole or as it was: under a temporary name, then renamed.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let path = self.join(name);
        let written = replace(&path, |file| {
            serde_json::to_writer_pretty(&mut *file, value)?;
            file.write_all(b"\n")
        });
        written.map_err(|error| {
            let message = format!(
                "cannot be written ({error}); make room and run the same command again, finished cells are kept"
            );
            RunError::File { path, message }
        })
    }

    /// Writes the manifest of all files, last of all.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn finish(&self) -> Result<(), RunError> {
        let names = [PLAN, RESULTS, "cells", "model"];
        let there: Vec<&str> = names.into_iter().filter(|name| self.join(name).exists()).collect();
        let manifest = Manifest::of(&self.path, &there);
        manifest.and_then(|manifest| manifest.write(&self.path)).map_err(|error| RunError::File {
            path: self.path.clone(),
            message: format!(
                "the manifest cannot be written ({error}): run the same command again"
            ),
        })
    }
}

/// What `plan.json` holds.
fn describe(plan: &Plan) -> Json {
    let cells = plan.cells.iter().filter_map(|cell| {
        let row = plan.rows.get(cell.row)?;
        let (label, settings) = (&row.label, &row.settings);
        Some(json!({"id": cell.id, "label": label, "settings": settings, "seed": cell.seed}))
    });
    json!({
        "name": plan.name,
        "preset": plan.preset,
        "fingerprint": plan.fingerprint,
        "version": env!("CARGO_PKG_VERSION"),
        "instructions": amc_core::simd::Instructions::current().name(),
        "cells": cells.collect::<Vec<_>>(),
    })
}

/// Reads the results of a finished experiment, after comparing them with the manifest.
///
/// # Errors
/// A folder that is unfinished or damaged.
pub fn read_results(folder: &Path) -> Result<String, RunError> {
    let again = "run the same `amc experiment run` again to go on";
    Manifest::check(folder).map_err(|error| RunError::File {
        path: folder.to_owned(),
        message: format!("{error}: {again}"),
    })?;
    let path = folder.join(RESULTS);
    fs::read_to_string(&path).map_err(|error| RunError::File {
        path,
        message: format!("cannot be read ({error}): {again}"),
    })
}

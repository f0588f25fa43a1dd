//! The folder of an experiment: files that are whole or absent, and a manifest of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::plan::{Plan, hex};
use crate::run::RunError;

const PLAN: &str = "plan.json";
/// The file with the rows and claims.
pub const RESULTS: &str = "results.json";
const MANIFEST: &str = "manifest.json";

/// A folder that belongs to one plan.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    version: String,
    files: Vec<ManifestEntry>,
}

#[derive(Serialize, Deserialize)]
struct ManifestEntry {
    name: String,
    bytes: u64,
    sha256: String,
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
                let known: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                if known["fingerprint"] != serde_json::json!(plan.fingerprint) {
                    let message = "holds the cells of another experiment, preset, version of the program or \
                                   set of instructions; choose another --out or remove the folder";
                    return Err(refuse(message.into()));
                }
            }
            Err(_) => {
                let occupied = fs::read_dir(path).is_ok_and(|files| {
                    files.flatten().any(|file| !file.file_name().to_string_lossy().starts_with('.'))
                });
                if occupied {
                    let message = "holds other files; choose another --out";
                    return Err(refuse(message.into()));
                }
            }
        }
        fs::create_dir_all(path.join("cells")).map_err(|error| {
            refuse(format!("the folder cannot be created ({error}): choose another --out"))
        })?;
        let rows: Vec<_> = plan.rows.iter().map(|row| &row.settings).collect();
        let cells: Vec<_> = plan.cells.iter().map(|cell| (cell, &plan.rows[cell.row])).collect();
        let described: Vec<_> = cells
            .iter()
            .map(|(cell, row)| serde_json::json!({"id": cell.id, "label": row.label, "settings": rows[cell.row], "seed": cell.seed}))
            .collect();
        let value = serde_json::json!({
            "name": plan.name, "preset": plan.preset, "fingerprint": plan.fingerprint,
            "version": env!("CARGO_PKG_VERSION"),
            "instructions": amc_core::simd::Instructions::current().name(), "cells": described,
        });
        folder.write(PLAN, &value)?;
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
        let temporary = path.with_extension("part");
        let written =
            serde_json::to_string_pretty(value).map_err(std::io::Error::from).and_then(|text| {
                let mut file = fs::File::create(&temporary)?;
                file.write_all(text.as_bytes())?;
                file.write_all(b"\n")?;
                file.sync_all()?;
                fs::rename(&temporary, &path)
            });
        written.map_err(|error| {
            // The error that matters is the first one.
            let _ = fs::remove_file(&temporary);
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
        let mut names = vec![PLAN.to_owned(), RESULTS.to_owned()];
        for below in ["cells", "model"] {
            collect(&self.path, below, &mut names);
        }
        names.sort();
        let files = names.iter().map(|name| entry(&self.join(name), name));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.write(MANIFEST, &Manifest { format: 1, version, files })
    }
}

/// Reads the results of a finished experiment, after comparing them with the manifest.
///
/// # Errors
/// A folder that is unfinished or damaged.
pub fn read_results(folder: &Path) -> Result<String, RunError> {
    let refuse = |name: &str, message: String| RunError::File { path: folder.join(name), message };
    let manifest = fs::read_to_string(folder.join(MANIFEST)).map_err(|error| {
        let message =
            "the experiment is unfinished: run the same `amc experiment run` again to go on";
        refuse(MANIFEST, format!("{error}; {message}"))
    })?;
    let manifest: Manifest = serde_json::from_str(&manifest).map_err(|error| {
        refuse(MANIFEST, format!("is damaged ({error}): run the same command again"))
    })?;
    let found = entry(&folder.join(RESULTS), RESULTS)?;
    let listed = manifest.files.iter().find(|file| file.name == RESULTS);
    if listed.is_none_or(|listed| listed.sha256 != found.sha256) {
        let message =
            "is not what the manifest says: it was changed or damaged; run the same command again";
        return Err(refuse(RESULTS, message.into()));
    }
    fs::read_to_string(folder.join(RESULTS)).map_err(|error| refuse(RESULTS, error.to_string()))
}

/// The names of all files below `name`, without those that are still being written.
fn collect(root: &Path, name: &str, names: &mut Vec<String>) {
    let Ok(files) = fs::read_dir(root.join(name)) else { return };
    for file in files.flatten() {
        let name = format!("{name}/{}", file.file_name().to_string_lossy());
        if file.path().is_dir() {
            collect(root, &name, names);
        } else if !name.ends_with(".part") {
            names.push(name);
        }
    }
}

fn entry(path: &Path, name: &str) -> Result<ManifestEntry, RunError> {
    let bytes = fs::read(path).map_err(|error| RunError::File {
        path: path.to_owned(),
        message: format!("cannot be read ({error}): run the same command again"),
    })?;
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok(ManifestEntry { name: name.to_owned(), bytes: bytes.len() as u64, sha256 })
}

//! The folder of an experiment: files that are whole or absent, and a manifest of them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::catalog::names;
use super::plan::Plan;
use crate::run::{MODEL, RunError, holds_unfinished_run};
use crate::storage::{Lock, Manifest, ManifestError, create_folder, replace};

/// The file with what is to be run.
pub(crate) const PLAN: &str = "plan.json";
/// The file with the rows and claims.
pub(crate) const RESULTS: &str = "results.json";

/// A folder that belongs to one plan.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Held until the experiment is over.
    _lock: Lock,
}

impl Folder {
    /// Creates the folder for a plan, or goes on with the one that has begun.
    ///
    /// # Errors
    /// A folder of another plan or of something else, and one that cannot be written.
    pub(super) fn open(path: &Path, plan: &Plan) -> Result<Self, RunError> {
        let refuse = |message: String| RunError::File { path: path.to_owned(), message };
        let described = format!("{:#}\n", describe(plan));
        match fs::read_to_string(path.join(PLAN)) {
            // Damaged, changed or lost: the manifest knows that it was this plan, and it is written anew.
            _ if Manifest::remembers(path, PLAN, described.as_bytes()) => {}
            Ok(text) => {
                let known: Json = serde_json::from_str(&text).map_err(|error| {
                    refuse(format!(
                        "its plan.json is damaged ({error}), so that nobody knows what its cells are of; remove \
                         the folder and run the same command again"
                    ))
                })?;
                if known["fingerprint"] != json!(plan.fingerprint) {
                    return Err(refuse(other_plan(&known, plan)));
                }
            }
            Err(_) => {
                // A run that was killed before its plan was whole leaves nothing else.
                let ours = |file: &fs::DirEntry| {
                    let name = file.file_name();
                    name.to_string_lossy().starts_with('.')
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
            create_folder(path).map_err(|error| RunError::Unwritable {
                path: path.to_owned(),
                message: format!("the folder cannot be created ({error}): choose another --out"),
            })
        };
        create(path)?;
        let lock = Lock::take(path)
            .map_err(|error| refuse(format!("cannot be locked ({error}): choose another --out")))?;
        let lock = lock.ok_or_else(|| {
            refuse("is in use by another process: wait for it or choose another --out".into())
        })?;
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.write_text(PLAN, &described)?;
        create(&path.join("cells"))?;
        Ok(folder)
    }

    /// Its own path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file as JSON, so that it is whole or as it was: under a temporary name, then renamed.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let text = serde_json::to_string_pretty(value).map_err(|error| RunError::Unwritable {
            path: self.join(name),
            message: format!("cannot be written as JSON ({error})"),
        })?;
        self.write_text(name, &(text + "\n"))
    }

    /// Writes a file, so that it is whole or as it was.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write_text(&self, name: &str, text: &str) -> Result<(), RunError> {
        let path = self.join(name);
        replace(&path, |file| file.write_all(text.as_bytes())).map_err(|error| {
            let message = format!(
                "cannot be written ({error}); make room and run the same command again, finished cells are kept"
            );
            RunError::Unwritable { path, message }
        })
    }

    /// Takes the manifest away before the first file that it knows is rewritten.
    ///
    /// # Errors
    /// A manifest that cannot be removed.
    pub(super) fn begin(&self) -> Result<(), RunError> {
        Manifest::remove_from(&self.path).map_err(|error| RunError::Unwritable {
            path: self.path.clone(),
            message: format!(
                "the manifest of before cannot be removed ({error}): choose another --out"
            ),
        })
    }

    /// Writes the manifest of the plan's files, whatever else lies beside them, last of all.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(super) fn finish(&self, plan: &Plan) -> Result<(), RunError> {
        let cells = plan.cells.iter().map(|cell| cell_file(&cell.id));
        let models = plan.models.iter().flat_map(|(name, _)| model_files(name));
        // A model goes without its record if somebody took that away.
        let models = models.filter(|file| file.ends_with(MODEL) || self.join(file).exists());
        let names: Vec<String> =
            [PLAN, RESULTS].map(str::to_owned).into_iter().chain(cells).chain(models).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let manifest = Manifest::of(&self.path, &names);
        manifest.and_then(|manifest| manifest.write(&self.path)).map_err(|error| {
            RunError::Unwritable {
                path: self.path.clone(),
                message: format!(
                    "the manifest cannot be written ({error}): run the same command again"
                ),
            }
        })
    }
}

/// The file of a cell.
pub(super) fn cell_file(id: &str) -> String {
    format!("cells/{id}.json")
}

/// The files of a model that the experiment trained.
fn model_files(name: &str) -> [String; 3] {
    [MODEL, "config.toml", "training.json"].map(|file| format!("model/{name}/{file}"))
}

/// Which other experiment a folder holds.
fn other_plan(known: &Json, plan: &Plan) -> String {
    let instructions = amc_core::simd::Instructions::current().name();
    let own = [
        ("experiment", plan.name.as_str(), "name"),
        ("preset", plan.preset, "preset"),
        ("version of the program", env!("CARGO_PKG_VERSION"), "version"),
        ("set of instructions", instructions, "instructions"),
    ];
    let other = own.iter().find(|(_, own, key)| known[*key] != json!(own));
    let what = other.map_or_else(
        || "configuration, other seeds or other target and model files".to_owned(),
        |(what, _, key)| format!("{what}, {}", known[*key].as_str().unwrap_or("none")),
    );
    format!("holds the cells of another {what}; choose another --out or remove the folder")
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

/// The command that makes an experiment's folder whole, in words.
pub(crate) fn again(folder: &Path) -> String {
    let read = |file: &str| -> Option<Json> {
        serde_json::from_slice(&fs::read(folder.join(file)).ok()?).ok()
    };
    // Either may be the damaged one.
    let said = |key: &str, of_results: &str| {
        let word = |file, key: &str| Some(read(file)?[key].as_str()?.to_owned());
        word(PLAN, key).or_else(|| word(RESULTS, of_results))
    };
    let name = said("name", "experiment").map_or("NAME".into(), |name| argument(&name));
    let preset = said("preset", "preset").unwrap_or("PRESET".into());
    let expect = other_seeds(read(PLAN).as_ref());
    let expect = expect.map_or(String::new(), |count| format!(" --expect {count}"));
    format!(
        "`amc experiment run {name} --preset {preset}{expect} --out {}` makes it whole, and keeps the cells that are \
         intact",
        folder.display()
    )
}

/// What `amc experiment run` takes for an experiment of that name.
pub(crate) fn argument(name: &str) -> String {
    match names().any(|known| known == name) {
        true => name.to_owned(),
        false => format!("path/to/{name}"),
    }
}

/// The first of the seeds that expectations are measured with, far from those of all presets.
pub(crate) const FIRST_OTHER_SEED: u64 = 1001;

/// How many other seeds than the preset's a plan has, if it has any.
fn other_seeds(plan: Option<&Json>) -> Option<usize> {
    let seeds = plan?["cells"].as_array()?.iter().map(|cell| cell["seed"].as_u64());
    let seeds: BTreeSet<u64> = seeds.collect::<Option<_>>()?;
    (seeds.first() == Some(&FIRST_OTHER_SEED)).then_some(seeds.len())
}

/// Reads the results of a finished experiment, after comparing them with the manifest.
///
/// # Errors
/// A folder that is unfinished or damaged.
pub fn read_results(folder: &Path) -> Result<String, RunError> {
    let again = again(folder);
    let refuse = |message: String| RunError::File { path: folder.to_owned(), message };
    let is_there = |name: &str| folder.join(name).exists();
    if !is_there(PLAN) && !is_there(RESULTS) {
        return Err(refuse(match is_there("summary.json") || holds_unfinished_run(folder) {
            true => "is a run, not an experiment: give the --out of `amc experiment run`".into(),
            false => "holds no experiment: give the --out of `amc experiment run`".into(),
        }));
    }
    let checked =
        Manifest::check(folder).and_then(|manifest| manifest.vouch_for(folder, &[RESULTS]));
    checked.map_err(|error| match error {
        ManifestError::Missing => refuse(format!("is unfinished (no manifest.json): {again}")),
        damage => refuse(format!("was changed or damaged: {damage}; {again}")),
    })?;
    let path = folder.join(RESULTS);
    fs::read_to_string(&path).map_err(|error| RunError::File {
        path,
        message: format!("cannot be read ({error}): {again}"),
    })
}

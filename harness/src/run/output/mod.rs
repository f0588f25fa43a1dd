//! The files of a run.
//!
//! | file | what |
//! |---|---|
//! | `config.toml` | the configuration, every default written out: running it again gives the same bits |
//! | `summary.json` | the numbers, [`super::Summary`] |
//! | `samples.npz` | `positions` `[N, d]` standardized, `log_weights` `[N]`, `shift`, `scale` `[d]`: `positions * scale + shift` are the target's own coordinates |
//! | `samples.parquet` | `log_weight`, `x0`, `x1`, .. in the target's own coordinates |
//! | `levels.parquet` | a row for every level, [`crate::sampler::LevelRecord`] or [`crate::sampler::ExchangeRecord`] |
//! | `snapshots.npz` | particles at some levels, and how replicas travelled |
//! | `inference.zarr` | samples and weights as ArviZ reads them |
//! | `manifest.json` | names, sizes and checksums of all others, written last |
//!
//! The folder is created and tried before the run starts. All files are written under temporary names and renamed when
//! the last one is complete and on the disk, so that no half-written file ever carries its final name, and a full disk leaves neither
//! some of the files nor those of two runs. Until then `checkpoint/` holds what another process needs to go on
//! ([`crate::storage::Journal`]).

mod inference;
mod levels;
mod npz;
#[cfg(test)]
mod order_tests;
mod samples;
mod snapshots;
mod table;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::kept;
use super::{Problem, Run, RunError};
use crate::config::RunConfig;
use crate::storage::{Every, Journal, Lock, Manifest, create_folder, sync_folder, write_through};

/// All files but the manifest, in the order in which they get their names.
const FILES: [&str; 7] = [
    "config.toml",
    "samples.npz",
    "samples.parquet",
    "levels.parquet",
    "snapshots.npz",
    "inference.zarr",
    "summary.json",
];

/// A folder that is ready to take the files of a run, and of no other one meanwhile.
#[derive(Debug)]
pub struct OutputDir {
    path: PathBuf,
    /// Whether [`OutputDir::prepare`] made the folder.
    created: bool,
    lock: Lock,
}

impl OutputDir {
    /// Creates the folder if needed and makes sure that files can be written into it.
    ///
    /// # Errors
    /// A folder that holds a run already, finished or not (unless `overwrite`), or cannot be written.
    pub fn prepare(path: &Path, overwrite: bool) -> Result<Self, RunError> {
        let refuse = |message: String| RunError::File { path: path.to_owned(), message };
        if path.exists() && !path.is_dir() {
            return Err(refuse("is a file, not a folder: choose another --out".into()));
        }
        refuse_experiment(path)?;
        if kept::is_in(path) && !overwrite {
            let message = format!(
                "holds an unfinished run: `amc resume {}` goes on with it, --force begins anew",
                path.display()
            );
            return Err(refuse(message));
        }
        if (Manifest::is_in(path) || path.join("summary.json").exists()) && !overwrite {
            let message = "holds the files of a run already: choose another --out, or add --force";
            return Err(refuse(message.into()));
        }
        if path.join(FILES[0]).exists() && !overwrite {
            let message =
                "holds a config.toml already: choose another --out, or add --force to replace it";
            return Err(refuse(message.into()));
        }
        let created = !path.exists();
        create_folder(path).map_err(|e| {
            refuse(format!("the folder cannot be created ({e}): choose another --out"))
        })?;
        let probe = path.join(".amc-probe");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|e| {
            refuse(format!("the folder cannot be written ({e}): choose another --out"))
        })?;
        Ok(Self { path: path.to_owned(), created, lock: locked(path)? })
    }

    /// The folder of a run that is to go on.
    ///
    /// # Errors
    /// A folder without an unfinished run, or that another process is at work in.
    pub fn of_unfinished(path: &Path) -> Result<Self, RunError> {
        kept::check(path)?;
        refuse_experiment(path)?;
        Ok(Self { path: path.to_owned(), created: false, lock: locked(path)? })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins the journal of a run, whose first entry is the run itself.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn begin(
        &self,
        config: &RunConfig,
        problem: &Problem,
        every: Every,
    ) -> Result<Journal, RunError> {
        kept::begin(&self.path, config, problem, every)
    }

    /// Removes what was begun for a run that failed, and the folder if it was made for it.
    pub fn abandon(self) {
        let Self { path, created, lock } = self;
        kept::end(&path);
        drop(lock);
        if created {
            // Only an empty folder can be removed this way; anything else is left alone.
            let _ = fs::remove_dir(&path);
        }
    }

    /// Writes all files of a run, the manifest last, and ends its journal.
    ///
    /// # Errors
    /// A file that cannot be written; then none is left, and the journal goes on.
    pub fn write(&self, config: &RunConfig, problem: &Problem, run: &Run) -> Result<(), RunError> {
        let written = self.fill_all(config, problem, run).and_then(|()| self.publish());
        match &written {
            Ok(()) => kept::end(&self.path),
            // The error that matters is the first one.
            Err(_) => FILES.iter().for_each(|name| remove(&self.temporary(name))),
        }
        written
    }

    fn fill_all(&self, config: &RunConfig, problem: &Problem, run: &Run) -> Result<(), RunError> {
        self.fill("config.toml", |file| file.write_all(config.to_toml().as_bytes()))?;
        self.fill("samples.npz", |file| samples::write_npz(file, problem, run))?;
        self.fill("samples.parquet", |file| samples::write_parquet(file, problem, run))?;
        self.fill("levels.parquet", |file| levels::write(file, &run.summary.details))?;
        self.fill("snapshots.npz", |file| snapshots::write(file, problem.mixture.dim(), run))?;
        let folder = self.temporary("inference.zarr");
        remove(&folder);
        inference::write(&folder, problem, run)
            .map_err(|e| self.unwritable("inference.zarr", &e))?;
        self.fill("summary.json", |file| {
            serde_json::to_writer_pretty(&mut *file, &run.summary)?;
            file.write_all(b"\n")
        })
    }

    /// Gives every file its final name. The manifest, which marks a finished run, goes first if it is an earlier run's,
    /// and comes last.
    fn publish(&self) -> Result<(), RunError> {
        Manifest::remove_from(&self.path).map_err(|e| self.unwritable("manifest.json", &e))?;
        // The report of an earlier run says nothing about this one.
        remove(&self.path.join("report.html"));
        for name in FILES {
            let place = self.path.join(name);
            if place.is_dir() {
                remove(&place);
            }
            fs::rename(self.temporary(name), place).map_err(|e| self.unwritable(name, &e))?;
        }
        // The manifest says that all of them are there: no name may reach the disk after it.
        sync_folder(&self.path.join(FILES[0]));
        Manifest::of(&self.path, &FILES)
            .and_then(|manifest| manifest.write(&self.path))
            .map_err(|e| self.unwritable("manifest.json", &e))
    }

    /// Writes one file under its temporary name, and brings it to the disk.
    fn fill(
        &self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<fs::File>) -> io::Result<()>,
    ) -> Result<(), RunError> {
        write_through(&self.temporary(name), fill).map_err(|e| self.unwritable(name, &e))
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.path.join(format!(".{name}.part"))
    }

    fn unwritable(&self, name: &str, error: &io::Error) -> RunError {
        let message = format!(
            "cannot be written ({error}): make room, then `amc resume {}` goes on",
            self.path.display()
        );
        RunError::Unwritable { path: self.path.join(name), message }
    }
}

/// Refuses the folder of an experiment: the manifest of a run in it would no longer vouch for its files.
fn refuse_experiment(path: &Path) -> Result<(), RunError> {
    match ["plan.json", "results.json", "cells"].iter().find(|name| path.join(name).exists()) {
        None => Ok(()),
        Some(name) => Err(RunError::File {
            path: path.to_owned(),
            message: format!(
                "holds an experiment ({name}), which no run replaces, --force or not: choose another --out"
            ),
        }),
    }
}

/// The lock of a folder.
pub(super) fn locked(path: &Path) -> Result<Lock, RunError> {
    let refuse = |message: String| RunError::File { path: path.to_owned(), message };
    match Lock::take(path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(refuse(
            "another amc is at work in this folder: wait for it, or stop it first".into(),
        )),
        Err(error) => Err(refuse(format!("the folder cannot be locked ({error})"))),
    }
}

/// Removes a file or folder if it is there.
fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a file is written beside its temporary name first, which takes it to the disk twice.
    #[test]
    fn a_file_has_one_temporary_name() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.filter(|name| name != ".amc-lock").collect();
            names.sort();
            names
        };
        let out = OutputDir::prepare(folder.path(), false).unwrap();
        let while_open = |file: &mut BufWriter<fs::File>| {
            assert_eq!(names(), [".summary.json.part"]);
            file.write_all(b"{}")
        };
        out.fill("summary.json", while_open).unwrap();
        assert_eq!(names(), [".summary.json.part"]);
    }
}

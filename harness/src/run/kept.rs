//! What a checkpoint says of the run that it belongs to, and how a run goes on.
//!
//! `checkpoint/run` and `checkpoint/run.copy` hold the configuration with every default written out, a digest of all
//! files that it names, and what else the bits of the results depend on.

use std::fs;
use std::io;
use std::path::Path;

use amc_core::simd::Instructions;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::training::is_unfinished;
use super::{Problem, RunError};
use crate::config::{RunConfig, TargetFamily};
use crate::storage::{
    Every, Identity, Journal, Manifest, SealError, create_folder, read_sealed, write_sealed,
};
use crate::target::{Standardize, mixture_to_json};

/// The folder inside that of the run.
const CHECKPOINT: &str = "checkpoint";
const FILES: [&str; 2] = ["run", "run.copy"];

/// What a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    version: String,
    /// Sets of instructions that give the same bits have the same name here.
    instructions: String,
    config: String,
    /// Digest of the target's numbers and of the model's file.
    inputs: Identity,
    every: String,
}

impl Kept {
    fn new(config: &RunConfig, problem: &Problem, every: Every) -> Result<Self, RunError> {
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instructions: alike(Instructions::current()).to_owned(),
            config: config.to_toml(),
            inputs: inputs(config, problem)?,
            every: every.to_string(),
        })
    }

    /// How often it is kept is not part of what it is.
    fn identity(&self) -> Identity {
        let mut hash = Sha256::new();
        for part in [self.version.as_bytes(), self.instructions.as_bytes(), self.config.as_bytes()]
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(self.inputs);
        hash.finalize().into()
    }
}

/// The name of the first set of instructions that gives the same bits.
fn alike(instructions: Instructions) -> &'static str {
    match instructions {
        Instructions::Avx512 => Instructions::Avx2.name(),
        other => other.name(),
    }
}

/// Whether a folder holds a run that was begun and not finished. One that was killed before it had said what it is left
/// nothing but files in the making.
pub(crate) fn is_in(path: &Path) -> bool {
    let files = fs::read_dir(path.join(CHECKPOINT)).into_iter().flatten().flatten();
    files.into_iter().any(|file| !file.file_name().to_string_lossy().starts_with('.'))
}

/// Begins the journal of a run in its folder; what an earlier one left is removed.
pub(super) fn begin(
    path: &Path,
    config: &RunConfig,
    problem: &Problem,
    every: Every,
) -> Result<Journal, RunError> {
    let folder = path.join(CHECKPOINT);
    let kept = Kept::new(config, problem, every)?;
    let unwritable = |error: io::Error| RunError::Unwritable {
        path: folder.clone(),
        message: format!("cannot be written ({error}): choose another --out"),
    };
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
        _ => create_folder(&folder).map_err(unwritable)?,
    }
    for name in FILES {
        write_sealed(&folder.join(name), &kept).map_err(unwritable)?;
    }
    Ok(Journal::new(&folder, kept.identity(), every))
}

/// Ends the journal of a run, all at once: a process killed meanwhile leaves either all of it or what no command looks at.
pub(super) fn end(path: &Path) {
    let ended = path.join(".checkpoint.part");
    // What an earlier process left.
    let _ = fs::remove_dir_all(&ended);
    let _ = fs::rename(path.join(CHECKPOINT), &ended).and_then(|()| fs::remove_dir_all(&ended));
}

/// An unfinished run that can go on.
pub struct Unfinished {
    /// Its configuration.
    pub config: RunConfig,
    /// Its problem.
    pub problem: Problem<'static>,
    /// Its journal.
    pub journal: Journal,
    /// What was found damaged, a line each.
    pub notes: Vec<String>,
}

impl Unfinished {
    /// Reads what a folder holds of an unfinished run.
    ///
    /// # Errors
    /// A folder without one; one that was begun with other files, another version or instructions that give other bits.
    pub fn read(path: &Path, every: Option<Every>) -> Result<Self, RunError> {
        let refuse = |message: String| RunError::File { path: path.to_owned(), message };
        check(path)?;
        let folder = path.join(CHECKPOINT);
        let mut notes = Vec::new();
        let mut found: Option<Kept> = None;
        for name in FILES {
            match read_sealed(&folder.join(name)) {
                Ok(kept) => found = found.or(Some(kept)),
                // The second copy of a run that was killed while it began.
                Err(SealError::Missing) => {}
                Err(error) => {
                    notes.push(format!("{} {error}", folder.join(name).display()));
                }
            }
        }
        if found.is_none() && notes.is_empty() {
            notes.push(format!("{} is missing", folder.join(FILES[0]).display()));
        }
        let kept = found.ok_or_else(|| {
            refuse(format!(
                "{}; the run has to begin anew: `amc run` with --force",
                notes.join("; ")
            ))
        })?;
        let version = env!("CARGO_PKG_VERSION");
        if kept.version != version {
            let message = format!(
                "was begun by amc {}, and this is {version}: go on with that one",
                kept.version
            );
            return Err(refuse(message));
        }
        let instructions = alike(Instructions::current());
        if kept.instructions != instructions {
            let message = format!(
                "was begun on {} instructions, which give other bits than {instructions}: set AMC_ISA={} in the \
                 environment",
                kept.instructions.replace("avx2", "avx2 or avx512"),
                kept.instructions
            );
            return Err(refuse(message));
        }
        let name = folder.join(FILES[0]).display().to_string();
        let config = RunConfig::from_toml(&kept.config, &name, path, &[])?;
        let problem = Problem::new(&config)?;
        if inputs(&config, &problem)? != kept.inputs {
            let message = "the target's or the model's file is not what it was when the run began: restore it, or begin \
                           anew with `amc run` and --force";
            return Err(refuse(message.into()));
        }
        let every = every.or_else(|| kept.every.parse().ok()).unwrap_or(Every::DEFAULT);
        let journal = Journal::new(&folder, kept.identity(), every);
        Ok(Self { config, problem, journal, notes })
    }
}

/// Refuses a folder without an unfinished run.
pub(super) fn check(path: &Path) -> Result<(), RunError> {
    if is_in(path) {
        return Ok(());
    }
    let message = nothing_to_resume(path).to_owned();
    Err(RunError::File { path: path.to_owned(), message })
}

/// Why a folder holds no run to go on with, and what may have been meant.
fn nothing_to_resume(path: &Path) -> &'static str {
    let holds = |name: &str| path.join(name).exists();
    if holds("plan.json") {
        "holds an experiment: the same `amc experiment run` with this --out goes on with it"
    } else if is_unfinished(path) {
        "holds an unfinished training: `amc train CONFIG.toml --out DIR --resume` goes on with it"
    } else if Manifest::is_in(path) {
        "holds a finished run: there is nothing to go on with"
    } else {
        "holds no unfinished run: give the --out of an `amc run` that did not end"
    }
}

/// Digest of all that a run reads besides its configuration.
fn inputs(config: &RunConfig, problem: &Problem) -> Result<Identity, RunError> {
    let mut hash = Sha256::new();
    hash.update(mixture_to_json(problem.mixture.parameters(), Standardize::None));
    for numbers in [&problem.map.shift, &problem.map.scale] {
        numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
    }
    let model = config.model.file.as_ref().filter(|_| config.model.is_used());
    // The backbone is the problem's mixture.
    let library = match &config.target.family {
        TargetFamily::SharedLibrary(library) => library.files(),
        _ => Vec::new(),
    };
    for file in model.into_iter().chain(library) {
        let bytes = fs::read(file).map_err(|error| RunError::File {
            path: file.into(),
            message: format!("cannot be read ({error})"),
        })?;
        hash.update(bytes);
    }
    Ok(hash.finalize().into())
}

//! All of a training at one moment: the optimizer's state, where it stands, and what it recorded.
//!
//! The checkpoint before the newest is kept beside it: damage of one of the two costs time and changes no result.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::file::{self, FileError, Kind, Stored, Tensor};
use super::super::network::Shape;
use super::super::stored::{ModelHeader, take_parameters, tensors};
use super::{OptimizerState, Record, Sums};

/// A training at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The model, the target and the configuration.
    pub model: ModelHeader,
    /// Which stage it is in.
    pub stage: usize,
    /// The smallest validation loss of this stage, and how many validations ago.
    pub best: Option<f64>,
    /// See `best`.
    pub waited: usize,
    /// Losses since the last record.
    pub since: Sums,
    /// What was recorded.
    pub records: Vec<Record>,
    /// Weights and free constants with their moments and averages.
    pub state: OptimizerState<f32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    model: ModelHeader,
    stage: usize,
    steps: u64,
    constants: usize,
    best: Option<f64>,
    waited: usize,
    since: Sums,
    records: Vec<Record>,
}

/// The four vectors of the optimizer by their names in the file.
const VECTORS: [&str; 4] = ["weights", "first", "second", "average"];

/// Where the checkpoint before the one at `path` is.
pub fn previous_checkpoint(path: &Path) -> PathBuf {
    path.with_extension("previous.safetensors")
}

/// Writes a checkpoint; what was there before is kept as [`previous_checkpoint`].
///
/// # Errors
/// Those of [`file::write_over`].
pub fn write_checkpoint(path: &Path, checkpoint: &Checkpoint) -> Result<(), FileError> {
    let state = &checkpoint.state;
    let source = path.display().to_string();
    let shape = checkpoint.model.shape(&source)?;
    let constants = state.parameters.len() - shape.parameters();
    let header = Header {
        model: checkpoint.model.clone(),
        stage: checkpoint.stage,
        steps: state.steps,
        constants,
        best: checkpoint.best,
        waited: checkpoint.waited,
        since: checkpoint.since,
        records: checkpoint.records.clone(),
    };
    let vectors = [&state.parameters, &state.first, &state.second, &state.average];
    let mut all: Vec<Tensor<'_>> = Vec::new();
    for (name, vector) in VECTORS.into_iter().zip(vectors) {
        let (network, rest) = vector.split_at(shape.parameters());
        all.append(&mut tensors(&shape, &format!("{name}/"), network));
        all.push(Tensor::f32(format!("{name}/constants"), &[constants], rest));
    }
    file::write_over(path, &previous_checkpoint(path), Kind::Checkpoint, &header, &all)
}

/// A checkpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedCheckpoint {
    /// Its file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl DamagedCheckpoint {
    fn new(file: &Path, error: &FileError) -> Self {
        let text = error.to_string();
        let own = format!("{}: ", file.display());
        let what = text.strip_prefix(&own).unwrap_or(&text);
        // What to do about it is another thing for a checkpoint that has one before it.
        let what = what.split("; ").next().unwrap_or(what).trim_start_matches("damaged, ");
        Self { file: file.to_owned(), what: what.to_owned() }
    }
}

/// The newest intact checkpoint of the two at `path`, if there is one, and those newer than it that cannot be used.
///
/// An older one takes the place of a damaged one, so that the next checkpoint is not written over the only good one.
pub fn newest_checkpoint(path: &Path) -> (Option<Checkpoint>, Vec<DamagedCheckpoint>) {
    let previous = previous_checkpoint(path);
    let mut damaged = Vec::new();
    for file in [path, &previous] {
        match read_checkpoint(file) {
            Ok(checkpoint) => {
                if !damaged.is_empty() {
                    // Where that cannot be, nothing is worse than before.
                    let _ = std::fs::rename(file, path);
                }
                return (Some(checkpoint), damaged);
            }
            // Not yet written, or a process was killed between the two renames of the next.
            Err(FileError::Unreadable { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            }
            Err(error) => damaged.push(DamagedCheckpoint::new(file, &error)),
        }
    }
    (None, damaged)
}

/// Reads the checkpoint of one file.
///
/// # Errors
/// Those of [`file::read`]; a header of something else.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint, FileError> {
    let source = path.display().to_string();
    let mut stored: Stored<Header> = file::read(path, Kind::Checkpoint)?;
    let shape: Shape = stored.header.model.shape(&source)?;
    let constants = stored.header.constants;
    let mut read = |name: &str| -> Result<Vec<f32>, FileError> {
        let mut vector = take_parameters(&mut stored, &shape, &format!("{name}/"))?;
        vector.append(&mut stored.take_f32(&format!("{name}/constants"), &[constants])?);
        Ok(vector)
    };
    let [weights, first, second, average] = VECTORS;
    let (parameters, first, second, average) =
        (read(weights)?, read(first)?, read(second)?, read(average)?);
    let Header { model, stage, steps, best, waited, since, records, .. } = stored.finish()?;
    let state = OptimizerState { parameters, first, second, average, steps };
    Ok(Checkpoint { model, stage, best, waited, since, records, state })
}

//! All of a training at one moment: the optimizer's state, where it stands, and what it recorded.

use std::path::Path;

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

/// Writes a checkpoint.
///
/// # Errors
/// Those of [`file::write`].
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
    file::write(path, Kind::Checkpoint, &header, &all)
}

/// Reads a checkpoint.
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

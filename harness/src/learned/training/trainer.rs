//! A training from its beginning, or from a checkpoint, to its end.
//!
//! What has been done is written down every so many seconds and whenever the model is validated, never after a
//! step that went wrong: a process killed at any moment, or a loss that diverges, leaves the last good checkpoint.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::file::FileError;
use super::super::levels::{LevelConstants, TrainedLevels};
use super::super::model::Model;
use super::super::stored::ModelHeader;
use super::stage::{Material, Stage, StepLosses};
use super::validation::{ValidationLosses, validate};
use super::{
    Checkpoint, DamagedCheckpoint, OptimizerState, StageRules, TrainingData, TrainingRules,
    write_checkpoint,
};

/// Validations in a stage.
const VALIDATIONS: u64 = 20;

/// A loss so many times that of the untrained model is a divergence.
const DIVERGED: f64 = 100.0;

/// What was found when the model was validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The stage.
    pub stage: usize,
    /// Steps of it that were made.
    pub step: u64,
    /// Mean loss of the score in training since the record before.
    pub score: f64,
    /// Mean loss of the classification.
    pub classification: f64,
    /// Losses on samples kept apart, of the averaged weights; none where no samples are kept.
    pub validation: Option<ValidationLosses>,
}

impl Record {
    /// What a stage wants to be small, in training.
    fn training_loss(&self, rules: &StageRules) -> f64 {
        let weight = rules.classification.map_or(0.0, |classification| classification.weight);
        self.score + weight * self.classification
    }
}

/// Why a training stopped before its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// A loss or a gradient that is no number, or a loss that grew beyond all measure.
    #[error(
        "training diverged at step {step} of stage {stage} (loss {loss}); the last checkpoint before it, if there is one, is kept: \
         lower train.learning_rate or train.clip, look at the data, then start anew with --force"
    )]
    Diverged {
        /// Stage, from 1.
        stage: usize,
        /// Step of it.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// Somebody wanted it to end early; the checkpoint has everything up to here.
    #[error("stopped before the end; --resume goes on from here to the same weights")]
    Stopped,
    /// A checkpoint that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Hears how a training goes.
pub trait Watcher {
    /// A stage of so many steps begins, some of which are done.
    fn stage(&mut self, index: usize, steps: u64, done: u64);

    /// A step was made.
    fn step(&mut self, losses: &StepLosses);

    /// The model was validated.
    fn record(&mut self, record: &Record);

    /// A checkpoint cannot be used; the training goes on without it, to the same bits.
    fn damaged(&mut self, _checkpoint: &DamagedCheckpoint) {}

    /// Whether the training should end after the step in progress.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// What a training has become.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model with averaged weights.
    pub model: Model<f32>,
    /// The free constants of the levels.
    pub constants: Vec<f32>,
    /// What was recorded on the way.
    pub records: Vec<Record>,
}

/// A training.
pub struct Trainer<'a> {
    rules: TrainingRules,
    data: &'a TrainingData<f32>,
    kept: Option<&'a TrainingData<f32>>,
    levels: TrainedLevels,
    model: Model<f32>,
    header: ModelHeader,
    /// Where checkpoints go, and how far apart they are.
    checkpoints: Option<(PathBuf, Duration)>,
}

impl<'a> Trainer<'a> {
    /// The training of an untrained model with samples and, to validate it, others.
    pub fn new(
        rules: TrainingRules,
        (data, kept): (&'a TrainingData<f32>, Option<&'a TrainingData<f32>>),
        levels: TrainedLevels,
        (model, header): (Model<f32>, ModelHeader),
    ) -> Self {
        Self { rules, data, kept, levels, model, header, checkpoints: None }
    }

    /// The same with checkpoints in a file, at least `every` apart but for those of validations.
    #[must_use]
    pub fn with_checkpoints(self, path: &Path, every: Duration) -> Self {
        Self { checkpoints: Some((path.to_owned(), every)), ..self }
    }

    fn beginning(&self) -> Checkpoint {
        let mut parameters = self.model.network.parameters.clone();
        parameters.resize(parameters.len() + self.levels.constants().count(), 0.0);
        Checkpoint {
            model: self.header.clone(),
            stage: 0,
            best: None,
            waited: 0,
            since: Sums::default(),
            records: Vec::new(),
            state: OptimizerState::new(parameters),
        }
    }

    fn save(&self, at: &Checkpoint) -> Result<(), FileError> {
        self.checkpoints.as_ref().map_or(Ok(()), |(path, _)| write_checkpoint(path, at))
    }

    /// Trains, from a checkpoint of this training if there is one.
    ///
    /// # Errors
    /// [`TrainingError`]; the last checkpoint is a good one then.
    pub fn run(
        &self,
        from: Option<Checkpoint>,
        watcher: &mut dyn Watcher,
    ) -> Result<Trained, TrainingError> {
        let mut at = from.unwrap_or_else(|| self.beginning());
        let constants = self.levels.constants();
        let material = |data| Material { data, levels: &self.levels, constants: &constants };
        let mut model = self.model.clone();
        while let Some(&rules) = self.rules.stages.get(at.stage) {
            watcher.stage(at.stage, rules.steps, at.state.steps);
            let indices = (self.rules.seed, at.stage as u64);
            let mut stage = Stage::new(rules, &model, material(self.data), indices);
            let every = (rules.steps / VALIDATIONS).max(1);
            let mut last_saved = Instant::now();
            let limit = DIVERGED * self.untrained_loss(&rules, &constants).max(1.0);
            // A training that was stopped where it had run out of patience must not find it again.
            while at.state.steps < rules.steps && !self.is_out_of_patience(&at) {
                let losses = stage.step(&mut model, &mut at.state);
                self.check(&at, losses.is_finite(), losses.score + losses.classification)?;
                watcher.step(&losses);
                at.since.add(&losses);
                let done = at.state.steps == rules.steps;
                if at.state.steps.is_multiple_of(every) || done {
                    let record = self.record(&mut at, &mut model, |model, values| {
                        let kept = self.kept?;
                        Some(validate(model, values, material(kept), &rules, self.rules.seed))
                    });
                    let total = record.validation.map(|validation| validation.total(&rules));
                    let loss = total.unwrap_or_else(|| record.training_loss(&rules));
                    self.check(&at, loss < limit, loss)?;
                    watcher.record(&record);
                    at.records.push(record);
                    at.waited =
                        if total < at.best || at.best.is_none() { 0 } else { at.waited + 1 };
                    at.best = if at.waited == 0 { total } else { at.best };
                    self.save(&at)?;
                    last_saved = Instant::now();
                }
                if watcher.wants_to_stop() {
                    self.save(&at)?;
                    return Err(TrainingError::Stopped);
                }
                if self
                    .checkpoints
                    .as_ref()
                    .is_some_and(|(_, every)| last_saved.elapsed() >= *every)
                {
                    self.save(&at)?;
                    last_saved = Instant::now();
                }
            }
            let state = OptimizerState::new(at.state.average);
            at = Checkpoint { stage: at.stage + 1, best: None, waited: 0, state, ..at };
            self.save(&at)?;
        }
        let network = model.network.parameters.len();
        model.network.parameters.copy_from_slice(&at.state.average[..network]);
        let constants = at.state.average[network..].to_vec();
        Ok(Trained { model, constants, records: at.records })
    }

    fn is_out_of_patience(&self, at: &Checkpoint) -> bool {
        self.rules.patience > 0 && at.waited >= self.rules.patience
    }

    /// The loss of the untrained model in a stage, on samples that are kept apart if there are any.
    fn untrained_loss(&self, rules: &StageRules, constants: &LevelConstants) -> f64 {
        let data = self.kept.unwrap_or(self.data);
        let material = Material { data, levels: &self.levels, constants };
        let zeros = vec![0.0; constants.count()];
        validate(&self.model, &zeros, material, rules, self.rules.seed).total(rules)
    }

    fn check(&self, at: &Checkpoint, good: bool, loss: f64) -> Result<(), TrainingError> {
        if good {
            return Ok(());
        }
        Err(TrainingError::Diverged { stage: at.stage + 1, step: at.state.steps, loss })
    }

    /// The record of a moment; the model has the averaged weights afterwards.
    fn record(
        &self,
        at: &mut Checkpoint,
        model: &mut Model<f32>,
        validate: impl FnOnce(&Model<f32>, &[f32]) -> Option<ValidationLosses>,
    ) -> Record {
        let network = model.network.parameters.len();
        let (weights, values) = at.state.average.split_at(network);
        model.network.parameters.copy_from_slice(weights);
        let (score, classification) = at.since.means();
        let validation = validate(model, values);
        Record { stage: at.stage, step: at.state.steps, score, classification, validation }
    }
}

/// Sums of losses since the last record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    score: f64,
    classification: f64,
    steps: f64,
}

impl Sums {
    fn add(&mut self, losses: &StepLosses) {
        self.score += losses.score;
        self.classification += losses.classification;
        self.steps += 1.0;
    }

    /// Their means; sums begin anew.
    fn means(&mut self) -> (f64, f64) {
        let Self { score, classification, steps } = std::mem::take(self);
        (score / steps.max(1.0), classification / steps.max(1.0))
    }
}

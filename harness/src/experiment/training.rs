//! The models that an experiment's cells read: trained before the first cell, once.

use std::path::Path;

use super::plan::{Plan, model_folder};
use super::runner::Watcher;
use crate::learned::training::{
    DamagedCheckpoint, Record, StepLosses, TrainingError, Watcher as TrainingWatcher,
};
use crate::run::{Begin, MODEL, RunError, Training};

/// Listens whether somebody wants to stop, and hands on what is damaged.
struct Stopping<'a>(&'a dyn Watcher);

impl TrainingWatcher for Stopping<'_> {
    fn stage(&mut self, _index: usize, _steps: u64, _done: u64) {}
    fn step(&mut self, _losses: &StepLosses) {}
    fn record(&mut self, _record: &Record) {}
    fn damaged(&mut self, checkpoint: &DamagedCheckpoint) {
        self.0.damaged(&checkpoint.file, &checkpoint.what);
    }
    fn wants_to_stop(&self) -> bool {
        self.0.stop()
    }
}

/// Trains the models that are not there, in the current thread pool; an unfinished training goes on from its newest
/// checkpoint that can be used, and begins anew where there is none.
///
/// # Errors
/// Those of the training.
pub(super) fn train_models(plan: &Plan, out: &Path, watcher: &dyn Watcher) -> Result<(), RunError> {
    for (name, config) in &plan.models {
        let folder = model_folder(out, name);
        if folder.join(MODEL).exists() {
            continue;
        }
        watcher.training(name);
        let training = Training::prepare(config, &folder, Begin::Continue)?
            .continued_by("the same command goes on");
        training.run(&mut Stopping(watcher)).map_err(|error| match error {
            RunError::Training(TrainingError::Stopped) => {
                RunError::ExperimentStopped(out.to_owned())
            }
            other => other,
        })?;
    }
    Ok(())
}

//! The models that an experiment's cells read: trained before the first cell, once.

use std::path::Path;

use super::plan::{Plan, model_folder};
use super::runner::Watcher;
use crate::learned::training::{Record, StepLosses, Watcher as TrainingWatcher};
use crate::run::{Begin, MODEL, RunError, Training};

struct Quiet;

impl TrainingWatcher for Quiet {
    fn stage(&mut self, _index: usize, _steps: u64, _done: u64) {}
    fn step(&mut self, _losses: &StepLosses) {}
    fn record(&mut self, _record: &Record) {}
}

/// Trains the models that are not there, in the current thread pool; an unfinished training goes on from its checkpoint.
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
        let unfinished = folder.join("checkpoint.safetensors").exists();
        let begin = if unfinished { Begin::Resume } else { Begin::New };
        Training::prepare(config, &folder, begin)?.run(&mut Quiet)?;
    }
    Ok(())
}

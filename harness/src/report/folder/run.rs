//! The folder of one run: its summary, its configuration and its snapshots.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::snapshots::{SAMPLES, Snapshots};
use super::{FolderError, read_json};
use crate::config::RunConfig;
use crate::run::{Work, holds_unfinished_run};

/// The file of a run's results.
pub(super) const SUMMARY: &str = "summary.json";
/// All files that a report reads of a run.
pub(super) const FILES: [&str; 3] = [SUMMARY, "config.toml", "snapshots.npz"];

/// One finished run.
#[derive(Debug)]
pub struct RunFolder {
    /// The folder.
    pub(crate) path: PathBuf,
    /// Its results.
    pub(crate) summary: RunSummary,
    /// The text of its configuration.
    pub(crate) config_text: String,
    /// What the text says, or why it cannot be used here (a mixture file that has moved, say).
    pub(crate) config: Result<RunConfig, String>,
    /// Whether another run into the same folder was begun and is not finished.
    pub(crate) in_progress: bool,
    /// Particles on their way, if the run kept any.
    pub(crate) snapshots: Option<Snapshots>,
}

/// The verdict on a run.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct VerdictEntry {
    pub(crate) status: String,
    pub(crate) coverage: String,
    #[serde(default)]
    pub(crate) reasons: Vec<ReasonEntry>,
    pub(crate) note: Option<String>,
}

/// One reason for a verdict.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReasonEntry {
    pub(crate) check: String,
    pub(crate) message: String,
}

/// One level, of an annealed run or of replica exchange.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LevelEntry {
    pub(crate) time: Option<f64>,
    pub(crate) ess: Option<f64>,
    pub(crate) conditional_ess: Option<f64>,
    pub(crate) resampled: bool,
    pub(crate) acceptance_rate: Option<f64>,
    pub(crate) rejection_rate: Option<f64>,
}

/// Mode weights with the errors that the verdict used.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModeEntry {
    pub(crate) of_run: Vec<Option<f64>>,
    pub(crate) run_se: Vec<Option<f64>>,
}

/// The barrier that placed the levels, along the path.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BarrierEntry {
    pub(crate) times: Vec<f64>,
    pub(crate) local: Vec<f64>,
    pub(crate) cumulative: Vec<f64>,
}

/// What the verdict read, as far as figures show it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SymptomEntry {
    pub(crate) modes: Option<ModeEntry>,
}

/// `summary.json` as far as figures and tables show it; a number that has no value is `null` there.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RunSummary {
    pub(crate) verdict: VerdictEntry,
    pub(crate) log_z: Option<f64>,
    pub(crate) log_z_std_error: Option<f64>,
    pub(crate) log_z_upper: Option<f64>,
    pub(crate) log_z_upper_std_error: Option<f64>,
    pub(crate) log_z_forward: Option<f64>,
    pub(crate) log_z_forward_std_error: Option<f64>,
    pub(crate) log_z_backward: Option<f64>,
    pub(crate) log_z_backward_std_error: Option<f64>,
    pub(crate) mode_weights: Vec<Option<f64>>,
    pub(crate) true_mode_weights: Vec<Option<f64>>,
    #[serde(default)]
    pub(crate) mode_weight_std_errors: Vec<Option<f64>>,
    pub(crate) mode_weight_error: Option<f64>,
    pub(crate) sliced_wasserstein: Option<f64>,
    pub(crate) sliced_wasserstein_floor: Option<f64>,
    pub(crate) maximum_mean_discrepancy: Option<f64>,
    pub(crate) kolmogorov_smirnov: Option<f64>,
    #[serde(flatten)]
    pub(crate) work: Work,
    pub(crate) acceptance_rate: Option<f64>,
    pub(crate) target: String,
    pub(crate) dim: usize,
    pub(crate) seed: u64,
    pub(crate) version: String,
    pub(crate) instructions: String,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    pub(crate) sampling_seconds: Option<f64>,
    pub(crate) times: Vec<f64>,
    pub(crate) barrier: Option<f64>,
    pub(crate) barrier_curve: Option<BarrierEntry>,
    pub(crate) ess: Option<f64>,
    pub(crate) minimum_ess: Option<f64>,
    pub(crate) mean_rejection_rate: Option<f64>,
    pub(crate) worst_rejection_rate: Option<f64>,
    pub(crate) sum_of_rejection_rates: Option<f64>,
    pub(crate) kept_every: Option<u64>,
    pub(crate) round_trip_rate: Option<f64>,
    pub(crate) predicted_round_trip_rate: Option<f64>,
    pub(crate) levels: Vec<LevelEntry>,
    #[serde(default)]
    pub(crate) symptoms: SymptomEntry,
    pub(crate) config: serde_json::Value,
}

impl RunFolder {
    /// Reads the files of a complete folder.
    pub(super) fn read(path: &Path) -> Result<Self, FolderError> {
        let summary: RunSummary = read_json(&path.join(SUMMARY))?;
        let file = path.join("config.toml");
        let config_text = std::fs::read_to_string(&file)
            .map_err(|error| FolderError::new(&file, format!("cannot be read ({error})")))?;
        let config = RunConfig::from_toml(&config_text, "config.toml", path, &[])
            .map_err(|error| error.to_string());
        let mut snapshots = Snapshots::read(&path.join("snapshots.npz"), summary.dim)?;
        if let Some(snapshots) = snapshots.as_mut().filter(|_| summary.is_exchange()) {
            snapshots.read_samples(&path.join(SAMPLES))?;
        }
        let in_progress = holds_unfinished_run(path);
        Ok(Self { path: path.to_owned(), summary, config_text, config, in_progress, snapshots })
    }

    /// What is to be said where another run into the folder is not finished.
    pub(crate) fn progress_warning(&self) -> Option<String> {
        let folder = self.path.display();
        self.in_progress.then(|| {
            format!("a later run into {folder} is not finished; this is the finished one before it (`amc resume {folder}` goes on with the later one)")
        })
    }

    /// A short name for legends: that of the folder.
    pub(crate) fn name(&self) -> String {
        let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
        name(&self.path)
            .or_else(|| name(&self.path.canonicalize().ok()?))
            .unwrap_or_else(|| self.path.display().to_string())
    }
}

impl RunSummary {
    /// Whether the target is one of which the truth is known: a mixture.
    pub(crate) fn knows_truth(&self) -> bool {
        !self.true_mode_weights.is_empty()
    }

    /// Whether ladders were run instead of particles annealed.
    pub(crate) fn is_exchange(&self) -> bool {
        self.round_trip_rate.is_some()
    }

    /// Whether the barrier that was measured is that of the path, whatever the bridge.
    pub(crate) fn barrier_is_of_path(&self) -> bool {
        let rejections = self.setting("path", "barrier").ends_with("rejections");
        !rejections || self.setting("bridge", "kind") == "identity"
    }

    /// A setting of the configuration, such as `bridge.kind`; empty where there is none.
    pub(crate) fn setting(&self, section: &str, key: &str) -> String {
        match &self.config[section][key] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// What the run did, in a few words.
    pub(crate) fn method(&self) -> String {
        let sampler = match self.setting("sampler", "kind").as_str() {
            "ais" => "AIS".to_owned(),
            "smc" => "SMC".to_owned(),
            other => other.to_owned(),
        };
        let (path, bridge) = (self.setting("path", "kind"), self.setting("bridge", "kind"));
        let levels = self.times.len().saturating_sub(1);
        format!("{sampler}, {path}, {bridge}, {levels} levels")
    }

    /// Evaluations for one particle, or for one ladder in one round.
    pub(crate) fn evaluations_per_particle(&self) -> Option<f64> {
        self.work.per_particle().map(|needed| needed.total())
    }

    /// Standard errors of the mode weights, as long as they are, where there are any.
    pub(crate) fn mode_weight_errors(&self) -> Vec<Option<f64>> {
        let k = self.mode_weights.len();
        let of_verdict = self.symptoms.modes.as_ref().map(|modes| &modes.run_se);
        let known = [Some(&self.mode_weight_std_errors), of_verdict];
        let found = known.into_iter().flatten().find(|errors| errors.len() == k);
        found.cloned().unwrap_or_else(|| vec![None; k])
    }
}

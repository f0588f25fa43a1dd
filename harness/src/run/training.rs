//! From a configuration to a training: samples, levels, rules, files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use rayon::prelude::*;

use super::assess::exact_sample;
use super::output::locked;
use super::{Problem, RunError};
use crate::catalog::{NetworkKind, NoiseLevels, ScoreLossKind, Source};
use crate::config::{DataConfig, PathFamily, RunConfig, TrainConfig};
use crate::learned::data::read_samples;
use crate::learned::file::FileError;
use crate::learned::network::Head;
use crate::learned::training::{
    Checkpoint, ClassificationRules, DamagedCheckpoint, OptimizerRules, StageRules, Trained,
    Trainer, TrainingData, TrainingError, TrainingRules, Watcher, newest_checkpoint,
    previous_checkpoint,
};
use crate::learned::{
    DataMoments, Model, ModelHeader, NoiseRange, TrainedLevels, read_model, write_model,
};
use crate::storage::{create_folder, replace};

/// The model of a finished training.
pub const MODEL: &str = "model.safetensors";
/// The state of an unfinished one.
const CHECKPOINT: &str = "checkpoint.safetensors";
/// Its configuration and its records.
const CONFIG: &str = "config.toml";
const RECORDS: &str = "training.json";

/// What to do with what is in the folder already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Refuse it.
    New,
    /// Go on from its checkpoint.
    Resume,
    /// Go on from its checkpoint if one can be used, else begin.
    Continue,
    /// Replace it, when the new model is there.
    Over,
}

/// A training that can begin.
pub struct Training {
    config: RunConfig,
    target: String,
    data: TrainingData<f32>,
    kept: Option<TrainingData<f32>>,
    levels: TrainedLevels,
    rules: TrainingRules,
    folder: PathBuf,
    begin: Begin,
    /// What goes on with it once there is room.
    again: &'static str,
    /// What does not look right about the samples.
    warning: Option<String>,
}

impl Training {
    /// Checks everything that can be checked before the first step, and draws or reads the samples.
    ///
    /// # Errors
    /// Bad input of all kinds: see [`RunError`].
    pub fn prepare(config: &RunConfig, folder: &Path, begin: Begin) -> Result<Self, RunError> {
        // The file may already say how the model is going to be used, which is not there yet.
        let mut exact = config.clone();
        (exact.model.density, exact.model.score) = (Source::Exact, Source::Exact);
        let problem = Problem::new(&exact)?;
        problem.require_mixture()?;
        config.check_training_memory(problem.mixture.dim())?;
        let levels = trained_levels(config, &problem)?;
        check_folder(folder, begin, &config.to_toml())?;
        let (samples, scores) = samples(config, &problem)?;
        let dim = problem.mixture.dim();
        let count = samples.len() / dim;
        let kept = (config.train.validation * count as f64).round() as usize;
        // Samples of a chain are alike where they are close: what is kept is drawn from all of it.
        let mut order: Vec<usize> = (0..count).collect();
        let mut stream = key(config).round(1).stream();
        for i in (1..count).rev() {
            order.swap(i, ((stream.uniform() * (i as f64 + 1.0)) as usize).min(i));
        }
        let data = TrainingData::new(dim, &samples, scores.as_deref());
        let warning = unlike_the_target(&problem, data.moments())?;
        let (kept, trained) = order.split_at(kept);
        let kept = (!kept.is_empty()).then(|| data.subset(kept));
        Ok(Self {
            config: config.clone(),
            target: problem.mixture.parameters().name.clone(),
            data: data.subset(trained),
            kept,
            levels,
            rules: rules(config, trained.len()),
            folder: folder.to_owned(),
            begin,
            again: "`amc train CONFIG.toml --out DIR --resume` goes on",
            warning,
        })
    }

    /// The same, but for what is said to go on with it once a full disk has room.
    pub(crate) fn continued_by(self, again: &'static str) -> Self {
        Self { again, ..self }
    }

    /// Trains to the end and writes the model.
    ///
    /// # Errors
    /// A training that diverges, files that cannot be written, a checkpoint of something else.
    pub fn run(&self, watcher: &mut dyn Watcher) -> Result<Trained, RunError> {
        let train = &self.config.train;
        let dim = self.data.moments().mean.len();
        let head = match train.network {
            NetworkKind::Energy => Head::Energy,
            NetworkKind::Score => Head::Field,
        };
        let sizes = (train.channels_for(dim), train.blocks);
        let moments = self.data.moments().clone();
        let model =
            Model::<f32>::untrained(head, sizes, self.levels.range(), moments, self.config.seed);
        let header = ModelHeader::of(&model, &self.target, &self.config.to_toml());
        let checkpoint = self.folder.join(CHECKPOINT);
        create_folder(&self.folder).map_err(|error| RunError::File {
            path: self.folder.clone(),
            message: format!("the folder cannot be created ({error}): choose another --out"),
        })?;
        let _lock = locked(&self.folder)?;
        // Another one may have been at work here since the training was prepared.
        let text = self.config.to_toml();
        check_folder(&self.folder, self.begin, &text)?;
        let from = match self.begin {
            Begin::Resume => Some(self.resumed(&header, watcher)?),
            Begin::Continue => self.continued(&header, watcher),
            Begin::New | Begin::Over => None,
        };
        if from.is_none() {
            remove_checkpoints(&self.folder);
        }
        // A finished model stays beside its own configuration until the new one is there.
        if !self.folder.join(MODEL).exists() {
            self.write_text(CONFIG, &text)?;
        }
        let every = Duration::from_secs_f64(train.checkpoint);
        let data = (&self.data, self.kept.as_ref());
        let start = (model, header.clone());
        let trainer = Trainer::new(self.rules.clone(), data, self.levels.clone(), start)
            .with_checkpoints(&checkpoint, every);
        let trained = trainer.run(from, watcher).map_err(|error| match error {
            TrainingError::File(error) => self.unwritten(error),
            other => RunError::Training(other),
        })?;
        let records = serde_json::to_string_pretty(&trained.records)
            .map_err(|error| self.unwritable(&self.folder.join(RECORDS), &error.to_string()))?;
        self.write_text(CONFIG, &text)?;
        self.write_text(RECORDS, &(records + "\n"))?;
        write_model(&self.folder.join(MODEL), &trained.model, &header)
            .map_err(|error| self.unwritten(error))?;
        // The model is all that is needed from here on.
        remove_checkpoints(&self.folder);
        Ok(trained)
    }

    /// The newest intact checkpoint, which has to be of this training.
    fn resumed(
        &self,
        header: &ModelHeader,
        watcher: &mut dyn Watcher,
    ) -> Result<Checkpoint, RunError> {
        let path = self.folder.join(CHECKPOINT);
        let (found, damaged) = newest_checkpoint(&path);
        let Some(found) = found else {
            let what = damaged.iter().map(|one| format!("{}: {}", one.file.display(), one.what));
            let what = what.collect::<Vec<_>>().join("; ");
            let message = format!("no checkpoint can be used ({what}): start anew with --force");
            return Err(RunError::File { path: self.folder.clone(), message });
        };
        if !same_training(&found.model, header) {
            let beside = match self.folder.join(MODEL).exists() {
                // Its configuration is that of the model.
                true => "",
                false => " (config.toml beside it has the configuration)",
            };
            let message = format!(
                "belongs to a training with {OTHER}; restore them{beside}, or start anew with --force"
            );
            return Err(RunError::File { path, message });
        }
        damaged.iter().for_each(|damaged| watcher.damaged(damaged));
        Ok(found)
    }

    /// The newest checkpoint that can be used, if there is one.
    fn continued(&self, header: &ModelHeader, watcher: &mut dyn Watcher) -> Option<Checkpoint> {
        let path = self.folder.join(CHECKPOINT);
        let (found, mut damaged) = newest_checkpoint(&path);
        let own = found.filter(|found| {
            let own = same_training(&found.model, header);
            if !own {
                let what = format!("it belongs to a training with {OTHER}");
                damaged.push(DamagedCheckpoint { file: path.clone(), what });
            }
            own
        });
        damaged.iter().for_each(|damaged| watcher.damaged(damaged));
        own
    }

    fn write_text(&self, name: &str, text: &str) -> Result<(), RunError> {
        let path = self.folder.join(name);
        replace(&path, |file| file.write_all(text.as_bytes()))
            .map_err(|error| self.unwritable(&path, &error.to_string()))
    }

    /// The error of a model or a checkpoint on its way to the disk.
    fn unwritten(&self, error: FileError) -> RunError {
        match error {
            FileError::Unwritable { file, error } => {
                self.unwritable(Path::new(&file), &error.to_string())
            }
            other => RunError::ModelFile(other),
        }
    }

    fn unwritable(&self, path: &Path, error: &str) -> RunError {
        let again = match is_unfinished(&self.folder) {
            true => self.again,
            // Nothing was kept yet.
            false => "give the same command again",
        };
        let message = format!("cannot be written ({error}): make room, then {again}");
        RunError::Unwritable { path: path.to_owned(), message }
    }

    /// What does not look right about the samples.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Steps of all stages.
    pub fn steps(&self) -> u64 {
        self.rules.stages.iter().map(|stage| stage.steps).sum()
    }

    /// Samples that are trained on.
    pub fn samples(&self) -> usize {
        self.data.len()
    }
}

/// What tells trainings apart.
const OTHER: &str = "another seed, target, path, [train], data or vector instructions (AMC_ISA)";

/// Whether a folder holds a training that was begun and not finished.
pub(super) fn is_unfinished(folder: &Path) -> bool {
    let newest = folder.join(CHECKPOINT);
    previous_checkpoint(&newest).exists() || newest.exists()
}

/// Removes the checkpoints of a training that is over or begins anew.
fn remove_checkpoints(folder: &Path) {
    let newest = folder.join(CHECKPOINT);
    // What cannot be removed is going to be replaced.
    let _ = std::fs::remove_file(previous_checkpoint(&newest));
    let _ = std::fs::remove_file(newest);
}

/// Whether two headers describe the same steps. Of the configuration that is the seed, the target, the path and the
/// training, but for how often checkpoints are written.
fn same_training(one: &ModelHeader, other: &ModelHeader) -> bool {
    let essential = |header: &ModelHeader| {
        let mut table: toml::Table = header.config.parse().unwrap_or_default();
        table.retain(|section, _| ["seed", "target", "path", "train"].contains(&section));
        if let Some(toml::Value::Table(train)) = table.get_mut("train") {
            train.remove("checkpoint");
        }
        (table, ModelHeader { config: String::new(), ..header.clone() })
    };
    essential(one) == essential(other)
}

/// Refuses to go over what is in a folder; `config` is the text that is going to be its config.toml.
fn check_folder(folder: &Path, begin: Begin, config: &str) -> Result<(), RunError> {
    let refuse = |message: &str| {
        Err(RunError::File { path: folder.to_owned(), message: message.to_owned() })
    };
    let (model, checkpoint) = (folder.join(MODEL).exists(), is_unfinished(folder));
    match begin {
        Begin::New if checkpoint => refuse(
            "holds an unfinished training: go on with --resume, start anew with --force, or choose another --out",
        ),
        Begin::New if model => {
            refuse("holds a trained model already: choose another --out, or add --force")
        }
        Begin::Resume if !checkpoint => refuse("holds no unfinished training: drop --resume"),
        // One that was killed before its first checkpoint left its own configuration.
        Begin::New
            if std::fs::read_to_string(folder.join(CONFIG)).is_ok_and(|old| old != config) =>
        {
            refuse("holds another config.toml: choose another --out, or add --force to replace it")
        }
        _ => Ok(()),
    }
}

/// Samples whose mean or width is not the target's, in words: most likely they are in other coordinates.
fn unlike_the_target(problem: &Problem, data: &DataMoments) -> Result<Option<String>, RunError> {
    let dim = problem.mixture.dim();
    let (mut mean, mut variances) = (vec![0.0; dim], vec![0.0; dim]);
    problem.mixture.view().moments(&mut mean, &mut variances)?;
    let deviation = libm::sqrt(problem.mixture.mean_variance()?);
    let squares =
        data.mean.iter().zip(&mean).map(|(found, known)| (found - known) * (found - known));
    let shift = libm::sqrt(squares.sum::<f64>() / dim as f64) / deviation;
    let ratio = data.deviation / deviation;
    let alike = shift < 0.5 && (0.5..2.0).contains(&ratio);
    Ok((!alike).then(|| {
        format!(
            "the samples are not those of the target: their mean is {shift:.3} of its standard deviations off, \
             and their width {ratio:.3} of its own; train.data must be in the target's own coordinates, before \
             target.standardize"
        )
    }))
}

fn key(config: &RunConfig) -> Key {
    Key::new(config.seed, Purpose::Training).phase(Phase::Pilot)
}

/// The levels that the configuration's path has, by their log-SNR.
fn trained_levels(config: &RunConfig, problem: &Problem) -> Result<TrainedLevels, RunError> {
    let (Some(schedule), PathFamily::Diffusion { t_min, t_max, .. }) =
        (&problem.schedule, config.path.family)
    else {
        let message = "a model is trained along a diffusion path; use path.kind = \"diffusion\"";
        return Err(RunError::Argument { name: "path.kind", message: message.into() });
    };
    let log_snr = |t: f64| libm::log(schedule.alpha(t) * schedule.alpha(t) / schedule.variance(t));
    if config.train.levels == NoiseLevels::Continuous {
        let range = NoiseRange { lowest: log_snr(t_max), highest: log_snr(t_min) };
        check_range(range)?;
        return Ok(TrainedLevels::Continuous(range));
    }
    let mut levels: Vec<f64> = config.path.times().into_iter().map(log_snr).collect();
    levels.reverse();
    if levels.len() < 2 {
        let message = "train.levels = \"levels\" needs at least two levels that the configuration places itself; \
                       use path.spacing = \"uniform\" or train.levels = \"continuous\"";
        return Err(RunError::Argument { name: "path.spacing", message: message.into() });
    }
    TrainedLevels::discrete(levels).ok_or_else(|| {
        let message = "two levels have the same log-SNR in double precision; use fewer levels or a wider range of times";
        RunError::Argument { name: "path.levels", message: message.into() }
    })
}

/// Refuses levels that are one, or without noise or signal in double precision.
fn check_range(range: NoiseRange) -> Result<(), RunError> {
    let NoiseRange { lowest, highest } = range;
    if lowest.is_finite() && highest.is_finite() && lowest < highest {
        return Ok(());
    }
    let message = format!(
        "a model cannot be trained at log-SNRs from {lowest} to {highest}; use a wider range of times, \
         path.t_min to path.t_max, away from 0"
    );
    Err(RunError::Argument { name: "path.t_min", message })
}

fn rules(config: &RunConfig, samples: usize) -> TrainingRules {
    let train: &TrainConfig = &config.train;
    let steps = |epochs: usize| (epochs as f64 * samples as f64 / train.batch as f64).ceil() as u64;
    let score = StageRules {
        steps: steps(train.epochs),
        batch: train.batch,
        score: train.loss,
        antithetic: train.antithetic,
        classification: None,
        learning_rate: train.learning_rate,
        warm_up: train.warm_up,
        optimizer: OptimizerRules {
            weight_decay: train.weight_decay,
            clip: train.clip,
            average: train.average,
            ..OptimizerRules::default()
        },
    };
    let fine_tuning = train.classification.map(|classification| StageRules {
        steps: steps(classification.epochs),
        classification: Some(ClassificationRules {
            classes: classification.classes,
            points: classification.classified,
            weight: classification.weight,
        }),
        ..score
    });
    let stages = std::iter::once(score).chain(fine_tuning).filter(|stage| stage.steps > 0);
    TrainingRules { seed: config.seed, stages: stages.collect(), patience: train.patience }
}

/// Samples `[N x d]` in the coordinates that are sampled, and the target's scores where the loss asks for them.
fn samples(
    config: &RunConfig,
    problem: &Problem,
) -> Result<(Vec<f64>, Option<Vec<f64>>), RunError> {
    let dim = problem.mixture.dim();
    let (mixture, mut storage) = (problem.mixture.view(), problem.mixture.level_storage());
    let target = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage)?;
    let rows = match &config.train.data {
        DataConfig::Exact(count) => exact_sample(&target, *count, key(config))?,
        DataConfig::File(path) => {
            let samples = read_samples(Path::new(path), Some(dim))?;
            samples.moments()?;
            samples.mapped(&problem.map)?.rows
        }
    };
    let wanted = config.train.loss != ScoreLossKind::Denoising;
    let scores = if wanted { Some(scores(&target, &rows)?) } else { None };
    if let Some(index) = scores.iter().flatten().position(|score| !score.is_finite()) {
        let row = index / dim + 1;
        let message = format!(
            "the target's score at sample {row} is not a finite number; use train.loss = \"denoising\" or \
             remove the sample"
        );
        return Err(RunError::Argument { name: "train.loss", message });
    }
    Ok((rows, scores))
}

fn scores(target: &MixtureLevel<'_>, rows: &[f64]) -> Result<Vec<f64>, RunError> {
    let dim = target.dim();
    let mut scores = vec![0.0; rows.len()];
    let blocks = rows.par_chunks(LANES * dim).zip(scores.par_chunks_mut(LANES * dim));
    blocks.try_for_each(|(rows, scores)| {
        let mut memory = vec![f64x8::ZERO; target.scratch_len()];
        let last = rows.len() / dim - 1;
        let lane = |i: usize, lane: usize| rows[lane.min(last) * dim + i];
        let x: Vec<f64x8> =
            (0..dim).map(|i| f64x8::new(std::array::from_fn(|l| lane(i, l)))).collect();
        let mut score = vec![f64x8::ZERO; dim];
        target.log_density_and_score(&x, &mut score, Scratch::new(&mut memory))?;
        for (lane, row) in scores.chunks_exact_mut(dim).enumerate() {
            row.iter_mut().zip(&score).for_each(|(to, s)| *to = s.as_array()[lane]);
        }
        Ok::<(), RunError>(())
    })?;
    Ok(scores)
}

/// Reads the model of a finished training.
///
/// # Errors
/// A folder without one, and those of the file.
pub fn model_of(folder: &Path) -> Result<(Model<f32>, ModelHeader), RunError> {
    let path = folder.join(MODEL);
    if !path.exists() {
        let message = match is_unfinished(folder) {
            true => {
                "is not there, but a checkpoint is: finish the training with `amc train ... --resume`"
            }
            false => "is not there: train it with `amc train CONFIG.toml --out DIR`",
        };
        return Err(RunError::File { path, message: message.into() });
    }
    Ok(read_model(&path)?)
}

//! `[train]`: how `amc train` makes a model.

use std::ops::RangeInclusive;
use std::path::{Path, absolute};

use toml::Table;

use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::schema::Key;
use super::value::Interval;
use crate::catalog::{ClassificationKind, NetworkKind, NoiseLevels, ScoreLossKind, TrainingPreset};

pub(super) const SECTION: &str = "train";

const CLASSIFIED: &[&str] =
    &[ClassificationKind::BiLevel.name(), ClassificationKind::MultiLevel.name()];
const MULTI: &[&str] = &[ClassificationKind::MultiLevel.name()];

pub(super) const KEYS: &[Key] = &[
    Key::always("preset", "short (about a minute) or full; it sets the epochs (full)"),
    Key::always("network", "energy (log-density and score) or score (energy)"),
    Key::always("channels", "channels of the network (64 up to 20 coordinates, else 128)"),
    Key::always("blocks", "residual blocks of two layers each (2)"),
    Key::always("loss", "what the score is trained on (mixed; with data: denoising)"),
    Key::always("classification", "what fixes the weights of modes: DiffCLF (none)"),
    Key::when("classification", MULTI, "classes", "levels told apart (4)"),
    Key::when(
        "classification",
        CLASSIFIED,
        "weight",
        "of the classification beside the score (1.0)",
    ),
    Key::when("classification", CLASSIFIED, "classified", "points of it in a step (512)"),
    Key::when("classification", CLASSIFIED, "fine_tune_epochs", "epochs with it (as epochs)"),
    Key::always("levels", "noise levels: continuous, or those of the path (continuous)"),
    Key::always("samples", "exact samples to train on, without data (60000)"),
    Key::always(
        "data",
        "your own samples, in the target's own coordinates: .npy, .npz, .csv, .parquet",
    ),
    Key::always(
        "epochs",
        "points of the score, as multiples of the samples, without classification (500; short 100)",
    ),
    Key::always("batch", "points of the score in a step, a multiple of 128 (2048)"),
    Key::always("antithetic", "noises in pairs of opposite sign (true)"),
    Key::always("learning_rate", "the largest (1e-3)"),
    Key::always("warm_up", "share of the steps in which it grows; then a cosine (0.05)"),
    Key::always("weight_decay", "of AdamW (0.0)"),
    Key::always("clip", "longest gradient (1.0)"),
    Key::always("average", "decay of the moving average of weights (0.999)"),
    Key::always("validation", "share of the samples kept for validation (0.05)"),
    Key::always(
        "patience",
        "validations without progress before a stage stops with its last weights; 0 never (0)",
    ),
    Key::always("checkpoint", "seconds between checkpoints (30.0)"),
];

/// Batches are multiples of it, so that they are whole chunks of points.
const BATCH_STEP: usize = 128;

/// A validated `[train]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// How long.
    pub preset: TrainingPreset,
    /// Energy or score.
    pub network: NetworkKind,
    /// Channels; `None` depends on the dimension.
    pub channels: Option<usize>,
    /// Residual blocks.
    pub blocks: usize,
    /// The score loss.
    pub loss: ScoreLossKind,
    /// The classification.
    pub classification: Option<ClassificationConfig>,
    /// Noise levels.
    pub levels: NoiseLevels,
    /// Where the samples come from.
    pub data: DataConfig,
    /// Epochs of the score alone.
    pub epochs: usize,
    /// Points of the score in a step.
    pub batch: usize,
    /// Whether noises come in pairs.
    pub antithetic: bool,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Share of the steps in which it grows.
    pub warm_up: f64,
    /// Of AdamW.
    pub weight_decay: f64,
    /// Longest gradient.
    pub clip: f64,
    /// Decay of the moving average.
    pub average: f64,
    /// Share of the samples kept for validation.
    pub validation: f64,
    /// Validations without progress before a stage stops; 0 never.
    pub patience: usize,
    /// Seconds between checkpoints.
    pub checkpoint: f64,
}

/// The classification of noise levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassificationConfig {
    /// Bi-level or multi-level.
    pub kind: ClassificationKind,
    /// Levels told apart, 2 for bi-level.
    pub classes: usize,
    /// Weight beside the score loss.
    pub weight: f64,
    /// Points of it in a step.
    pub classified: usize,
    /// Epochs with it.
    pub epochs: usize,
}

/// Samples to train on.
#[derive(Debug, Clone, PartialEq)]
pub enum DataConfig {
    /// So many exact samples of the target.
    Exact(usize),
    /// A user's file, by its absolute path.
    File(String),
}

const EPOCHS: RangeInclusive<usize> = 0..=1_000_000;
const SHARE: Interval = Interval::Closed(0.0, 0.5);

impl TrainConfig {
    /// Reads the section; a relative data path starts at `base_dir`.
    pub(super) fn read(mut section: Section<'_>, base_dir: &Path) -> Result<Self, ConfigError> {
        let preset = section.choice("preset", TrainingPreset::Full)?;
        let default_epochs = match preset {
            TrainingPreset::Short => 100,
            TrainingPreset::Full => 500,
        };
        let network = section.choice("network", NetworkKind::Energy)?;
        let data = data(&mut section, base_dir)?;
        let default_loss = match data {
            DataConfig::Exact(_) => ScoreLossKind::Mixed,
            DataConfig::File(_) => ScoreLossKind::Denoising,
        };
        let epochs = section.usize("epochs", default_epochs, EPOCHS)?;
        let classification = classification(&mut section, network, epochs)?;
        let train = Self {
            preset,
            network,
            channels: section.optional_usize("channels", 1..=4096)?,
            blocks: section.usize("blocks", 2, 1..=crate::learned::network::MOST_BLOCKS)?,
            loss: section.choice("loss", default_loss)?,
            classification,
            levels: section.choice("levels", NoiseLevels::Continuous)?,
            data,
            epochs,
            batch: batch(&mut section, "batch", 2048)?,
            antithetic: section.bool("antithetic", true)?,
            learning_rate: section.f64("learning_rate", 1e-3, Interval::Open(0.0, 1.0))?,
            warm_up: section.f64("warm_up", 0.05, SHARE)?,
            weight_decay: section.f64("weight_decay", 0.0, Interval::Closed(0.0, 1.0))?,
            clip: section.f64("clip", 1.0, Interval::Open(0.0, 1e9))?,
            average: section.f64("average", 0.999, Interval::Closed(0.0, 0.9999))?,
            validation: section.f64("validation", 0.05, SHARE)?,
            patience: section.usize("patience", 0, 0..=1_000_000)?,
            checkpoint: section.f64("checkpoint", 30.0, Interval::Closed(0.0, 1e6))?,
        };
        if train.patience > 0 && train.validation == 0.0 {
            return Err(section.conflict(
                "patience",
                "has nothing to look at with train.validation = 0".into(),
                "keep e.g. train.validation = 0.05".into(),
            ));
        }
        section.finish()?;
        Ok(train)
    }

    /// Points of the classification in a step.
    pub(super) fn classified(&self) -> usize {
        self.classification.map_or(0, |classification| classification.classified)
    }

    /// Channels in `dim` coordinates.
    pub fn channels_for(&self, dim: usize) -> usize {
        self.channels.unwrap_or(if dim <= 20 { 64 } else { 128 })
    }

    pub(super) fn to_table(&self) -> Table {
        let entries =
            Entries::new().put("preset", self.preset.name()).put("network", self.network.name());
        let entries = match self.channels {
            Some(channels) => entries.count("channels", channels),
            None => entries,
        };
        let entries = entries.count("blocks", self.blocks).put("loss", self.loss.name());
        let entries = match &self.classification {
            None => entries.put("classification", ClassificationKind::None.name()),
            Some(classification) => {
                let entries = entries.put("classification", classification.kind.name());
                let entries = match classification.kind {
                    ClassificationKind::MultiLevel => {
                        entries.count("classes", classification.classes)
                    }
                    _ => entries,
                };
                entries
                    .put("weight", classification.weight)
                    .count("classified", classification.classified)
                    .count("fine_tune_epochs", classification.epochs)
            }
        };
        let entries = entries.put("levels", self.levels.name());
        let entries = match &self.data {
            DataConfig::Exact(samples) => entries.count("samples", *samples),
            DataConfig::File(path) => entries.put("data", path.as_str()),
        };
        entries
            .count("epochs", self.epochs)
            .count("batch", self.batch)
            .put("antithetic", self.antithetic)
            .put("learning_rate", self.learning_rate)
            .put("warm_up", self.warm_up)
            .put("weight_decay", self.weight_decay)
            .put("clip", self.clip)
            .put("average", self.average)
            .put("validation", self.validation)
            .count("patience", self.patience)
            .put("checkpoint", self.checkpoint)
            .into_table()
    }
}

fn batch(
    section: &mut Section<'_>,
    key: &'static str,
    default: usize,
) -> Result<usize, ConfigError> {
    let batch = section.usize(key, default, BATCH_STEP..=1 << 20)?;
    if batch.is_multiple_of(BATCH_STEP) {
        return Ok(batch);
    }
    let conflict = format!("is not a multiple of {BATCH_STEP}, so not whole chunks of points");
    let remedy = format!("use {}", batch.div_ceil(BATCH_STEP) * BATCH_STEP);
    Err(section.conflict(key, conflict, remedy))
}

fn classification(
    section: &mut Section<'_>,
    network: NetworkKind,
    epochs: usize,
) -> Result<Option<ClassificationConfig>, ConfigError> {
    let kind = section.choice("classification", ClassificationKind::None)?;
    if kind == ClassificationKind::None {
        return Ok(None);
    }
    if network == NetworkKind::Score {
        return Err(section.conflict(
            "classification",
            "compares log-densities, which train.network = \"score\" does not have".into(),
            "use train.network = \"energy\" or train.classification = \"none\"".into(),
        ));
    }
    let classes = match kind {
        ClassificationKind::MultiLevel => section.usize("classes", 4, 2..=8)?,
        _ => 2,
    };
    Ok(Some(ClassificationConfig {
        kind,
        classes,
        weight: section.f64("weight", 1.0, Interval::Open(0.0, 1e6))?,
        classified: batch(section, "classified", 512)?,
        epochs: section.usize("fine_tune_epochs", epochs, EPOCHS)?,
    }))
}

fn data(section: &mut Section<'_>, base_dir: &Path) -> Result<DataConfig, ConfigError> {
    let samples = section.optional_usize("samples", 2..=1 << 28)?;
    let Some(path) = section.optional_string("data")? else {
        return Ok(DataConfig::Exact(samples.unwrap_or(60_000)));
    };
    if samples.is_some() {
        return Err(section.conflict(
            "samples",
            "asks for exact samples, but train.data brings its own".into(),
            "drop one of the two".into(),
        ));
    }
    let full = absolute(base_dir.join(&path)).ok();
    let full = full.and_then(|full| full.into_os_string().into_string().ok());
    let path = full.filter(|_| !path.is_empty()).ok_or_else(|| {
        let conflict = "cannot be made an absolute path in UTF-8".to_owned();
        section.conflict("data", conflict, "give the path of a file".to_owned())
    })?;
    Ok(DataConfig::File(path))
}

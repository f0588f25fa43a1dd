//! From the text of a configuration file to a run in which everything has been checked.
//!
//! `text -> toml table -> --set overrides -> one reader per section -> RunConfig`: nothing past
//! this room meets an unknown name, a number out of range or a combination that cannot work.
//! A message names the field, its value and the remedy, on one line.

mod bridge;
mod entries;
mod error;
mod kernel;
mod logdet;
mod memory;
mod model;
mod overrides;
mod path;
mod reader;
mod sampler;
mod schedule;
mod schema;
mod target;
#[cfg(test)]
mod tests;
mod train;
mod value;

use std::path::Path;

use serde::{Serialize, Serializer};
use toml::Table;

pub use bridge::{BridgeConfig, FlowMapConfig};
pub use error::{ConfigError, Field};
pub use kernel::{KernelConfig, MoveConfig};
pub use logdet::LogDetConfig;
pub use memory::MOST_NUMBERS;
pub use model::ModelConfig;
pub use overrides::Override;
pub use path::{PathConfig, PathFamily, Spacing};
pub use sampler::{Algorithm, ReplicaExchangeConfig, SamplerConfig};
pub use schedule::NoiseSchedule;
pub use schema::{Key, schema};
pub use target::{LibraryConfig, TargetConfig, TargetFamily};
pub use train::{ClassificationConfig, DataConfig, TrainConfig};
pub use value::Interval;

use overrides::Origins;
use reader::Section;

/// A run in which every field has been checked and every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// The seed that all random numbers of the run derive from.
    pub seed: u64,
    /// What is sampled.
    pub target: TargetConfig,
    /// The densities between reference and target.
    pub path: PathConfig,
    /// How a particle moves from level to level.
    pub bridge: BridgeConfig,
    /// What levels take from a trained model.
    pub model: ModelConfig,
    /// The moves inside a level.
    pub kernel: KernelConfig,
    /// How many particles there are and when they are resampled.
    pub sampler: SamplerConfig,
    /// How a model is trained.
    pub train: TrainConfig,
}

impl RunConfig {
    /// Reads a configuration.
    ///
    /// `source` names the text in messages, a mixture file's relative path starts at `base_dir`,
    /// and `overrides` replace values of the text before anything is checked.
    ///
    /// # Errors
    /// The first thing that is wrong, see [`ConfigError`].
    pub fn from_toml(
        text: &str,
        source: &str,
        base_dir: &Path,
        overrides: &[Override],
    ) -> Result<Self, ConfigError> {
        let mut table = parse(text, source)?;
        let origins = Origins::apply(source, &mut table, overrides);
        refuse_unknown_sections(&table, &origins)?;
        let section = |name, keys| Section::new(name, &table, keys, &origins);

        let target = TargetConfig::read(section(target::SECTION, target::KEYS)?, base_dir)?;
        let kernel = KernelConfig::read(section(kernel::SECTION, kernel::KEYS)?)?;
        let sampler = SamplerConfig::read(section(sampler::SECTION, sampler::KEYS)?, &kernel)?;
        let path = PathConfig::read(section(path::SECTION, path::KEYS)?, sampler.kind())?;
        if let (
            TargetFamily::SharedLibrary(LibraryConfig { backbone: None, .. }),
            PathFamily::Diffusion { .. },
        ) = (&target.family, &path.family)
        {
            let remedy = "path.kind = \"diffusion\" needs a mixture near the target to lead to it; give one, fitted to \
                          samples, or use path.kind = \"tempering\"";
            let field = origins.field("target.backbone");
            return Err(ConfigError::Missing { field, remedy: remedy.to_owned() });
        }
        let logdet = LogDetConfig::read(section(logdet::SECTION, logdet::KEYS)?)?;
        let bridge =
            BridgeConfig::read(section(bridge::SECTION, bridge::KEYS)?, path.kind(), logdet)?;
        let model =
            ModelConfig::read(section(model::SECTION, model::KEYS)?, base_dir, &path, &bridge)?;
        let train = TrainConfig::read(section(train::SECTION, train::KEYS)?, base_dir)?;
        let seed = match table.get(schema::SEED) {
            Some(seed) => value::seed(origins.field(schema::SEED), seed)?,
            None => 1,
        };
        let run = Self { seed, target, path, bridge, model, kernel, sampler, train };
        run.check_memory(run.target.dim().unwrap_or(1), run.path.levels)?;
        Ok(run)
    }

    /// Refuses more particles, or ladders of so many levels, in `dim` coordinates than fit into memory.
    ///
    /// [`from_toml`](Self::from_toml) has done so wherever the dimension is known; call it again
    /// once a mixture file has told its own, or the levels have been found.
    ///
    /// # Errors
    /// [`ConfigError::TooLarge`].
    pub fn check_memory(&self, dim: usize, levels: usize) -> Result<(), ConfigError> {
        let (name, count, rows) = match self.sampler.algorithm {
            Algorithm::Ais { particles } | Algorithm::Smc { particles, .. } => {
                let rows = particles.saturating_mul(self.sampler.repetitions);
                ("sampler.particles", particles, rows)
            }
            Algorithm::ReplicaExchange(rules) => {
                let rows = rules.ladders.saturating_mul(levels + 1);
                ("sampler.ladders", rules.ladders, rows.max(rules.samples))
            }
        };
        memory::fits(rows, dim, || {
            let copies = match self.sampler.algorithm {
                Algorithm::ReplicaExchange(_) => format!("path.levels = {levels}"),
                _ => format!("sampler.repetitions = {}", self.sampler.repetitions),
            };
            (format!("{name} = {count}, {copies}"), format!("target.dim = {dim}"))
        })
    }

    /// Refuses a training in `dim` coordinates whose samples, network or batch do not fit into memory.
    ///
    /// # Errors
    /// [`ConfigError::TooLarge`].
    pub fn check_training_memory(&self, dim: usize) -> Result<(), ConfigError> {
        let train = &self.train;
        if let DataConfig::Exact(samples) = train.data {
            memory::fits(samples, 4 * dim, || {
                (format!("train.samples = {samples}"), format!("target.dim = {dim}"))
            })?;
        }
        let channels = train.channels_for(dim);
        let (layers, points) = (2 * train.blocks + 1, train.batch + train.classified());
        let parameters = channels * (layers * (channels + 32) + 2 * dim);
        // A gradient for every few chunks, and what is kept of every point until its way back.
        let each = parameters / 256 + 6 * layers * channels;
        memory::fits(points, each.max(1), || {
            let right = format!("train.channels = {channels}, train.blocks = {}", train.blocks);
            (format!("train.batch = {points} points"), right)
        })
    }

    /// Refuses more levels of so many numbers each than fit into memory.
    ///
    /// # Errors
    /// [`ConfigError::TooLarge`].
    pub fn check_level_memory(&self, levels: usize, per_level: usize) -> Result<(), ConfigError> {
        memory::fits(levels, per_level, || {
            (format!("path.levels = {levels}"), format!("the target's {per_level} numbers a level"))
        })
    }

    /// The same run with `path.spacing = "lambda"` and its defaults for this sampler and path.
    pub fn with_lambda_spacing(&self) -> Self {
        let spacing = Spacing::lambda(self.path.kind(), self.sampler.kind());
        Self { path: PathConfig { spacing, ..self.path.clone() }, ..self.clone() }
    }

    /// The resolved configuration, every default written out; reading it gives the same run.
    pub fn to_toml(&self) -> String {
        self.to_table().to_string()
    }

    pub(crate) fn to_table(&self) -> Table {
        let logdet = self.bridge.flow_map().map(|flow| flow.logdet.to_table());
        entries::Entries::new()
            .put(schema::SEED, value::seed_to_toml(self.seed))
            .put(target::SECTION, self.target.to_table())
            .put(path::SECTION, self.path.to_table())
            .put(bridge::SECTION, self.bridge.to_table())
            .maybe(logdet::SECTION, logdet)
            .put(model::SECTION, self.model.to_table())
            .put(kernel::SECTION, self.kernel.to_table())
            .put(sampler::SECTION, self.sampler.to_table())
            .put(train::SECTION, self.train.to_table())
            .into_table()
    }
}

impl Serialize for RunConfig {
    /// The same fields as in the file, for the summary of a run.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_table().serialize(serializer)
    }
}

/// The table of a text, before anything in it is looked at.
pub(crate) fn parse(text: &str, source: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ConfigError::Syntax {
            origin: error::one_line(source),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: clearer(&error::one_line(error.message())),
        }
    })
}

/// The parser's message, with what to do about the two mistakes that it puts worst: a word without
/// quotes (an "invalid boolean" if it starts with t or f), and an integer beyond 64 bits.
fn clearer(message: &str) -> String {
    let unquoted = ["invalid boolean", "invalid float", "string values must be quoted"];
    if unquoted.iter().any(|start| message.starts_with(start)) {
        format!("{message}; a name needs quotes, e.g. kind = \"two-modes\"")
    } else if message.starts_with("invalid type: integer") {
        "the integer is beyond 64 bits; a seed that large can be a string of digits".to_owned()
    } else {
        message.to_owned()
    }
}

fn refuse_unknown_sections(table: &Table, origins: &Origins) -> Result<(), ConfigError> {
    let known =
        |name: &str| name == schema::SEED || schema().iter().any(|(section, _)| *section == name);
    match table.keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(ConfigError::UnknownKey {
            field: Field { name: error::shown_key(name), ..origins.field(name) },
            hint: schema::unknown_section_hint(name),
        }),
    }
}

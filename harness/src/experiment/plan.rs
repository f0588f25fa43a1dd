//! From the configuration of an experiment to its cells: the product of its axes, and seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::catalog::Experiment;
use super::config::{Axis, Choice, PresetConfig, Role, Selector};
use crate::config::{RunConfig, TargetFamily};
use crate::run::{MODEL, RunError};
use crate::storage::hex;

/// How much of an experiment is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Minutes at most.
    Quick,
    /// The real thing.
    Full,
}

impl Preset {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }

    /// What an experiment says of it.
    ///
    /// # Errors
    /// An experiment without this preset.
    pub fn of(self, experiment: &Experiment) -> Result<&PresetConfig, RunError> {
        let preset = match self {
            Self::Quick => &experiment.config.preset.quick,
            Self::Full => &experiment.config.preset.full,
        };
        preset.as_ref().ok_or_else(|| RunError::Experiment {
            origin: experiment.origin.clone(),
            field: "preset".into(),
            message: format!(
                "has no preset \"{0}\": add [preset.{0}] with seeds = [1, 2, 3, 4]",
                self.name()
            ),
        })
    }
}

/// Everything that an experiment is going to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The experiment's name.
    pub name: String,
    /// The preset's name.
    pub preset: &'static str,
    /// Models to be trained first, by name.
    pub models: Vec<(String, RunConfig)>,
    /// The rows.
    pub rows: Vec<PlannedRow>,
    /// The cells, row by row and seed by seed.
    pub cells: Vec<Cell>,
    /// SHA-256 of what the rows and models are, whatever the seeds, the program's version, and the words around them.
    pub grid_sha256: String,
    /// A hash of all of it, of the version and of the instructions.
    pub fingerprint: String,
}

/// One setting of everything but the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// Its name, unique.
    pub label: String,
    /// The label of its choice on every axis.
    pub choices: BTreeMap<String, String>,
    /// Those, and what the run is in the words of the configuration.
    pub settings: BTreeMap<String, Json>,
    /// Its place along what the experiment varies.
    pub axis: Option<Place>,
    /// Rows of one series form a line.
    pub series: String,
    /// Rows of one panel share axes.
    pub panel: String,
}

/// A place on the axis of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What varies.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its file's name.
    pub id: String,
    /// The row it belongs to.
    pub row: usize,
    /// Its seed.
    pub seed: u64,
    /// What it runs.
    pub config: RunConfig,
}

impl Plan {
    /// Crosses the axes; models are going to stand in `folder`, seeds other than the preset's may be given.
    ///
    /// # Errors
    /// A cell whose configuration is refused, with its label.
    pub fn new(
        experiment: &Experiment,
        preset: Preset,
        folder: &Path,
        seeds: Option<&[u64]>,
    ) -> Result<Self, RunError> {
        let rules = preset.of(experiment)?;
        let seeds = seeds.unwrap_or(&rules.seeds);
        let mut base = experiment.config.base.clone();
        merge(&mut base, &rules.set);
        let read = |mut table: Table, label: &str, models: bool| {
            if models {
                point_at_models(&mut table, experiment, folder);
            }
            let source = format!("{}, {label:?}", experiment.origin);
            RunConfig::from_toml(&table.to_string(), &source, &experiment.base_dir, &[])
        };
        let mut hash = Sha256::new();
        hash.update(json!([experiment.name, preset.name(), env!("CARGO_PKG_VERSION")]).to_string());
        hash.update(amc_core::simd::Instructions::current().name());
        let mut grid = Sha256::new();
        let mut named = Vec::new();
        let (mut rows, mut cells) = (Vec::new(), Vec::new());
        for choices in product(&experiment.config.vary, rules) {
            let row = describe(&choices);
            let mut excluded = experiment.config.exclude.iter().chain(&rules.exclude);
            if excluded.any(|rule| matches(rule, &row.choices)) {
                continue;
            }
            let mut table = base.clone();
            choices.iter().for_each(|(_, choice)| merge(&mut table, &choice.set));
            named.extend(model_of(&table));
            grid.update(json!([row.label, table.to_string()]).to_string());
            for &seed in seeds {
                let mut table = table.clone();
                let written =
                    i64::try_from(seed).map_or(Value::from(seed.to_string()), Value::from);
                table.insert("seed".into(), written);
                let id = format!("{:04}-{seed}", rows.len());
                hash.update(json!([id, row.label, table.to_string()]).to_string());
                let config = read(table, &row.label, true)?;
                cells.push(Cell { id, row: rows.len(), seed, config });
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(RunError::Experiment {
                origin: experiment.origin.clone(),
                field: format!("preset.{}", preset.name()),
                message: "leaves no row; exclude or only rules out all of them".into(),
            });
        }
        for file in files(&cells, folder) {
            let bytes = std::fs::read(&file).map_err(|error| RunError::File {
                path: file.clone(),
                message: format!("cannot be read ({error}); an experiment reads it"),
            })?;
            let digest = Sha256::digest(bytes);
            hash.update(digest);
            grid.update(digest);
        }
        // Those alone that a row of the preset reads.
        let mut models = Vec::new();
        for model in experiment.config.model.iter().filter(|model| named.contains(&model.name)) {
            let mut table = base.clone();
            merge(&mut table, &model.set);
            let model_and_training = json!([model.name, table.to_string()]).to_string();
            hash.update(&model_and_training);
            grid.update(&model_and_training);
            models.push((model.name.clone(), read(table, &model.name, false)?));
        }
        for cell in &cells {
            if let Some(row) = rows.get_mut(cell.row) {
                add_settings(&mut row.settings, &cell.config);
            }
        }
        Ok(Self {
            name: experiment.name.clone(),
            preset: preset.name(),
            models,
            rows,
            cells,
            grid_sha256: hex(&grid.finalize()),
            fingerprint: hex(&hash.finalize()),
        })
    }
}

/// The files of targets and models that cells read, each once, without those that are trained in `folder`.
fn files(cells: &[Cell], folder: &Path) -> BTreeSet<PathBuf> {
    let own = std::path::absolute(folder.join("model")).unwrap_or_default();
    let read = cells.iter().flat_map(|cell| {
        let target = match &cell.config.target.family {
            TargetFamily::File { path } => vec![path],
            TargetFamily::SharedLibrary(library) => {
                library.files().into_iter().chain(&library.backbone).collect()
            }
            _ => Vec::new(),
        };
        let model = cell.config.model.file.as_ref().filter(|_| cell.config.model.is_used());
        target.into_iter().chain(model).map(PathBuf::from)
    });
    read.filter(|file| !file.starts_with(&own)).collect()
}

/// Writes `over` into `table`, key by key inside sections.
fn merge(table: &mut Table, over: &Table) {
    for (name, value) in over {
        match (table.get_mut(name), value) {
            (Some(Value::Table(section)), Value::Table(keys)) => {
                keys.iter().for_each(|(key, value)| {
                    section.insert(key.clone(), value.clone());
                });
            }
            _ => {
                table.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The file of a model of the experiment.
pub(super) fn model_folder(folder: &Path, name: &str) -> PathBuf {
    folder.join("model").join(name)
}

/// What `model.file` of a run's table says.
fn model_of(table: &Table) -> Option<String> {
    let file = table.get("model")?.as_table()?.get("file")?;
    file.as_str().map(str::to_owned)
}

/// Replaces the name of a model of the experiment by its file.
fn point_at_models(table: &mut Table, experiment: &Experiment, folder: &Path) {
    let Some(Value::Table(section)) = table.get_mut("model") else { return };
    let Some(Value::String(file)) = section.get_mut("file") else { return };
    if experiment.config.model.iter().any(|model| model.name == *file) {
        let path = model_folder(folder, file).join(MODEL);
        let path = std::path::absolute(&path).unwrap_or(path);
        *file = path.display().to_string();
    }
}

type Choices<'a> = Vec<(&'a Axis, &'a Choice)>;

/// All combinations that the preset takes, the last axis running fastest.
fn product<'a>(axes: &'a [Axis], preset: &PresetConfig) -> Vec<Choices<'a>> {
    let mut rows: Vec<Choices<'a>> = vec![Vec::new()];
    for axis in axes {
        let allowed = preset.only.get(&axis.name).map(|labels| labels.texts());
        let takes_part =
            |choice: &&Choice| allowed.as_ref().is_none_or(|labels| labels.contains(&choice.label));
        let extended = |row: &Choices<'a>| {
            let row = row.clone();
            let choices = axis.choices.iter().filter(takes_part);
            choices.map(|choice| [&row[..], &[(axis, choice)]].concat()).collect::<Vec<_>>()
        };
        rows = rows.iter().flat_map(extended).collect();
    }
    rows
}

/// Whether all labels of the selector are those of the row.
pub(super) fn matches(selector: &Selector, choices: &BTreeMap<String, String>) -> bool {
    selector
        .iter()
        .all(|(axis, labels)| choices.get(axis).is_some_and(|label| labels.texts().contains(label)))
}

fn describe(choices: &Choices<'_>) -> PlannedRow {
    let shown = |role: Option<Role>| {
        let parts = choices.iter().filter(|(axis, _)| role.is_none_or(|role| axis.role == role));
        parts.map(|(axis, choice)| axis.shown(choice)).collect::<Vec<_>>().join(", ")
    };
    let line = choices.iter().find(|(axis, _)| axis.role == Role::Axis);
    let place = line.and_then(|(axis, choice)| {
        choice.value.map(|value| Place { name: axis.name.clone(), value })
    });
    let labels = choices.iter().map(|(axis, choice)| (axis.name.clone(), choice.label.clone()));
    let labels: BTreeMap<String, String> = labels.collect();
    let settings = choices.iter().map(|(axis, choice)| {
        let number = choice.value.filter(|_| axis.key.is_some());
        (axis.name.clone(), number.map_or_else(|| json!(choice.label), |number| json!(number)))
    });
    PlannedRow {
        label: shown(None),
        settings: settings.collect(),
        choices: labels,
        axis: place,
        series: shown(Some(Role::Series)),
        panel: shown(Some(Role::Panel)),
    }
}

/// What the run is in the words of the configuration, where no axis has the name already.
fn add_settings(settings: &mut BTreeMap<String, Json>, config: &RunConfig) {
    let entries = [
        ("algorithm", json!(config.sampler.kind().name())),
        ("sampler", json!(config.sampler.kind().name())),
        ("path", json!(config.path.kind().name())),
        ("bridge", json!(config.bridge.kind().name())),
        ("levels", json!(config.path.levels)),
        ("spacing", json!(config.path.spacing.kind().name())),
        ("kernel", json!(config.kernel.kind().name())),
        ("particles", json!(config.sampler.particles())),
        ("density", json!(config.model.density.name())),
        ("score", json!(config.model.score.name())),
    ];
    for (name, value) in entries.into_iter().filter(|(_, value)| !value.is_null()) {
        settings.entry(name.to_owned()).or_insert(value);
    }
}

//! The experiments that come with the program, and those of a user's own folder.

use std::path::{Path, PathBuf};

use super::config::{ExperimentConfig, unknown};
use crate::run::RunError;

/// An experiment as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Its name: that of its folder.
    pub name: String,
    /// What its configuration is called in messages.
    pub origin: String,
    /// Where relative paths of its configuration start.
    pub base_dir: PathBuf,
    /// Its configuration.
    pub config: ExperimentConfig,
    /// The text of `expected.json`, where there is one.
    pub expected: Option<String>,
}

struct Embedded {
    name: &'static str,
    config: &'static str,
    expected: Option<&'static str>,
}

macro_rules! embedded {
    ($($name:literal $expected:ident),* $(,)?) => {
        &[$(Embedded {
            name: $name,
            config: include_str!(concat!("../../experiments/", $name, "/config.toml")),
            expected: embedded!(@$expected $name),
        }),*]
    };
    (@checked $name:literal) => {
        Some(include_str!(concat!("../../experiments/", $name, "/expected.json")))
    };
    (@unchecked $name:literal) => { None };
}

/// In the order in which they are best read; `checked` are those with an `expected.json`.
const EMBEDDED: &[Embedded] = embedded![
    "ideal-two-modes" checked,
    "ideal-many-modes" checked,
    "semi-ideal" checked,
    "learned" checked,
    "learned-density-exact-score" checked,
    "schedules" checked,
    "ablation-n_iter" checked,
    "ablation-n_trunc" checked,
    "ablation-n_hutch" checked,
    "ablation-penalty" checked,
    "ablation-mcmc_steps" checked,
    "kernel-variance" checked,
    "rank" checked,
    "scaling-in-separation" checked,
    "scaling-in-dimension" checked,
    "scaling-in-modes" checked,
];

/// The names of all experiments that come with the program.
pub fn names() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|entry| entry.name)
}

/// The experiment of that name, or in the folder of that path.
///
/// # Errors
/// A name that is not known, and what is wrong with the configuration.
pub fn find(name: &str) -> Result<Experiment, RunError> {
    if let Some(entry) = EMBEDDED.iter().find(|entry| entry.name == name) {
        let origin = format!("{name}/config.toml");
        return Ok(Experiment {
            name: name.to_owned(),
            config: ExperimentConfig::from_toml(entry.config, &origin)?,
            origin,
            base_dir: PathBuf::from("."),
            expected: entry.expected.map(str::to_owned),
        });
    }
    let folder = Path::new(name);
    let file = folder.join("config.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| RunError::Argument {
        name: "NAME",
        message: format!(
            "{name:?} {}, or the folder of an experiment of your own ({}: {error})",
            unknown(name, names()),
            file.display()
        ),
    })?;
    let named = std::path::absolute(folder).ok();
    let named = named.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let origin = file.display().to_string();
    Ok(Experiment {
        name: named.unwrap_or("experiment").to_owned(),
        config: ExperimentConfig::from_toml(&text, &origin)?,
        origin,
        base_dir: folder.to_owned(),
        expected: std::fs::read_to_string(folder.join("expected.json")).ok(),
    })
}

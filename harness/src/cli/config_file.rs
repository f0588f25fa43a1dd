//! The arguments of every subcommand that reads a configuration.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Override, RunConfig};
use crate::run::RunError;

/// A configuration and how it is run.
#[derive(Debug, Args)]
pub(super) struct ConfigArguments {
    /// The configuration, a TOML file (`amc run --help` shows one; every field has a default)
    config: PathBuf,
    /// Replace one field: `section.key=value`, e.g. `--set bridge.kind=ddpm`; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// The seed of all random numbers (replaces the file's)
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Threads; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub(super) threads: usize,
    /// Print the result as JSON, and nothing else on stdout
    #[arg(long)]
    pub(super) json: bool,
    /// No progress bar and no warnings on stderr
    #[arg(long)]
    pub(super) quiet: bool,
}

/// A configuration that has not been read yet.
pub(super) struct ConfigText {
    /// The file's text.
    pub(super) text: String,
    /// Its name, for messages.
    pub(super) name: String,
    /// What the command line replaces.
    pub(super) overrides: Vec<Override>,
}

impl ConfigArguments {
    /// Where relative paths of the configuration start.
    pub(super) fn base_dir(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("."))
    }
}

/// Reads the file and the overrides.
pub(super) fn read_text(arguments: &ConfigArguments) -> Result<ConfigText, RunError> {
    let path = &arguments.config;
    let text = std::fs::read_to_string(path).map_err(|e| RunError::File {
        path: path.clone(),
        message: format!("the configuration cannot be read: {e}; `amc run --help` shows one"),
    })?;
    // Read here and not by clap, whose frame would repeat the argument around our message.
    let given: Result<Vec<Override>, _> = arguments.overrides.iter().map(|o| o.parse()).collect();
    let mut overrides = given?;
    overrides.extend(arguments.seed.map(Override::seed));
    Ok(ConfigText { text, name: path.display().to_string(), overrides })
}

/// Reads the configuration with its overrides.
pub(super) fn read_config(arguments: &ConfigArguments) -> Result<RunConfig, RunError> {
    let ConfigText { text, name, overrides } = read_text(arguments)?;
    Ok(RunConfig::from_toml(&text, &name, arguments.base_dir(), &overrides)?)
}

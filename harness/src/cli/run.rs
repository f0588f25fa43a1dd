//! `amc run CONFIG.toml`: one run.

use std::path::PathBuf;

use clap::Args;

use super::progress::LevelBar;
use super::{print, print_json, table, thread_pool};
use crate::config::{Override, RunConfig};
use crate::run::{OutputDir, Problem, RunError, execute};

/// Anneal particles to a target and report log Z, ESS and mode weights
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct RunArguments {
    /// The configuration, a TOML file (an example is below; every field has a default)
    config: PathBuf,
    /// Replace one field: `section.key=value`, e.g. `--set bridge.kind=ddpm`; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// The seed of all random numbers (replaces the file's)
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Threads; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// Folder for config.toml, summary.json and samples.npz
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Allow --out to replace the files of an earlier run
    #[arg(long, requires = "out")]
    force: bool,
    /// Print the summary as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress bar and no warnings on stderr
    #[arg(long)]
    quiet: bool,
}

const EXAMPLE: &str = r#"A configuration (every field may be left out; `amc list` shows all names):

  seed = 1

  [target]
  kind = "two-modes"       # many-modes | gmm40 | file (path = "mixture.json")
  dim = 16
  separation = 5.0

  [path]
  kind = "diffusion"       # or "tempering", whose bridge is "identity"
  schedule = "vp-linear"   # vp-cosine | ve
  levels = 128             # annealing steps
  spacing = "uniform"      # log-snr | quadratic | list (times = [...])

  [bridge]
  kind = "second-order"    # identity | exponential-integrator | ddpm |
                           # isotropic-optimal | diagonal | exact
  [kernel]
  kind = "mala"            # none | rwm | hmc
  steps = 4                # per level
  adapt = "frozen"         # or "online"

  [sampler]
  kind = "ais"             # or "smc"
  particles = 4096

Samples (samples.npz) are in standardized coordinates; positions * scale + shift are the original
ones. Exit codes: 0 success, 1 the run failed, 2 the input was refused."#;

/// Runs the subcommand.
pub(super) fn run(arguments: &RunArguments) -> Result<(), RunError> {
    // Everything that can be refused is, before a folder is created or a particle moves.
    let config = read_config(arguments)?;
    let problem = Problem::new(&config)?;
    let pool = thread_pool(arguments.threads)?;
    let out = arguments.out.as_deref();
    let out = out.map(|path| OutputDir::prepare(path, arguments.force)).transpose()?;

    let mut bar = LevelBar::new(arguments.quiet);
    let finished = pool.install(|| execute(&config, &problem, &mut bar));
    drop(bar);
    let finished = match (finished, &out) {
        (Ok(run), Some(out)) => {
            out.write(&config, &problem, &run)?;
            run
        }
        (Err(error), Some(out)) => {
            out.abandon();
            return Err(error);
        }
        (run, None) => run?,
    };
    let summary = &finished.summary;
    if arguments.json {
        return print_json(summary);
    }
    if !arguments.quiet {
        for warning in &summary.warnings {
            eprintln!("warning: {warning}");
        }
    }
    print(&format!(
        "{}: {} particles, {} levels, seed {}\n{}{}",
        summary.target,
        summary.particles,
        config.path.levels,
        summary.seed,
        table::summary(summary),
        table::mode_weights(summary)
    ))
}

fn read_config(arguments: &RunArguments) -> Result<RunConfig, RunError> {
    let path = &arguments.config;
    let text = std::fs::read_to_string(path).map_err(|e| RunError::File {
        path: path.clone(),
        message: format!("the configuration cannot be read: {e}; `amc run --help` shows one"),
    })?;
    // Read here and not by clap, whose frame would repeat the argument around our message.
    let given: Result<Vec<Override>, _> = arguments.overrides.iter().map(|o| o.parse()).collect();
    let mut overrides = given?;
    overrides.extend(arguments.seed.map(Override::seed));
    let base = path.parent().unwrap_or(std::path::Path::new("."));
    Ok(RunConfig::from_toml(&text, &path.display().to_string(), base, &overrides)?)
}

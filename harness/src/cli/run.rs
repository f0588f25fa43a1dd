//! `amc run CONFIG.toml`: one run.

use std::path::PathBuf;

use clap::Args;

use super::config_file::{ConfigArguments, read_config};
use super::progress::LevelBar;
use super::{interrupt, print, print_json, table, thread_pool};
use crate::config::{ModelConfig, RunConfig};
use crate::run::{OutputDir, Problem, Run, RunError, Summary, execute};
use crate::sampler::SamplerError;
use crate::storage::Every;

/// Anneal particles to a target and report log Z, ESS and mode weights
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct RunArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Folder for the files of the run: configuration, summary, samples, levels (docs/src/files.md)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep the run after so many levels or rounds (20), or so much time (30s, 5min), so that `amc resume DIR` can go on
    /// with it after a crash or Ctrl-C; 30s if nothing is given
    #[arg(long, value_name = "N|TIME", requires = "out", allow_hyphen_values = true)]
    checkpoint_every: Option<Every>,
    /// Allow --out to replace the files of an earlier run
    #[arg(long, requires = "out")]
    force: bool,
}

const EXAMPLE: &str = r#"A configuration (every field may be left out; `amc list fields` shows all fields with their defaults,
`amc list` all names):

  seed = 1

  [target]
  kind = "two-modes"       # many-modes | gmm40 | file (path = "mixture.json")
  dim = 16
  separation = 5.0

  [path]
  kind = "diffusion"       # or "tempering", whose bridge is "identity"
  schedule = "vp-linear"   # vp-cosine | ve
  levels = 128             # annealing steps
  spacing = "uniform"      # log-snr | quadratic | lambda | adaptive | list (times = [...])

  [bridge]
  kind = "second-order"    # identity | exponential-integrator | ddpm | isotropic-optimal |
                           # diagonal | low-rank (rank = 4) | flow-map (map = "heun") | exact
  [logdet]                 # of flow-map only
  estimator = "auto"       # dense | structured | lanczos | power-series | ... (n_trunc, n_hutch)

  [model]                  # of a diffusion path only
  score = "exact"          # learned: from a model that `amc train` made (file = "trained/model.safetensors")

  [kernel]
  kind = "mala"            # none | rwm | hmc
  steps = 4                # per level
  adapt = "frozen"         # or "online"

  [sampler]
  kind = "ais"             # smc | replica-exchange (ladders, rounds, warmup, swap)
  particles = 4096
  both_sides = true        # also run from exact target samples, for the verdict

With --out the run is kept as it goes on: after Ctrl-C, a crash or a full disk `amc resume DIR` continues it to the same
bits. `amc report DIR` shows what it found as a page of figures. Samples in samples.npz are in standardized coordinates;
positions * scale + shift are the original ones, which samples.parquet holds. Exit codes: 0 success, 1 the run failed,
2 the input was refused, 130 it was stopped."#;

/// Runs the subcommand.
pub(super) fn run(arguments: &RunArguments) -> Result<(), RunError> {
    if arguments.out.is_none() {
        interrupt::watch_unkept();
    }
    // Everything that can be refused is, before a folder is created or a particle moves.
    let config = read_config(&arguments.config)?;
    let problem = Problem::new(&config)?;
    let pool = thread_pool(arguments.config.threads)?;
    pool.install(|| problem.require_memory(&config))?;
    let out = arguments.out.as_deref();
    let out = out.map(|path| OutputDir::prepare(path, arguments.force)).transpose()?;
    let every = arguments.checkpoint_every.unwrap_or(Every::DEFAULT);
    let begin = |out: &OutputDir| out.begin(&config, &problem, every);
    let journal = out.as_ref().map(begin).transpose()?;
    if journal.is_some() {
        interrupt::watch();
    }
    let bar = LevelBar::new(arguments.config.quiet).with_journal(journal);
    let finished = pool.install(|| carry_out(&config, &problem, bar, out))?;
    show(&finished.summary, arguments.config.json, arguments.config.quiet)
}

/// Runs to the end, or to the first of what ends it early, and writes the files.
pub(super) fn carry_out(
    config: &RunConfig,
    problem: &Problem,
    mut bar: LevelBar,
    out: Option<OutputDir>,
) -> Result<Run, RunError> {
    let finished = execute(config, problem, &mut bar);
    drop(bar);
    let Some(out) = out else { return finished };
    match finished {
        Ok(run) => {
            out.write(config, problem, &run)?;
            Ok(run)
        }
        Err(RunError::Sampler(SamplerError::Stopped)) => {
            Err(RunError::Stopped(out.path().to_owned()))
        }
        Err(error @ RunError::Sampler(SamplerError::Journal(_))) => Err(error),
        Err(error) => {
            out.abandon();
            Err(error)
        }
    }
}

/// Prints what a run found.
pub(super) fn show(summary: &Summary, json: bool, quiet: bool) -> Result<(), RunError> {
    if json {
        return print_json(summary);
    }
    if !quiet {
        for warning in &summary.warnings {
            eprintln!("warning: {warning}");
        }
    }
    print(&format!(
        "{}: {} particles, {} levels, seed {}, instructions {}\n{}{}{}{}",
        summary.target,
        summary.particles,
        summary.times.len() - 1,
        summary.seed,
        summary.instructions,
        model_line(&summary.config.model),
        table::summary(summary),
        table::mode_weights(summary),
        table::verdict(summary)
    ))
}

/// What comes from a model, where anything does.
fn model_line(model: &ModelConfig) -> String {
    match &model.file {
        Some(file) if model.is_used() => {
            let (density, score) = (model.density.name(), model.score.name());
            format!("density {density}, score {score} ({file})\n")
        }
        _ => String::new(),
    }
}

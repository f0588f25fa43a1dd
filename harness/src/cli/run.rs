//! `amc run CONFIG.toml`: one run.

use std::path::PathBuf;

use clap::Args;

use super::config_file::{ConfigArguments, read_config};
use super::progress::LevelBar;
use super::{print, print_json, table, thread_pool};
use crate::config::ModelConfig;
use crate::run::{OutputDir, Problem, RunError, execute};

/// Anneal particles to a target and report log Z, ESS and mode weights
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct RunArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Folder for config.toml, summary.json and samples.npz
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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

Samples (samples.npz) are in standardized coordinates; positions * scale + shift are the original
ones. Exit codes: 0 success, 1 the run failed, 2 the input was refused."#;

/// Runs the subcommand.
pub(super) fn run(arguments: &RunArguments) -> Result<(), RunError> {
    // Everything that can be refused is, before a folder is created or a particle moves.
    let config = read_config(&arguments.config)?;
    let problem = Problem::new(&config)?;
    let pool = thread_pool(arguments.config.threads)?;
    let out = arguments.out.as_deref();
    let out = out.map(|path| OutputDir::prepare(path, arguments.force)).transpose()?;

    let mut bar = LevelBar::new(arguments.config.quiet);
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
    if arguments.config.json {
        return print_json(summary);
    }
    if !arguments.config.quiet {
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

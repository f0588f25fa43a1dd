//! `amc compare`: every bridge with AIS and SMC on two benchmark targets, in one table.

use std::path::Path;

use amc_core::simd::Instructions;
use clap::{Args, ValueEnum};

use super::progress::run_bar;
use super::table::{table, with_error};
use super::{exchange_table, print, print_json, thread_pool};
use crate::catalog::{BridgeKind, PathKind, SamplerKind};
use crate::config::{Override, RunConfig};
use crate::run::{RunError, Summary, run};
use crate::sampler::Silent;

/// Compare every bridge, with AIS and SMC, on TwoModes (16, 5) and ManyModes (8, 16)
///
/// The truth is known for both targets: log Z = 0, and the weights of the modes. Read the table
/// from the right: a method that gets the mode weights and the sliced Wasserstein distance right
/// (at 1.0 it is as close to the target as exact samples are) also has log Z near 0 and a large
/// effective sample size.
#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// How many particles and levels to spend
    #[arg(long, value_enum, default_value_t = Preset::Quick)]
    preset: Preset,
    /// Compare replica exchange through every bridge on TwoModes (32, 5) instead (a few minutes)
    #[arg(long, conflicts_with = "preset")]
    exchange: bool,
    /// The seed of all random numbers
    #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
    seed: u64,
    /// Threads; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// Print the summaries as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// 2048 particles, 128 levels, 2 MALA steps: less than a minute
    Quick,
    /// 16384 particles, 256 levels, 4 MALA steps: several minutes
    Full,
}

const TARGETS: [&str; 2] = [
    "[target]\nkind = \"two-modes\"\ndim = 16\nseparation = 5.0\n",
    "[target]\nkind = \"many-modes\"\ndim = 8\ncomponents = 16\n",
];

/// Runs the subcommand.
pub(super) fn compare(arguments: &CompareArguments) -> Result<(), RunError> {
    if arguments.exchange { exchange(arguments) } else { annealing(arguments) }
}

fn exchange(arguments: &CompareArguments) -> Result<(), RunError> {
    let methods = exchange_table::methods();
    let bar = run_bar(methods.len(), arguments.quiet);
    let rows = thread_pool(arguments.threads)?.install(|| {
        methods
            .into_iter()
            .map(|method| {
                bar.set_message(format!("{} {}", method.0, method.1));
                let row = exchange_table::row(method, arguments.seed)?;
                bar.inc(1);
                Ok(row)
            })
            .collect::<Result<Vec<_>, RunError>>()
    })?;
    bar.finish_and_clear();
    if arguments.json {
        print_json(&rows)
    } else {
        print(&exchange_table::report(&rows, arguments.seed))
    }
}

fn annealing(arguments: &CompareArguments) -> Result<(), RunError> {
    let configs = configs(arguments)?;
    let bar = run_bar(configs.len(), arguments.quiet);
    let summaries = thread_pool(arguments.threads)?.install(|| {
        configs
            .iter()
            .map(|config| {
                bar.set_message(label(config));
                let summary = run(config, &mut Silent)?.summary;
                bar.inc(1);
                Ok(summary)
            })
            .collect::<Result<Vec<Summary>, RunError>>()
    })?;
    bar.finish_and_clear();
    if arguments.json { print_json(&summaries) } else { print(&report(arguments, &summaries)) }
}

/// Every target x (tempering, then every bridge of the catalog on the diffusion path) x sampler.
fn configs(arguments: &CompareArguments) -> Result<Vec<RunConfig>, RunError> {
    let (particles, levels, steps) = match arguments.preset {
        Preset::Quick => (2048_i64, 128_i64, 2_i64),
        Preset::Full => (16384, 256, 4),
    };
    let mut methods = vec![(PathKind::Tempering, BridgeKind::Identity)];
    methods.extend(BridgeKind::ALL.iter().map(|&bridge| (PathKind::Diffusion, bridge)));
    let mut configs = Vec::new();
    for target in TARGETS {
        for &(path, bridge) in &methods {
            for sampler in [SamplerKind::Ais, SamplerKind::Smc] {
                let overrides = [
                    Override::seed(arguments.seed),
                    Override::new(Some("path"), "kind", path.name()),
                    Override::new(Some("path"), "levels", levels),
                    Override::new(Some("bridge"), "kind", bridge.name()),
                    Override::new(Some("kernel"), "steps", steps),
                    Override::new(Some("sampler"), "kind", sampler.name()),
                    Override::new(Some("sampler"), "particles", particles),
                    Override::new(Some("sampler"), "both_sides", false),
                ];
                configs.push(RunConfig::from_toml(target, "compare", Path::new("."), &overrides)?);
            }
        }
    }
    Ok(configs)
}

/// Path, bridge and sampler of a run.
fn label(config: &RunConfig) -> String {
    format!("{} {} {}", config.path.kind(), config.bridge.kind(), config.sampler.kind())
}

fn report(arguments: &CompareArguments, summaries: &[Summary]) -> String {
    let header = [
        "path",
        "bridge",
        "sampler",
        "log Z (truth 0)",
        "ESS/N",
        "mode error",
        "SW / floor",
        "scores",
        "Hv products",
        "seconds",
    ];
    let mut text = String::new();
    for group in summaries.chunk_by(|a, b| a.target == b.target) {
        let Some(first) = group.first() else { continue };
        text += &format!(
            "{} (d = {}, {} modes): {} particles, {} levels, mala x {}, seed {}\n",
            first.target,
            first.dim,
            first.true_mode_weights.len(),
            first.particles,
            first.times.len() - 1,
            first.config.kernel.steps(),
            arguments.seed
        );
        let mut table = table(&header, 3);
        for s in group {
            table.add_row([
                s.config.path.kind().to_string(),
                s.config.bridge.kind().to_string(),
                s.config.sampler.kind().to_string(),
                with_error(s.log_z, s.log_z_std_error),
                format!("{:.3}", s.ess()),
                format!("{:.3}", s.mode_weight_error),
                format!("{:.1}", s.sliced_wasserstein / s.sliced_wasserstein_floor),
                millions(s.evaluations.score),
                millions(s.evaluations.hessian_product),
                format!("{:.2}", s.sampling_seconds),
            ]);
        }
        text += &format!("{table}\n\n");
    }
    let instructions = Instructions::current();
    text += "SW / floor: sliced Wasserstein distance over that of exact samples. scores, Hv \
             products: evaluations per run, pilot included. seconds: sampling only, on ";
    text + &format!("{instructions} instructions.\n")
}

fn millions(count: u64) -> String {
    format!("{:.2} M", count as f64 / 1e6)
}

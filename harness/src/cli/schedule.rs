//! `amc schedule CONFIG.toml`: where the levels stand, and why.

use std::path::PathBuf;

use amc_core::simd::Instructions;
use clap::Args;
use serde::Serialize;

use super::config_file::{ConfigArguments, read_config};
use super::progress::LevelBar;
use super::table::table;
use super::{figure, print, print_json, thread_pool};
use crate::catalog::{BarrierEstimator, BridgeKind, SpacingKind};
use crate::config::{RunConfig, Spacing};
use crate::levels::{Placement, RoundTripLimit, place, round_trip_limit_of};
use crate::report::{SchedulePlot, schedule_svg, text_curve_with_levels};
use crate::run::{EvaluationCounts, Problem, RunError};
use crate::schedule::{levels_for_half_the_limit, round_trip_limit};

/// Print and plot the barrier of a path, the levels it leads to, and how many are needed
///
/// lambda(t) says how fast the density changes along the path, Lambda(t) is its integral. Levels at
/// equal steps of Lambda are swapped equally often; about 2 Lambda of them reach half of the best
/// rate of round trips. A configuration whose spacing is not measured is read as
/// path.spacing = "lambda".
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct ScheduleArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Also measure the limit of the round-trip rate for this bridge, with ladders of doubling length
    #[arg(long)]
    limit: bool,
    /// Write the figure of lambda(t), Lambda(t) and the levels to this SVG file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

const EXAMPLE: &str = r#"Examples:

  amc schedule CONFIG.toml --plot schedule.svg
  amc schedule CONFIG.toml --set path.levels=64 --json
  amc schedule CONFIG.toml --set bridge.kind=ddpm --limit
  amc schedule CONFIG.toml --set path.spacing=lambda --set path.barrier=rejections

Estimators (path.barrier): exact, smc and replica-exchange measure lambda(t) of the path itself;
rejections and exact-rejections equalize the rejections of the bridge's own swaps. `amc list` says
more. To run on the levels found, set path.spacing = "lambda" in the configuration, or copy the
printed times into path.times with path.spacing = "list"."#;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    target: &'a str,
    /// Times of levels 0 to L.
    times: &'a [f64],
    /// Lambda of the whole path, if it was measured.
    barrier: Option<f64>,
    nodes: &'a [f64],
    local: Vec<f64>,
    cumulative: Vec<f64>,
    /// Of neighbouring levels, if they were measured.
    rejections: Option<&'a [f64]>,
    /// `1/(2 + 2 Lambda)`, and the fewest steps that reach half of it.
    round_trip_limit: Option<f64>,
    recommended_levels: Option<usize>,
    /// Measured for this bridge, with `--limit`.
    bridge: Option<&'a RoundTripLimit>,
    evaluations: EvaluationCounts,
    /// The vector instructions that the kernels ran on.
    instructions: &'static str,
    config: &'a RunConfig,
}

/// Runs the subcommand.
pub(super) fn schedule(arguments: &ScheduleArguments) -> Result<(), RunError> {
    let config = measured(read_config(&arguments.config)?);
    let problem = Problem::new(&config)?;
    if let Some(path) = &arguments.plot {
        figure::check_writable(path, figure::Kind::Figure)?;
    }
    let pool = thread_pool(arguments.config.threads)?;
    let mut bar = LevelBar::new(arguments.config.quiet);
    let (placement, limit) = pool.install(|| {
        let placement = place(&config, &problem, &mut bar)?;
        let limit = match arguments.limit {
            true => Some(round_trip_limit_of(&config, &problem, &mut bar)?),
            false => None,
        };
        Ok::<_, RunError>((placement, limit))
    })?;
    drop(bar);
    let name = problem.mixture.parameters().name.clone();
    let report = Report::new(&name, &config, &placement, limit.as_ref());
    if let Some(path) = &arguments.plot {
        write_plot(path, &config, &report)?;
    }
    if arguments.config.json { print_json(&report) } else { print(&text(&config, &report)) }
}

/// A spacing that is known beforehand has no barrier to show: measure it.
fn measured(config: RunConfig) -> RunConfig {
    match config.path.spacing.kind() {
        SpacingKind::Lambda | SpacingKind::Adaptive => config,
        _ => config.with_lambda_spacing(),
    }
}

impl<'a> Report<'a> {
    fn new(
        target: &'a str,
        config: &'a RunConfig,
        placement: &'a Placement,
        bridge: Option<&'a RoundTripLimit>,
    ) -> Self {
        let barrier = placement.barrier.as_ref();
        let total = barrier.map(crate::schedule::Barrier::total);
        let values = |value: &dyn Fn(&crate::schedule::Barrier, f64) -> f64| match barrier {
            Some(barrier) => placement.nodes.iter().map(|&t| value(barrier, t)).collect(),
            None => Vec::new(),
        };
        let mut evaluations = placement.evaluations;
        if let Some(limit) = bridge {
            evaluations.add(&limit.evaluations, 1);
        }
        // Where rejections of another bridge were measured, their sum is no barrier of the path.
        let of_path = total.filter(|_| is_of_path(config));
        Self {
            target,
            times: &placement.times,
            barrier: total,
            local: values(&|barrier, t| barrier.local(t)),
            cumulative: values(&|barrier, t| barrier.cumulative(t)),
            nodes: &placement.nodes,
            rejections: placement.rejections.as_deref(),
            round_trip_limit: of_path.map(round_trip_limit),
            recommended_levels: of_path.map(levels_for_half_the_limit),
            bridge,
            evaluations: evaluations.into(),
            instructions: Instructions::current().name(),
            config,
        }
    }
}

/// Whether the barrier measured is that of the path, whatever the bridge.
fn is_of_path(config: &RunConfig) -> bool {
    let rejections = matches!(
        config.path.spacing,
        Spacing::Lambda {
            barrier: BarrierEstimator::Rejections | BarrierEstimator::ExactRejections,
            ..
        }
    );
    !rejections || config.bridge.kind() == BridgeKind::Identity
}

/// Levels shown in the table; all are in the JSON.
const SHOWN: usize = 16;

/// Mean and spread of the measured rejections.
fn rejections_line(rejections: &[f64]) -> String {
    let mean = rejections.iter().sum::<f64>() / rejections.len() as f64;
    let (low, high) = rejections.iter().fold((1.0_f64, 0.0_f64), |(a, b), &r| (a.min(r), b.max(r)));
    format!(
        "swaps of the bridge are rejected with {mean:.3} on average, from {low:.3} to {high:.3}\n"
    )
}

fn text(config: &RunConfig, report: &Report<'_>) -> String {
    let steps = report.times.len() - 1;
    let mut text = format!(
        "{}: {} path, {} bridge, {steps} levels, seed {}, instructions {}\n",
        report.target,
        config.path.kind(),
        config.bridge.kind(),
        config.seed,
        report.instructions
    );
    if let Some(total) = report.barrier {
        text += "\nlambda(t)\n";
        text += &text_curve_with_levels(report.nodes, &report.local, report.times, 76, 10);
        text += "\nLambda(t), and the levels\n";
        text += &text_curve_with_levels(report.nodes, &report.cumulative, report.times, 76, 10);
        // Increments behind the rejections of a bridge add up to no barrier of the path.
        let name =
            if is_of_path(config) { "barrier Lambda" } else { "sum of the bridge's increments" };
        text += &format!("\n{name} = {total:.2}, {:.3} a step\n", total / steps as f64);
    }
    if let Some(rejections) = report.rejections {
        text += &rejections_line(rejections);
    }
    if let (Some(limit), Some(levels)) = (report.round_trip_limit, report.recommended_levels) {
        text += &format!(
            "round trips per round of replica exchange with the identity: at most {limit:.4}; half \
             of that takes {levels} levels (recommended)\n"
        );
    }
    if let Some(limit) = report.bridge {
        text += &format!("\n{}", limit_table(config, limit));
    }
    let mut table = table(&["level", "time", "step"], 0);
    let row = |level: usize| {
        let step = level.checked_sub(1).map(|below| report.times[level] - report.times[below]);
        let step = step.map_or(String::new(), |step| format!("{step:.4e}"));
        [level.to_string(), format!("{:.6e}", report.times[level]), step]
    };
    let hidden = (steps + 1).saturating_sub(SHOWN);
    for level in 0..=steps {
        if hidden == 0 || level < SHOWN / 2 || level > steps - SHOWN / 2 {
            table.add_row(row(level));
        } else if level == SHOWN / 2 {
            table.add_row(["...", "...", "..."]);
        }
    }
    text + &format!("\n{table}\n")
}

fn limit_table(config: &RunConfig, limit: &RoundTripLimit) -> String {
    let mut table = table(&["levels", "sum of rejections", "mean", "round trips per round"], 0);
    for ladder in &limit.ladders {
        table.add_row([
            ladder.steps.to_string(),
            format!("{:.3}", ladder.sum_of_rejection_rates),
            format!("{:.3}", ladder.sum_of_rejection_rates / ladder.steps as f64),
            format!("{:.4}", ladder.round_trip_rate),
        ]);
    }
    let state = if limit.settled { "" } else { " (still growing: a lower bound)" };
    format!(
        "ladders tuned for the {} bridge:\n{table}\nlimit of the round-trip rate {:.4}{state}; half \
         of it takes {} levels (recommended)\n",
        config.bridge.kind(),
        limit.limit,
        limit.steps_for_half
    )
}

fn write_plot(
    path: &std::path::Path,
    config: &RunConfig,
    report: &Report<'_>,
) -> Result<(), RunError> {
    if report.barrier.is_none() {
        let message = "path.spacing = \"adaptive\" measures no barrier to plot: drop --plot or set \
                       path.spacing = \"lambda\"";
        return Err(RunError::File { path: path.to_owned(), message: message.into() });
    }
    let title = format!("{}, {} path, {}", report.target, config.path.kind(), config.bridge.kind());
    let plot = SchedulePlot {
        title: &title,
        x_label: "t",
        times: report.nodes,
        local: &report.local,
        cumulative: &report.cumulative,
        levels: report.times,
        rejections: report.rejections,
    };
    figure::write(path, schedule_svg(&plot))
}

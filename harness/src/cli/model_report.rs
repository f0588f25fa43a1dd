//! `amc model-report DIR`: how good a trained model is, level by level.

use std::path::PathBuf;

use amc_core::simd::Instructions;
use clap::Args;
use serde::Serialize;

use super::table::{quantity, quantity_with_error, table};
use super::{figure, print, print_json, thread_pool};
use crate::learned::quality::{
    ClassifiedPair, DensityQuality, LIMITS, LevelQuality, Measured, ModeQuality, NOISY, Quality,
};
use crate::report::{AblationPanel, AblationPlot, Columns, PanelScale, Series, ablation_svg};
use crate::run::{ModelQuality, RunError, model_quality};

/// Say how good a trained model is, noise level by noise level
///
/// The model is compared with the exact density and score of its target, at fresh exact samples of
/// every level from the noisiest that it knows to the cleanest.
#[derive(Debug, Args)]
#[command(after_long_help = MEANING)]
pub(super) struct ModelReportArguments {
    /// The folder that `amc train` wrote, with model.safetensors in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Exact samples at every level
    #[arg(long, value_name = "N", default_value_t = 4096, allow_negative_numbers = true)]
    samples: usize,
    /// Levels, evenly in the log signal-to-noise ratio
    #[arg(long, value_name = "N", default_value_t = 24, allow_negative_numbers = true)]
    levels: usize,
    /// The seed of the samples; without it that of the training, whose samples are others all the same
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Threads; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// Print the result as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// Write the figure of divergence, ESS, mode error and lost weights against sigma to this SVG file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

const MEANING: &str = r#"The columns (s, p of the model; S, P of the target; alpha^2 + sigma^2 = 1):

  relative Fisher  E|s - S|^2 / E|S|^2, the error of the score: 0.005 is good, 0.05 poor. It
                   is hardest at sigma below 0.05; train.loss = "mixed" or "target" helps there
  per dimension    E|s - S|^2 / d
  V                what the level costs when the score is learned and the density exact:
                   sigma^2 E|s - S|^2 over its share of the log-SNRs. Of the ESS that exact
                   scores reach with many levels about exp(-V), V of all levels together, is
                   kept: 0.1 is good, 1 poor

Of energy networks alone, which have a density:

  ESS              of weights p/P at exact samples, as a share: 1 is perfect
  spread           standard deviation of log p - log P
  mode error       of two modes the log of the ratio of their learned weights over that of the
                   true ones, of more a root mean square over modes: 0.1 is good, 1 makes one
                   mode 2.7 times too heavy. Tens or hundreds mean that nothing fixed the
                   weights: train.classification = "bi-level" does
  robust           the same from means of log p - log P, for when a few samples carry p/P
  classification   loss between a level and the noisier one before it, and how far that is
                   above the smallest possible

Errors are standard errors; more --samples make them smaller. A model of your own samples
(train.data) is compared with the [target] of its configuration.

Examples:

  amc model-report trained
  amc model-report trained --samples 16384 --levels 48 --plot trained.svg
  amc model-report trained --json | jq .summary"#;

/// Levels and samples beyond these would only take time.
const MOST_LEVELS: usize = 1000;
const MOST_SAMPLES: usize = 1 << 22;

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    folder: &'a std::path::Path,
    target: &'a str,
    network: &'a str,
    dim: usize,
    samples: usize,
    seed: u64,
    /// The vector instructions that the kernels ran on.
    instructions: &'static str,
    #[serde(flatten)]
    quality: &'a Quality,
}

/// Runs the subcommand.
pub(super) fn model_report(arguments: &ModelReportArguments) -> Result<(), RunError> {
    let ModelReportArguments { folder, samples, levels, .. } = arguments;
    check("--samples", *samples, MOST_SAMPLES)?;
    check("--levels", *levels, MOST_LEVELS)?;
    if folder.is_file() {
        let message = "is a file: give the folder that `amc train --out` wrote".into();
        return Err(RunError::File { path: folder.clone(), message });
    }
    if let Some(path) = &arguments.plot {
        figure::check_writable(path, figure::Kind::Figure)?;
    }
    let pool = thread_pool(arguments.threads)?;
    let measured = pool.install(|| model_quality(folder, (*samples, *levels), arguments.seed))?;
    if let Some(path) = &arguments.plot {
        figure::write(path, ablation_svg(&plot(&measured)))?;
    }
    let ModelQuality { header, rules, quality } = &measured;
    let report = Report {
        folder,
        target: &header.target,
        network: &header.network,
        dim: header.dim,
        samples: rules.samples,
        seed: rules.seed,
        instructions: Instructions::current().name(),
        quality,
    };
    if arguments.json { print_json(&report) } else { print(&text(&report)) }
}

fn check(name: &'static str, value: usize, most: usize) -> Result<(), RunError> {
    if (2..=most).contains(&value) {
        return Ok(());
    }
    let message = format!("{value} lies outside 2 to {most}");
    Err(RunError::Argument { name, message })
}

/// A number that may not be there.
fn or_none(measured: Option<Measured>) -> String {
    measured.map_or(String::from("-"), |m| quantity_with_error(m.value, m.std_error))
}

fn text(report: &Report<'_>) -> String {
    let Report { quality, .. } = report;
    let mut text = format!(
        "{}: {} network, {} samples a level, seed {}, instructions {}\n",
        report.target, report.network, report.samples, report.seed, report.instructions
    );
    let mut header = vec!["log-SNR", "sigma", "relative Fisher", "per dimension", "V"];
    let with_density = quality.levels.iter().any(|level| level.density.is_some());
    if with_density {
        header.extend(["ESS", "spread", "mode error", "robust", "classification"]);
    }
    let mut table = table(&header, 0);
    for (index, level) in quality.levels.iter().enumerate() {
        let told = index.checked_sub(1).and_then(|before| quality.classified.get(before));
        table.add_row(row(level, told));
    }
    text += &format!("{table}\n");
    if let Some(modes) = quality.levels.last().and_then(modes) {
        text += &weights(modes);
    }
    text + &summary(quality)
}

fn modes(level: &LevelQuality) -> Option<&ModeQuality> {
    level.density.as_ref()?.modes.as_ref()
}

fn row(level: &LevelQuality, told: Option<&ClassifiedPair>) -> Vec<String> {
    let mut cells = vec![
        format!("{:.2}", level.log_snr),
        quantity(level.sigma),
        or_none(Some(level.relative_divergence)),
        quantity(level.divergence_per_dimension.value),
        quantity(level.weight_variance.value),
    ];
    if let Some(DensityQuality { ess, log_ratio_spread, .. }) = level.density {
        // Adding zero takes the sign of a negative one away.
        let rounded = |excess: f64| libm::round(1e4 * excess) / 1e4 + 0.0;
        let excess =
            |pair: &ClassifiedPair| format!("{:.4} {:+.4}", pair.model, rounded(pair.excess.value));
        cells.extend([
            quantity(ess),
            quantity(log_ratio_spread),
            or_none(modes(level).map(|modes| modes.error)),
            quantity(modes(level).map_or(f64::NAN, |modes| modes.robust_error.value)),
            told.map_or(String::new(), excess),
        ]);
    }
    cells
}

/// Mode weights at the cleanest level; many modes are cut to the first ones.
fn weights(modes: &ModeQuality) -> String {
    const SHOWN: usize = 8;
    let pairs = modes.weights.iter().zip(&modes.true_weights).take(SHOWN);
    let pairs: Vec<String> = pairs
        .map(|(learned, truth)| format!("{} ({truth:.4})", learned.map_or("-".into(), quantity)))
        .collect();
    let hidden = modes.weights.len().saturating_sub(SHOWN);
    let rest = if hidden > 0 { format!(" and {hidden} more") } else { String::new() };
    format!("mode weights at the cleanest level (the target's): {}{rest}\n", pairs.join(", "))
}

fn summary(quality: &Quality) -> String {
    let summary = &quality.summary;
    let mut text = match (summary.worst_relative_divergence, summary.shares_within) {
        (Some(worst), Some(shares)) => {
            let within =
                |(limit, share): (f64, f64)| format!("{:.0} % within {limit}", 100.0 * share);
            let shares: Vec<String> = LIMITS.into_iter().zip(shares).map(within).collect();
            let worst = quantity(worst);
            format!(
                "relative Fisher divergence at sigma >= {NOISY}: at most {worst}; {}\n",
                shares.join(", ")
            )
        }
        _ => format!("no level has sigma >= {NOISY}\n"),
    };
    if let Some(error) = summary.mode_error {
        let error = quantity_with_error(error.value, error.std_error);
        text += &format!("mode error at the cleanest level: {error}\n");
    }
    text + &format!(
        "with exact densities and this score: V = {}, so about {} of the ESS is kept\n",
        quantity_with_error(summary.weight_variance.value, summary.weight_variance.std_error),
        quantity(summary.predicted_ess)
    )
}

/// The figure, from the cleanest level to the noisiest.
fn plot(measured: &ModelQuality) -> AblationPlot {
    let ModelQuality { header, quality, .. } = measured;
    let levels = || quality.levels.iter().rev();
    let series = |name, value: &dyn Fn(&LevelQuality) -> Option<Measured>, with_errors: bool| {
        let none = Measured { value: f64::NAN, std_error: f64::NAN };
        let values: Vec<Measured> = levels().map(|level| value(level).unwrap_or(none)).collect();
        let errors = values.iter().map(|measured| measured.std_error);
        Series {
            name,
            errors: with_errors.then(|| errors.collect()),
            values: values.iter().map(|measured| measured.value).collect(),
        }
    };
    let exactly = |value| Measured { value, std_error: 0.0 };
    let panel = |label, scale, series| AblationPanel { label, scale, series };
    let divergence =
        series("E|s - S|²\nover E|S|²", &|level| Some(level.relative_divergence), false);
    let variance = series("variance of\nlog-weights", &|level| Some(level.weight_variance), false);
    let mut panels = vec![panel("relative Fisher", PanelScale::Decades, vec![divergence])];
    if quality.levels.iter().any(|level| level.density.is_some()) {
        let ess = |level: &LevelQuality| level.density.as_ref().map(|density| exactly(density.ess));
        panels.push(panel("ESS", PanelScale::Decades, vec![series("of p/P", &ess, false)]));
    }
    if quality.levels.iter().any(|level| modes(level).is_some()) {
        let error = |level: &LevelQuality| modes(level).map(|modes| modes.error);
        let robust = |level: &LevelQuality| modes(level).map(|modes| modes.robust_error);
        let both = vec![series("mean ratio", &error, true), series("robust", &robust, true)];
        panels.push(panel("mode error", PanelScale::AroundZero, both));
    }
    panels.push(panel("V", PanelScale::Decades, vec![variance]));
    AblationPlot {
        title: format!("{}, {} network", header.target, header.network),
        x_label: "sigma".into(),
        columns: Columns::Numbers(levels().map(|level| level.sigma).collect()),
        panels,
    }
}

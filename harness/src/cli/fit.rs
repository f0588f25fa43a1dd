//! `amc fit SAMPLES --components K --out FILE`: a mixture fitted to samples.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;

use super::progress::ascent_bar;
use super::{interrupt, print, print_json, thread_pool};
use crate::fit::{Candidate, CovarianceKind, Fit, FitOptions, FitWatcher, fit_mixture_watched};
use crate::learned::data::read_samples;
use crate::run::RunError;
use crate::storage::replace;
use crate::target::{Standardize, mixture_to_json};

/// Fit a Gaussian mixture to samples by expectation maximization
///
/// The file it writes is a target, `target.kind = "file"`, and a backbone for a target of your own: a mixture whose
/// diffusion path leads to it. Samples come as .npy, .npz, .csv without header or .parquet, one point a row and all of the
/// same weight, as those of a run of replica exchange are.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct FitArguments {
    /// The samples
    #[arg(value_name = "SAMPLES")]
    samples: PathBuf,
    /// Number of components, or numbers of which the lowest BIC decides: 8, or 1-8
    #[arg(long, value_name = "K")]
    components: Numbers,
    /// The mixture file to write
    #[arg(long, value_name = "FILE.json")]
    out: PathBuf,
    /// Covariances of the components, each of which has its own
    #[arg(long, value_enum, default_value_t = Kind::Diagonal)]
    covariance: Kind,
    /// Ascents from different starts; the highest likelihood wins
    #[arg(long, default_value_t = 4)]
    restarts: usize,
    /// An ascent ends when the log-likelihood per sample gains less
    #[arg(long, default_value_t = 1e-7, allow_negative_numbers = true)]
    tolerance: f64,
    /// Most iterations of an ascent
    #[arg(long, default_value_t = 1000)]
    max_iterations: usize,
    /// Least variance of a component, relative to that of all samples
    #[arg(long, default_value_t = 1e-6, allow_negative_numbers = true)]
    floor: f64,
    /// The seed of the starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
    /// Print the result as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress and no warnings on stderr
    #[arg(long)]
    quiet: bool,
}

const EXAMPLE: &str = r#"Fit, then sample what was fitted and look at how well it is covered:

  amc fit samples.csv --components 1-8 --covariance full --out mixture.json
  amc run config.toml --set target.kind=file --set target.path=mixture.json

A component with a variance at the floor, or with too few samples for its covariance, is named on stderr: it
describes single samples, and fewer components serve better."#;

/// One number of components or a range of them.
#[derive(Debug, Clone, PartialEq)]
struct Numbers(RangeInclusive<usize>);

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| "a number such as 8 or a range such as 1-8 is expected".to_owned())
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Ok(Self(number(first)?..=number(last)?))
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A variance
    Isotropic,
    /// A variance for every coordinate
    Diagonal,
    /// Any covariance
    Full,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    mixture: &'a Path,
    samples: usize,
    dim: usize,
    components: usize,
    covariance: &'static str,
    log_likelihood: f64,
    bic: f64,
    iterations: usize,
    converged: bool,
    at_floor: usize,
    starved: usize,
    weights: &'a [f64],
    candidates: &'a [Candidate],
    seed: u64,
    seconds: f64,
}

/// Runs the subcommand.
pub(super) fn fit(arguments: &FitArguments) -> Result<(), RunError> {
    check_place(arguments)?;
    let pool = thread_pool(arguments.threads)?;
    let samples = read_samples(&arguments.samples, None)?;
    interrupt::watch();
    let start = std::time::Instant::now();
    let options = options(arguments);
    let mut line = FitLine::new(&options, arguments.quiet);
    let fit =
        pool.install(|| fit_mixture_watched(&samples.rows, samples.dim, &options, &mut line))?;
    drop(line);
    write(arguments, &fit)?;
    if !arguments.quiet {
        warnings(&fit).iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    let report = Report {
        mixture: &arguments.out,
        samples: samples.count(),
        dim: samples.dim,
        components: fit.mixture.components(),
        covariance: options.covariance.name(),
        log_likelihood: fit.log_likelihood,
        bic: fit.bic,
        iterations: fit.iterations,
        converged: fit.converged,
        at_floor: fit.at_floor,
        starved: fit.starved,
        weights: &fit.mixture.weights,
        candidates: &fit.candidates,
        seed: arguments.seed,
        seconds: start.elapsed().as_secs_f64(),
    };
    if arguments.json { print_json(&report) } else { print(&text(&report)) }
}

fn options(arguments: &FitArguments) -> FitOptions {
    FitOptions {
        components: arguments.components.0.clone(),
        covariance: match arguments.covariance {
            Kind::Isotropic => CovarianceKind::Isotropic,
            Kind::Diagonal => CovarianceKind::Diagonal,
            Kind::Full => CovarianceKind::Full,
        },
        seed: arguments.seed,
        restarts: arguments.restarts,
        tolerance: arguments.tolerance,
        max_iterations: arguments.max_iterations,
        floor: arguments.floor,
    }
}

/// Refuses a file that cannot be written, or should not be, before the work for it is done.
fn check_place(arguments: &FitArguments) -> Result<(), RunError> {
    let out = &arguments.out;
    let refuse = |message: &str| Err(RunError::File { path: out.clone(), message: message.into() });
    if out.is_dir() {
        return refuse("is a folder; name a file");
    }
    if out.exists() && !arguments.force {
        return refuse("exists; --force writes over it");
    }
    match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            refuse("its folder does not exist; make it first")
        }
        _ => Ok(()),
    }
}

fn write(arguments: &FitArguments, fit: &Fit) -> Result<(), RunError> {
    use std::io::Write;
    let text = mixture_to_json(&fit.mixture, Standardize::None) + "\n";
    replace(&arguments.out, |file| file.write_all(text.as_bytes())).map_err(|error| {
        RunError::Unwritable {
            path: arguments.out.clone(),
            message: format!("cannot be written: {error}"),
        }
    })
}

/// What makes a fit doubtful.
fn warnings(fit: &Fit) -> Vec<String> {
    let mut warnings = Vec::new();
    if !fit.converged {
        warnings.push(format!(
            "the log-likelihood still rose after {} iterations; use a larger --max-iterations",
            fit.iterations
        ));
    }
    if fit.starved > 0 {
        warnings.push(format!(
            "{} of {} components have too few samples to determine their covariance; use fewer",
            fit.starved,
            fit.mixture.components()
        ));
    }
    if fit.at_floor > 0 {
        warnings.push(format!(
            "{} of {} components have a variance at the floor: the samples lie on a line or plane there, or the \
             component describes single samples",
            fit.at_floor,
            fit.mixture.components()
        ));
    }
    warnings
}

/// What a person wants to know of a fit.
fn text(report: &Report<'_>) -> String {
    let mut text = format!(
        "{} samples in {} dimensions, {} components with {} covariances: {}\n\
         log-likelihood {:.3} ({:.6} per sample), BIC {:.3}, {} iterations in {:.1} s\n",
        report.samples,
        report.dim,
        report.components,
        report.covariance,
        report.mixture.display(),
        report.log_likelihood,
        report.log_likelihood / report.samples as f64,
        report.bic,
        report.iterations,
        report.seconds,
    );
    let mut weights = report.weights.to_vec();
    weights.sort_by(|a, b| b.total_cmp(a));
    let weights: Vec<String> = weights.iter().map(|w| format!("{w:.4}")).collect();
    text += &format!("weights {}\n", weights.join(" "));
    if report.candidates.len() > 1 {
        text += "\ncomponents  log-likelihood           BIC\n";
        for candidate in report.candidates {
            let mark = if candidate.components == report.components { " <-" } else { "" };
            text += &format!(
                "{:>10}  {:>14.3}  {:>12.3}{mark}\n",
                candidate.components, candidate.log_likelihood, candidate.bic
            );
        }
    }
    text
}

/// The ascent in progress on one line.
struct FitLine {
    bar: ProgressBar,
    restarts: usize,
}

impl FitLine {
    fn new(options: &FitOptions, quiet: bool) -> Self {
        Self { bar: ascent_bar(options.max_iterations, quiet), restarts: options.restarts }
    }
}

impl FitWatcher for FitLine {
    fn iteration(&mut self, components: usize, restart: usize, iteration: usize, mean: f64) {
        self.bar.set_prefix(format!(
            "{components} components, ascent {}/{}",
            restart + 1,
            self.restarts
        ));
        self.bar.set_position(iteration as u64);
        self.bar
            .set_message(format!("log-likelihood per sample {mean:.6} in units of their spread"));
    }

    fn wants_to_stop(&self) -> bool {
        interrupt::requested()
    }
}

impl Drop for FitLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a number, a range, or what is neither is read as another.
    #[test]
    fn numbers_of_components() {
        let read = |text: &str| text.parse::<Numbers>().map(|numbers| numbers.0);
        assert_eq!(read("8"), Ok(8..=8));
        assert_eq!(read("2-5"), Ok(2..=5));
        for text in ["", "a", "1-", "-3", "1..8", "1-2-3"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

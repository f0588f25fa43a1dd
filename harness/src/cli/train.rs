//! `amc train CONFIG.toml --out DIR`: a diffusion model from samples of the target.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;

use super::config_file::{ConfigArguments, read_config};
use super::progress::step_bar;
use super::{interrupt, print, print_json, thread_pool};
use crate::learned::training::{DamagedCheckpoint, Record, StepLosses, Trained, Watcher};
use crate::run::{Begin, MODEL, RunError, Training};

/// Train a diffusion model of the target, to be used by `amc run` with [model]
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct TrainArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Folder for model.safetensors, config.toml, training.json and, on the way, a checkpoint
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on with the unfinished training in --out; the weights become the same bits
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Begin anew whatever is in --out; a finished model stays until the new one is there
    #[arg(long)]
    force: bool,
}

const EXAMPLE: &str = r#"The target and the range of noise come from the same configuration that `amc run` takes:

  [target]
  kind = "two-modes"
  dim = 16
  separation = 1.0

  [path]
  t_min = 1e-4             # the cleanest level the model will know

  [train]
  preset = "short"         # about a minute; "full": 500 epochs a stage
  network = "energy"       # log-density and score; "score": a score alone
  loss = "mixed"           # denoising: samples alone | target: their scores | mixed: the best of both
  classification = "bi-level"   # DiffCLF; without it the weights of modes stay unknown
  # data = "mine.npy"      # your own samples instead of exact ones

Then, in the same file or another:

  [model]
  density = "exact"        # semi-ideal; "learned" for both is what one has without a closed form
  score = "learned"
  file = "trained/model.safetensors"

`amc model-report DIR` says how good the model is, level by level. Stop a training at any moment (Ctrl-C, a crash):
--resume goes on from the last checkpoint to the same weights. A seed gives the same bits for any --threads."#;

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: PathBuf,
    samples: usize,
    steps: u64,
    seconds: f64,
    records: &'a [Record],
}

/// Runs the subcommand.
pub(super) fn train(arguments: &TrainArguments) -> Result<(), RunError> {
    let config = read_config(&arguments.config)?;
    let begin = match (arguments.resume, arguments.force) {
        (true, _) => Begin::Resume,
        (false, true) => Begin::Over,
        (false, false) => Begin::New,
    };
    let pool = thread_pool(arguments.config.threads)?;
    let start = std::time::Instant::now();
    let training = pool.install(|| Training::prepare(&config, &arguments.out, begin))?;
    if let Some(warning) = training.warning().filter(|_| !arguments.config.quiet) {
        eprintln!("warning: {warning}");
    }
    interrupt::watch();
    let mut bar = StepBar::new(arguments.config.quiet);
    let trained = pool.install(|| training.run(&mut bar))?;
    drop(bar);
    let report = Report {
        model: arguments.out.join(MODEL),
        samples: training.samples(),
        steps: training.steps(),
        seconds: start.elapsed().as_secs_f64(),
        records: &trained.records,
    };
    if arguments.config.json {
        return print_json(&report);
    }
    print(&text(&report, &trained, &arguments.out))
}

/// What a person wants to know of a training that is over.
fn text(report: &Report<'_>, trained: &Trained, out: &std::path::Path) -> String {
    let mut text = format!(
        "{} samples, {} steps of {} parameters in {:.0} s: {}\n",
        report.samples,
        report.steps,
        trained.model.network.parameters.len(),
        report.seconds,
        report.model.display()
    );
    let mut stages: Vec<&Record> = Vec::new();
    for record in report.records {
        // The last record of every stage.
        stages.retain(|last| last.stage != record.stage);
        stages.push(record);
    }
    for record in stages {
        text += &format!("stage {}: {}\n", record.stage + 1, described(record));
    }
    text + &format!("amc model-report {} shows it level by level\n", out.display())
}

/// One record in words.
fn described(record: &Record) -> String {
    let classification = |loss: f64| format!(", classification {loss:.4}");
    let trained = if record.classification > 0.0 {
        classification(record.classification)
    } else {
        String::new()
    };
    let mut text = format!("score loss {:.4}{trained}", record.score);
    if let Some(kept) = &record.validation {
        let bands: Vec<String> = kept.bands.iter().map(|band| format!("{band:.3}")).collect();
        let classified = kept.classification.map_or(String::new(), classification);
        text += &format!(
            "; on samples kept apart {:.4}{classified}; from the noisiest levels to the cleanest {}",
            kept.score,
            bands.join(" ")
        );
    }
    text
}

/// A bar over the steps of a stage, and a line for each validation on a terminal.
struct StepBar {
    bar: ProgressBar,
    quiet: bool,
}

impl StepBar {
    fn new(quiet: bool) -> Self {
        Self { bar: ProgressBar::hidden(), quiet }
    }
}

impl Watcher for StepBar {
    fn wants_to_stop(&self) -> bool {
        interrupt::requested()
    }

    fn stage(&mut self, index: usize, steps: u64, done: u64) {
        self.bar.finish_and_clear();
        self.bar = step_bar(steps, format!("stage {}", index + 1), self.quiet);
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    fn step(&mut self, losses: &StepLosses) {
        self.bar.inc(1);
        if self.bar.position().is_multiple_of(10) {
            let classification = match losses.classification {
                0.0 => String::new(),
                loss => format!(", classification {loss:.3}"),
            };
            self.bar.set_message(format!("score {:.3}{classification}", losses.score));
        }
    }

    fn damaged(&mut self, checkpoint: &DamagedCheckpoint) {
        if !self.quiet {
            eprintln!(
                "warning: {} is damaged: {}; going on without it, which costs time and changes no result",
                checkpoint.file.display(),
                checkpoint.what
            );
        }
    }

    fn record(&mut self, record: &Record) {
        self.bar.println(format!("step {}: {}", record.step, described(record)));
    }
}

impl Drop for StepBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

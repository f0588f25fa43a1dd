//! `amc experiment list|run|check`: grids of runs that show, or refute, what is claimed of the methods.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;

use super::progress::weighted_bar;
use super::table::{quantity, quantity_with_error, table};
use super::{interrupt, print, print_json, thread_count};
use crate::experiment::claims::{ClaimVerdict, Decided};
use crate::experiment::folder::{FIRST_OTHER_SEED, argument};
use crate::experiment::{
    Deviation, Expectation, Plan, Preset, Results, Row, Watcher, cell_seconds, estimated_seconds,
    execute, find, names, read_results, seeds_in_words,
};
use crate::run::RunError;
use crate::storage::replace;

/// Run an experiment of the study, or your own: a grid of runs, and verdicts on what it is to show
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct ExperimentArguments {
    #[command(subcommand)]
    command: ExperimentCommand,
}

#[derive(Debug, Subcommand)]
enum ExperimentCommand {
    /// List the experiments: what each is to show, how many runs it takes and about how long
    List(ListArguments),
    /// Run an experiment, or go on with one that was stopped
    Run(RunArguments),
    /// Compare the results of a quick preset with what is expected of a correct program
    Check(CheckArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Threads that times are estimated for; 0 stands for every core
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// Print the list as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RunArguments {
    /// An experiment of `amc experiment list`, or a folder with a config.toml of your own
    name: String,
    /// How much of it
    #[arg(long, value_enum, default_value_t = PresetName::Quick)]
    preset: PresetName,
    /// Folder for the cells and results (NAME-PRESET). The same command again goes on where it was
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Runs at the same time, each on one thread; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// No progress bar and no messages on stderr
    #[arg(long)]
    quiet: bool,
    /// Print the results as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// Run other seeds than the preset's, so many (4 to 1000), and write expected.json from them, for `check --expected`
    #[arg(long, value_name = "SEEDS", num_args = 0..=1, default_missing_value = "12", value_parser = clap::value_parser!(u64).range(4..=1000))]
    expect: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PresetName {
    /// Three minutes at most on two cores, most less than one
    Quick,
    /// More particles, levels and seeds; the estimated time is printed first
    Full,
}

#[derive(Debug, Args)]
struct CheckArguments {
    /// The folder of `amc experiment run --out`
    dir: PathBuf,
    /// What to compare with (the expected.json of the experiment)
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Print what deviates as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = r#"Examples:

  amc experiment list
  amc experiment run kernel-variance --out kv       # minutes at most; Ctrl-C and the same again goes on
  amc experiment check kv
  amc experiment run ideal-two-modes --preset full  # prints how long it takes

An experiment of your own is a folder with a config.toml like this one:

  title = "Second order against EI"
  claim = "Second order needs fewer levels."
  [base.target]
  kind = "two-modes"
  dim = 8
  [base.sampler]
  particles = 1024
  [[vary]]
  name = "levels"
  role = "axis"             # series: a line of a figure; panel: a figure of its own
  key = "path.levels"
  values = [16, 32, 64]
  [[vary]]
  name = "bridge"
  role = "series"
  choices = [
    { label = "EI", set = { bridge = { kind = "exponential-integrator" } } },
    { label = "second order", set = { bridge = { kind = "second-order" } } },
  ]
  [preset.quick]
  seeds = [1, 2, 3, 4, 5, 6]  # fewer decide little
  [preset.full]
  seeds = { first = 1, last = 12 }
  [[claims]]
  claim = "second order keeps more particles"
  measure = "ess"
  of = { bridge = "second order" }
  above = { bridge = "EI" }
  at = "evaluations"        # settings | seconds

Exit codes: 0 success, 1 a deviation from what is expected or a full disk, 2 input that was refused, 130 a run that was stopped."#;

/// Runs the subcommand.
pub(super) fn experiment(arguments: &ExperimentArguments) -> Result<(), RunError> {
    match &arguments.command {
        ExperimentCommand::List(arguments) => list(arguments),
        ExperimentCommand::Run(arguments) => run(arguments),
        ExperimentCommand::Check(arguments) => check(arguments),
    }
}

/// One experiment in the list.
#[derive(Serialize)]
struct Listed {
    name: String,
    title: String,
    claim: String,
    quick: Size,
    full: Size,
}

#[derive(Serialize)]
struct Size {
    runs: usize,
    estimated_seconds: f64,
}

fn list(arguments: &ListArguments) -> Result<(), RunError> {
    let threads = thread_count(arguments.threads)?;
    let size = |plan: &Plan| Size {
        runs: plan.cells.len(),
        estimated_seconds: estimated_seconds(plan, threads),
    };
    let mut listed = Vec::new();
    for name in names() {
        let experiment = find(name)?;
        let plan = |preset| Plan::new(&experiment, preset, Path::new("."), None);
        listed.push(Listed {
            name: name.to_owned(),
            quick: size(&plan(Preset::Quick)?),
            full: size(&plan(Preset::Full)?),
            title: experiment.config.title.clone(),
            claim: experiment.config.claim.clone(),
        });
    }
    if arguments.json {
        return print_json(&listed);
    }
    let mut text = String::new();
    for entry in &listed {
        let size =
            |size: &Size| format!("{} runs, {}", size.runs, duration(size.estimated_seconds));
        text += &format!(
            "{}: {}\n  {}\n  quick: {}; full: {}\n",
            entry.name,
            entry.title,
            entry.claim,
            size(&entry.quick),
            size(&entry.full)
        );
    }
    print(&format!("{text}Times are estimates for {}.\n", threads_in_words(threads)))
}

fn run(arguments: &RunArguments) -> Result<(), RunError> {
    let threads = thread_count(arguments.threads)?;
    let experiment = find(&arguments.name)?;
    let preset = match arguments.preset {
        PresetName::Quick => Preset::Quick,
        PresetName::Full => Preset::Full,
    };
    let default = || PathBuf::from(format!("{}-{}", experiment.name, preset.name()));
    let out = arguments.out.clone().unwrap_or_else(default);
    let first = FIRST_OTHER_SEED;
    let other_seeds = arguments.expect.map(|count| (first..first + count).collect::<Vec<u64>>());
    let plan = Plan::new(&experiment, preset, &out, other_seeds.as_deref())?;
    let estimate = estimated_seconds(&plan, threads);
    let title = (!arguments.quiet).then(|| {
        format!(
            "{}, {}: {} runs of {} settings, about {} on {} (an estimate); {} can be \
             stopped at any moment and goes on with the same command",
            experiment.name,
            preset.name(),
            plan.cells.len(),
            plan.rows.len(),
            duration(estimate),
            threads_in_words(threads),
            out.display()
        )
    });
    interrupt::watch();
    let bar = GridBar::new(cell_seconds(&plan), plan.cells.len(), arguments.quiet, title);
    let results = execute(&experiment, &plan, &out, threads, &bar);
    bar.bar.finish_and_clear();
    let results = results?;
    if arguments.expect.is_some() {
        let expectation = Expectation::of(&results, preset.of(&experiment)?.seeds.len());
        let path = out.join("expected.json");
        replace(&path, |file| {
            serde_json::to_writer_pretty(&mut *file, &expectation)?;
            file.write_all(b"\n")
        })
        .map_err(|error| RunError::Unwritable {
            path: path.clone(),
            message: format!(
                "cannot be written ({error}): make room and run the same command again"
            ),
        })?;
    }
    if arguments.json { print_json(&results) } else { print(&report(&results, &out)) }
}

/// How long nothing is said where stderr is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// A bar over the whole grid, in estimated seconds of one thread.
struct GridBar {
    bar: ProgressBar,
    state: Mutex<Progress>,
    cells: usize,
    start: Instant,
    /// Whether a line now and then stands for the bar.
    lines: bool,
    last_line: Mutex<Instant>,
    /// What is said once the folder is ours.
    title: Option<String>,
}

/// How far a grid is, in estimated seconds of one thread.
struct Progress {
    /// Cells that are there.
    finished: usize,
    /// Of the cells of this process.
    done: f64,
    /// Of the cells that are not there yet, or were not when it began.
    whole: f64,
    /// When the first of its cells ended, and what was done then: models are trained before.
    first: Option<(Instant, f64)>,
}

impl Progress {
    /// Seconds that are left at the pace since the first cell; none before there is a pace.
    fn left(&self, now: Instant) -> Option<f64> {
        let (first, done) = self.first?;
        let pace = (self.done - done) / now.duration_since(first).as_secs_f64();
        (pace > 0.0).then(|| (self.whole - self.done).max(0.0) / pace)
    }
}

impl GridBar {
    fn new(seconds: f64, cells: usize, quiet: bool, title: Option<String>) -> Self {
        let bar = weighted_bar((1e3 * seconds) as u64, quiet);
        let lines = !quiet && !std::io::stderr().is_terminal();
        let state = Mutex::new(Progress { finished: 0, done: 0.0, whole: seconds, first: None });
        let start = Instant::now();
        Self { bar, state, cells, start, lines, last_line: Mutex::new(start), title }
    }
}

impl Watcher for GridBar {
    fn begin(&self) {
        if let Some(title) = &self.title {
            self.bar.suspend(|| eprintln!("{title}"));
        }
    }

    fn fewer(&self, at_once: usize, threads: usize) {
        if self.title.is_some() {
            self.bar.suspend(|| {
                let runs = if at_once == 1 { "run" } else { "runs" };
                eprintln!("memory suffices for {at_once} {runs} at once, not for {threads}");
            });
        }
    }

    fn done(&self, cost: f64, label: &str) {
        let Ok(mut state) = self.state.lock() else { return };
        state.finished += 1;
        if label.is_empty() {
            // Of an earlier run: it says nothing of the pace of this one.
            state.whole -= cost;
            self.bar.dec_length((1e3 * cost) as u64);
        } else {
            state.done += cost;
            let done = state.done;
            state.first.get_or_insert((Instant::now(), done));
            self.bar.set_position((1e3 * state.done) as u64);
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let (finished, cells) = (state.finished, self.cells);
        let message = format!("run {finished} of {cells}, {seconds:.0} s: {label}");
        if let (true, Ok(mut last)) = (self.lines, self.last_line.lock())
            && last.elapsed() >= LINE_EVERY
        {
            let left = state.left(Instant::now()).map(duration);
            let left = left.map_or_else(String::new, |left| format!(", about {left} left"));
            eprintln!("{message}{left}");
            *last = Instant::now();
        }
        self.bar.set_message(message);
    }

    fn training(&self, name: &str) {
        self.bar.set_message(format!("training the model {name}"));
        if self.lines {
            eprintln!("training the model {name}");
        }
    }

    fn damaged(&self, file: &Path, what: &str) {
        // Not a message of progress: it stands although --quiet is given.
        self.bar.suspend(|| {
            eprintln!("{}: damaged ({what}); what it held is computed again", file.display());
        });
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}

fn report(results: &Results, out: &Path) -> String {
    let exchange = results.rows.iter().any(|row| row.measures.contains_key("mean_rejection_rate"));
    let mut header = vec!["setting", "log Z (truth 0)"];
    header.push(if exchange { "ESS/N; rejection" } else { "ESS/N" });
    header.extend(["SW", "SW floor", "mode error", "evaluations", "seconds", "failed"]);
    let mut table = table(&header, 1);
    for row in &results.rows {
        let quality = if row.measures.contains_key("ess") { "ess" } else { "mean_rejection_rate" };
        table.add_row([
            row.label.clone(),
            with_error(row, "log_z"),
            with_error(row, quality),
            mean(row, "sliced_wasserstein"),
            mean(row, "sliced_wasserstein_floor"),
            mean(row, "mode_weight_error"),
            mean(row, "evaluations"),
            mean(row, "seconds"),
            format!("{}/{}", row.failed, row.runs),
        ]);
    }
    let mut text = format!(
        "{}\n{}\n\n{table}\nMeans over seeds {} with their standard errors. SW: sliced Wasserstein distance to \
         exact samples; its\nfloor: that between exact samples. evaluations: per particle, pilot and placing included. seconds: CPU \
         time.\n\n",
        results.title,
        results.claim,
        seeds_in_words(&results.seeds)
    );
    for decided in &results.claims {
        let verdict = match decided.verdict {
            ClaimVerdict::Holds => "holds",
            ClaimVerdict::Fails => "FAILS",
            ClaimVerdict::Undecided => "undecided",
        };
        text += &format!("{verdict}: {}\n    {}\n", decided.claim, decided.detail);
    }
    text + &format!("\n{}\n", out.join("results.json").display())
}

fn with_error(row: &Row, name: &str) -> String {
    row.measures.get(name).map_or("-".into(), |measure| {
        quantity_with_error(measure.mean, measure.std_error.unwrap_or(f64::NAN))
    })
}

fn mean(row: &Row, name: &str) -> String {
    quantity(row.measures.get(name).map_or(f64::NAN, |measure| measure.mean))
}

/// What a check found.
#[derive(Serialize)]
struct Checked<'a> {
    experiment: &'a str,
    preset: &'a str,
    compared: usize,
    deviations: &'a [Deviation],
    contradicted: &'a [&'a Decided],
}

fn check(arguments: &CheckArguments) -> Result<(), RunError> {
    let refuse = |path: PathBuf, message: String| RunError::File { path, message };
    let results = arguments.dir.join("results.json");
    let text = read_results(&arguments.dir)?;
    let found: Results = serde_json::from_str(&text)
        .map_err(|error| refuse(results.clone(), format!("{error}; run the experiment again")))?;
    let own = arguments.dir.join("expected.json");
    let beside = (arguments.expected.is_none() && own.exists()).then_some(&own);
    let command = format!("amc experiment run {} --preset", argument(&found.experiment));
    let dir = arguments.dir.display();
    if beside.is_some() && found.seeds.first() == Some(&FIRST_OTHER_SEED) {
        let (preset, file) = (&found.preset, own.display());
        let message = format!(
            "holds the runs that its expected.json was made from (--expect); `{command} {preset} --out OTHER` makes some to \
             compare with it, by `amc experiment check OTHER --expected {file}`"
        );
        return Err(refuse(arguments.dir.clone(), message));
    }
    let (path, text) = match arguments.expected.as_ref().or(beside) {
        Some(path) => (
            path.clone(),
            std::fs::read_to_string(path)
                .map_err(|error| refuse(path.clone(), error.to_string()))?,
        ),
        None => {
            let path = PathBuf::from(format!("{}/expected.json", found.experiment));
            let known = find(&found.experiment).ok();
            let text = known.and_then(|known| known.expected).ok_or_else(|| {
                let (name, preset) = (&found.experiment, &found.preset);
                let message = format!(
                    "no expectations are kept for {name}'s {preset} preset as it was run; `{command} {preset} --expect \
                     --out OTHER` makes some, for `amc experiment check {dir} --expected OTHER/expected.json`"
                );
                refuse(arguments.dir.clone(), message)
            })?;
            (path, text)
        }
    };
    let expected: Expectation =
        serde_json::from_str(&text).map_err(|error| refuse(path.clone(), error.to_string()))?;
    if expected.experiment != found.experiment {
        let message = format!(
            "is for the experiment {}, and {dir} holds {}: give the one that is for it",
            expected.experiment, found.experiment
        );
        return Err(refuse(path, message));
    }
    let seeds = [expected.expected_runs, found.seeds.len()].map(|n| format!("{n} seeds"));
    let [of_expected, of_found] = [&expected.preset, &found.preset].map(|p| format!("preset {p}"));
    let differs = match of_expected == of_found {
        true => (seeds[0] != seeds[1]).then_some((&seeds[0], &seeds[1])),
        false => Some((&of_expected, &of_found)),
    };
    if let Some((is, holds)) = differs {
        let message = format!(
            "is for {is}, and {dir} holds {holds}; `{command} {} --out OTHER` runs what it is for",
            expected.preset
        );
        return Err(refuse(path, message));
    }
    if expected.grid_sha256 != found.grid_sha256 {
        let message = format!(
            "is for other settings than those of {dir}; `{command} {} --expect --out OTHER` makes expectations of yours",
            found.preset
        );
        return Err(refuse(path, message));
    }
    let compared = expected.numbers() + expected.verdicts.len();
    let (deviations, contradicted) = (expected.deviations(&found), expected.contradicted(&found));
    let (experiment, preset) = (found.experiment.as_str(), found.preset.as_str());
    if arguments.json {
        let (deviations, contradicted) = (&deviations[..], &contradicted[..]);
        print_json(&Checked { experiment, preset, compared, deviations, contradicted })?;
    } else {
        print(&differences(compared, &deviations, &contradicted, &found))?;
    }
    match deviations.len() + contradicted.len() {
        0 => Ok(()),
        deviating => Err(RunError::Deviations { deviating, compared }),
    }
}

fn differences(
    compared: usize,
    deviations: &[Deviation],
    contradicted: &[&Decided],
    found: &Results,
) -> String {
    let mut text = String::new();
    for Deviation { row, measure, found, expected } in deviations {
        let number = found.map_or("no value".into(), quantity);
        let off = match *found {
            Some(found) if found < expected.low => {
                format!(", {} below", quantity(expected.low - found))
            }
            Some(found) => format!(", {} above", quantity(found - expected.high)),
            None => String::new(),
        };
        text += &format!(
            "{row}: {measure} is {number}{off} the interval from {} to {} (mean {})\n",
            quantity(expected.low),
            quantity(expected.high),
            quantity(expected.mean)
        );
    }
    for claim in contradicted {
        let (now, before) = match claim.verdict {
            ClaimVerdict::Fails => ("fails", "hold"),
            _ => ("holds", "fail"),
        };
        text +=
            &format!("{now}, and is expected to {before}: {}\n    {}\n", claim.claim, claim.detail);
    }
    let (experiment, preset) = (&found.experiment, &found.preset);
    text + &format!(
        "{experiment}, {preset}: {} of {compared} numbers and verdicts are as expected\n",
        compared - deviations.len() - contradicted.len()
    )
}

/// So many threads as a person says it.
fn threads_in_words(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

/// Seconds as a person says them.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{} s", s.max(1.0).round()),
        s if s < 5400.0 => format!("{} min", (s / 60.0).round()),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the time left follows the estimate instead of the pace, cells of an earlier process or the training of models
    /// count, or there is a guess before there is a pace: in the 50 s after the first cell 200 s of cells are done.
    #[test]
    fn the_time_left_is_at_the_pace_so_far() {
        let bar = GridBar::new(1000.0, 10, true, None);
        let left = |seconds: f64| {
            let state = bar.state.lock().unwrap();
            let first = state.first.map_or(bar.start, |first| first.0);
            state.left(first + Duration::from_secs_f64(seconds))
        };
        bar.done(200.0, "");
        assert_eq!(left(1.0), None);
        bar.done(100.0, "a");
        assert_eq!(left(1.0), None);
        bar.done(200.0, "b");
        assert_eq!(left(50.0), Some(125.0));
        bar.done(500.0, "c");
        assert_eq!(left(80.0), Some(0.0));
    }
}

//! The command line program `amc`: one file per subcommand.
//!
//! Results go to stdout, everything else (progress, warnings, errors) to stderr. Exit codes: 0 for
//! success, 1 for a run that failed, 2 for input that was refused before any work, 130 for a run that was stopped.

mod ablate;
mod bench;
mod compare;
mod config_file;
mod eval;
mod exchange_table;
mod experiment;
mod figure;
mod fit;
mod interrupt;
mod isa;
mod list;
mod model_report;
mod progress;
mod reference;
mod report;
mod resume;
mod run;
mod schedule;
mod table;
mod train;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::fit::FitError;
use crate::learned::training::TrainingError;
use crate::run::RunError;

/// Annealed Monte Carlo: samples multi-modal distributions along tempering and diffusion paths.
#[derive(Debug, Parser)]
#[command(
    name = "amc",
    version = isa::version(),
    propagate_version = true,
    after_help = "Start with `amc compare` to see what the methods do, then `amc run CONFIG.toml` \
                  for a run of your own; `amc run --help` shows a configuration to copy. Kernels \
                  run on the best vector instructions of the processor; AMC_ISA=portable, avx2 or \
                  avx512 in the environment chooses others (results then differ in the last bits)."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArguments),
    Resume(resume::ResumeArguments),
    Compare(compare::CompareArguments),
    Schedule(schedule::ScheduleArguments),
    Ablate(ablate::AblateArguments),
    Experiment(experiment::ExperimentArguments),
    Train(train::TrainArguments),
    ModelReport(model_report::ModelReportArguments),
    Eval(eval::EvalArguments),
    Fit(fit::FitArguments),
    Verify(verify::VerifyArguments),
    Report(report::ReportArguments),
    Bench(bench::BenchArguments),
    List(list::ListArguments),
}

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    // Before the first kernel, and before `--version` says what is in force.
    if let Err(error) = isa::choose() {
        return failed(&error);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let result = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Resume(arguments) => resume::resume(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Schedule(arguments) => schedule::schedule(&arguments),
        Command::Ablate(arguments) => ablate::ablate(&arguments),
        Command::Experiment(arguments) => experiment::experiment(&arguments),
        Command::Train(arguments) => train::train(&arguments),
        Command::ModelReport(arguments) => model_report::model_report(&arguments),
        Command::Eval(arguments) => eval::eval(&arguments),
        Command::Fit(arguments) => fit::fit(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::List(arguments) => list::list(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// The error in one line, and the exit code that says whose it is.
fn failed(error: &RunError) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(match error {
        RunError::Stopped(_)
        | RunError::ExperimentStopped(_)
        | RunError::Fit(FitError::Stopped)
        | RunError::Training(TrainingError::Stopped) => interrupt::EXIT_CODE,
        error if error.is_bad_input() => 2,
        _ => 1,
    })
}

/// Help and version as clap prints them; anything else is a refusal, in one line as all of ours.
fn refused(error: &clap::Error) -> ExitCode {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    match error.kind() {
        DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand => {
            // A reader that went away is not our error.
            let _ = error.print();
        }
        _ => eprintln!("{}", one_line(&error.render().to_string())),
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// clap's paragraphs, from `error: ...` to the last tip, joined to one line.
fn one_line(message: &str) -> String {
    let lines = message.lines().map(str::trim);
    let kept: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let mut joined = String::new();
    for line in kept {
        // What continues the line before needs no separator: a value's range, a list's head.
        let continues = joined.is_empty() || line.starts_with('[') || joined.ends_with(':');
        joined += if joined.is_empty() {
            ""
        } else if continues {
            " "
        } else {
            "; "
        };
        joined += line;
    }
    joined
}

/// So many threads, 0 standing for all cores.
fn thread_count(threads: usize) -> Result<usize, RunError> {
    if threads > MOST_THREADS {
        let message = format!("at most {MOST_THREADS} are allowed; 0 uses every core");
        return Err(RunError::Threads { threads, message });
    }
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(if threads == 0 { all() } else { threads })
}

/// A pool of so many threads, 0 standing for all cores.
fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, RunError> {
    thread_count(threads)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|e| RunError::Threads { threads, message: e.to_string() })
}

/// More threads than any machine has cores are a typing error.
const MOST_THREADS: usize = 4096;

/// Writes to stdout; a reader that went away (`amc list | head`) ends the program quietly.
fn print(text: &str) -> Result<(), RunError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(RunError::File { path: "standard output".into(), message: e.to_string() })
        }
        _ => Ok(()),
    }
}

/// Prints a value as one JSON document.
fn print_json(value: &impl serde::Serialize) -> Result<(), RunError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| RunError::File { path: "standard output".into(), message: e.to_string() })?;
    print(&(text + "\n"))
}

//! The command line program `amc`: one file per subcommand.
//!
//! Results go to stdout, everything else (progress, warnings, errors) to stderr. Exit codes: 0 for
//! success, 1 for a run that failed, 2 for input that was refused before any work.

mod compare;
mod eval;
mod list;
mod progress;
mod run;
mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::run::RunError;

/// Annealed Monte Carlo: samples multi-modal distributions along tempering and diffusion paths.
#[derive(Debug, Parser)]
#[command(
    name = "amc",
    version,
    propagate_version = true,
    after_help = "Start with `amc compare` to see what the methods do, then `amc run CONFIG.toml` \
                  for a run of your own; `amc run --help` shows a configuration to copy."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArguments),
    Compare(compare::CompareArguments),
    Eval(eval::EvalArguments),
    List(list::ListArguments),
}

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Eval(arguments) => eval::eval(&arguments),
        Command::List(arguments) => list::list(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.is_bad_input() { 2 } else { 1 })
        }
    }
}

/// A pool of so many threads, 0 standing for all cores.
fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, RunError> {
    if threads > MOST_THREADS {
        let message = format!("at most {MOST_THREADS} are allowed; 0 uses every core");
        return Err(RunError::Threads { threads, message });
    }
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

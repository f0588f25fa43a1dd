//! `amc resume DIR`: goes on with a run that did not end.

use std::path::PathBuf;

use clap::Args;

use super::progress::LevelBar;
use super::run::{carry_out, show};
use super::{interrupt, thread_pool};
use crate::run::{OutputDir, RunError, Unfinished};
use crate::storage::Every;

/// Go on with a run that was stopped, killed or ran out of disk, to the same bits
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(super) struct ResumeArguments {
    /// The folder that `amc run --out` was given
    dir: PathBuf,
    /// Keep the run after so many levels or rounds (20), or so much time (30s, 5min) [default: as it began]
    #[arg(long, value_name = "N|TIME", allow_hyphen_values = true)]
    checkpoint_every: Option<Every>,
    /// Threads; 0 uses every core. The result does not depend on it
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    threads: usize,
    /// Print the result as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress bar and no warnings on stderr
    #[arg(long)]
    quiet: bool,
}

const HELP: &str = "A run with --out keeps what it has done in DIR/checkpoint: the result of every stage that is over, and \
of the one in progress the state after the first level or round that ends 30 seconds or more after it was last kept, and \
not before twenty times as long as keeping it took has passed. --checkpoint-every gives another time, or a number of levels or rounds; a run \
that is interrupted is kept at once. What lies between is computed again. Going on gives the files, to the bit, that it would have written without the interruption. Its target's and model's files must be \
what they were. A damaged file of the checkpoint is named and passed over: that costs time and changes no result.";

/// Runs the subcommand.
pub(super) fn resume(arguments: &ResumeArguments) -> Result<(), RunError> {
    let every = arguments.checkpoint_every;
    let out = OutputDir::of_unfinished(&arguments.dir)?;
    let pool = thread_pool(arguments.threads)?;
    let unfinished = Unfinished::read(&arguments.dir, every)?;
    let Unfinished { config, problem, journal, notes } = unfinished;
    pool.install(|| problem.require_memory(&config))?;
    for note in notes.iter().filter(|_| !arguments.quiet) {
        eprintln!("warning: {note}");
    }
    interrupt::watch();
    let bar = LevelBar::new(arguments.quiet).with_journal(Some(journal));
    let finished = pool.install(|| carry_out(&config, &problem, bar, Some(out)))?;
    show(&finished.summary, arguments.json, arguments.quiet)
}

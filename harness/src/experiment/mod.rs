//! Experiments: grids of runs that show, or refute, what is claimed of the methods.
//!
//! `config.toml -> rows x seeds -> cells, each a file -> results.json with verdicts -> expected.json`: see [`config`]
//! for what an experiment is, [`runner`] for how it is run, [`claims`] for how the data decide, and
//! [`expectation`] for what a correct program finds.

pub mod catalog;
pub mod claims;
pub mod config;
pub(crate) mod cost;
pub mod expectation;
pub(crate) mod folder;
pub(crate) mod measures;
pub mod plan;
pub mod results;
pub mod runner;
pub mod statistics;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use rayon::prelude::*;

pub use catalog::{Experiment, find, names};
pub use expectation::{Deviation, Expectation};
pub use folder::read_results;
pub use plan::{Plan, Preset};
pub use results::{Results, Row, seeds_in_words};
pub use runner::{Unwatched, Watcher};

use crate::run::{Memory, Problem, RunError};
use folder::{Folder, RESULTS};

/// Seconds that a plan is going to take on so many threads: an estimate.
pub fn estimated_seconds(plan: &Plan, threads: usize) -> f64 {
    let cells: Vec<f64> = plan.cells.iter().map(|cell| cost::seconds(&cell.config)).collect();
    let models: f64 = plan.models.iter().map(|model| cost::training_seconds(&model.1)).sum();
    let longest = cells.iter().copied().fold(0.0, f64::max);
    let threads = threads.max(1) as f64;
    models / threads + (cells.iter().sum::<f64>() / threads).max(longest)
}

/// Seconds that all cells of a plan are going to take on one thread: an estimate.
pub fn cell_seconds(plan: &Plan) -> f64 {
    plan.cells.iter().map(|cell| cost::seconds(&cell.config)).sum()
}

/// How many cells can run at once, `threads` of them at most. What no cell can do without is asked for before the first of
/// them runs for an hour: its files, and memory for as many as the largest of them leaves room for.
fn admit(plan: &Plan, threads: usize) -> Result<usize, RunError> {
    let memory = |cell: &plan::Cell| {
        let problem = Problem::admitted(&cell.config);
        let memory = problem.map(|problem| problem.memory(&cell.config));
        memory.map_err(|error| runner::in_row(&plan.rows[cell.row].label, error))
    };
    let needed: Vec<Memory> = plan.cells.par_iter().map(memory).collect::<Result<_, _>>()?;
    let largest = needed.iter().zip(&plan.cells).max_by_key(|(memory, _)| memory.total());
    largest.map_or(Ok(threads), |(memory, cell)| {
        // Each has a thread of its own, and one that waits for it.
        let at_once = memory.at_once(threads, 2);
        at_once.map_err(|error| runner::in_row(&plan.rows[cell.row].label, error))
    })
}

/// Runs a plan in `out`, or goes on with what is there, and writes the results.
///
/// # Errors
/// See [`RunError`]; cells that stop are results, not errors.
pub fn execute(
    experiment: &Experiment,
    plan: &Plan,
    out: &Path,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<Results, RunError> {
    let folder = Folder::open(out, plan)?;
    watcher.begin();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| RunError::Threads { threads, message: e.to_string() })?;
    pool.install(|| training::train_models(plan, out, watcher))?;
    let at_once = pool.install(|| admit(plan, threads))?;
    if at_once < threads {
        watcher.fewer(at_once, threads);
    }
    folder.begin()?;
    let cells = runner::run_cells(plan, &folder, at_once, watcher)?;
    let results = Results::new(experiment, plan, &cells);
    folder.write(RESULTS, &results)?;
    folder.finish(plan)?;
    Ok(results)
}

//! Runs the cells of a plan on several threads, one cell on one thread, so that times compare.
//!
//! A finished cell is a file; what has one is not run again. So a run can be stopped at any moment and goes on with
//! the same command, and results differ from those of a run that was never stopped by times alone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::cost;
use super::folder::Folder;
use super::plan::{Cell, Plan};
use crate::run::{RunError, run};
use crate::sampler::Silent;

/// Watches cells end; called from all threads.
pub trait Watcher: Sync {
    /// So much of the estimated cost is known to be done, of that cell and those from earlier runs.
    fn done(&self, cost: f64, label: &str);
    /// A model begins to be trained.
    fn training(&self, name: &str);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn done(&self, _cost: f64, _label: &str) {}
    fn training(&self, _name: &str) {}
}

/// A finished cell: the summary of its run, or why the run stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishedCell {
    /// Its identity in the plan.
    pub id: String,
    /// The label of its row.
    pub label: String,
    /// The settings of its row.
    pub settings: BTreeMap<String, Json>,
    /// Its seed.
    pub seed: u64,
    /// `run::Summary`, if the run went through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Json>,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Runs all cells that have no file yet, and returns all of them in the order of the plan.
///
/// # Errors
/// Files that cannot be written or are damaged, and input that no cell can do without.
pub fn run_cells(
    plan: &Plan,
    folder: &Folder,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<Vec<FinishedCell>, RunError> {
    let mut open = Vec::new();
    for cell in &plan.cells {
        match read(plan, folder, cell)? {
            Some(_) => watcher.done(cost::seconds(&cell.config), ""),
            None => open.push((cost::seconds(&cell.config), cell)),
        }
    }
    // The longest first: no thread is left alone with it at the end.
    open.sort_by(|first, second| second.0.total_cmp(&first.0));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failure = Mutex::new(None);
    let worker = || {
        let result = one_thread().and_then(|pool| {
            while !stop.load(Ordering::Relaxed) {
                let Some((cost, cell)) = open.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                let finished = pool.install(|| finish(plan, cell))?;
                folder.write(&file(cell), &finished)?;
                watcher.done(*cost, &finished.label);
            }
            Ok(())
        });
        if let Err(error) = result {
            stop.store(true, Ordering::Relaxed);
            if let Ok(mut failure) = failure.lock() {
                failure.get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..threads.clamp(1, open.len().max(1))).for_each(|_| {
            scope.spawn(worker);
        });
    });
    if let Some(error) = failure.into_inner().unwrap_or(None) {
        return Err(error);
    }
    plan.cells
        .iter()
        .map(|cell| {
            read(plan, folder, cell)?.ok_or_else(|| RunError::File {
                path: folder.join(&file(cell)),
                message: "has disappeared: run the same command again".into(),
            })
        })
        .collect()
}

fn one_thread() -> Result<rayon::ThreadPool, RunError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.map_err(|error| RunError::Threads { threads: 1, message: error.to_string() })
}

fn file(cell: &Cell) -> String {
    format!("cells/{}.json", cell.id)
}

/// Runs one cell. A run that stops is a result; input that is refused is not.
fn finish(plan: &Plan, cell: &Cell) -> Result<FinishedCell, RunError> {
    let row = &plan.rows[cell.row];
    let (summary, error) = match run(&cell.config, &mut Silent) {
        Ok(run) => {
            let summary = serde_json::to_value(&run.summary);
            let summary = summary.map_err(|error| RunError::File {
                path: file(cell).into(),
                message: format!("the summary cannot be written as JSON: {error}"),
            })?;
            (Some(summary), None)
        }
        Err(error) if error.is_bad_input() => return Err(error),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(FinishedCell {
        id: cell.id.clone(),
        label: row.label.clone(),
        settings: row.settings.clone(),
        seed: cell.seed,
        summary,
        error,
    })
}

/// A cell that is finished already.
fn read(plan: &Plan, folder: &Folder, cell: &Cell) -> Result<Option<FinishedCell>, RunError> {
    let path = folder.join(&file(cell));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RunError::File { path, message: error.to_string() }),
    };
    let damaged = |what: String| RunError::File {
        path: path.clone(),
        message: format!("is damaged ({what}): remove it and run the same command again"),
    };
    let finished: FinishedCell =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let row = &plan.rows[cell.row];
    if finished.seed != cell.seed || finished.label != row.label {
        return Err(damaged("it belongs to another cell".into()));
    }
    if finished.summary.is_some() == finished.error.is_some() {
        return Err(damaged("it needs a summary or an error".into()));
    }
    Ok(Some(finished))
}

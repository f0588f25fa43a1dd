//! Runs the cells of a plan on several threads, one cell on one thread, so that times compare.
//!
//! A finished cell is a file with a SHA-256 of itself; what has one is not run again, what is damaged is. So a run can be
//! stopped at any moment and goes on with the same command, and results differ from those of a run that was never
//! stopped by times alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::cost;
use super::folder::{Folder, cell_file};
use super::plan::{Cell, Plan};
use crate::run::{Problem, RunError, execute};
use crate::sampler::Silent;
use crate::storage::hex;

/// Watches cells end; called from all threads.
pub trait Watcher: Sync {
    /// The folder is ours: runs begin.
    fn begin(&self) {}
    /// Memory suffices for so many cells at once, fewer than there are threads.
    fn fewer(&self, _at_once: usize, _threads: usize) {}
    /// So much of the estimated cost is known to be done, of that cell and those from earlier runs.
    fn done(&self, cost: f64, label: &str);
    /// A model begins to be trained.
    fn training(&self, name: &str);
    /// A file is damaged: what it held is computed again.
    fn damaged(&self, file: &Path, what: &str);
    /// Whether somebody wants the experiment to stop after the cells in progress.
    fn stop(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn done(&self, _cost: f64, _label: &str) {}
    fn training(&self, _name: &str) {}
    fn damaged(&self, _file: &Path, _what: &str) {}
}

/// A finished cell: the summary of its run, or why the run stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FinishedCell {
    /// SHA-256 of the file with nothing in this place.
    pub(crate) sha256: String,
    /// Its identity in the plan.
    pub(crate) id: String,
    /// The label of its row.
    pub(crate) label: String,
    /// The settings of its row.
    pub(crate) settings: BTreeMap<String, Json>,
    /// Its seed.
    pub(crate) seed: u64,
    /// `run::Summary`, if the run went through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<Json>,
    /// CPU seconds of its thread for sampling, without what only checks the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thread_seconds: Option<f64>,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Runs all cells that have no file yet, and returns all of them in the order of the plan.
///
/// # Errors
/// Files that cannot be written or are damaged, and input that no cell can do without.
pub(crate) fn run_cells(
    plan: &Plan,
    folder: &Folder,
    threads: usize,
    watcher: &dyn Watcher,
) -> Result<Vec<FinishedCell>, RunError> {
    let mut open = Vec::new();
    for cell in &plan.cells {
        let cost = cost::seconds(&cell.config);
        match read(plan, folder, cell)? {
            Kept::Whole(_) => watcher.done(cost, ""),
            Kept::Absent => open.push((cost, cell)),
            Kept::Damaged(what) => {
                watcher.damaged(&folder.join(&file(cell)), &what);
                open.push((cost, cell));
            }
        }
    }
    // All settings of a seed, then those of the next: what else the machine does hits them alike. Of a seed the longest
    // first: no thread is left alone with it at the end.
    open.sort_by(|first, second| {
        first.1.seed.cmp(&second.1.seed).then(second.0.total_cmp(&first.0))
    });
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failure = Mutex::new(None);
    let worker = || {
        let result = one_thread().and_then(|pool| {
            while !stop.load(Ordering::Relaxed) {
                if watcher.stop() {
                    return Err(RunError::ExperimentStopped(folder.path().to_owned()));
                }
                let Some((cost, cell)) = open.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                let finished = pool.install(|| finish(plan, cell))?;
                folder.write_text(&file(cell), &sealed(finished)?)?;
                watcher.done(*cost, &plan.rows[cell.row].label);
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
        .map(|cell| match read(plan, folder, cell)? {
            Kept::Whole(finished) => Ok(*finished),
            Kept::Absent | Kept::Damaged(_) => Err(RunError::Unwritable {
                path: folder.join(&file(cell)),
                message: "has disappeared or changed: run the same command again".into(),
            }),
        })
        .collect()
}

fn one_thread() -> Result<rayon::ThreadPool, RunError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.map_err(|error| RunError::Threads { threads: 1, message: error.to_string() })
}

fn file(cell: &Cell) -> String {
    cell_file(&cell.id)
}

/// Runs one cell. A run that stops is a result; input that is refused is not.
fn finish(plan: &Plan, cell: &Cell) -> Result<FinishedCell, RunError> {
    let row = &plan.rows[cell.row];
    // Cells share the memory that was found for all that run at once.
    let finished = Problem::admitted(&cell.config)
        .and_then(|problem| execute(&cell.config, &problem, &mut Silent));
    let (summary, thread_seconds, error) = match finished {
        Ok(run) => {
            let summary = serde_json::to_value(&run.summary);
            let summary = summary.map_err(|error| not_json(cell.id.as_ref(), &error))?;
            (Some(summary), Some(run.sampling_thread_seconds), None)
        }
        Err(error) if error.is_bad_input() => return Err(in_row(&row.label, error)),
        Err(error) => (None, None, Some(error.to_string())),
    };
    Ok(FinishedCell {
        sha256: String::new(),
        id: cell.id.clone(),
        label: row.label.clone(),
        settings: row.settings.clone(),
        seed: cell.seed,
        summary,
        thread_seconds,
        error,
    })
}

fn not_json(path: &Path, error: &serde_json::Error) -> RunError {
    let message = format!("a summary cannot be written as JSON: {error}");
    RunError::Unwritable { path: path.to_owned(), message }
}

/// What is refused, with the row whose configuration it is.
pub(super) fn in_row(label: &str, error: RunError) -> RunError {
    let (origin, field) = (format!("{label:?}"), "its configuration".to_owned());
    RunError::Experiment { origin, field, message: error.to_string() }
}

/// The text of a cell's file, with its digest in its place.
pub(super) fn sealed(mut cell: FinishedCell) -> Result<String, RunError> {
    let text = |cell: &FinishedCell| {
        serde_json::to_string_pretty(cell).map_err(|error| not_json(cell.id.as_ref(), &error))
    };
    cell.sha256 = String::new();
    cell.sha256 = hex(&Sha256::digest(text(&cell)? + "\n"));
    Ok(text(&cell)? + "\n")
}

/// What there is of a cell.
enum Kept {
    Whole(Box<FinishedCell>),
    Absent,
    Damaged(String),
}

/// Reads a cell that is finished already.
fn read(plan: &Plan, folder: &Folder, cell: &Cell) -> Result<Kept, RunError> {
    let path = folder.join(&file(cell));
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::Absent),
        Err(error) => return Err(RunError::File { path, message: error.to_string() }),
    };
    let finished: FinishedCell = match serde_json::from_slice(&bytes) {
        Ok(finished) => finished,
        Err(error) => return Ok(Kept::Damaged(error.to_string())),
    };
    let text = String::from_utf8_lossy(&bytes).replacen(&finished.sha256, "", 1);
    let row = &plan.rows[cell.row];
    let what = if finished.sha256 != hex(&Sha256::digest(text)) {
        "its SHA-256 differs"
    } else if finished.seed != cell.seed || finished.label != row.label {
        "it belongs to another cell"
    } else if finished.summary.is_some() == finished.error.is_some() {
        "it needs a summary or an error"
    } else {
        return Ok(Kept::Whole(Box::new(finished)));
    };
    Ok(Kept::Damaged(what.into()))
}

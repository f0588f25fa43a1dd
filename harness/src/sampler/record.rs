//! What a run leaves behind level by level, and who watches it.

use serde::{Deserialize, Serialize};

use crate::storage::Journal;

/// One level of a run, after its moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelRecord {
    /// The level; 0 is the target.
    pub level: usize,
    /// Its time.
    pub time: f64,
    /// Effective sample size of the weights that arrived here, as a fraction of N.
    pub ess: f64,
    /// Conditional effective sample size of the last increment, as a fraction of N.
    pub conditional_ess: f64,
    /// Whether the population was resampled here.
    pub resampled: bool,
    /// Mean acceptance probability of the kernel here.
    pub acceptance_rate: Option<f64>,
    /// Step size of the kernel's last step here.
    pub step_size: Option<f64>,
    /// Proposals and weights here that were not finite numbers.
    pub non_finite: u64,
}

/// What a run shows while it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Effective sample size of the weights, as a fraction of N.
    Ess(f64),
    /// Largest rejection rate over pairs of levels, so far.
    Rejection(f64),
}

/// Watches a run as it goes down the levels or through its rounds.
pub trait Observer {
    /// A phase of so many levels or rounds begins.
    fn begin(&mut self, phase: &str, length: usize);
    /// So many of them were done by an earlier process.
    fn skip(&mut self, _done: usize) {}
    /// One of them is done.
    fn level_done(&mut self, progress: Progress);
    /// Whether somebody wants the run to end here.
    fn wants_to_stop(&self) -> bool {
        false
    }
    /// Where the run is kept while it goes on, if it is.
    fn journal(&mut self) -> Option<&mut Journal> {
        None
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn begin(&mut self, _phase: &str, _length: usize) {}
    fn level_done(&mut self, _progress: Progress) {}
}

/// Hides the journal of a run from a part whose results do not all lie in its own state.
pub(crate) struct Unkept<'a>(pub(crate) &'a mut dyn Observer);

impl Observer for Unkept<'_> {
    fn begin(&mut self, phase: &str, length: usize) {
        self.0.begin(phase, length);
    }

    fn skip(&mut self, done: usize) {
        self.0.skip(done);
    }

    fn level_done(&mut self, progress: Progress) {
        self.0.level_done(progress);
    }

    fn wants_to_stop(&self) -> bool {
        self.0.wants_to_stop()
    }
}

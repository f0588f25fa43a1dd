//! What a run has done so far, kept so that another process can go on to the same bits.
//!
//! A run is a fixed sequence of stages (tuning, pilot, one or several runs of the sampler, the run from the other side),
//! each a pure function of the configuration and of what came before. So it is enough to keep the results of the stages
//! that are over, and, of the one in progress, its state after some level or round:
//!
//! ```text
//! stage-0000, stage-0001, ..   results
//! state                        of the stage in progress, newest
//! state.previous               of the same stage, one checkpoint earlier
//! ```
//!
//! Going on is running again: a stage whose result is kept is not computed, the one that was in progress begins at its
//! newest intact state. Every file is sealed and carries the identity of the run and its place in the sequence; one
//! that is damaged is named and passed over, which costs time and changes no result.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::replace::rotate;
use super::sealed::{SealError, Sealed, seal, write_sealed};

const STATE: &str = "state";
const PREVIOUS: &str = "state.previous";

/// How many times as long as a state takes to write passes before the next, where time decides.
const SHARE: u32 = 20;

/// What tells a run from all others: a digest of everything that its results depend on.
pub type Identity = [u8; 32];

/// How often a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// After so many levels or rounds.
    Steps(u64),
    /// After the first level or round that ends so long after the last time, and not before twenty times as long as
    /// that took: writing a large state takes at most a twentieth of a run.
    Time(Duration),
}

impl Every {
    /// Rare enough to cost nothing, often enough that nobody minds what is lost.
    pub const DEFAULT: Self = Self::Time(Duration::from_secs(30));
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "\"{text}\" is neither a whole number of levels or rounds (20) nor of seconds, minutes or hours \
                 (30s, 5min, 1h)"
            )
        };
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let number: u64 = digits.parse().map_err(|_| refuse())?;
        if number == 0 {
            return Err(format!(
                "\"{text}\": something must lie between two checkpoints; give 1 or more"
            ));
        }
        let seconds = match unit.trim() {
            "" => return Ok(Self::Steps(number)),
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(refuse()),
        };
        Ok(Self::Time(Duration::from_secs(number.saturating_mul(seconds))))
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps}"),
            Self::Time(time) => write!(f, "{}s", time.as_secs()),
        }
    }
}

/// A run that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{path}: the checkpoint cannot be written ({error}); what was kept before is intact: make room, then `amc resume \
     {folder}` goes on"
)]
pub struct JournalError {
    /// The file.
    pub path: String,
    /// The folder of the run.
    pub folder: String,
    /// What the system says.
    pub error: String,
}

/// Where a value stands in the sequence of its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    run: Identity,
    stage: u64,
    name: String,
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    run: Identity,
    every: Every,
    /// The stage in progress.
    stage: u64,
    steps: u64,
    last: Instant,
    /// How long the last state took to write.
    cost: Duration,
    notes: Vec<String>,
}

impl Journal {
    /// The journal of a run in a folder that exists, from its first stage on.
    pub fn new(folder: &Path, run: Identity, every: Every) -> Self {
        let (folder, last) = (folder.to_owned(), Instant::now());
        let (cost, notes) = (Duration::ZERO, Vec::new());
        Self { folder, run, every, stage: 0, steps: 0, last, cost, notes }
    }

    /// The result of the stage that comes now, if it is kept; then the next stage is in progress.
    pub fn finished<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let result = self.read(&stage_file(self.stage), name)?;
        self.stage += 1;
        Some(result)
    }

    /// Keeps the result of the stage in progress, which is over.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish<T: Serialize>(&mut self, name: &str, result: &T) -> Result<(), JournalError> {
        self.write(&stage_file(self.stage), name, result)?;
        self.stage += 1;
        self.kept();
        Ok(())
    }

    /// The newest intact state of the stage in progress.
    pub fn resumed<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let damaged = self.notes.len();
        if let Some(newest) = self.read(STATE, name) {
            return Some(newest);
        }
        let previous = self.read(PREVIOUS, name)?;
        if self.notes.len() > damaged {
            // Else the next state would take the place of the only one that is intact.
            let _ = fs::rename(self.folder.join(PREVIOUS), self.folder.join(STATE));
        }
        Some(previous)
    }

    /// Keeps the state of the stage in progress after one more level or round, if it is time to or has to be `at_once`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep<T: Serialize>(
        &mut self,
        name: &str,
        at_once: bool,
        state: impl FnOnce() -> T,
    ) -> Result<(), JournalError> {
        self.steps += 1;
        let due = match self.every {
            Every::Steps(steps) => self.steps >= steps,
            Every::Time(time) => self.last.elapsed() >= time.max(SHARE * self.cost),
        };
        if !due && !at_once {
            return Ok(());
        }
        let start = Instant::now();
        let (newest, previous) = (self.folder.join(STATE), self.folder.join(PREVIOUS));
        rotate(&newest, &previous, |file| seal(file, &(self.place(name), state())))
            .map_err(|error| self.unwritable(&newest, &error))?;
        self.cost = start.elapsed();
        self.kept();
        Ok(())
    }

    /// What was found damaged since the last call, a line each.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn kept(&mut self) {
        (self.steps, self.last) = (0, Instant::now());
    }

    fn read<T: DeserializeOwned>(&mut self, file: &str, name: &str) -> Option<T> {
        let path = self.folder.join(file);
        let unusable = match self.read_own(&path, name) {
            Ok(value) => return value,
            Err(SealError::Missing) => return None,
            Err(error) => error,
        };
        self.notes.push(format!(
            "{} {unusable}; going on without it, which costs time and changes no result",
            path.display()
        ));
        None
    }

    /// What a file holds, if it is of this run and this stage.
    fn read_own<T: DeserializeOwned>(
        &self,
        path: &Path,
        name: &str,
    ) -> Result<Option<T>, SealError> {
        let mut sealed = Sealed::open(path)?;
        let place: Place = sealed.next()?;
        if place.run != self.run {
            return Err(SealError::Damaged("it belongs to another run".to_owned()));
        }
        // Left by a stage before this one.
        if place.stage != self.stage || place.name != name {
            return Ok(None);
        }
        let value = sealed.next()?;
        sealed.end()?;
        Ok(Some(value))
    }

    fn write<T: Serialize>(&self, file: &str, name: &str, value: &T) -> Result<(), JournalError> {
        let path = self.folder.join(file);
        write_sealed(&path, &(self.place(name), value))
            .map_err(|error| self.unwritable(&path, &error))
    }

    fn place(&self, name: &str) -> Place {
        Place { run: self.run, stage: self.stage, name: name.to_owned() }
    }

    fn unwritable(&self, path: &Path, error: &std::io::Error) -> JournalError {
        let folder = self.folder.parent().unwrap_or(&self.folder);
        JournalError {
            path: path.display().to_string(),
            folder: folder.display().to_string(),
            error: error.to_string(),
        }
    }
}

fn stage_file(stage: u64) -> String {
    format!("stage-{stage:04}")
}

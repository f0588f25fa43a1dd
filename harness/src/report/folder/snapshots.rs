//! `snapshots.npz`: particles at a few levels, and which replica sat where; with `samples.npz` of replica exchange.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use zip::ZipArchive;

use super::FolderError;
use crate::learned::data::{Array, read_up_to};

/// Particles at `S` levels, the noisiest first and the target last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshots {
    /// The levels, `[S]`; 0 is the target.
    pub(crate) levels: Vec<usize>,
    /// Their times, `[S]`.
    pub(crate) times: Vec<f64>,
    /// Dimension `d`.
    pub(crate) dim: usize,
    /// Particles of a level, `M`.
    pub(crate) count: usize,
    /// Standardized positions, `[S, M, d]`, row-major.
    pub(crate) positions: Vec<f64>,
    /// Log-weights, `[S, M]`, row-major.
    pub(crate) log_weights: Vec<f64>,
    /// Where replicas were, of replica exchange.
    pub(crate) replicas: Option<Replicas>,
    /// Samples of equal weight that stand for the snapshot of the target, `[n, d]`; none of annealed runs, whose samples
    /// are what the snapshot is the beginning of.
    pub(crate) samples: Vec<f64>,
}

/// The file of a run's samples.
pub(super) const SAMPLES: &str = "samples.npz";
/// Most samples of the target that are drawn, evenly spread over all.
const MOST_SAMPLES: usize = 2048;

/// An archive of arrays.
struct Arrays<'a> {
    path: &'a Path,
    archive: ZipArchive<BufReader<File>>,
}

impl<'a> Arrays<'a> {
    /// Opens the file; `None` where there is none.
    fn open(path: &'a Path) -> Result<Option<Self>, FolderError> {
        let wrong = |problem: String| FolderError::new(path, problem);
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| wrong(format!("cannot be read ({error})")))?,
        };
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|error| wrong(format!("is no archive of arrays ({error})")))?;
        Ok(Some(Self { path, archive }))
    }

    /// The array of a name and so many axes; `None` where there is none.
    fn array(&mut self, name: &str, axes: usize) -> Result<Option<Array>, FolderError> {
        let wrong = |problem: String| FolderError::new(self.path, problem);
        let entry = match self.archive.by_name(&format!("{name}.npy")) {
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            entry => entry.map_err(|error| wrong(format!("{name}: {error}")))?,
        };
        let array = read_up_to(axes, entry, name).map_err(|error| wrong(error.to_string()))?;
        match array.shape.len() == axes {
            true => Ok(Some(array)),
            false => Err(wrong(format!("{name} has {} axes instead of {axes}", array.shape.len()))),
        }
    }
}

/// Which replica sat at which level: `[rounds, ladders, levels]`, row-major, level 0 the target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Replicas {
    pub(crate) rounds: usize,
    pub(crate) ladders: usize,
    pub(crate) levels: usize,
    pub(crate) at: Vec<usize>,
}

impl Snapshots {
    /// Reads the file; `None` where there is none.
    pub(super) fn read(path: &Path, dim: usize) -> Result<Option<Self>, FolderError> {
        let wrong = |problem: String| FolderError::new(path, problem);
        let Some(mut archive) = Arrays::open(path)? else { return Ok(None) };
        let missing = |name: &str| wrong(format!("holds no array {name}"));
        let levels = archive.array("levels", 1)?.ok_or_else(|| missing("levels"))?;
        let times = archive.array("times", 1)?.ok_or_else(|| missing("times"))?;
        let positions = archive.array("positions", 3)?.ok_or_else(|| missing("positions"))?;
        let weights = archive.array("log_weights", 2)?.ok_or_else(|| missing("log_weights"))?;
        let replicas = archive.array("replicas", 3)?;
        let s = levels.values.len();
        let sizes = sizes(&positions);
        let (count, width) = (sizes[1], sizes[2]);
        let fits = sizes[0] == s && times.values.len() == s && width == dim;
        if !fits || weights.values.len() != s * count {
            let problem = format!(
                "its arrays do not fit each other: {s} levels, {} times, positions {sizes:?}, log-weights {:?}, d = {dim}",
                times.values.len(),
                weights.shape
            );
            return Err(wrong(problem));
        }
        Ok(Some(Self {
            levels: levels.values.iter().map(|&level| level as usize).collect(),
            times: times.values,
            dim,
            count,
            positions: positions.values,
            log_weights: weights.values,
            replicas: replicas.map(Replicas::new),
            samples: Vec::new(),
        }))
    }

    /// Reads samples of the target from the file of all of them: the ladders of replica exchange leave more than a few
    /// of their states. Without the file the target is shown by its snapshot.
    pub(super) fn read_samples(&mut self, path: &Path) -> Result<(), FolderError> {
        let Some(mut archive) = Arrays::open(path)? else { return Ok(()) };
        let positions = archive.array("positions", 2)?;
        let Some(positions) = positions.filter(|array| sizes(array)[1] == self.dim) else {
            let problem = format!("holds no array positions of {} columns", self.dim);
            return Err(FolderError::new(path, problem));
        };
        let rows = positions.values.chunks_exact(self.dim.max(1));
        let stride = rows.len().div_ceil(MOST_SAMPLES).max(1);
        self.samples = rows.step_by(stride).flatten().copied().collect();
        Ok(())
    }

    /// The samples of the target beside its snapshot, `[n, d]`; `None` where there are none.
    pub(crate) fn samples(&self) -> Option<usize> {
        let count = self.samples.len() / self.dim.max(1);
        (count > 0).then_some(count)
    }

    /// The level of snapshot `index`.
    pub(crate) fn level(&self, index: usize) -> usize {
        self.levels.get(index).copied().unwrap_or(0)
    }

    /// The time of snapshot `index`.
    pub(crate) fn time(&self, index: usize) -> f64 {
        self.times.get(index).copied().unwrap_or(0.0)
    }

    /// The particles of snapshot `index` in two coordinates, with weights whose mean is 1; all 0 where none is
    /// finite.
    pub(crate) fn points(&self, index: usize, (i, j): (usize, usize)) -> Vec<(f64, f64, f64)> {
        let (m, d) = (self.count, self.dim);
        if self.level(index) == 0 && !self.samples.is_empty() {
            let rows = self.samples.chunks_exact(d.max(1));
            return rows.filter_map(|row| Some((*row.get(i)?, *row.get(j)?, 1.0))).collect();
        }
        let weights = self.log_weights.get(index * m..(index + 1) * m).unwrap_or_default();
        let largest = weights.iter().copied().filter(|w| w.is_finite()).fold(f64::MIN, f64::max);
        let relative = |w: f64| if w.is_finite() { libm::exp(w - largest) } else { 0.0 };
        let total: f64 = weights.iter().map(|&w| relative(w)).sum();
        let rows = self.positions.get(index * m * d..).unwrap_or_default().chunks_exact(d.max(1));
        let share = |w: f64| if total > 0.0 { relative(w) / total } else { 0.0 };
        let point =
            |(row, &w): (&[f64], &f64)| Some((*row.get(i)?, *row.get(j)?, share(w) * m as f64));
        rows.zip(weights).filter_map(point).collect()
    }
}

impl Replicas {
    fn new(array: Array) -> Self {
        let [rounds, ladders, levels] = sizes(&array);
        Self { rounds, ladders, levels, at: array.values.iter().map(|&r| r as usize).collect() }
    }

    /// The level of a replica of a ladder round by round; `None` where no level holds it.
    pub(crate) fn path(&self, ladder: usize, replica: usize) -> Vec<Option<usize>> {
        let row = |round: usize| {
            let start = (round * self.ladders + ladder) * self.levels;
            self.at.get(start..start + self.levels).unwrap_or_default()
        };
        (0..self.rounds).map(|round| row(round).iter().position(|&r| r == replica)).collect()
    }
}

fn sizes(array: &Array) -> [usize; 3] {
    let size = |axis: usize| array.shape.get(axis).map_or(1, |&n| usize::try_from(n).unwrap_or(0));
    [size(0), size(1), size(2)]
}

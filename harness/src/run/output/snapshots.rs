//! What a run looked like on its way.

use std::fs::File;
use std::io::{self, BufWriter};

use super::super::Run;
use super::npz::Archive;

/// `levels`, `times` `[S]`, `positions` `[S, M, d]` standardized, `log_weights` `[S, M]`; with replica exchange also
/// `replicas` `[R, ladders, levels]`: the replica at each level after each of the first rounds.
pub(super) fn write(file: &mut BufWriter<File>, dim: usize, run: &Run) -> io::Result<()> {
    let shots = &run.snapshots;
    let particles = shots.first().map_or(0, |shot| shot.log_weights.len());
    let (s, m, d) = (shots.len() as u64, particles as u64, dim as u64);
    let mut archive = Archive::new(file);
    archive.add("levels", &[s], shots.iter().map(|shot| shot.level as i64))?;
    archive.add("times", &[s], shots.iter().map(|shot| shot.time))?;
    let positions = shots.iter().flat_map(|shot| shot.positions.iter().copied());
    archive.add("positions", &[s, m, d], positions)?;
    let log_weights = shots.iter().flat_map(|shot| shot.log_weights.iter().copied());
    archive.add("log_weights", &[s, m], log_weights)?;
    if let Some(paths) = &run.trajectories {
        let (ladders, levels) = (paths.ladders as u64, paths.levels as u64);
        let rounds = paths.replicas.len() as u64 / (ladders * levels).max(1);
        let replicas = paths.replicas.iter().map(|&replica| i64::from(replica));
        archive.add("replicas", &[rounds, ladders, levels], replicas)?;
    }
    archive.finish()
}

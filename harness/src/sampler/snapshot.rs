//! A few particles at a few levels: what a run looked like on its way.

use serde::{Deserialize, Serialize};

/// Most levels that are kept, and particles of each.
const LEVELS: usize = 6;
const PARTICLES: usize = 512;

/// The first particles of a run at one level, after their moves there; of replica exchange, states of the first ladders
/// in rounds evenly spread over the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The level; 0 is the target.
    pub level: usize,
    /// Its time.
    pub time: f64,
    /// Positions `[M x d]`, row-major, `M <= 512`.
    pub positions: Vec<f64>,
    /// Their log-weights, not normalized, `[M]`.
    pub log_weights: Vec<f64>,
}

impl Snapshot {
    /// Whether level `level` of `0..=steps` is one of those that are kept: both ends, and evenly in between.
    pub(super) fn is_wanted(level: usize, steps: usize) -> bool {
        let places = LEVELS.min(steps + 1) - 1;
        // The level next to each of the even places k steps/places.
        (0..=places).any(|k| (2 * k * steps + places) / (2 * places.max(1)) == level)
    }

    /// The first of these rows `[N x d]`.
    pub(super) fn new(
        (level, time): (usize, f64),
        dim: usize,
        mut positions: Vec<f64>,
        log_weights: &[f64],
    ) -> Self {
        let kept = log_weights.len().min(PARTICLES);
        positions.truncate(kept * dim);
        Self { level, time, positions, log_weights: log_weights[..kept].to_vec() }
    }

    /// Most particles of one.
    pub(super) const fn most_particles() -> usize {
        PARTICLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if an end is left out, too many levels are kept, or a short run divides by zero.
    #[test]
    fn both_ends_and_levels_in_between() {
        let wanted = |steps: usize| -> Vec<usize> {
            (0..=steps).filter(|&level| Snapshot::is_wanted(level, steps)).collect()
        };
        assert_eq!(wanted(10), [0, 2, 4, 6, 8, 10]);
        assert_eq!(wanted(128), [0, 26, 51, 77, 102, 128]);
        assert_eq!(wanted(3), [0, 1, 2, 3]);
        assert_eq!(wanted(1), [0, 1]);
        assert_eq!(wanted(0), [0]);
    }
}

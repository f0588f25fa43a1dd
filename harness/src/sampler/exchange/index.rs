//! The index process: which replica sits where, and how often it travels the whole ladder \[Syed22\].
//!
//! A replica is what a swap carries along. A *restart* is an arrival at the target of a replica that
//! last saw the reference; a *round trip* is its return to the reference after that. The rate of
//! round trips is what replica exchange is tuned for.

use serde::{Deserialize, Serialize};

use super::outcome::Trajectories;

/// Where a replica was last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Journey {
    /// At neither end yet.
    Unknown,
    /// At the reference.
    FromReference,
    /// At the target, having come from the reference.
    FromTarget,
}

/// The index process of several ladders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct IndexProcess {
    levels: usize,
    ladders: usize,
    /// The replica at each level, `[levels x ladders]`.
    replica: Vec<u32>,
    /// `[levels x ladders]`, by replica.
    journey: Vec<Journey>,
    /// Round trips of each ladder since the last reset, `[ladders]`.
    pub(super) round_trips: Vec<u64>,
    /// Restarts of each ladder since the last reset, `[ladders]`.
    pub(super) restarts: Vec<u64>,
}

impl IndexProcess {
    /// Every replica at its own level.
    pub(super) fn new(levels: usize, ladders: usize) -> Self {
        let name = |level: usize| u32::try_from(level).unwrap_or(u32::MAX);
        let replica = (0..levels).flat_map(|level| std::iter::repeat_n(name(level), ladders));
        let mut process = Self {
            levels,
            ladders,
            replica: replica.collect(),
            journey: vec![Journey::Unknown; levels * ladders],
            round_trips: vec![0; ladders],
            restarts: vec![0; ladders],
        };
        process.visit_ends();
        process
    }

    /// The replicas of levels `clean` and `clean + 1` of a ladder trade places.
    pub(super) fn swap(&mut self, clean: usize, ladder: usize) {
        self.replica.swap(clean * self.ladders + ladder, (clean + 1) * self.ladders + ladder);
    }

    /// Notes who is at the ends after a round.
    pub(super) fn visit_ends(&mut self) {
        for ladder in 0..self.ladders {
            let at = |level: usize| {
                self.replica[level * self.ladders + ladder] as usize * self.ladders + ladder
            };
            let (target, reference) = (at(0), at(self.levels - 1));
            if self.journey[target] == Journey::FromReference {
                self.journey[target] = Journey::FromTarget;
                self.restarts[ladder] += 1;
            }
            if self.journey[reference] == Journey::FromTarget {
                self.round_trips[ladder] += 1;
            }
            self.journey[reference] = Journey::FromReference;
        }
    }

    /// Notes where the replicas of the first ladders are.
    pub(super) fn follow(&self, trajectories: &mut Trajectories) {
        trajectories.ladders = self.ladders.min(Trajectories::LADDERS);
        trajectories.levels = self.levels;
        for ladder in 0..trajectories.ladders {
            let level = |level: usize| self.replica[level * self.ladders + ladder];
            trajectories.replicas.extend((0..self.levels).map(level));
        }
    }

    /// Counts from zero again; journeys under way go on.
    pub(super) fn reset_counts(&mut self) {
        self.round_trips.fill(0);
        self.restarts.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a half trip counts as a whole one, a replica that never saw the reference counts, or
    /// ladders are mixed up: replicas 0 1 2 of ladder 1 are moved by hand, ladder 0 stands still.
    #[test]
    fn trips_by_hand() {
        let mut process = IndexProcess::new(3, 2);
        let step = |process: &mut IndexProcess, clean: usize| {
            process.swap(clean, 1);
            process.visit_ends();
        };
        // Replica 0 starts at the target: reaching the reference is no round trip.
        step(&mut process, 0); // 1 0 2
        step(&mut process, 1); // 1 2 0
        assert_eq!((process.round_trips[1], process.restarts[1]), (0, 0));
        // Replica 2 came from the reference and reaches the target: one restart.
        step(&mut process, 0); // 2 1 0
        assert_eq!((process.round_trips[1], process.restarts[1]), (0, 1));
        step(&mut process, 0); // 1 2 0
        step(&mut process, 1); // 1 0 2: and is back
        assert_eq!((process.round_trips[1], process.restarts[1]), (1, 1));
        // Staying there is not another one.
        process.visit_ends();
        assert_eq!(process.round_trips, [0, 1]);
        assert_eq!(process.restarts, [0, 1]);
        let mut followed = Trajectories::default();
        process.follow(&mut followed);
        assert_eq!((followed.ladders, followed.levels), (2, 3));
        assert_eq!(followed.replicas, [0, 1, 2, 1, 0, 2]);
        process.reset_counts();
        step(&mut process, 0); // 0 1 2: replica 0 saw the reference before the reset
        assert_eq!((process.round_trips[1], process.restarts[1]), (0, 1));
    }
}

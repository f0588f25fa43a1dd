//! Keeps samples of a long run in bounded memory.
//!
//! Every `stride`-th round is kept; when the room is full, every other kept round is dropped and the
//! stride doubles. What is kept is evenly spread over the whole run, whatever its length.

use serde::{Deserialize, Serialize};

/// Kept rounds of one level, each `[ladders x d]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recorder {
    /// Most rounds kept.
    capacity: usize,
    stride: usize,
    rounds: Vec<Vec<f64>>,
}

impl Recorder {
    /// Room for about `samples` samples, at least one round of `ladders` unless none are wanted.
    pub(super) fn new(samples: usize, ladders: usize) -> Self {
        let rounds = samples / ladders.max(1);
        let capacity = if samples == 0 { 0 } else { rounds.max(1) };
        Self { capacity, stride: 1, rounds: Vec::new() }
    }

    /// Offers round number `round`, from 0 on without gaps; `rows` makes it if it is kept.
    pub(super) fn offer(&mut self, round: usize, rows: impl FnOnce() -> Vec<f64>) {
        if self.capacity == 0 || !round.is_multiple_of(self.stride) {
            return;
        }
        if self.rounds.len() == self.capacity {
            if self.capacity == 1 {
                // The latest is the best single one.
                self.rounds.clear();
            } else {
                let mut index = 0;
                self.rounds.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
                if !round.is_multiple_of(self.stride) {
                    return;
                }
            }
        }
        self.rounds.push(rows());
    }

    /// Rounds from one that is kept to the next, of `rounds` in all: all of them where the last alone is kept.
    pub(super) fn kept_every(&self, rounds: usize) -> usize {
        if self.capacity == 1 { rounds } else { self.stride }
    }

    /// All kept samples, `[n x d]`, in order of rounds.
    pub(super) fn into_rows(self) -> Vec<f64> {
        self.rounds.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if memory grows with the rounds, or what is kept is not evenly spread, or as far apart as is said.
    #[test]
    fn kept_rounds_are_bounded_and_even() {
        for (rounds, every, expected) in [
            (3, 1, vec![0.0, 1.0, 2.0]),
            (5, 1, vec![0.0, 1.0, 2.0, 3.0, 4.0]),
            (6, 2, vec![0.0, 2.0, 4.0]),
            (11, 4, vec![0.0, 4.0, 8.0]),
            (1000, 256, vec![0.0, 256.0, 512.0, 768.0]),
        ] {
            let mut recorder = Recorder::new(10, 2);
            for round in 0..rounds {
                recorder.offer(round, || vec![round as f64]);
                assert!(recorder.rounds.len() <= 5);
            }
            assert_eq!(recorder.kept_every(rounds), every, "{rounds}");
            assert_eq!(recorder.into_rows(), expected, "{rounds}");
        }
        let mut last = Recorder::new(1, 4);
        (0..7).for_each(|round| last.offer(round, || vec![round as f64]));
        assert_eq!(last.kept_every(7), 7);
        assert_eq!(last.into_rows(), [6.0]);
    }
}

//! What a thread keeps for the teams of blocks that it moves, so that no block allocates.

use amc_core::point::{Evaluations, Team};
use amc_core::rng::{Key, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

/// Most blocks that move together.
pub(super) const MOST_BLOCKS: usize = 64;

/// Room for teams of blocks, of whose moves a `T` is said each.
pub(super) struct TeamRoom<T> {
    pub(super) memory: Vec<f64x8>,
    pub(super) streams: Vec<Stream>,
    pub(super) outcomes: Vec<T>,
    /// Per particle of each block.
    pub(super) evaluations: Vec<Evaluations>,
}

/// The blocks that move together where a density or a move asks for so many.
pub(super) fn team_len(asked: usize) -> usize {
    asked.clamp(1, MOST_BLOCKS)
}

impl<T: Clone + Default> TeamRoom<T> {
    /// Room for teams of up to `blocks` blocks, and a workspace of so many vectors.
    pub(super) fn new(vectors: usize, blocks: usize) -> Self {
        Self {
            memory: vec![f64x8::ZERO; vectors],
            streams: Vec::with_capacity(blocks),
            outcomes: Vec::with_capacity(blocks),
            evaluations: Vec::with_capacity(blocks),
        }
    }

    /// Makes room for blocks `first ..  first + count`, each with the stream that `key` has for it.
    pub(super) fn begin(&mut self, key: Key, first: usize, count: usize) {
        self.streams.clear();
        self.streams.extend((first..first + count).map(|b| key.block(b as u64).stream()));
        self.outcomes.clear();
        self.outcomes.resize(count, T::default());
        self.evaluations.clear();
        self.evaluations.resize(count, Evaluations::default());
    }

    /// The team that was begun.
    pub(super) fn team(&mut self) -> Team<'_, T> {
        Team {
            streams: &mut self.streams,
            outcomes: &mut self.outcomes,
            scratch: Scratch::new(&mut self.memory),
            evaluations: &mut self.evaluations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::Purpose;

    /// Fails if a block is given the stream of another, or a team starts with what the last one left.
    #[test]
    fn every_team_begins_afresh() {
        let key = Key::new(3, Purpose::Kernel).level(2);
        let mut room = TeamRoom::<u8>::new(5, 4);
        for (first, count) in [(0, 4), (4, 1), (5, 3)] {
            room.begin(key, first, count);
            let team = room.team();
            assert!(team.check(count).is_ok());
            for (i, stream) in team.streams.iter_mut().enumerate() {
                let expected = key.block((first + i) as u64).stream().uniform();
                assert_eq!(stream.uniform().to_bits(), expected.to_bits());
            }
            assert!(team.outcomes.iter().all(|&outcome| outcome == 0));
            assert!(team.evaluations.iter().all(|&made| made == Evaluations::default()));
            team.outcomes.fill(7);
            team.evaluations.fill(Evaluations { density: 1, score: 2, hessian_product: 3 });
        }
        assert_eq!([0, 1, 9, 64, 99].map(team_len), [1, 1, 9, 64, 64]);
    }
}

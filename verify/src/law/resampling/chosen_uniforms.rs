//! A generator that returns chosen uniforms, so that a law can integrate the randomness of a scheme out.
//!
//! The unit interval is divided into `2^52` equal cells; a draw returns a chosen cell in the highest bits of a word, as
//! `Rng`s do. What is drawn past the chosen cells comes from a continuation.

use core::convert::Infallible;
use rand_core::TryRng;

/// Cells of the unit interval.
pub(super) const CELLS: u64 = 1 << 52;

/// What is returned once the chosen cells are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Continuation {
    /// The lowest cell.
    Lowest,
    /// The highest cell.
    Highest,
    /// Cells without pattern.
    Mixed,
}

impl Continuation {
    pub(super) const ALL: [Self; 3] = [Self::Lowest, Self::Highest, Self::Mixed];
}

/// A [`rand_core::Rng`] whose words are chosen one by one.
#[derive(Debug)]
pub struct ChosenUniforms<'a> {
    cells: &'a [u64],
    continuation: Continuation,
    draws: usize,
}

impl<'a> ChosenUniforms<'a> {
    /// Returns these cells, then the continuation.
    pub(super) fn new(cells: &'a [u64], continuation: Continuation) -> Self {
        Self { cells, continuation, draws: 0 }
    }

    /// Words drawn so far.
    pub(super) fn draws(&self) -> usize {
        self.draws
    }

    fn cell(&self) -> u64 {
        if let Some(&cell) = self.cells.get(self.draws) {
            return cell;
        }
        match self.continuation {
            Continuation::Lowest => 0,
            Continuation::Highest => CELLS - 1,
            // Multiples of the golden ratio, modulo one.
            Continuation::Mixed => {
                (self.draws as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12
            }
        }
    }
}

impl TryRng for ChosenUniforms<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        // The middle of the cell, for generators that use more bits than cells have.
        let word = self.cell() << 12 | 0x800;
        self.draws += 1;
        Ok(word)
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        for chunk in destination.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            for (byte, word) in chunk.iter_mut().zip(bytes) {
                *byte = word;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng;

    /// Fails if a cell lands in other bits, draws are not counted, or a continuation starts early.
    #[test]
    fn cells_then_continuation() {
        let cells = [3, CELLS - 1];
        let mut rng = ChosenUniforms::new(&cells, Continuation::Lowest);
        assert_eq!(
            [rng.next_u64(), rng.next_u64(), rng.next_u64()].map(|w| w >> 12),
            [3, CELLS - 1, 0]
        );
        assert_eq!(rng.draws(), 3);
        let mut rng = ChosenUniforms::new(&[], Continuation::Highest);
        assert_eq!((rng.next_u32(), rng.draws()), (u32::MAX, 1));
        let mut bytes = [0; 9];
        rng.fill_bytes(&mut bytes);
        assert_eq!(rng.draws(), 3);
    }
}

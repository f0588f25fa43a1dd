//! A generator that returns chosen uniforms, so that tests can integrate the randomness out.

use core::convert::Infallible;
use rand_core::TryRng;

/// Repeats a list of uniforms for ever and counts the draws.
pub(super) struct Uniforms<'a> {
    source: Source<'a>,
    /// Draws made so far.
    pub(super) draws: usize,
}

enum Source<'a> {
    Points(&'a [f64]),
    Raw(&'a [u64]),
}

impl<'a> Uniforms<'a> {
    /// Draws come out within `2^-53` of these points of `[0, 1)`.
    pub(super) fn new(points: &'a [f64]) -> Self {
        Self { source: Source::Points(points), draws: 0 }
    }

    /// Draws come from exactly these 64-bit words.
    pub(super) fn raw(words: &'a [u64]) -> Self {
        Self { source: Source::Raw(words), draws: 0 }
    }
}

impl TryRng for Uniforms<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let word = match self.source {
            Source::Points(points) => {
                ((points[self.draws % points.len()] * (1u64 << 52) as f64) as u64) << 12
            }
            Source::Raw(words) => words[self.draws % words.len()],
        };
        self.draws += 1;
        Ok(word)
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        for chunk in destination.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

/// Number of offspring of each of `N` particles.
pub(super) fn counts<const N: usize>(ancestors: &[usize]) -> [usize; N] {
    let mut counts = [0; N];
    ancestors.iter().for_each(|&ancestor| counts[ancestor] += 1);
    counts
}

/// Midpoint `index` of a grid of `size` cells on (0, 1).
pub(super) fn midpoint(index: usize, size: usize) -> f64 {
    (index as f64 + 0.5) / size as f64
}

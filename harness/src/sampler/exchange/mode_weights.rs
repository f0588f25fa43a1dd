//! Mode weights of each ladder, as running means over all rounds.

use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::error::Result;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use rayon::prelude::*;

use super::ladders::Ladders;

/// Running means of the responsibilities at level 0, ladder by ladder.
pub(super) struct ModeWeights<'a> {
    target: &'a MixtureLevel<'a>,
    ladders: usize,
    blocks: Vec<Block>,
}

/// Eight ladders: sums of responsibilities `[K]`, and the rounds with a finite state, lane by lane.
struct Block {
    sums: Vec<f64x8>,
    rounds: [u64; LANES],
    responsibilities: Vec<f64x8>,
    memory: Vec<f64x8>,
}

impl<'a> ModeWeights<'a> {
    pub(super) fn new(target: &'a MixtureLevel<'a>, ladders: usize) -> Self {
        let modes = target.mixture().components();
        let block = || Block {
            sums: vec![f64x8::ZERO; modes],
            rounds: [0; LANES],
            responsibilities: vec![f64x8::ZERO; modes],
            memory: vec![f64x8::ZERO; target.scratch_len()],
        };
        let blocks = (0..ladders.div_ceil(LANES)).map(|_| block()).collect();
        Self { target, ladders, blocks }
    }

    /// Adds the states of a round.
    pub(super) fn add(&mut self, ladders: &Ladders) -> Result<()> {
        let target = self.target;
        ladders.blocks_at(0).zip(&mut self.blocks).try_for_each(|(x, block)| {
            let Block { sums, rounds, responsibilities, memory } = block;
            target.responsibilities(x, responsibilities, Scratch::new(memory))?;
            for (lane, rounds) in rounds.iter_mut().enumerate() {
                // A ladder that stands where the density is no number says nothing.
                if responsibilities.iter().all(|r| r.as_array()[lane].is_finite()) {
                    *rounds += 1;
                } else {
                    responsibilities.iter_mut().for_each(|r| r.as_mut_array()[lane] = 0.0);
                }
            }
            for (sum, &r) in sums.iter_mut().zip(&*responsibilities) {
                *sum += r;
            }
            Ok(())
        })
    }

    /// The means, `[ladders][K]`.
    pub(super) fn means(self) -> Vec<Vec<f64>> {
        let mean = |ladder: usize| {
            let (block, lane) = (&self.blocks[ladder / LANES], ladder % LANES);
            let rounds = block.rounds[lane] as f64;
            block.sums.iter().map(|sum| sum.as_array()[lane] / rounds).collect()
        };
        (0..self.ladders).map(mean).collect()
    }
}

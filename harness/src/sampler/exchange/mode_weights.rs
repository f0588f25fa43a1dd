//! Mode weights of each ladder, as running means over all rounds.

use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::error::Result;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::kept::lanes;
use super::ladders::Ladders;

/// Running means of the responsibilities at level 0, ladder by ladder.
pub(super) struct ModeWeights<'a> {
    target: &'a MixtureLevel<'a>,
    ladders: usize,
    blocks: Vec<Block>,
}

/// Eight ladders: sums of responsibilities `[K]`, and the rounds with a finite state, lane by lane.
struct Block {
    total: Total,
    responsibilities: Vec<f64x8>,
    memory: Vec<f64x8>,
}

/// What a checkpoint holds of a block.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Total {
    #[serde(with = "lanes")]
    sums: Vec<f64x8>,
    rounds: [u64; LANES],
}

impl<'a> ModeWeights<'a> {
    pub(super) fn new(target: &'a MixtureLevel<'a>, ladders: usize) -> Self {
        let modes = target.mixture().components();
        let block = || Block {
            total: Total { sums: vec![f64x8::ZERO; modes], rounds: [0; LANES] },
            responsibilities: vec![f64x8::ZERO; modes],
            memory: vec![f64x8::ZERO; target.scratch_len()],
        };
        let blocks = (0..ladders.div_ceil(LANES)).map(|_| block()).collect();
        Self { target, ladders, blocks }
    }

    /// The sums so far.
    pub(super) fn totals(&self) -> Vec<Total> {
        self.blocks.iter().map(|block| block.total.clone()).collect()
    }

    /// Goes on from sums that were kept.
    pub(super) fn resume(&mut self, totals: Vec<Total>) {
        self.blocks.iter_mut().zip(totals).for_each(|(block, total)| block.total = total);
    }

    /// Adds the states of a round.
    pub(super) fn add(&mut self, ladders: &Ladders) -> Result<()> {
        let target = self.target;
        ladders.blocks_at(0).zip(&mut self.blocks).try_for_each(|(x, block)| {
            let Block { total: Total { sums, rounds }, responsibilities, memory } = block;
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
            let rounds = block.total.rounds[lane] as f64;
            block.total.sums.iter().map(|sum| sum.as_array()[lane] / rounds).collect()
        };
        (0..self.ladders).map(mean).collect()
    }
}

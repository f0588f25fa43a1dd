//! Moves of two blocks at once.

use amc_core::bridge::{Bridge, Crossing};
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::Result;
use amc_core::exchange::{SwapOutcome, swap_blocks, swap_blocks_scratch_len};
use amc_core::kernel::{MarkovKernel, Outcome, Team};
use amc_core::point::{BlocksMut, Evaluations};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

use crate::tour::{D, Traveller};

const BLOCKS: usize = 2;

/// Two blocks with what moves them.
struct Pair {
    x: [f64x8; BLOCKS * D],
    score: [f64x8; BLOCKS * D],
    log_density: [f64x8; BLOCKS],
    streams: [Stream; BLOCKS],
    evaluations: [Evaluations; BLOCKS],
}

impl Pair {
    /// Both blocks at one point, evaluated.
    fn at(density: &dyn Score, traveller: &mut Traveller) -> Result<Self> {
        let stream =
            |block| Key::new(1, Purpose::User).block(core::hint::black_box(block)).stream();
        let mut pair = Self {
            x: core::hint::black_box([f64x8::splat(0.4); BLOCKS * D]),
            score: [f64x8::ZERO; BLOCKS * D],
            log_density: [f64x8::ZERO; BLOCKS],
            streams: [stream(0), stream(1)],
            evaluations: [Evaluations::default(); BLOCKS],
        };
        let Self { x, score, log_density, evaluations, .. } = &mut pair;
        let scratch = Scratch::new(&mut traveller.memory);
        BlocksMut { x, log_density, score }.evaluate(density, scratch, evaluations)?;
        Ok(pair)
    }

    fn blocks(&mut self) -> BlocksMut<'_> {
        BlocksMut { x: &mut self.x, log_density: &mut self.log_density, score: &mut self.score }
    }
}

/// A team for the blocks and streams of pairs.
macro_rules! team {
    ($pair:expr, $outcomes:expr, $traveller:expr) => {
        Team {
            streams: &mut $pair.streams,
            outcomes: $outcomes,
            scratch: Scratch::new(&mut $traveller.memory),
            evaluations: &mut $pair.evaluations,
        }
    };
}

/// A step of a kernel, and log-densities alone.
pub fn kernel_tour(
    density: &dyn Score,
    kernel: &dyn MarkovKernel,
    traveller: &mut Traveller,
) -> Result<()> {
    let mut pair = Pair::at(density, traveller)?;
    let mut outcomes = [Outcome::none(); BLOCKS];
    let mut movers = Pair::at(density, traveller)?;
    let team = team!(movers, &mut outcomes, traveller);
    kernel.step_blocks(density, 0.1, pair.blocks(), team)?;
    traveller.total += outcomes.iter().map(|outcome| outcome.totals(8).0).sum::<f64>();
    traveller.total += (density.blocks_at_once() + kernel.blocks_at_once(D)) as f64;
    let mut values = [f64x8::ZERO; BLOCKS];
    density.log_densities(&pair.x, &mut values, Scratch::new(&mut traveller.memory))?;
    values.into_iter().for_each(|value| traveller.add(value));
    Ok(())
}

/// Forward, backward and a swap.
pub fn bridge_tour(
    bridge: &dyn Bridge,
    (noisy, clean): (&MixtureLevel<'_>, &MixtureLevel<'_>),
    traveller: &mut Traveller,
) -> Result<()> {
    let (mut t, mut s) = (Pair::at(noisy, traveller)?, Pair::at(clean, traveller)?);
    let mut movers = Pair::at(noisy, traveller)?;
    let mut crossings = [Crossing::default(); BLOCKS];
    let team = team!(movers, &mut crossings, traveller);
    bridge.forward_blocks(t.blocks().as_blocks(), s.blocks(), team)?;
    crossings.iter().for_each(|crossing| traveller.add(crossing.log_work));
    let team = team!(movers, &mut crossings, traveller);
    bridge.backward_blocks(s.blocks().as_blocks(), t.blocks(), team)?;
    crossings.iter().for_each(|crossing| traveller.add(crossing.log_work));
    let mut outcomes = [SwapOutcome::default(); BLOCKS];
    let team = team!(movers, &mut outcomes, traveller);
    swap_blocks(bridge, t.blocks(), s.blocks(), team, &mut crossings)?;
    outcomes.iter().for_each(|outcome| traveller.add(outcome.acceptance_probability));
    let room = swap_blocks_scratch_len(bridge, BLOCKS) + bridge.blocks_at_once() + clean.dim();
    traveller.total += room as f64;
    Ok(())
}

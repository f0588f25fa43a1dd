//! Replica exchange whose levels are spread over ranks.
//!
//! Rank `r` owns consecutive levels. A pair of levels on two ranks is swapped by the cleaner level's
//! owner: the state at the noisier level comes, what is accepted goes back with a mask. The same swap can
//! be done by two numbers, if replicas stay and levels change hands: the forward work depends on `x_t`
//! alone, the backward work on `x_s` alone. [`run`] does every swap both ways and compares.

use amc_core::bridge::Bridge;
use amc_core::error::Result;
use amc_core::exchange::{swap, swap_scratch_len};
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};

use crate::blocks::{Blocks, state_len};
use crate::network::{Mail, Network};
use crate::problem::Problem;

/// What replica exchange left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// States of all levels, `[levels x ladders x (2d + 1)]`.
    pub states: Vec<f64>,
    /// Swaps tried and accepted, over all ladders.
    pub swaps: u64,
    /// See above.
    pub accepted: u64,
    /// Swaps through a boundary between ranks, tried and accepted.
    pub crossed: u64,
    /// See above.
    pub crossed_accepted: u64,
    /// Lanes in which the swap by two numbers ended otherwise.
    pub disagreements: u64,
}

/// The rank that owns a level, of `levels` levels on `ranks` ranks.
pub fn owner(level: usize, levels: usize, ranks: usize) -> usize {
    level * ranks / levels
}

/// Runs `rounds` rounds of even-odd swaps of `ladders` ladders on the ranks of `network`.
///
/// # Errors
/// Those of the core.
pub fn run(
    problem: &Problem<'_>,
    (ladders, rounds): (usize, usize),
    ranks: usize,
    network: &mut Network,
) -> Result<Outcome> {
    let top = problem.steps();
    let mut levels = vec![Blocks::new(problem.dim, 0, ladders / LANES); top + 1];
    for (level, blocks) in levels.iter_mut().enumerate() {
        blocks.sample(&problem.levels[level], problem.key(Purpose::Reference, level))?;
    }
    let mut out = Outcome {
        states: vec![],
        swaps: 0,
        accepted: 0,
        crossed: 0,
        crossed_accepted: 0,
        disagreements: 0,
    };
    for round in 1..=rounds {
        let key = |purpose, level| problem.key(purpose, level).round(round as u64);
        for (level, blocks) in levels.iter_mut().enumerate() {
            if level == top {
                blocks.sample(&problem.levels[top], key(Purpose::Reference, top))?;
            } else {
                let moves = (problem.kernel_steps, problem.step_sizes[level]);
                blocks.mix(&problem.levels[level], moves, key(Purpose::Kernel, level))?;
            }
        }
        for clean in ((round - 1) % 2..top).step_by(2) {
            let pair = (clean, key(Purpose::Swap, clean));
            let own = [clean, clean + 1].map(|level| owner(level, top + 1, ranks));
            swap_levels(problem, pair, own, &mut levels, network, &mut out)?;
        }
    }
    out.states = levels.iter().flat_map(Blocks::states).collect();
    Ok(out)
}

/// Swaps one pair of levels in all ladders.
fn swap_levels(
    problem: &Problem<'_>,
    (clean, key): (usize, Key),
    [low, high]: [usize; 2],
    levels: &mut [Blocks],
    network: &mut Network,
    out: &mut Outcome,
) -> Result<()> {
    let bridge = problem.bridge(clean)?;
    let [here, there] = &mut levels[clean..clean + 2] else { return Ok(()) };
    if low == high {
        swap_blocks(bridge.as_ref(), key, there, here, out)?;
        return Ok(());
    }
    let (ladders, len) = (here.particles(), state_len(problem.dim));
    let mail = network.exchange(Mail::from([((high, low), there.states())]));
    let mut visitor = Blocks::new(problem.dim, 0, ladders / LANES);
    visitor.unpack(&mail[&(high, low)]);
    let masks = swap_blocks(bridge.as_ref(), key, &mut visitor, here, out)?;
    out.crossed += ladders as u64;
    out.crossed_accepted += masks.iter().map(|mask| u64::from(mask.count_ones())).sum::<u64>();

    // One bit per ladder, 64 of them in the bits of a double; then the states that were accepted.
    let mut reply: Vec<f64> = masks.chunks(8).map(word).map(f64::from_bits).collect();
    let words = reply.len();
    let accepted = |ladder: &usize| masks[ladder / LANES] >> (ladder % LANES) & 1 == 1;
    (0..ladders).filter(accepted).for_each(|ladder| visitor.pack(ladder, &mut reply));
    let mail = network.exchange(Mail::from([((low, high), reply)]));
    let reply = &mail[&(low, high)];
    let mut states = there.states();
    let mut replies = reply[words..].chunks(len);
    for ladder in 0..ladders {
        if reply[ladder / 64].to_bits() >> (ladder % 64) & 1 == 1
            && let Some(state) = replies.next()
        {
            states[ladder * len..][..len].copy_from_slice(state);
        }
    }
    there.unpack(&states);
    Ok(())
}

fn word(masks: &[u8]) -> u64 {
    masks.iter().rev().fold(0, |word, &mask| word << 8 | u64::from(mask))
}

/// Swaps all blocks of two levels; the masks of accepted lanes.
fn swap_blocks(
    bridge: &dyn Bridge,
    key: Key,
    noisy: &mut Blocks,
    clean: &mut Blocks,
    out: &mut Outcome,
) -> Result<Vec<u8>> {
    let mut memory = vec![f64x8::ZERO; swap_scratch_len(bridge)];
    let mut masks = Vec::new();
    for ((number, mut noisy), (_, mut clean)) in noisy.points_mut().zip(clean.points_mut()) {
        let key = key.block(number as u64);
        let halves = by_two_numbers(bridge, key, noisy.as_point(), clean.as_point())?;
        let (mut stream, mut evaluations) = (key.stream(), Evaluations::default());
        let scratch = Scratch::new(&mut memory);
        let context = Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
        let accepted = swap(bridge, noisy.reborrow(), clean.reborrow(), context)?.accepted;
        let mask = (accepted.to_bitmask() & 0xff) as u8;
        out.swaps += LANES as u64;
        out.accepted += u64::from(mask.count_ones());
        let same = |half: &[Vec<f64>], point: Point<'_>| {
            let now = lanes(point);
            (0..LANES).filter(|&lane| half[lane] != now[lane]).count() as u64
        };
        out.disagreements +=
            same(&halves[0], noisy.as_point()) + same(&halves[1], clean.as_point());
        masks.push(mask);
    }
    Ok(masks)
}

/// The states of both levels after a swap by two numbers, lane by lane: `[noisier, cleaner]`.
///
/// The holder of `x_t` crosses forward, the holder of `x_s` backward, each without the other's state;
/// they tell each other their works (8 bytes per ladder each way) and both draw the same uniform. Either
/// skips the normals that the other one draws from the stream they share.
fn by_two_numbers(
    bridge: &dyn Bridge,
    key: Key,
    noisy: Point<'_>,
    clean: Point<'_>,
) -> Result<[Vec<Vec<f64>>; 2]> {
    let dim = bridge.dim();
    let mut memory = vec![f64x8::ZERO; bridge.scratch_len()];
    let mut skipped = vec![f64x8::ZERO; dim];
    let mut cross = |forward: bool| {
        let (mut x, mut score) = (vec![f64x8::ZERO; dim], vec![f64x8::ZERO; dim]);
        let mut log_density = f64x8::ZERO;
        let mut to = PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
        let (mut stream, mut evaluations) = (key.stream(), Evaluations::default());
        let scratch = Scratch::new(&mut memory);
        if !forward {
            stream.fill_normals(&mut skipped);
        }
        let context = Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
        let crossing = match forward {
            true => bridge.forward(noisy, to.reborrow(), context)?,
            false => bridge.backward(clean, to.reborrow(), context)?,
        };
        if forward {
            stream.fill_normals(&mut skipped);
        }
        Ok((lanes(to.as_point()), crossing.log_work.to_array(), stream.uniforms().to_array()))
    };
    let (to_clean, forward, uniforms) = cross(true)?;
    let (to_noisy, backward, same) = cross(false)?;
    assert_eq!(uniforms, same, "both draw the same numbers");
    let mut after = [lanes(noisy), lanes(clean)];
    for lane in 0..LANES {
        let (new_clean, new_noisy) = (&to_clean[lane], &to_noisy[lane]);
        let finite = (new_clean[2 * dim] + new_noisy[2 * dim]).is_finite();
        if finite && libm::log(uniforms[lane]) < forward[lane] - backward[lane] {
            after[0][lane].clone_from(new_noisy);
            after[1][lane].clone_from(new_clean);
        }
    }
    Ok(after)
}

/// The states of a block, one after the other.
fn lanes(point: Point<'_>) -> Vec<Vec<f64>> {
    let vectors = || point.x.iter().chain(point.score).chain([&point.log_density]);
    (0..LANES).map(|lane| vectors().map(|vector| vector.as_array()[lane]).collect()).collect()
}

/// Bytes that one pair of levels on two ranks exchanges in one round, by scheme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairBytes {
    /// State there, accepted states and a mask back; two messages, one after the other.
    pub there_and_back: f64,
    /// States both ways at once; both ranks do the whole swap.
    pub twice: f64,
    /// Proposals both ways at once, then works both ways: both ranks do half of it.
    pub proposals: f64,
    /// Works both ways at once; replicas stay where they are.
    pub works: f64,
}

/// The bytes of `ladders` ladders in dimension `dim` at this acceptance rate.
pub fn pair_bytes(dim: usize, ladders: usize, acceptance: f64) -> PairBytes {
    let (state, ladders) = (8.0 * state_len(dim) as f64, ladders as f64);
    PairBytes {
        there_and_back: ladders * (state * (1.0 + acceptance) + 1.0 / 8.0),
        twice: ladders * 2.0 * state,
        // y_s with a partial work one way, x_s with its log-density the other; then the works.
        proposals: ladders * 8.0 * (2 * (dim + 1) + 2) as f64,
        works: ladders * 16.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Choice, Moves};

    /// Fails if levels are dealt out of order, or unevenly by more than one.
    #[test]
    fn owners_are_consecutive_and_even() {
        for (levels, ranks) in [(16, 4), (17, 4), (33, 8), (5, 5)] {
            let owners: Vec<usize> = (0..levels).map(|l| owner(l, levels, ranks)).collect();
            assert!(owners.is_sorted());
            let shares = (0..ranks).map(|rank| owners.iter().filter(|o| **o == rank).count());
            let shares: Vec<usize> = shares.collect();
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    /// Fails if the ranks change a bit, if a byte is not accounted for, or if two numbers do not settle
    /// a swap: ladders of 9 levels in 3 dimensions, on 1, 2 and 4 ranks.
    #[test]
    fn ranks_do_not_change_the_ladders() {
        let choice = Choice { dim: 3, steps: 8, moves: Moves::Ddpm, seed: 2 };
        Problem::with(choice, |problem| {
            let alone = run(problem, (64, 6), 1, &mut Network::new(1))?;
            assert!(alone.accepted > 0 && alone.accepted < alone.swaps);
            assert_eq!(alone.disagreements, 0);
            for ranks in [2, 4] {
                let mut network = Network::new(ranks);
                let found = run(problem, (64, 6), ranks, &mut network)?;
                assert!(
                    found
                        .states
                        .iter()
                        .map(|v| v.to_bits())
                        .eq(alone.states.iter().map(|v| v.to_bits()))
                );
                // Boundaries are crossed in every second round.
                assert_eq!(found.crossed, 64 * 3 * (ranks as u64 - 1));
                assert_eq!(network.states.messages, 2 * found.crossed / 64);
                let bytes = 8 * 7 * (found.crossed + found.crossed_accepted) + found.crossed / 8;
                assert_eq!(network.states.bytes, bytes);
            }
            Ok(())
        })
        .unwrap();
    }

    /// Fails if a scheme is counted wrongly: two dimensions, 64 ladders, half of them accepted.
    #[test]
    fn bytes_by_hand() {
        let found = pair_bytes(2, 64, 0.5);
        assert_eq!(found.there_and_back, 64.0 * 60.0 + 8.0);
        assert_eq!((found.twice, found.proposals, found.works), (5120.0, 4096.0, 1024.0));
    }
}

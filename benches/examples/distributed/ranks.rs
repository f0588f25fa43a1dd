//! SMC on several ranks, each of which holds its own blocks and learns of the others by messages.
//!
//! Per level three reductions make the effective sample sizes, in the shape that the sums of the core
//! have on one rank:
//!
//! ```text
//! 1   max log w, (log W, log u) of the heaviest W u                    4 doubles
//! 2   sum w, sum w^2, three maxima of the conditional sample size      5 doubles
//! 3   its three sums                                                   3 doubles
//! ```
//!
//! When the population is resampled, the cumulative weights are inverted either by everyone, from
//! weights gathered from everyone (the bits of the core), or by the owner of the weights, from exact
//! prefix sums in fixed point ([`Search`]). Then states move, where [`Placement`] says.

use amc_core::error::Result;
use amc_core::rng::Purpose;
use amc_core::weight::{Resampling, TiltedSum, power_sums};

use crate::blocks::{Blocks, state_len};
use crate::fixed_point::{FixedWeights, offspring_below};
use crate::network::{Mail, Network};
use crate::placement::{Place, Placement, counts, match_particles, match_ranks, sort_ranks};
use crate::problem::Problem;
use crate::single::{Outcome, Rules, increments};

/// Bytes of a family index.
pub const FAMILY_BYTES: usize = 8;

/// Doubles reduced at every level.
pub const REDUCED_DOUBLES: usize = 12;

/// How offspring are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// All weights go to all ranks, which resample as one rank does.
    Gathered,
    /// The ranks' masses go to all ranks; cumulative weights are integers.
    Scanned,
}

/// What one rank holds.
struct Rank {
    blocks: Blocks,
    log_weights: Vec<f64>,
    before: Vec<f64>,
    families: Vec<usize>,
}

/// Runs SMC on the ranks of `network`.
///
/// # Errors
/// Those of the core.
pub fn run(
    problem: &Problem<'_>,
    rules: &Rules,
    (ranks, search): (usize, Search),
    network: &mut Network,
) -> Result<Outcome> {
    let top = problem.steps();
    let mut ranks = start(problem, rules, ranks)?;
    let mut out = Outcome::default();
    for level in (0..top).rev() {
        for rank in &mut ranks {
            rank.before.clone_from(&rank.log_weights);
            let key = problem.key(Purpose::Bridge, level);
            rank.blocks.cross(problem.bridge(level)?.as_ref(), key, &mut rank.log_weights)?;
        }
        let sums = reduce(&ranks, rules.particles, network);
        out.sizes.push((sums.ess(), sums.conditional_ess));
        if sums.ess() < rules.threshold * rules.particles as f64 {
            out.log_z += sums.log_mean(rules.particles);
            resample(problem, rules, (level, search), &sums, &mut ranks, network)?;
        }
        for rank in &mut ranks {
            let moves = (problem.kernel_steps, problem.step_sizes[level]);
            let key = problem.key(Purpose::Kernel, level);
            rank.blocks.mix(&problem.levels[level], moves, key)?;
        }
    }
    out.log_z += final_log_mean(&ranks, rules.particles, network);
    for rank in &ranks {
        out.states.extend(rank.blocks.states());
        out.log_weights.extend(&rank.log_weights);
        out.families.extend(&rank.families);
    }
    Ok(out)
}

fn start(problem: &Problem<'_>, rules: &Rules, ranks: usize) -> Result<Vec<Rank>> {
    let (width, top) = (rules.particles / ranks, problem.steps());
    // Below 16 particles a leaf of the pairwise sum would belong to two ranks.
    assert!(width >= 16 && width.is_multiple_of(8) && width * ranks == rules.particles);
    let rank = |rank: usize| {
        let mut blocks = Blocks::new(problem.dim, rules.first_block + rank * width / 8, width / 8);
        blocks.sample(&problem.levels[top], problem.key(Purpose::Reference, top))?;
        let (log_weights, before) = (vec![0.0; width], vec![0.0; width]);
        let families = (rank * width..(rank + 1) * width).collect();
        Ok(Rank { blocks, log_weights, before, families })
    };
    (0..ranks).map(rank).collect()
}

/// What all ranks know of the weights after the reductions of a level.
#[derive(Debug, Clone, Copy)]
struct Sums {
    top: f64,
    sum: f64,
    squares: f64,
    conditional_ess: f64,
}

impl Sums {
    fn ess(&self) -> f64 {
        self.sum * (self.sum / self.squares)
    }

    fn log_mean(&self, particles: usize) -> f64 {
        self.top + libm::log(self.sum) - libm::log(particles as f64)
    }
}

/// `(W u, log W, log u)` of the particle with the largest `W u`, the first of several.
type Anchor = (f64, f64, f64);

fn heavier(a: Anchor, b: Anchor) -> Anchor {
    if b.0 > a.0 { b } else { a }
}

/// The three reductions of a level. The arithmetic is that of `effective_sample_size` and of
/// `conditional_effective_sample_size`, term by term.
fn reduce(ranks: &[Rank], particles: usize, network: &mut Network) -> Sums {
    let steps: Vec<Vec<f64>> =
        ranks.iter().map(|rank| increments(&rank.before, &rank.log_weights)).collect();
    let first = ranks.iter().zip(&steps).map(|(rank, steps)| {
        let products = rank.before.iter().zip(steps).map(|(&w, &u)| (w + u, w, u));
        let none = (f64::NEG_INFINITY, 0.0, 0.0);
        (largest(&rank.log_weights), products.fold(none, heavier))
    });

    let (top, anchor) =
        network.all_reduce(first.collect(), 4 * 8, |a, b| (a.0.max(b.0), heavier(a.1, b.1)));

    let terms: Vec<[Vec<f64>; 3]> = ranks
        .iter()
        .zip(&steps)
        .map(|(rank, steps)| [0.0, 1.0, 2.0].map(|p| log_terms(p, anchor, &rank.before, steps)))
        .collect();
    let second = ranks.iter().zip(&terms).map(|(rank, terms)| {
        let (sum, squares) = power_sums(&rank.log_weights, top);
        (sum, squares, terms.each_ref().map(|terms| largest(terms)))
    });
    let (sum, squares, tops) = network.all_reduce(second.collect(), 5 * 8, |a, b| {
        (a.0 + b.0, a.1 + b.1, std::array::from_fn(|i| a.2[i].max(b.2[i])))
    });

    let third = ranks.iter().zip(&steps).map(|(rank, steps)| -> [f64; 3] {
        std::array::from_fn(|i| {
            let (values, increments): (&[f64], &[f64]) = (&rank.before, steps);
            let (anchors, power, top) = ((anchor.1, anchor.2), i as f64, tops[i]);
            TiltedSum { values, increments, anchors, power, top }.sum()
        })
    });
    let [s0, s1, s2] =
        network.all_reduce(third.collect(), 3 * 8, |a, b| std::array::from_fn(|i| a[i] + b[i]));
    let scale = libm::exp(2.0 * tops[1] - tops[0] - tops[2]);
    let conditional_ess = particles as f64 * (s1 / s0) * (s1 / s2) * scale;
    Sums { top, sum, squares, conditional_ess }
}

/// `log(W u^power)` relative to the anchor.
fn log_terms(power: f64, anchor: Anchor, weights: &[f64], steps: &[f64]) -> Vec<f64> {
    let term = |(&weight, &step): (&f64, &f64)| {
        if weight == f64::NEG_INFINITY {
            return f64::NEG_INFINITY;
        }
        let relative = weight - anchor.1;
        if power == 0.0 { relative } else { relative + power * (step - anchor.2) }
    };
    weights.iter().zip(steps).map(term).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn final_log_mean(ranks: &[Rank], particles: usize, network: &mut Network) -> f64 {
    let tops = ranks.iter().map(|rank| largest(&rank.log_weights)).collect();
    let top = network.all_reduce(tops, 8, f64::max);
    let sums = ranks.iter().map(|r| power_sums(&r.log_weights, top).0);
    let sum = network.all_reduce(sums.collect(), 8, |a, b| a + b);
    Sums { top, sum, squares: sum, conditional_ess: 0.0 }.log_mean(particles)
}

/// Resamples the population of all ranks.
fn resample(
    problem: &Problem<'_>,
    rules: &Rules,
    (level, search): (usize, Search),
    sums: &Sums,
    ranks: &mut [Rank],
    network: &mut Network,
) -> Result<()> {
    let weights: Vec<Vec<f64>> = ranks
        .iter()
        .map(|r| r.log_weights.iter().map(|v| libm::exp(v - sums.top) / sums.sum).collect())
        .collect();
    let mut stream =
        problem.key(Purpose::Resampling, level).block(rules.first_block as u64).stream();
    let width = rules.particles / ranks.len();
    let offspring: Vec<Vec<usize>> = match search {
        Search::Gathered => {
            network.all_gather(8 * width as u64);
            let mut ancestors = vec![0; rules.particles];
            Resampling::Systematic.ancestors(&weights.concat(), &mut stream, &mut ancestors)?;
            counts(&ancestors).chunks(width).map(<[usize]>::to_vec).collect()
        }
        Search::Scanned => scan(&weights, stream.uniform(), network),
    };
    let totals: Vec<usize> = offspring.iter().map(|counts| counts.iter().sum()).collect();
    let (homes, lists) = at_home(rules.placement, &offspring);
    let pairs = match rules.placement {
        Placement::Sorted => sort_ranks(&totals, width),
        Placement::Tree => match_ranks(&totals, width),
    };
    move_states(ranks, &homes, &lists, &pairs, network);
    Ok(())
}

/// Offspring of each rank's particles from exact prefix sums: 16 bytes per rank are gathered.
fn scan(weights: &[Vec<f64>], uniform: f64, network: &mut Network) -> Vec<Vec<usize>> {
    let particles = weights.iter().map(Vec::len).sum();
    let fixed: Vec<FixedWeights> = weights.iter().map(|w| FixedWeights::new(w)).collect();
    network.all_gather(16);
    let total = fixed.iter().map(FixedWeights::mass).sum();
    let mut prefix = 0;
    let mut below = 0;
    let mut offspring = Vec::with_capacity(weights.len());
    for fixed in &fixed {
        offspring.push(fixed.offspring(prefix, (particles, total, uniform)));
        prefix += fixed.mass();
        // Each rank can tell the totals of all others, so no more has to be sent.
        let next = offspring_below(prefix, (particles, total, uniform));
        assert_eq!(offspring.iter().flatten().sum::<usize>(), next);
        assert!(below <= next);
        below = next;
    }
    offspring
}

/// Copies to send and slots to fill, as indices of particles of a rank.
struct Lists {
    copies: Vec<usize>,
    holes: Vec<usize>,
}

/// What every rank settles by itself: pairs (source, slot), and the lists that pairs of ranks index.
fn at_home(placement: Placement, offspring: &[Vec<usize>]) -> (Vec<Vec<Place>>, Vec<Lists>) {
    let settle = |counts: &Vec<usize>| match placement {
        Placement::Sorted => {
            let copies = counts.iter().enumerate().flat_map(|(i, &o)| std::iter::repeat_n(i, o));
            (vec![], Lists { copies: copies.collect(), holes: (0..counts.len()).collect() })
        }
        Placement::Tree => {
            let mut pairs = Vec::with_capacity(counts.len());
            let left = match_particles(counts, &mut pairs);
            (pairs, Lists { copies: left.copies, holes: left.holes })
        }
    };
    offspring.iter().map(settle).unzip()
}

/// Sends what changes ranks, family index included, and puts everything in its slot.
fn move_states(
    ranks: &mut [Rank],
    homes: &[Vec<(usize, usize)>],
    lists: &[Lists],
    pairs: &[(Place, Place)],
    network: &mut Network,
) {
    let len = state_len(problem_dim(ranks));
    let mut mail = Mail::new();
    for &((from, k), (to, _)) in pairs.iter().filter(|((from, _), (to, _))| from != to) {
        let (rank, particle) = (&ranks[from], lists[from].copies[k]);
        let message = mail.entry((from, to)).or_default();
        rank.blocks.pack(particle, message);
        // A family index fits into the bits of a double.
        message.push(f64::from_bits(rank.families[particle] as u64));
    }
    let mail = network.exchange(mail);
    let mut read: std::collections::BTreeMap<(usize, usize), usize> = Default::default();
    let moved = (0..ranks.len()).map(|to| {
        let rank = &ranks[to];
        let (mut states, mut families) = (rank.blocks.states(), rank.families.clone());
        let own = pairs.iter().filter(|((from, _), (at, _))| *from == to && *at == to);
        let own = own.map(|&((_, k), (_, j))| (lists[to].copies[k], lists[to].holes[j]));
        for (source, slot) in homes[to].iter().copied().chain(own) {
            let mut state = Vec::with_capacity(len);
            rank.blocks.pack(source, &mut state);
            states[slot * len..][..len].copy_from_slice(&state);
            families[slot] = rank.families[source];
        }
        for &((from, _), (at, j)) in pairs {
            if at != to || from == to {
                continue;
            }
            let (message, read) = (&mail[&(from, to)], read.entry((from, to)).or_default());
            let (slot, state) = (lists[to].holes[j], &message[*read..][..len + 1]);
            states[slot * len..][..len].copy_from_slice(&state[..len]);
            families[slot] = state[len].to_bits() as usize;
            *read += len + 1;
        }
        (states, families)
    });
    let moved: Vec<_> = moved.collect();
    for (rank, (states, families)) in ranks.iter_mut().zip(moved) {
        rank.blocks.unpack(&states);
        rank.families = families;
        rank.log_weights.fill(0.0);
    }
}

fn problem_dim(ranks: &[Rank]) -> usize {
    ranks.first().map_or(0, |rank| rank.blocks.dim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Choice, Moves};
    use crate::single;

    /// Fails if the number of ranks, the way offspring are found, or a message changes one bit of a
    /// run in which works depend on states: 256 particles on 1 to 16 ranks.
    #[test]
    fn ranks_do_not_change_the_run() {
        let choice = Choice { dim: 3, steps: 16, moves: Moves::Integrator, seed: 5 };
        Problem::with(choice, |problem| {
            for placement in [Placement::Sorted, Placement::Tree] {
                let rules = Rules { particles: 256, first_block: 0, threshold: 0.8, placement };
                let alone = single::run(problem, &rules)?;
                assert!(alone.resampled.len() > 2, "{}", alone.resampled.len());
                for ranks in [1, 2, 4, 16] {
                    for search in [Search::Gathered, Search::Scanned] {
                        let mut network = Network::new(ranks);
                        let found = run(problem, &rules, (ranks, search), &mut network)?;
                        assert!(found.same_bits(&alone), "{placement:?} {search:?} {ranks}");
                        assert_eq!(network.states.bytes > 0, ranks > 1);
                    }
                }
            }
            Ok(())
        })
        .unwrap();
    }
}

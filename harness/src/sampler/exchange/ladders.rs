//! The states of all ladders at all levels, and the two passes of a round over them.
//!
//! Ladders are lanes: a block holds one level of eight ladders, and a swap treats eight ladders at
//! once. Passes are parallel over levels (or pairs of levels) and teams of blocks; every block draws from its
//! own keyed stream and writes to its own tally, so results depend neither on threads nor on teams.

use amc_core::bridge::{Bridge, Crossing, FaultCounts};
use amc_core::density::MixtureLevel;
use amc_core::error::Error;
use amc_core::exchange::{SwapOutcome, swap_blocks, swap_blocks_scratch_len};
use amc_core::kernel::Outcome;
use amc_core::point::{Evaluations, Point};
use amc_core::rng::{Phase, Purpose};
use amc_core::simd::{LANES, f64x8, finite, less, select, splat};
use amc_core::weight::WorkSums;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::guard::guarded;
use super::super::kept::{KeptEvaluations, KeptFaultCounts, lanes, work_sums};
use super::super::population::active_lanes;
use super::super::team::TeamRoom;
use super::super::truncation::TruncationMean;
use super::super::{Annealing, SamplerError};
use super::Explorer;
use super::teams::{
    draw, evaluate, exploring_room, largest_team, rows_mut, step, team_len, teams_of,
};

/// Positions, scores `[levels x blocks x d]` and log-densities `[levels x blocks]`.
#[derive(Serialize, Deserialize)]
pub(super) struct Ladders {
    dim: usize,
    ladders: usize,
    blocks: usize,
    #[serde(with = "lanes")]
    x: Vec<f64x8>,
    #[serde(with = "lanes")]
    score: Vec<f64x8>,
    #[serde(with = "lanes")]
    log_density: Vec<f64x8>,
    /// `[levels x blocks]`, what the kernels did.
    levels: Vec<LevelTally>,
    /// `[pairs x blocks]`, what the swaps did.
    pairs: Vec<PairTally>,
}

/// What the kernel did in one block at one level.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct LevelTally {
    /// Sum of acceptance probabilities over counted lanes, and how many there were.
    acceptance: f64,
    steps: u64,
    non_finite: u64,
    #[serde(with = "KeptEvaluations")]
    evaluations: Evaluations,
}

/// What the swaps of one pair of levels did in one block.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PairTally {
    #[serde(with = "work_sums")]
    works: WorkSums,
    acceptance: f64,
    swaps: u64,
    non_finite: u64,
    #[serde(with = "KeptEvaluations")]
    evaluations: Evaluations,
    #[serde(with = "KeptFaultCounts")]
    faults: FaultCounts,
    truncation: TruncationMean,
    /// Lanes swapped in the last pass.
    accepted: u32,
}

impl LevelTally {
    /// Adds a step of the kernel, of which the first `active` lanes count.
    fn add(&mut self, outcome: &Outcome, active: usize) {
        let (acceptance, non_finite) = outcome.totals(active);
        self.acceptance += acceptance;
        self.steps += active as u64;
        self.non_finite += non_finite;
    }
}

impl PairTally {
    const EMPTY: Self = Self {
        works: WorkSums::EMPTY,
        acceptance: 0.0,
        swaps: 0,
        non_finite: 0,
        evaluations: Evaluations { density: 0, score: 0, hessian_product: 0 },
        faults: FaultCounts { not_inverted: 0, not_positive: 0, past_penalty: 0, diverged: 0 },
        truncation: TruncationMean::EMPTY,
        accepted: 0,
    };

    /// Adds a swap, of which the first `active` lanes count; `center` is the constant of bridge sampling.
    fn add(
        &mut self,
        outcome: &SwapOutcome,
        evaluations: &Evaluations,
        active: usize,
        center: f64,
    ) {
        let lanes = (1_u32 << active) - 1;
        self.works.add(outcome.forward.log_work, outcome.backward.log_work, center);
        let probability = outcome.acceptance_probability.to_array();
        self.acceptance += probability.iter().take(active).sum::<f64>();
        self.swaps += active as u64;
        self.non_finite += u64::from((outcome.non_finite.to_bitmask() & lanes).count_ones());
        for crossing in [&outcome.forward, &outcome.backward] {
            self.faults.add(&crossing.faults.count(active));
            self.truncation.add(&crossing.truncation.to_array()[..active]);
        }
        self.evaluations.add(evaluations, active as u64);
        self.accepted = outcome.accepted.to_bitmask() & lanes;
    }
}

/// What a level, or a pair of levels, did in all ladders.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Mean acceptance probability; NaN when nothing was tried.
    pub(super) acceptance: f64,
    /// Tries.
    pub(super) tries: u64,
    /// Proposals that were not finite.
    pub(super) non_finite: u64,
    /// Evaluations, summed over ladders.
    pub(super) evaluations: Evaluations,
}

/// Which round it is and whose streams it draws from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    pub(super) phase: Phase,
    /// From 1 on; the starts of the ladders are round 0.
    pub(super) number: u64,
}

impl Ladders {
    /// Room for `ladders` ladders of this problem.
    pub(super) fn new(problem: &Annealing<'_>, ladders: usize) -> Self {
        let (dim, levels, blocks) = (problem.dim(), problem.levels.len(), ladders.div_ceil(LANES));
        let cells = levels * blocks;
        Self {
            dim,
            ladders,
            blocks,
            x: vec![f64x8::ZERO; cells * dim],
            score: vec![f64x8::ZERO; cells * dim],
            log_density: vec![f64x8::ZERO; cells],
            levels: vec![LevelTally::default(); cells],
            pairs: vec![PairTally::EMPTY; (levels - 1) * blocks],
        }
    }

    /// Places the ladders at one level.
    pub(super) fn place<'p>(&mut self, level: usize, points: impl Iterator<Item = Point<'p>>) {
        for (block, point) in points.enumerate() {
            let cell = level * self.blocks + block;
            let range = cell * self.dim..(cell + 1) * self.dim;
            self.x[range.clone()].copy_from_slice(point.x);
            self.score[range].copy_from_slice(point.score);
            self.log_density[cell] = point.log_density;
        }
    }

    /// Puts the ladders whose position at a level is no number where `points` are.
    pub(super) fn replace_lost<'p>(
        &mut self,
        level: usize,
        points: impl Iterator<Item = Point<'p>>,
    ) {
        for (block, point) in points.enumerate() {
            let cell = level * self.blocks + block;
            let range = cell * self.dim..(cell + 1) * self.dim;
            let lost = lost_lanes(&self.x[range.clone()]);
            let replace = |old: &mut f64x8, new: f64x8| *old = select(lost, new, *old);
            let (x, score) = (&mut self.x[range.clone()], &mut self.score[range]);
            x.iter_mut().zip(point.x).for_each(|(old, &new)| replace(old, new));
            score.iter_mut().zip(point.score).for_each(|(old, &new)| replace(old, new));
            replace(&mut self.log_density[cell], point.log_density);
        }
    }

    /// Whether any ladder's position at a level is no number.
    pub(super) fn has_lost(&self, level: usize) -> bool {
        let row = self.blocks * self.dim;
        self.x[level * row..(level + 1) * row].chunks(self.dim).any(|x| lost_lanes(x).any())
    }

    /// Gives the ladders whose density at a level is NaN or `+inf` a density of zero there, which any
    /// proposal leaves and nothing else would; returns how many they are.
    pub(super) fn settle(&mut self, level: usize) -> u64 {
        let mut settled = 0;
        let cells = &mut self.log_density[level * self.blocks..(level + 1) * self.blocks];
        for (block, log_density) in cells.iter_mut().enumerate() {
            let fault = !less(*log_density, splat(f64::INFINITY));
            *log_density = select(fault, splat(f64::NEG_INFINITY), *log_density);
            let active = (1_u32 << active_lanes(self.ladders, block)) - 1;
            settled += u64::from((fault.to_bitmask() & active).count_ones());
        }
        settled
    }

    /// Explores every level but the reference with its kernel, and draws the reference afresh.
    pub(super) fn explore(
        &mut self,
        problem: &Annealing<'_>,
        explorer: Explorer,
        step_sizes: &[f64],
        round: Round,
    ) -> Result<(), SamplerError> {
        let (dim, blocks, ladders, top) = (self.dim, self.blocks, self.ladders, problem.steps());
        let kernel = problem.kernel.as_ref().map(|choice| choice.kernel.as_ref());
        // A score left stale is recomputed if a bridge is going to read it.
        let refresh =
            problem.bridge.denoises() && kernel.is_some_and(|kernel| kernel.leaves_score_stale());
        let explored = |level: usize| level < top && explorer != Explorer::Exact;
        let most = largest_team(self.levels.len());
        let asked = |level: usize| {
            let density = problem.levels[level].density().blocks_at_once();
            let kernel = kernel.filter(|_| explored(level));
            density.max(kernel.map_or(1, |kernel| kernel.blocks_at_once(dim)))
        };
        let largest = (0..=top).map(|level| team_len(asked(level), most)).max().unwrap_or(1);
        let exact_key = problem.key(round.phase, Purpose::Reference).round(round.number);
        let kernel_key = problem.key(round.phase, Purpose::Kernel).round(round.number);

        let rows = rows_mut(dim, blocks, &mut self.x, &mut self.score, &mut self.log_density);
        let mut teams = Vec::with_capacity(self.levels.len());
        for ((level, row), tallies) in rows.enumerate().zip(self.levels.chunks_mut(blocks)) {
            let team = team_len(asked(level), most);
            let row = teams_of(row, dim, team).zip(tallies.chunks_mut(team)).enumerate();
            teams.extend(row.map(|(index, (at, tallies))| (level, index * team, at, tallies)));
        }
        let room = exploring_room(problem, kernel, dim, largest);
        teams.into_par_iter().try_for_each_init(
            || TeamRoom::<Outcome>::new(room, largest),
            |room, (level, first, mut at, tallies)| {
                guarded(level, || {
                    let key = if explored(level) { kernel_key } else { exact_key };
                    room.begin(key.level(level as u64), first, at.count());
                    let density = problem.levels[level].density();
                    let active = |block: usize| active_lanes(ladders, first + block);
                    if !explored(level) {
                        draw(exact_law(problem, level)?, density, &mut at, room)?;
                    } else if let (Some(kernel), Explorer::Kernel { steps }) = (kernel, explorer) {
                        let moves = (steps, step_sizes[level]);
                        step(kernel, density, moves, &mut at, room, |block, outcome| {
                            tallies[block].add(outcome, active(block));
                        })?;
                        if refresh && steps > 0 {
                            evaluate(&mut at, density, room)?;
                        }
                    }
                    for (block, (tally, made)) in
                        tallies.iter_mut().zip(&room.evaluations).enumerate()
                    {
                        tally.evaluations.add(made, active(block) as u64);
                    }
                    Ok(())
                })
            },
        )
    }

    /// Proposes a swap between levels `i` and `i + 1` for `i = first, first + 2, ..`; `centers[i]` is
    /// the constant of bridge sampling.
    pub(super) fn swap(
        &mut self,
        problem: &Annealing<'_>,
        bridges: &[Box<dyn Bridge + '_>],
        first: usize,
        centers: &[f64],
        round: Round,
    ) -> Result<(), SamplerError> {
        let (dim, blocks, ladders) = (self.dim, self.blocks, self.ladders);
        let key = problem.key(round.phase, Purpose::Swap).round(round.number);
        let most = largest_team((bridges.len() - first).div_ceil(2) * blocks);
        let mut teams = Vec::with_capacity(self.pairs.len());
        let mut rows =
            rows_mut(dim, blocks, &mut self.x, &mut self.score, &mut self.log_density).skip(first);
        let mut tallies = self.pairs.chunks_mut(blocks).skip(first).step_by(2);
        let (mut room, mut largest) = (0, 1);
        for clean_level in (first..bridges.len()).step_by(2) {
            let bridge = bridges[clean_level].as_ref();
            let team = team_len(bridge.blocks_at_once(), most);
            largest = largest.max(team);
            room = room.max(swap_blocks_scratch_len(bridge, team));
            let (Some(clean), Some(noisy), Some(tallies)) =
                (rows.next(), rows.next(), tallies.next())
            else {
                break;
            };
            let states = teams_of(clean, dim, team).zip(teams_of(noisy, dim, team));
            let row = states.zip(tallies.chunks_mut(team)).enumerate();
            teams.extend(
                row.map(|(index, (states, tallies))| (clean_level, index * team, states, tallies)),
            );
        }
        teams.into_par_iter().try_for_each_init(
            || (TeamRoom::<SwapOutcome>::new(room, largest), vec![Crossing::default(); largest]),
            |(room, crossings), (clean_level, first, (clean, noisy), tallies)| {
                guarded(clean_level, || {
                    let count = clean.count();
                    room.begin(key.level(clean_level as u64), first, count);
                    let bridge = bridges[clean_level].as_ref();
                    swap_blocks(bridge, noisy, clean, room.team(), &mut crossings[..count])?;
                    let swaps = room.outcomes.iter().zip(&room.evaluations);
                    for (block, (tally, (outcome, made))) in
                        tallies.iter_mut().zip(swaps).enumerate()
                    {
                        let active = active_lanes(ladders, first + block);
                        tally.add(outcome, made, active, centers[clean_level]);
                    }
                    Ok(())
                })
            },
        )
    }

    /// The ladders whose levels `clean` and `clean + 1` were swapped in the last pass over them.
    pub(super) fn swapped(&self, clean: usize) -> impl Iterator<Item = usize> {
        self.pairs[clean * self.blocks..][..self.blocks].iter().enumerate().flat_map(
            |(block, tally)| {
                let accepted = tally.accepted;
                (0..LANES)
                    .filter(move |lane| accepted & (1 << lane) != 0)
                    .map(move |lane| block * LANES + lane)
            },
        )
    }

    /// The works of a pair of levels, by ladder.
    pub(super) fn works(&self, clean: usize) -> Vec<amc_core::weight::LogSums> {
        let tallies = &self.pairs[clean * self.blocks..][..self.blocks];
        (0..self.ladders)
            .filter_map(|ladder| tallies[ladder / LANES].works.lane(ladder % LANES))
            .collect()
    }

    /// What the kernel did at a level.
    pub(super) fn level(&self, level: usize) -> Tally {
        let tallies = &self.levels[level * self.blocks..][..self.blocks];
        total(tallies.iter().map(|t| (t.acceptance, t.steps, t.non_finite, t.evaluations)))
    }

    /// What the swaps of a pair of levels did.
    pub(super) fn pair(&self, clean: usize) -> Tally {
        let tallies = &self.pairs[clean * self.blocks..][..self.blocks];
        total(tallies.iter().map(|t| (t.acceptance, t.swaps, t.non_finite, t.evaluations)))
    }

    /// What deterministic maps failed at in all swaps.
    pub(super) fn faults(&self) -> FaultCounts {
        let mut sum = FaultCounts::default();
        self.pairs.iter().for_each(|tally| sum.add(&tally.faults));
        sum
    }

    /// Crossings in all swaps, two for each.
    pub(super) fn crossings(&self) -> u64 {
        self.pairs.iter().map(|tally| 2 * tally.swaps).sum()
    }

    /// What truncation may move `log Z` by: the mean bound of each pair of levels, summed.
    pub(super) fn truncation(&self) -> f64 {
        let pairs = self.pairs.chunks(self.blocks.max(1));
        let mean_of = |tallies: &[PairTally]| {
            let mut mean = TruncationMean::EMPTY;
            tallies.iter().for_each(|tally| mean.merge(&tally.truncation));
            mean.value()
        };
        pairs.map(mean_of).sum()
    }

    /// Forgets what was counted.
    pub(super) fn reset_tallies(&mut self) {
        self.levels.fill(LevelTally::default());
        self.pairs.fill(PairTally::EMPTY);
    }

    /// Positions of all ladders at a level, `[ladders x d]`, row-major.
    pub(super) fn rows(&self, level: usize) -> Vec<f64> {
        self.first_rows(level, self.ladders)
    }

    /// The same of the first `most` ladders, if there are so many.
    pub(super) fn first_rows(&self, level: usize, most: usize) -> Vec<f64> {
        let ladders = self.ladders.min(most);
        let mut rows = Vec::with_capacity(ladders * self.dim);
        for ladder in 0..ladders {
            let cell = level * self.blocks + ladder / LANES;
            let block = &self.x[cell * self.dim..][..self.dim];
            rows.extend(block.iter().map(|x| x.as_array()[ladder % LANES]));
        }
        rows
    }

    /// The blocks of a level, to read: `[blocks]` positions of `[d]`.
    pub(super) fn blocks_at(&self, level: usize) -> impl IndexedParallelIterator<Item = &[f64x8]> {
        let row = self.blocks * self.dim;
        self.x[level * row..(level + 1) * row].par_chunks(self.dim)
    }
}

/// Mask of the lanes in which a coordinate is not a finite number.
fn lost_lanes(x: &[f64x8]) -> f64x8 {
    x.iter().fold(f64x8::ZERO, |lost, &x| lost | !finite(x))
}

/// What a level is sampled from exactly.
pub(super) fn exact_law<'a>(
    problem: &'a Annealing<'_>,
    level: usize,
) -> Result<&'a MixtureLevel<'a>, Error> {
    if level == problem.steps() {
        return Ok(problem.reference);
    }
    let what = "levels of this path cannot be sampled exactly";
    problem.levels[level].exact().ok_or(Error::Unsupported { what })
}

/// Adds up the blocks' (acceptance, tries, non-finite, evaluations) in block order.
fn total(tallies: impl Iterator<Item = (f64, u64, u64, Evaluations)>) -> Tally {
    let mut sum = Tally::default();
    for (acceptance, tries, non_finite, evaluations) in tallies {
        sum.acceptance += acceptance;
        sum.tries += tries;
        sum.non_finite += non_finite;
        sum.evaluations.add(&evaluations, 1);
    }
    sum.acceptance /= sum.tries as f64;
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use crate::run::{Problem, Top};
    use std::path::Path;

    /// Fails if a lane that stands nowhere keeps any of its numbers, another lane or level changes, or a
    /// density that is no number is left, or counted in a lane past the last ladder.
    #[test]
    fn lost_ladders_are_replaced_and_settled() {
        let text = "[target]\ndim = 2\n[path]\nlevels = 2\n";
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        let problem = Problem::new(&config).unwrap();
        let checked = problem.with_annealing(&config, &[0.0, 0.5, 1.0], Top::Reference, |p, _| {
            let mut ladders = Ladders::new(p, 13);
            let lanes = |at: usize, number: f64| {
                f64x8::new(std::array::from_fn(|i| if i == at { number } else { 0.1 * i as f64 }))
            };
            let nan = f64::NAN;
            let first = [lanes(2, nan), lanes(9, 0.0)];
            let second = [lanes(9, 0.0), lanes(4, f64::INFINITY)];
            let point = |x| Point { x, log_density: lanes(6, nan), score: x };
            ladders.place(1, [point(&first), point(&second)].into_iter());
            assert!(ladders.has_lost(1) && !ladders.has_lost(0) && !ladders.has_lost(2));
            let spare = [splat(7.0), splat(8.0)];
            let spare = Point { x: &spare, log_density: splat(9.0), score: &spare };
            ladders.replace_lost(1, [spare, spare].into_iter());
            assert!(!ladders.has_lost(1));
            let rows = ladders.rows(1);
            assert_eq!(rows[4..8], [7.0, 8.0, 0.1 * 3.0, 0.1 * 3.0]);
            assert_eq!(rows[24..], [7.0, 8.0]);
            // Ladder 6 of the first block; lane 6 of the second is past the last ladder.
            assert_eq!(ladders.settle(1), 1);
            assert_eq!(ladders.settle(0) + ladders.settle(1) + ladders.settle(2), 0);
            assert_eq!(ladders.log_density[3].to_array()[6], f64::NEG_INFINITY);
            assert_eq!(ladders.log_density[2].to_array()[2], 9.0);
            assert_eq!(ladders.log_density[2].to_array()[3], 0.1 * 3.0);
            Ok(())
        });
        checked.unwrap();
    }
}

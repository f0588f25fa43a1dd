//! The particles of a run, in blocks of eight, and the passes over them.
//!
//! A pass handles every block once, in parallel, in teams of as many as the density evaluates best at once; what
//! blocks report is summed in block order. Lanes past the last particle hold copies that are moved along and never counted.

use amc_core::bridge::{Bridge, Crossing, FaultCounts, Faults};
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::Error;
use amc_core::kernel::{MarkovKernel, Outcome};
use amc_core::path::NoisingStep;
use amc_core::point::{Blocks, BlocksMut, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, splat};
use amc_core::weight::{Resampling, normalize};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::guard::guarded;
use super::kept::lanes;
use super::team::{TeamRoom, team_len};
use super::truncation::TruncationMean;
use super::{Annealing, SamplerError};

/// What passes end with.
type Result<T> = core::result::Result<T, SamplerError>;

/// Blocks a thread takes at a time: enough to hide the cost of taking them.
const MIN_BLOCKS: usize = 8;

/// `N` particles at one level, with cached densities and log-weights.
///
/// A pass that ends with an error leaves them between two states: such a population is of no use.
#[derive(Clone, Serialize, Deserialize)]
pub struct Population {
    dim: usize,
    particles: usize,
    /// The level of its problem at which it stands.
    level: usize,
    now: States,
    /// Where a pass that moves particles writes; swapped with `now` afterwards.
    #[serde(skip)]
    next: States,
    /// `[8 x blocks]`; the first `N` count.
    log_weights: Vec<f64>,
    /// Index of each particle's ancestor in the first generation, `[N]`.
    families: Vec<usize>,
    /// `[blocks]`, what the last pass did.
    #[serde(skip)]
    reports: Vec<BlockReport>,
    #[serde(skip)]
    team_reports: Vec<Result<TeamReport>>,
}

/// Positions, scores `[blocks x d]` and log-densities `[blocks]`.
#[derive(Clone, Default, Serialize, Deserialize)]
struct States {
    #[serde(with = "lanes")]
    x: Vec<f64x8>,
    #[serde(with = "lanes")]
    score: Vec<f64x8>,
    #[serde(with = "lanes")]
    log_density: Vec<f64x8>,
}

/// Which way a bridge is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the noisier to the cleaner level.
    Forward,
    /// From the cleaner to the noisier level.
    Backward,
}

/// What one block did in a pass. There is one for every block: its size is part of the memory of a run.
#[derive(Debug, Clone, Copy, Default)]
struct BlockReport {
    evaluations: Evaluations,
    faults: FaultBits,
    truncation: [f64; LANES],
    log_work: [f64; LANES],
}

impl BlockReport {
    /// What a crossing did, whose log-work enters with a sign.
    fn of(crossing: &Crossing, sign: f64, evaluations: Evaluations) -> Self {
        Self {
            evaluations,
            faults: crossing.faults.into(),
            truncation: crossing.truncation.to_array(),
            log_work: (splat(sign) * crossing.log_work).to_array(),
        }
    }
}

/// [`Faults`] with one bit for a lane instead of 64.
#[derive(Debug, Clone, Copy, Default)]
struct FaultBits {
    not_inverted: u8,
    not_positive: u8,
    past_penalty: u8,
    diverged: u8,
}

impl From<Faults> for FaultBits {
    fn from(faults: Faults) -> Self {
        let bits = |mask: f64x8| mask.to_bitmask() as u8;
        Self {
            not_inverted: bits(faults.not_inverted),
            not_positive: bits(faults.not_positive),
            past_penalty: bits(faults.past_penalty),
            diverged: bits(faults.diverged),
        }
    }
}

impl FaultBits {
    /// The lanes that must be rejected.
    fn rejected(self) -> u8 {
        self.not_inverted | self.not_positive
    }

    /// Counts the faults of the lanes whose bits are set.
    fn count(self, lanes: u8) -> FaultCounts {
        let count = |bits: u8| u64::from((bits & lanes).count_ones());
        FaultCounts {
            not_inverted: count(self.not_inverted),
            not_positive: count(self.not_positive),
            past_penalty: count(self.past_penalty),
            diverged: count(self.diverged),
        }
    }
}

/// What is left of a population whose run is over.
pub struct Remains {
    /// Positions `[N x d]`, row-major.
    pub positions: Vec<f64>,
    /// Log-weights since the last resampling, `[N]`.
    pub log_weights: Vec<f64>,
    /// First-generation ancestor of each particle, `[N]`.
    pub families: Vec<usize>,
}

/// What several blocks that moved together did in a pass.
#[derive(Debug, Clone, Copy, Default)]
struct TeamReport {
    /// Summed over particles.
    evaluations: Evaluations,
    acceptance: f64,
    non_finite: u64,
}

/// What the population did in a pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct PassReport {
    /// Evaluations, summed over particles.
    pub evaluations: Evaluations,
    /// Mean acceptance probability per particle and step.
    pub acceptance_rate: f64,
    /// Proposals or weights that were not finite.
    pub non_finite: u64,
    /// What deterministic maps failed at.
    pub faults: FaultCounts,
    /// Mean of what truncation of a determinant may move a log-weight by.
    pub truncation: f64,
}

impl States {
    fn new(blocks: usize, dim: usize) -> Self {
        Self {
            x: vec![f64x8::ZERO; blocks * dim],
            score: vec![f64x8::ZERO; blocks * dim],
            log_density: vec![f64x8::ZERO; blocks],
        }
    }

    fn par_blocks_mut(&mut self, dim: usize) -> impl IndexedParallelIterator<Item = PointMut<'_>> {
        self.x
            .par_chunks_mut(dim)
            .zip(self.score.par_chunks_mut(dim))
            .zip(&mut self.log_density)
            .map(|((x, score), log_density)| PointMut { x, log_density, score })
    }

    /// Teams of `team` blocks; the last may be smaller.
    fn par_teams_mut(
        &mut self,
        dim: usize,
        team: usize,
    ) -> impl IndexedParallelIterator<Item = BlocksMut<'_>> {
        self.x
            .par_chunks_mut(dim * team)
            .zip(self.score.par_chunks_mut(dim * team))
            .zip(self.log_density.par_chunks_mut(team))
            .map(|((x, score), log_density)| BlocksMut { x, log_density, score })
    }

    fn par_teams(
        &self,
        dim: usize,
        team: usize,
    ) -> impl IndexedParallelIterator<Item = Blocks<'_>> {
        self.x
            .par_chunks(dim * team)
            .zip(self.score.par_chunks(dim * team))
            .zip(self.log_density.par_chunks(team))
            .map(|((x, score), log_density)| Blocks { x, log_density, score })
    }
}

impl Population {
    /// `particles` particles that are going to be placed at this level.
    fn new(dim: usize, particles: usize, level: usize) -> Self {
        let blocks = particles.div_ceil(LANES);
        Self {
            dim,
            particles,
            level,
            now: States::new(blocks, dim),
            next: States::new(blocks, dim),
            log_weights: vec![0.0; blocks * LANES],
            families: (0..particles).collect(),
            reports: vec![BlockReport::default(); blocks],
            team_reports: Vec::new(),
        }
    }

    /// The same with the room that passes need, which a checkpoint does not hold.
    pub(super) fn with_room(mut self) -> Self {
        let blocks = self.particles.div_ceil(LANES);
        self.next = States::new(blocks, self.dim);
        self.reports = vec![BlockReport::default(); blocks];
        self
    }

    /// Particles drawn from the reference, at level `L`, with log-weights `log p_L - log rho`.
    ///
    /// # Errors
    /// Those of the core; a density that panics.
    pub fn from_reference(
        problem: &Annealing<'_>,
        particles: usize,
        phase: Phase,
    ) -> Result<(Self, PassReport)> {
        let mut population = Self::new(problem.dim(), particles, problem.steps());
        let key = problem.key(phase, Purpose::Reference);
        let top = problem.levels[problem.steps()].density();
        let mut report = population.place(problem.reference, top, key)?;
        let last = population.weigh_reference(problem, 1.0)?;
        report.non_finite += last.non_finite;
        Ok((population, report))
    }

    /// Particles drawn from the reference and evaluated at any level, with equal weights.
    ///
    /// # Errors
    /// As [`Population::from_reference`].
    pub fn scattered(
        problem: &Annealing<'_>,
        particles: usize,
        level: usize,
        phase: Phase,
    ) -> Result<(Self, PassReport)> {
        let mut population = Self::new(problem.dim(), particles, level);
        let key = problem.key(phase, Purpose::Reference).level(level as u64);
        let density = problem.levels[level].density();
        let report = population.place(problem.reference, density, key)?;
        Ok((population, report))
    }

    /// Particles drawn from the exact law of a level, with equal weights.
    ///
    /// # Errors
    /// As [`Population::from_reference`].
    pub(super) fn from_level(
        problem: &Annealing<'_>,
        law: &MixtureLevel<'_>,
        (particles, level): (usize, usize),
        phase: Phase,
    ) -> Result<(Self, PassReport)> {
        let mut population = Self::new(problem.dim(), particles, level);
        let key = problem.key(phase, Purpose::Reference).level(level as u64);
        let report = population.place(law, problem.levels[level].density(), key)?;
        Ok((population, report))
    }

    /// Particles drawn from the target, at level 0, with equal weights.
    ///
    /// # Errors
    /// As [`Population::from_reference`]; [`Error::Unsupported`] where the target cannot be sampled exactly.
    pub fn from_target(
        problem: &Annealing<'_>,
        particles: usize,
        phase: Phase,
    ) -> Result<(Self, PassReport)> {
        let what = "the target cannot be sampled exactly";
        let target = problem.exact_target.ok_or(Error::Unsupported { what })?;
        let mut population = Self::new(problem.dim(), particles, 0);
        let key = problem.key(phase, Purpose::TargetSample);
        let report = population.place(target, problem.levels[0].density(), key)?;
        Ok((population, report))
    }

    /// Places every particle by exact sampling and evaluates it at a level.
    fn place(
        &mut self,
        law: &MixtureLevel<'_>,
        density: &dyn Score,
        key: Key,
    ) -> Result<PassReport> {
        let scratch_len = law.scratch_len().max(density.scratch_len());
        let (level, team) = (self.level, team_len(density.blocks_at_once()));
        let placed = self
            .now
            .par_teams_mut(self.dim, team)
            .zip(self.reports.par_chunks_mut(team))
            .enumerate()
            .with_min_len(MIN_BLOCKS.div_ceil(team))
            .map_init(
                || TeamRoom::<()>::new(scratch_len, team),
                |room, (index, (mut blocks, reports))| {
                    guarded(level, || {
                        room.begin(key, index * team, blocks.count());
                        for (point, stream) in blocks.iter_mut().zip(&mut room.streams) {
                            law.sample(point.x, stream, Scratch::new(&mut room.memory))?;
                        }
                        let TeamRoom { memory, evaluations, .. } = room;
                        blocks.evaluate(density, Scratch::new(memory), evaluations)?;
                        for (report, &evaluations) in reports.iter_mut().zip(&*evaluations) {
                            *report = BlockReport { evaluations, ..BlockReport::default() };
                        }
                        Ok(())
                    })
                },
            );
        first_error(placed)?;
        Ok(self.finish_pass(false))
    }

    /// Adds `sign (log p_L - log rho)` to the log-weights of particles at level `L`.
    ///
    /// # Errors
    /// Those of the core.
    pub fn weigh_reference(&mut self, problem: &Annealing<'_>, sign: f64) -> Result<PassReport> {
        let (reference, level) = (problem.reference, self.level);
        let team = team_len(reference.blocks_at_once());
        let weighed = self
            .now
            .par_teams(self.dim, team)
            .zip(self.reports.par_chunks_mut(team))
            .with_min_len(MIN_BLOCKS.div_ceil(team))
            .map_init(
                || (vec![f64x8::ZERO; reference.scratch_len()], vec![f64x8::ZERO; team]),
                |(memory, log_rho), (blocks, reports)| {
                    guarded(level, || {
                        let log_rho = &mut log_rho[..blocks.count()];
                        reference.log_densities(blocks.x, log_rho, Scratch::new(memory))?;
                        let works = blocks.log_density.iter().zip(log_rho);
                        for (report, (&log_p, &mut log_rho)) in reports.iter_mut().zip(works) {
                            let log_work = (splat(sign) * (log_p - log_rho)).to_array();
                            *report = BlockReport { log_work, ..BlockReport::default() };
                        }
                        Ok(())
                    })
                },
            );
        first_error(weighed)?;
        Ok(self.finish_pass(true))
    }

    /// The number of particles `N`.
    pub fn particles(&self) -> usize {
        self.particles
    }

    /// Log-weights since the last resampling, `[N]`.
    pub fn log_weights(&self) -> &[f64] {
        &self.log_weights[..self.particles]
    }

    /// Writes the normalized weights, `[N]`, and returns the log of the sum they had.
    ///
    /// # Errors
    /// [`SamplerError::LostAllWeight`] at this level when no particle has any weight.
    pub fn normalize(&self, weights: &mut [f64], level: usize, non_finite: u64) -> Result<f64> {
        normalize(self.log_weights(), weights).map_err(|error| match error {
            Error::WeightsAllZero => {
                SamplerError::LostAllWeight { level, particles: self.particles, non_finite }
            }
            other => other.into(),
        })
    }

    /// Moves every particle across a bridge: from noisy to clean adding its log-work to its
    /// log-weight, or from clean to noisy subtracting it.
    ///
    /// # Errors
    /// Those of the bridge; a bridge or density that panics.
    pub fn cross(
        &mut self,
        bridge: &dyn Bridge,
        direction: Direction,
        key: Key,
    ) -> Result<PassReport> {
        let dim = self.dim;
        let team = team_len(bridge.blocks_at_once());
        let scratch_len = bridge.scratch_len() + team;
        let to_level = match direction {
            Direction::Forward => self.level.saturating_sub(1),
            Direction::Backward => self.level + 1,
        };
        let pairs = self.now.par_teams(dim, team).zip(self.next.par_teams_mut(dim, team));
        let crossed = pairs
            .zip(self.reports.par_chunks_mut(team))
            .enumerate()
            .with_min_len(MIN_BLOCKS.div_ceil(team))
            .map_init(
                || TeamRoom::<Crossing>::new(scratch_len, team),
                |room, (index, ((from, to), reports))| {
                    guarded(to_level, || {
                        room.begin(key, index * team, from.count());
                        let sign = match direction {
                            Direction::Forward => {
                                bridge.forward_blocks(from, to, room.team())?;
                                1.0
                            }
                            Direction::Backward => {
                                bridge.backward_blocks(from, to, room.team())?;
                                -1.0
                            }
                        };
                        let crossings = room.outcomes.iter().zip(&room.evaluations);
                        for (report, (crossing, &evaluations)) in reports.iter_mut().zip(crossings)
                        {
                            *report = BlockReport::of(crossing, sign, evaluations);
                        }
                        Ok(())
                    })
                },
            );
        first_error(crossed)?;
        self.level = to_level;
        std::mem::swap(&mut self.now, &mut self.next);
        Ok(self.finish_pass(true))
    }

    /// Runs `steps` kernel steps on every particle; `refresh` recomputes a score left stale.
    ///
    /// # Errors
    /// Those of the kernel; a kernel or density that panics.
    pub fn mix(
        &mut self,
        density: &dyn Score,
        kernel: &dyn MarkovKernel,
        (steps, step_size): (usize, f64),
        refresh: bool,
        key: Key,
    ) -> Result<PassReport> {
        let (dim, particles, level) = (self.dim, self.particles, self.level);
        let team = team_len(kernel.blocks_at_once(dim).max(density.blocks_at_once()));
        let scratch_len = team * kernel.scratch_len(dim) + density.scratch_len();
        self.now
            .par_teams_mut(dim, team)
            .enumerate()
            .with_min_len(MIN_BLOCKS.div_ceil(team))
            .map_init(
                || TeamRoom::<Outcome>::new(scratch_len, team),
                |room, (index, mut blocks)| {
                    let first = index * team;
                    let active = |block: usize| active_lanes(particles, first + block);
                    guarded(level, || {
                        room.begin(key, first, blocks.count());
                        let mut report = TeamReport::default();
                        for _ in 0..steps {
                            let moving = blocks.reborrow();
                            kernel.step_blocks(density, step_size, moving, room.team())?;
                            for (block, outcome) in room.outcomes.iter().enumerate() {
                                let (acceptance, non_finite) = outcome.totals(active(block));
                                report.acceptance += acceptance;
                                report.non_finite += non_finite;
                            }
                        }
                        let TeamRoom { memory, evaluations, .. } = room;
                        if refresh {
                            blocks.evaluate(density, Scratch::new(memory), evaluations)?;
                        }
                        for (block, evaluations) in evaluations.iter().enumerate() {
                            report.evaluations.add(evaluations, active(block) as u64);
                        }
                        Ok(report)
                    })
                },
            )
            .collect_into_vec(&mut self.team_reports);
        let mut total = PassReport::default();
        for report in self.team_reports.drain(..) {
            let report = report?;
            total.evaluations.add(&report.evaluations, 1);
            total.acceptance_rate += report.acceptance;
            total.non_finite += report.non_finite;
        }
        total.acceptance_rate /= (steps * particles).max(1) as f64;
        Ok(total)
    }

    /// Replaces the particles by offspring drawn according to their normalized `weights` and sets
    /// the log-weights to zero.
    ///
    /// # Errors
    /// Those of the resampling scheme.
    pub fn resample(&mut self, scheme: Resampling, weights: &[f64], key: Key) -> Result<()> {
        let mut ancestors = vec![0; self.particles];
        scheme.ancestors(weights, &mut key.stream(), &mut ancestors)?;
        let (dim, now) = (self.dim, &self.now);
        self.next.par_blocks_mut(dim).enumerate().with_min_len(MIN_BLOCKS).for_each(
            |(block, to)| {
                let last = ancestors.len() - 1;
                let sources: [(usize, usize); LANES] = std::array::from_fn(|lane| {
                    let ancestor = ancestors[(block * LANES + lane).min(last)];
                    (ancestor / LANES, ancestor % LANES)
                });
                let gather = |values: &[f64x8], width: usize, column: usize| {
                    f64x8::new(sources.map(|(b, lane)| values[b * width + column].as_array()[lane]))
                };
                for (j, (x, score)) in to.x.iter_mut().zip(to.score).enumerate() {
                    *x = gather(&now.x, dim, j);
                    *score = gather(&now.score, dim, j);
                }
                *to.log_density = gather(&now.log_density, 1, 0);
            },
        );
        std::mem::swap(&mut self.now, &mut self.next);
        self.families = ancestors.iter().map(|&a| self.families[a]).collect();
        self.log_weights.fill(0.0);
        Ok(())
    }

    /// Positions and cached values, `[blocks]` points; lanes past the last particle are copies.
    pub fn points(&self) -> impl Iterator<Item = Point<'_>> {
        let rows = self.now.x.chunks(self.dim).zip(self.now.score.chunks(self.dim));
        rows.zip(&self.now.log_density).map(|((x, score), &log_density)| Point {
            x,
            log_density,
            score,
        })
    }

    /// Positions `[N x d]`, row-major.
    pub fn positions(&self) -> Vec<f64> {
        self.first_positions(self.particles)
    }

    /// Positions of the first particles, at most `count`, row-major.
    pub(super) fn first_positions(&self, count: usize) -> Vec<f64> {
        let count = count.min(self.particles);
        let mut rows = Vec::with_capacity(count * self.dim);
        for particle in 0..count {
            let block = &self.now.x[particle / LANES * self.dim..][..self.dim];
            rows.extend(block.iter().map(|x| x.as_array()[particle % LANES]));
        }
        rows
    }

    /// Positions in rows, weights and ancestors; all else is freed before the rows are written, so that
    /// they do not add to what the run took.
    pub fn into_remains(mut self) -> Remains {
        (self.next, self.reports) = (States::new(0, 0), Vec::new());
        (self.now.score, self.now.log_density) = (Vec::new(), Vec::new());
        let positions = self.positions();
        self.log_weights.truncate(self.particles);
        Remains { positions, log_weights: self.log_weights, families: self.families }
    }

    /// `|S + x/m|^2/d + 1/m` of each particle, `[N]`: its mean is `E|S|^2/d` where `m = E|x|^2/d` is
    /// the second moment of the level, since `E[S.x] = -d`. Without `m`, `|S|^2/d`.
    pub fn square_scores(&self, second_moment: Option<f64>) -> Vec<f64> {
        let inverse = second_moment.map_or(0.0, f64::recip);
        let mut values = vec![0.0; self.log_weights.len()];
        for (lanes, point) in values.chunks_mut(LANES).zip(self.points()) {
            let square = point.x.iter().zip(point.score).fold(f64x8::ZERO, |sum, (&x, &score)| {
                let residual = splat(inverse).mul_add(x, score);
                residual.mul_add(residual, sum)
            });
            for (value, square) in lanes.iter_mut().zip(square.to_array()) {
                *value = square / self.dim as f64 + inverse;
            }
        }
        values.truncate(self.particles);
        values
    }

    /// `|x_s - (x_t + v S_t)/a|^2/d` of each particle, `[N]`: this population stands at the cleaner
    /// level, `noisy` holds the same particles at the noisier one.
    pub fn square_residuals(&self, noisy: &Self, step: &NoisingStep) -> Vec<f64> {
        let (v, inverse) = (splat(step.variance), splat(1.0 / step.ratio));
        let mut values = vec![0.0; self.log_weights.len()];
        let points = self.points().zip(noisy.points());
        for (lanes, (clean, noisy)) in values.chunks_mut(LANES).zip(points) {
            let coordinates = clean.x.iter().zip(noisy.x).zip(noisy.score);
            let square = coordinates.fold(f64x8::ZERO, |sum, ((&y, &x), &score)| {
                let residual = y - inverse * v.mul_add(score, x);
                residual.mul_add(residual, sum)
            });
            for (value, square) in lanes.iter_mut().zip(square.to_array()) {
                *value = square / self.dim as f64;
            }
        }
        values.truncate(self.particles);
        values
    }

    /// Sums the blocks' reports in block order; adds log-works to the log-weights where `weigh`.
    ///
    /// A log-work that is NaN or `+inf` is a fault: it is counted and the particle loses its weight.
    fn finish_pass(&mut self, weigh: bool) -> PassReport {
        let (mut total, mut truncation) = (PassReport::default(), TruncationMean::EMPTY);
        for (block, report) in self.reports.iter().enumerate() {
            let active = active_lanes(self.particles, block);
            total.evaluations.add(&report.evaluations, active as u64);
            if !weigh {
                continue;
            }
            let weights = &mut self.log_weights[block * LANES..][..active];
            // A particle without weight is past failing.
            let mut alive = 0;
            for (lane, (weight, bound)) in weights.iter().zip(report.truncation).enumerate() {
                if *weight > f64::NEG_INFINITY {
                    alive |= 1 << lane;
                    truncation.add(&[bound]);
                }
            }
            total.faults.add(&report.faults.count(alive));
            let rejected = report.faults.rejected();
            for (lane, (weight, work)) in weights.iter_mut().zip(report.log_work).enumerate() {
                if *weight == f64::NEG_INFINITY {
                    continue;
                }
                let sum = *weight + work;
                let fault = sum.is_nan() || sum == f64::INFINITY;
                // What a map rejects is counted among its faults.
                total.non_finite += u64::from(fault && rejected >> lane & 1 == 0);
                *weight = if fault { f64::NEG_INFINITY } else { sum };
            }
        }
        total.truncation = truncation.value();
        total
    }
}

/// The error of the first piece of work that ended with one, whichever thread came upon it.
fn first_error(work: impl IndexedParallelIterator<Item = Result<()>>) -> Result<()> {
    let failed = work.enumerate().filter_map(|(index, result)| Some((index, result.err()?)));
    failed.min_by_key(|(index, _)| *index).map_or(Ok(()), |(_, error)| Err(error))
}

/// Lanes of a block that hold particles.
pub(super) fn active_lanes(particles: usize, block: usize) -> usize {
    (particles - block * LANES).min(LANES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::simd::less;

    /// Fails if a report grows: there is one for every eight particles, 20 bytes for each of them.
    #[test]
    fn reports_stay_small() {
        assert!(size_of::<BlockReport>() <= 160);
    }

    /// Fails if another error than that of the first piece is given, or none.
    #[test]
    fn the_first_error_is_given() {
        let level = |level: usize| SamplerError::Panicked { level, message: String::new() };
        let work = |fails: &'static [usize]| {
            let result = move |i| if fails.contains(&i) { Err(level(i)) } else { Ok(()) };
            first_error((0..1000).into_par_iter().map(result))
        };
        assert_eq!(work(&[]), Ok(()));
        assert_eq!(work(&[999]), Err(level(999)));
        assert_eq!(work(&[700, 31, 998]), Err(level(31)));
    }

    /// Fails if a bit stands for another lane or fault than its mask, or lanes that are not asked for
    /// are counted.
    #[test]
    fn fault_bits_count_as_masks_do() {
        let lanes = f64x8::new(std::array::from_fn(|lane| lane as f64));
        let below = |limit: f64| less(lanes, splat(limit));
        let faults = Faults {
            not_inverted: below(1.0),
            not_positive: below(3.0),
            past_penalty: below(6.0),
            diverged: below(8.0),
        };
        let bits = FaultBits::from(faults);
        assert_eq!(bits.rejected(), 0b111);
        for set in 0..=u8::MAX {
            let alive = f64x8::new(std::array::from_fn(|lane| f64::from(set >> lane & 1)));
            let within = faults.within(less(splat(0.5), alive));
            assert_eq!(bits.count(set), within.count(LANES), "{set:08b}");
        }
    }
}

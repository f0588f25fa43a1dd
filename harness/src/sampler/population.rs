//! The particles of a run, in blocks of eight, and the passes over them.
//!
//! A pass handles every block once, in parallel; what blocks report is summed in block order. Lanes
//! past the last particle hold copies that are moved along and never counted.

use amc_core::bridge::{Bridge, FaultCounts, Faults};
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::Error;
use amc_core::kernel::{MarkovKernel, Outcome, Team};
use amc_core::path::NoisingStep;
use amc_core::point::{BlocksMut, Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, splat};
use amc_core::weight::{Resampling, normalize};
use rayon::prelude::*;

use super::guard::guarded;
use super::truncation::TruncationMean;
use super::{Annealing, SamplerError};

/// What passes end with.
type Result<T> = core::result::Result<T, SamplerError>;

/// Blocks a thread takes at a time: enough to hide the cost of taking them.
const MIN_BLOCKS: usize = 8;

/// Most blocks that move together.
const MOST_BLOCKS: usize = 8;

/// `N` particles at one level, with cached densities and log-weights.
///
/// A pass that ends with an error leaves them between two states: such a population is of no use.
#[derive(Clone)]
pub struct Population {
    dim: usize,
    particles: usize,
    /// The level of its problem at which it stands.
    level: usize,
    now: States,
    /// Where a pass that moves particles writes; swapped with `now` afterwards.
    next: States,
    /// `[8 x blocks]`; the first `N` count.
    log_weights: Vec<f64>,
    /// Index of each particle's ancestor in the first generation, `[N]`.
    families: Vec<usize>,
    reports: Vec<Result<BlockReport>>,
    team_reports: Vec<Result<TeamReport>>,
}

/// Positions, scores `[blocks x d]` and log-densities `[blocks]`.
#[derive(Clone)]
struct States {
    x: Vec<f64x8>,
    score: Vec<f64x8>,
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
    /// Per particle, summed over the blocks.
    evaluations: Evaluations,
    acceptance: f64,
    non_finite: u64,
}

impl TeamReport {
    /// The evaluations of all particles of up to `team` blocks from `first` on: every block made as many.
    fn total_evaluations(&self, particles: usize, first: usize, team: usize) -> Evaluations {
        let blocks = particles.div_ceil(LANES).min(first + team) - first;
        let active = (particles - first * LANES).min(blocks * LANES) as u64;
        let share = |total: u64| total / blocks.max(1) as u64 * active;
        Evaluations {
            density: share(self.evaluations.density),
            score: share(self.evaluations.score),
            hessian_product: share(self.evaluations.hessian_product),
        }
    }
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

    fn par_blocks(&self, dim: usize) -> impl IndexedParallelIterator<Item = Point<'_>> {
        self.x
            .par_chunks(dim)
            .zip(self.score.par_chunks(dim))
            .zip(&self.log_density)
            .map(|((x, score), &log_density)| Point { x, log_density, score })
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
            reports: Vec::with_capacity(blocks),
            team_reports: Vec::new(),
        }
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
        let level = self.level;
        self.now
            .par_blocks_mut(self.dim)
            .enumerate()
            .with_min_len(MIN_BLOCKS)
            .map_init(
                || vec![f64x8::ZERO; scratch_len],
                |memory, (block, mut point)| {
                    guarded(level, || {
                        let mut stream = key.block(block as u64).stream();
                        let mut evaluations = Evaluations::default();
                        law.sample(point.x, &mut stream, Scratch::new(memory))?;
                        let mut context = Context {
                            stream: &mut stream,
                            scratch: Scratch::new(memory),
                            evaluations: &mut evaluations,
                        };
                        point.evaluate(density, &mut context)?;
                        Ok(BlockReport { evaluations, ..BlockReport::default() })
                    })
                },
            )
            .collect_into_vec(&mut self.reports);
        self.finish_pass(false)
    }

    /// Adds `sign (log p_L - log rho)` to the log-weights of particles at level `L`.
    ///
    /// # Errors
    /// Those of the core.
    pub fn weigh_reference(&mut self, problem: &Annealing<'_>, sign: f64) -> Result<PassReport> {
        let (reference, level) = (problem.reference, self.level);
        self.now
            .par_blocks(self.dim)
            .with_min_len(MIN_BLOCKS)
            .map_init(
                || vec![f64x8::ZERO; reference.scratch_len()],
                |memory, point| {
                    guarded(level, || {
                        let log_rho = reference.log_density(point.x, Scratch::new(memory))?;
                        let log_work = (splat(sign) * (point.log_density - log_rho)).to_array();
                        Ok(BlockReport { log_work, ..BlockReport::default() })
                    })
                },
            )
            .collect_into_vec(&mut self.reports);
        self.finish_pass(true)
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
        let scratch_len = bridge.scratch_len();
        let to_level = match direction {
            Direction::Forward => self.level.saturating_sub(1),
            Direction::Backward => self.level + 1,
        };
        let pairs = self.now.par_blocks(dim).zip(self.next.par_blocks_mut(dim));
        pairs
            .enumerate()
            .with_min_len(MIN_BLOCKS)
            .map_init(
                || vec![f64x8::ZERO; scratch_len],
                |memory, (block, (from, to))| {
                    guarded(to_level, || {
                        let mut stream = key.block(block as u64).stream();
                        let mut evaluations = Evaluations::default();
                        let context = Context {
                            stream: &mut stream,
                            scratch: Scratch::new(memory),
                            evaluations: &mut evaluations,
                        };
                        let (crossing, sign) = match direction {
                            Direction::Forward => (bridge.forward(from, to, context)?, 1.0),
                            Direction::Backward => (bridge.backward(from, to, context)?, -1.0),
                        };
                        let log_work = (splat(sign) * crossing.log_work).to_array();
                        let (faults, truncation) =
                            (crossing.faults.into(), crossing.truncation.to_array());
                        Ok(BlockReport { evaluations, faults, truncation, log_work })
                    })
                },
            )
            .collect_into_vec(&mut self.reports);
        self.level = to_level;
        std::mem::swap(&mut self.now, &mut self.next);
        self.finish_pass(true)
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
        let team = kernel.blocks_at_once(dim).clamp(1, MOST_BLOCKS);
        let scratch_len = team * kernel.scratch_len(dim) + density.scratch_len();
        self.now
            .par_teams_mut(dim, team)
            .enumerate()
            .with_min_len(MIN_BLOCKS.div_ceil(team))
            .map_init(
                || (vec![f64x8::ZERO; scratch_len], Vec::with_capacity(team)),
                |(memory, streams), (index, mut blocks)| {
                    let (first, count) = (index * team, blocks.log_density.len());
                    streams.clear();
                    streams.extend((first..first + count).map(|b| key.block(b as u64).stream()));
                    let mut outcomes = [Outcome::none(); MOST_BLOCKS];
                    let outcomes = &mut outcomes[..count];
                    guarded(level, || {
                        let mut report = TeamReport::default();
                        for _ in 0..steps {
                            let team = Team {
                                streams: &mut *streams,
                                outcomes: &mut *outcomes,
                                scratch: Scratch::new(memory),
                                evaluations: &mut report.evaluations,
                            };
                            kernel.step_blocks(density, step_size, blocks.reborrow(), team)?;
                            for (block, outcome) in outcomes.iter().enumerate() {
                                let active = active_lanes(particles, first + block);
                                let (acceptance, non_finite) = outcome.totals(active);
                                report.acceptance += acceptance;
                                report.non_finite += non_finite;
                            }
                        }
                        if refresh {
                            for mut point in blocks.iter_mut() {
                                let mut context = Context {
                                    stream: &mut streams[0],
                                    scratch: Scratch::new(memory),
                                    evaluations: &mut report.evaluations,
                                };
                                point.evaluate(density, &mut context)?;
                            }
                        }
                        Ok(report)
                    })
                },
            )
            .collect_into_vec(&mut self.team_reports);
        let mut total = PassReport::default();
        for (index, report) in self.team_reports.drain(..).enumerate() {
            let report = report?;
            let evaluations = report.total_evaluations(particles, index * team, team);
            total.evaluations.add(&evaluations, 1);
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
        let mut rows = Vec::with_capacity(self.particles * self.dim);
        for particle in 0..self.particles {
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
    fn finish_pass(&mut self, weigh: bool) -> Result<PassReport> {
        let (mut total, mut truncation) = (PassReport::default(), TruncationMean::EMPTY);
        for (block, report) in self.reports.drain(..).enumerate() {
            let report = report?;
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
        Ok(total)
    }
}

/// Lanes of a block that hold particles.
pub(super) fn active_lanes(particles: usize, block: usize) -> usize {
    (particles - block * LANES).min(LANES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::simd::less;

    /// Fails if a report grows: there is one for every eight particles, 21 bytes for each of them.
    #[test]
    fn reports_stay_small() {
        assert!(size_of::<Result<BlockReport>>() <= 168);
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

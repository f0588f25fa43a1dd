//! Replica exchange over the levels of a path, with any bridge \[Syed22\], \[Zhang25\].
//!
//! ```text
//! round n = 1, 2, ..: at every level below the reference: steps of the kernel
//!                     at the reference:                   a fresh exact sample
//!                     even-odd:    pairs (0,1), (2,3), .. if n is odd, (1,2), (3,4), .. if even
//!                     stochastic:  one of the two sets, by the toss of a coin
//!                     swap(bridge, x_t, x_s) for every pair (s, t) of the set
//! ```
//!
//! Level 0 is the target, level `L` the reference itself. Several ladders run side by side: they are
//! independent (on `"stochastic"`, given the coin, which they share) and give the standard errors.
//! A ladder starts from draws of the reference at every level, from one descent through the bridges,
//! or, from the other side, from one ascent of an exact sample of the target ([`Start`]); as an oracle, from
//! exact samples of all levels, which is where the swaps lead. What is kept
//! of a run does not grow with its rounds.

mod evidence;
mod index;
mod ladders;
mod mode_weights;
mod outcome;
mod recorder;
mod rules;
mod teams;

use amc_core::bridge::Bridge;
use amc_core::error::{Error, check_len};
use amc_core::point::Evaluations;
use amc_core::rng::{Phase, Purpose};

use self::evidence::merge;
use self::index::IndexProcess;
use self::ladders::{Ladders, Round, exact_law};
use self::mode_weights::{ModeWeights, Total};
use self::recorder::Recorder;
use serde::{Deserialize, Serialize};

use super::kept::{KeptEvaluations, keep, resumed, stage};
use super::population::{Direction, Population};
use super::step_size::updated;
use super::{
    Annealing, Level, Observer, Progress, SamplerError, Snapshot, StepSizes, Tuning, WeightedSample,
};
use crate::catalog::SwapOrder;
use crate::schedule::{round_trip_rate, round_trip_rate_stochastic};

pub use self::evidence::LadderEvidence;
pub use self::outcome::{ExchangeOutcome, ExchangeRecord, Trajectories};
pub use self::rules::{ExchangeRules, Explorer, Start};

/// Runs replica exchange on a problem whose noisiest level is the reference.
///
/// # Errors
/// Those of the core; [`amc_core::error::Error::Unsupported`] for exact samples that do not exist.
pub fn exchange(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    rules: &ExchangeRules,
    (phase, start): (Phase, Start),
    observer: &mut dyn Observer,
) -> Result<ExchangeOutcome, SamplerError> {
    check(problem, tuning, rules)?;
    stage(observer, EXCHANGE, |observer| {
        problem.with_bridges(&tuning.mean_square_scores, |bridges| {
            let mut run = Run::new(problem, tuning, rules, phase);
            let done = match resumed(observer, EXCHANGE) {
                Some(state) => run.resume(state),
                None => {
                    run.start(bridges, start)?;
                    0
                }
            };
            run.rounds(bridges, done, observer)?;
            Ok(run.into_outcome())
        })
    })
}

/// The name of the stage.
const EXCHANGE: &str = "exchange";

/// What the rest takes for granted.
fn check(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    rules: &ExchangeRules,
) -> Result<(), SamplerError> {
    let unsupported = |what| Err(SamplerError::Core(Error::Unsupported { what }));
    if matches!(problem.levels[problem.steps()], Level::Diffusion(_)) {
        return unsupported("replica exchange needs the reference at the noisiest level");
    }
    if rules.ladders == 0 || rules.rounds == 0 {
        return unsupported("replica exchange needs a ladder and a round");
    }
    if let StepSizes::Frozen(step_sizes) = &tuning.step_sizes {
        check_len("step sizes", problem.levels.len(), step_sizes.len())?;
    }
    Ok(())
}

/// A run in progress.
struct Run<'a> {
    problem: &'a Annealing<'a>,
    rules: &'a ExchangeRules,
    phase: Phase,
    ladders: Ladders,
    account: Account,
    mode_weights: Option<ModeWeights<'a>>,
}

/// What a run has measured so far; a checkpoint holds it with the ladders and the mode weights.
#[derive(Serialize, Deserialize)]
struct Account {
    index: IndexProcess,
    /// The kernel's step size at levels `0..=L`.
    step_sizes: Vec<f64>,
    /// While they are still adapted: the sums of their logs over the second half of the warm-up.
    adaptation: Option<Vec<f64>>,
    /// The constants of bridge sampling, by pair.
    centers: Vec<f64>,
    /// Acceptance of levels when step sizes were last adapted: sums and tries.
    seen: Vec<(f64, u64)>,
    target_samples: Recorder,
    level_samples: Vec<Recorder>,
    /// States of some levels, noisiest first, for figures.
    snapshots: Vec<(usize, Recorder)>,
    trajectories: Trajectories,
    #[serde(with = "KeptEvaluations")]
    evaluations: Evaluations,
    /// Ladders whose density was no number where they started, level by level.
    non_finite_starts: u64,
}

/// A checkpoint: rounds done, warm-up included, and everything else.
type State = (usize, Ladders, Account, Option<Vec<Total>>);

impl<'a> Run<'a> {
    fn new(
        problem: &'a Annealing<'a>,
        tuning: &Tuning,
        rules: &'a ExchangeRules,
        phase: Phase,
    ) -> Self {
        let levels = problem.levels.len();
        let (step_sizes, adaptation) = match &tuning.step_sizes {
            StepSizes::Frozen(step_sizes) => (step_sizes.clone(), None),
            StepSizes::Online(initial) => (vec![*initial; levels], Some(vec![0.0; levels])),
        };
        let of_levels = Recorder::new(rules.samples_of_levels, rules.ladders);
        let watched = if rules.samples_of_levels > 0 { levels } else { 0 };
        // What is drawn is the run itself, not how its levels were placed.
        let drawn = phase == Phase::Production;
        let shown = (0..levels).rev().filter(|&l| drawn && Snapshot::is_wanted(l, levels - 1));
        let most = Snapshot::most_particles();
        let of_snapshots = Recorder::new(most, rules.ladders.min(most));
        let account = Account {
            index: IndexProcess::new(levels, rules.ladders),
            step_sizes,
            adaptation,
            centers: vec![0.0; levels - 1],
            seen: vec![(0.0, 0); levels],
            target_samples: Recorder::new(rules.samples, rules.ladders),
            level_samples: vec![of_levels; watched],
            snapshots: shown.map(|level| (level, of_snapshots.clone())).collect(),
            trajectories: Trajectories::default(),
            evaluations: Evaluations::default(),
            non_finite_starts: 0,
        };
        let mode_weights = problem.exact_target.map(|t| ModeWeights::new(t, rules.ladders));
        let ladders = Ladders::new(problem, rules.ladders);
        Self { problem, rules, phase, ladders, account, mode_weights }
    }

    /// Goes on from a checkpoint; returns the rounds that were done.
    fn resume(&mut self, (done, ladders, account, totals): State) -> usize {
        (self.ladders, self.account) = (ladders, account);
        if let (Some(mode_weights), Some(totals)) = (&mut self.mode_weights, totals) {
            mode_weights.resume(totals);
        }
        done
    }

    /// All rounds after the first `done`, warm-up included.
    fn rounds(
        &mut self,
        bridges: &[Box<dyn Bridge + '_>],
        done: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), SamplerError> {
        let (warmup, rounds) = (self.rules.warmup, self.rules.rounds);
        if done < warmup {
            observer.begin("warm-up", warmup);
            observer.skip(done);
        }
        for round in done..warmup + rounds {
            // A checkpoint after the last round of the warm-up was kept before this.
            if round == warmup {
                self.begin_production();
            }
            if round == warmup || (round == done && done > warmup) {
                observer.begin("ladders", rounds);
                observer.skip(round - warmup);
            }
            self.round(bridges, round)?;
            if round < warmup {
                self.adapt(round);
            } else {
                self.record(round - warmup)?;
            }
            observer.level_done(Progress::Rejection(self.worst_rejection()));
            keep(observer, EXCHANGE, || {
                let totals = self.mode_weights.as_ref().map(ModeWeights::totals);
                (round + 1, &self.ladders, &self.account, totals)
            })?;
        }
        Ok(())
    }

    /// Fills all levels: with draws of the reference, or in one pass of every ladder through the
    /// bridges, mixing at each level.
    fn start(
        &mut self,
        bridges: &[Box<dyn Bridge + '_>],
        start: Start,
    ) -> Result<(), SamplerError> {
        let (problem, ladders, top) = (self.problem, self.rules.ladders, self.problem.steps());
        let (mut population, first, mut level) = match start {
            Start::Reference | Start::Exact => {
                for level in 0..=top {
                    let (population, report) = if start == Start::Exact {
                        let law = exact_law(problem, level)?;
                        Population::from_level(problem, law, (ladders, level), self.phase)?
                    } else {
                        Population::scattered(problem, ladders, level, self.phase)?
                    };
                    self.account.evaluations.add(&report.evaluations, 1);
                    self.place(&population, level)?;
                }
                return Ok(());
            }
            Start::Descent => {
                let (population, first) = Population::from_reference(problem, ladders, self.phase)?;
                (population, first, top)
            }
            Start::Target => {
                let (population, first) = Population::from_target(problem, ladders, self.phase)?;
                (population, first, 0)
            }
        };
        self.account.evaluations.add(&first.evaluations, 1);
        loop {
            if level < top {
                self.mix(&mut population, level)?;
            }
            self.place(&population, level)?;
            let (clean, next, direction) = match start {
                Start::Descent if level > 0 => (level - 1, level - 1, Direction::Forward),
                Start::Target if level < top => (level, level + 1, Direction::Backward),
                _ => return Ok(()),
            };
            let key = problem.key(self.phase, Purpose::Bridge).level(clean as u64);
            let report = population.cross(bridges[clean].as_ref(), direction, key)?;
            self.account.evaluations.add(&report.evaluations, 1);
            level = next;
        }
    }

    /// Places a population at a level. A ladder that its way has led nowhere starts from a draw of the
    /// reference instead; one whose density is no number leaves with the first proposal that has one.
    fn place(&mut self, population: &Population, level: usize) -> Result<(), SamplerError> {
        self.ladders.place(level, population.points());
        if self.ladders.has_lost(level) {
            let (problem, ladders) = (self.problem, self.rules.ladders);
            let (spare, report) = Population::scattered(problem, ladders, level, self.phase)?;
            self.account.evaluations.add(&report.evaluations, 1);
            self.ladders.replace_lost(level, spare.points());
        }
        self.account.non_finite_starts += self.ladders.settle(level);
        Ok(())
    }

    /// The kernel steps of a start at one level.
    fn mix(&mut self, population: &mut Population, level: usize) -> Result<(), SamplerError> {
        let (Some(choice), Explorer::Kernel { steps }) =
            (&self.problem.kernel, self.rules.explorer)
        else {
            return Ok(());
        };
        if steps == 0 {
            return Ok(());
        }
        let report = population.mix(
            self.problem.levels[level].density(),
            choice.kernel.as_ref(),
            (steps, self.account.step_sizes[level]),
            choice.kernel.leaves_score_stale() && self.problem.bridge.denoises(),
            self.problem.key(self.phase, Purpose::Kernel).level(level as u64),
        )?;
        self.account.evaluations.add(&report.evaluations, 1);
        Ok(())
    }

    /// One round: explore, swap, follow the replicas. `round` counts from 0, warm-up included.
    fn round(
        &mut self,
        bridges: &[Box<dyn Bridge + '_>],
        round: usize,
    ) -> Result<(), SamplerError> {
        let number = round as u64 + 1;
        let name = Round { phase: self.phase, number };
        self.ladders.explore(self.problem, self.rules.explorer, &self.account.step_sizes, name)?;
        let first = match self.rules.order {
            SwapOrder::EvenOdd => round % 2,
            SwapOrder::Stochastic => {
                let key = self.problem.key(self.phase, Purpose::Parity).round(number);
                usize::from(key.stream().uniform() < 0.5)
            }
        };
        // With a single pair, half of the rounds swap nothing.
        if first < bridges.len() {
            self.ladders.swap(self.problem, bridges, first, &self.account.centers, name)?;
            for clean in (first..bridges.len()).step_by(2) {
                for ladder in self.ladders.swapped(clean) {
                    self.account.index.swap(clean, ladder);
                }
            }
        }
        self.account.index.visit_ends();
        if number.is_power_of_two() {
            self.recenter();
        }
        Ok(())
    }

    /// Moves the constants of bridge sampling to the estimates so far.
    fn recenter(&mut self) {
        for (clean, center) in self.account.centers.iter_mut().enumerate() {
            let estimate = merge(&self.ladders.works(clean)).bridge_estimate();
            if estimate.is_finite() {
                *center = estimate;
            }
        }
    }

    /// Adapts the step sizes after a round of the warm-up, if they are not frozen.
    fn adapt(&mut self, round: usize) {
        let Some(choice) = &self.problem.kernel else { return };
        let Some(log_sums) = &mut self.account.adaptation else { return };
        let gain = 2.0 / (1.0 + round as f64 / 8.0);
        let second_half = round >= self.rules.warmup / 2;
        for (level, log_sum) in log_sums.iter_mut().enumerate().take(self.problem.steps()) {
            let tally = self.ladders.level(level);
            let sum = tally.acceptance * tally.tries as f64;
            let (seen, tries) =
                std::mem::replace(&mut self.account.seen[level], (sum, tally.tries));
            if tally.tries == tries {
                continue;
            }
            let rate = (sum - seen) / (tally.tries - tries) as f64;
            let step_size = &mut self.account.step_sizes[level];
            *step_size = updated(*step_size, rate, choice.target_acceptance, gain);
            if second_half {
                *log_sum += libm::log(*step_size);
            }
        }
    }

    /// Freezes what was adapted and counts from zero.
    fn begin_production(&mut self) {
        if let Some(log_sums) = self.account.adaptation.take() {
            let rounds = (self.rules.warmup - self.rules.warmup / 2) as f64;
            if rounds > 0.0 {
                for (step_size, log_sum) in self.account.step_sizes.iter_mut().zip(&log_sums) {
                    *step_size = libm::exp(log_sum / rounds);
                }
            }
        }
        for level in 0..self.problem.levels.len() {
            self.account.evaluations.add(&self.ladders.level(level).evaluations, 1);
        }
        for clean in 0..self.problem.steps() {
            self.account.evaluations.add(&self.ladders.pair(clean).evaluations, 1);
        }
        self.ladders.reset_tallies();
        self.account.index.reset_counts();
    }

    /// Keeps what a round of the production shows.
    fn record(&mut self, round: usize) -> Result<(), SamplerError> {
        let (ladders, account) = (&self.ladders, &mut self.account);
        account.target_samples.offer(round, || ladders.rows(0));
        for (level, recorder) in account.level_samples.iter_mut().enumerate() {
            recorder.offer(round, || ladders.rows(level));
        }
        for (level, recorder) in &mut account.snapshots {
            recorder.offer(round, || ladders.first_rows(*level, Snapshot::most_particles()));
        }
        if round < Trajectories::ROUNDS {
            account.index.follow(&mut account.trajectories);
        }
        if let Some(mode_weights) = &mut self.mode_weights {
            mode_weights.add(ladders)?;
        }
        Ok(())
    }

    fn worst_rejection(&self) -> f64 {
        let rates =
            (0..self.problem.steps()).map(|clean| 1.0 - self.ladders.pair(clean).acceptance);
        rates.fold(0.0, f64::max)
    }

    fn into_outcome(mut self) -> ExchangeOutcome {
        let (problem, ladders) = (self.problem, &self.ladders);
        let (top, moves) = (problem.steps(), problem.kernel.is_some());
        let mut non_finite = self.account.non_finite_starts;
        let mut proposals = 0;
        let mut levels = Vec::with_capacity(top + 1);
        let (mut rate_sum, mut rated) = (0.0, 0_u32);
        for level in 0..=top {
            let kernel = ladders.level(level);
            let pair = (level < top).then(|| ladders.pair(level));
            let faults = kernel.non_finite + pair.map_or(0, |pair| pair.non_finite);
            proposals += kernel.tries + pair.map_or(0, |pair| pair.tries);
            self.account.evaluations.add(&kernel.evaluations, 1);
            if let Some(pair) = pair {
                self.account.evaluations.add(&pair.evaluations, 1);
            }
            if kernel.tries > 0 {
                rate_sum += kernel.acceptance;
                rated += 1;
            }
            non_finite += faults;
            levels.push(ExchangeRecord {
                level,
                time: problem.times[level],
                acceptance_rate: (kernel.tries > 0).then_some(kernel.acceptance),
                step_size: (moves && kernel.tries > 0).then(|| self.account.step_sizes[level]),
                rejection_rate: pair.map(|pair| 1.0 - pair.acceptance),
                non_finite: faults,
            });
        }
        let snapshot = |(level, recorder): (usize, Recorder)| {
            let rows = recorder.into_rows();
            let log_weights = vec![0.0; rows.len() / problem.dim()];
            Snapshot::new((level, problem.times[level]), problem.dim(), rows, &log_weights)
        };
        let snapshots = self.account.snapshots.into_iter().map(snapshot).collect();
        let works: Vec<_> = (0..top).map(|clean| ladders.works(clean)).collect();
        let rejections: Vec<f64> = levels.iter().filter_map(|level| level.rejection_rate).collect();
        let predicted_round_trip_rate = match self.rules.order {
            SwapOrder::EvenOdd => round_trip_rate(&rejections),
            SwapOrder::Stochastic => round_trip_rate_stochastic(&rejections),
        };
        let trips: u64 = self.account.index.round_trips.iter().sum();
        let ladder_rounds = (self.rules.ladders * self.rules.rounds) as f64;
        ExchangeOutcome {
            kept_every: self.account.target_samples.kept_every(self.rules.rounds),
            sample: WeightedSample::unweighted(
                self.account.target_samples.into_rows(),
                problem.dim(),
            ),
            level_samples: self
                .account
                .level_samples
                .into_iter()
                .map(Recorder::into_rows)
                .collect(),
            evidence: evidence::ladder_evidence(&works),
            snapshots,
            trajectories: self.account.trajectories,
            ladder_mode_weights: self.mode_weights.map_or(Vec::new(), ModeWeights::means),
            levels,
            round_trips: self.account.index.round_trips,
            restarts: self.account.index.restarts,
            round_trip_rate: trips as f64 / ladder_rounds,
            predicted_round_trip_rate,
            acceptance_rate: (rated > 0).then(|| rate_sum / f64::from(rated)),
            faults: ladders.faults(),
            crossings: ladders.crossings(),
            truncation: ladders.truncation(),
            evaluations: self.account.evaluations,
            non_finite,
            proposals,
        }
    }
}

//! The pilot run: what must be known before a run whose weights are exactly unbiased.
//!
//! A small population goes down the levels with resampling. At each level it adapts the kernel's
//! step size, and measures `E_t|S|^2/d`, which the isotropic-optimal bridge turns into its variance
//! `c = (v/a^2)(1 - v E_t|S|^2/d)` \[Bao22\]. The production run uses both as constants and draws
//! from streams of its own. The pilot's evaluations are part of the cost.

use amc_core::point::Evaluations;
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::weight::{Resampling, effective_sample_size};

use serde::{Deserialize, Serialize};

use super::kept::{KeptEvaluations, heed, stage};
use super::population::{Direction, PassReport};
use super::square_score::{MeanSquareScore, mean_square_score, mean_square_score_of_posterior};
use super::step_size::updated;
use super::{Annealing, KernelChoice, Observer, Population, Progress, SamplerError, StepSizes};

/// What the pilot found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// Step sizes for the production run.
    pub step_sizes: StepSizes,
    /// `E_t|S|^2/d` of levels `0..=L`; empty when no bridge asks for it.
    pub mean_square_scores: Vec<MeanSquareScore>,
    /// What the pilot cost.
    #[serde(with = "KeptEvaluations")]
    pub evaluations: Evaluations,
}

/// Adaptation steps at the first level, where the step size is a guess.
pub const FIRST_LEVEL_STEPS: usize = 30;
/// At each further one.
pub const LEVEL_STEPS: usize = 8;

/// Runs the pilot, if anything has to be tuned.
///
/// # Errors
/// Those of the core; a pilot that lost all its weight.
pub fn pilot(
    problem: &Annealing<'_>,
    particles: usize,
    adapt_online: bool,
    observer: &mut dyn Observer,
) -> Result<Tuning, SamplerError> {
    let initial = problem.kernel.as_ref().map_or(1.0, |choice| choice.initial_step_size);
    let adapts = problem.kernel.is_some() && !adapt_online;
    if !adapts && !problem.needs_mean_square_score() {
        return Ok(Tuning {
            step_sizes: StepSizes::Online(initial),
            mean_square_scores: Vec::new(),
            evaluations: Evaluations::default(),
        });
    }
    let mut tuning = stage(observer, "pilot", |observer| {
        descend(problem, particles, observer, &mut |_, _| Ok(()))
    })?;
    if !adapts {
        tuning.step_sizes = StepSizes::Online(initial);
    }
    Ok(tuning)
}

/// The pilot's descent; `visit` sees the population at level `L`, and at every other level after its
/// moves there.
///
/// # Errors
/// Those of [`pilot`] and of `visit`.
pub fn descend(
    problem: &Annealing<'_>,
    particles: usize,
    observer: &mut dyn Observer,
    visit: &mut dyn FnMut(usize, &Population) -> Result<(), SamplerError>,
) -> Result<Tuning, SamplerError> {
    let steps = problem.steps();
    observer.begin("pilot", steps);
    let mut step_size = problem.kernel.as_ref().map_or(1.0, |choice| choice.initial_step_size);
    let mut run = Pilot::new(problem, particles, Phase::Pilot)?;
    let mut step_sizes = vec![step_size; steps + 1];
    let measured = if problem.needs_mean_square_score() { steps + 1 } else { 0 };
    let mut scores = vec![MeanSquareScore::UNKNOWN; measured];
    visit(steps, &run.population)?;
    for level in (0..steps).rev() {
        if let Some(score) = scores.get_mut(level + 1) {
            *score = mean_square_score(problem, level + 1, &run.population);
        }
        let streams = run.streams(problem, level);
        run.cross(problem, level, scores.get(level + 1).copied(), streams)?;
        let ess = run.resample_if_poor(level, streams)?;
        if let Some(choice) = &problem.kernel {
            let rounds = if level + 1 == steps { FIRST_LEVEL_STEPS } else { LEVEL_STEPS };
            step_size = run.adapt(problem, level, choice, (step_size, rounds), streams)?;
            step_sizes[level] = step_size;
        }
        if let Some(score) = scores.get_mut(level + 1) {
            // Long steps are seen better from their end, short ones from their start.
            let posterior = run.measure_posterior(problem, level, streams)?;
            *score = score.steadier(posterior);
        }
        visit(level, &run.population)?;
        observer.level_done(Progress::Ess(ess));
        heed(observer)?;
    }
    Ok(Tuning {
        step_sizes: StepSizes::Frozen(step_sizes),
        mean_square_scores: scores,
        evaluations: run.evaluations,
    })
}

/// Particles of the pilot of an annealed run: a quarter of the run's, within bounds that make it
/// neither useless nor dear.
pub fn pilot_particles(particles: usize) -> usize {
    (particles / 4).clamp(128, PILOT_PARTICLES)
}

const PILOT_PARTICLES: usize = 1024;

/// Particles of the pilot of ladders, which are too few to tell its size: more where it measures
/// `E|S|^2`, whose noise the rejections near the target show (up to .1 with 1024 particles).
pub fn ladder_pilot_particles(problem: &Annealing<'_>) -> usize {
    if problem.needs_mean_square_score() { 4 * PILOT_PARTICLES } else { PILOT_PARTICLES }
}

/// A population that is tuned as it goes down.
#[derive(Clone)]
pub struct Pilot {
    /// The particles.
    pub population: Population,
    /// What it cost so far.
    pub evaluations: Evaluations,
    phase: Phase,
    non_finite: u64,
}

/// Attempts to settle a step size, and the distance from the wanted acceptance that asks for another.
const ATTEMPTS: usize = 12;
const UNSETTLED: f64 = 0.1;

/// A step size with the mean acceptance that led to it.
struct Adapted {
    step_size: f64,
    acceptance: f64,
}

/// The random streams of one level of a pilot.
#[derive(Debug, Clone, Copy)]
pub struct Streams {
    bridge: Key,
    resampling: Key,
    kernel: Key,
}

impl Pilot {
    /// So many particles at the noisiest level of a problem.
    ///
    /// # Errors
    /// Those of the core.
    pub fn new(
        problem: &Annealing<'_>,
        particles: usize,
        phase: Phase,
    ) -> Result<Self, SamplerError> {
        let (population, first) = Population::from_reference(problem, particles, phase)?;
        let (evaluations, non_finite) = (first.evaluations, first.non_finite);
        Ok(Self { population, evaluations, phase, non_finite })
    }

    /// The streams of level number `number`.
    pub fn streams(&self, problem: &Annealing<'_>, number: usize) -> Streams {
        let key = |purpose| problem.key(self.phase, purpose).level(number as u64);
        Streams {
            bridge: key(Purpose::Bridge),
            resampling: key(Purpose::Resampling),
            kernel: key(Purpose::Kernel),
        }
    }

    fn count(&mut self, report: &PassReport) {
        self.evaluations.add(&report.evaluations, 1);
        self.non_finite += report.non_finite;
    }

    /// Crosses the bridge to level `clean`; `score` is that of the noisier level.
    ///
    /// # Errors
    /// Those of the bridge.
    pub fn cross(
        &mut self,
        problem: &Annealing<'_>,
        clean: usize,
        score: Option<MeanSquareScore>,
        streams: Streams,
    ) -> Result<(), SamplerError> {
        let report = problem.with_bridge(clean, score, |bridge| {
            self.population.cross(bridge, Direction::Forward, streams.bridge)
        })?;
        self.count(&report);
        Ok(())
    }

    /// `E|S|^2/d` of the next noisier level, from the particles at level `clean`.
    fn measure_posterior(
        &mut self,
        problem: &Annealing<'_>,
        clean: usize,
        streams: Streams,
    ) -> Result<MeanSquareScore, SamplerError> {
        let mut noisy = self.population.clone();
        let report = problem.with_bridge(clean, None, |bridge| {
            // Round 1: the way down has drawn from round 0.
            let key = streams.bridge.round(1);
            noisy.cross(bridge, Direction::Backward, key)
        })?;
        self.count(&report);
        let step = problem.step(clean)?;
        Ok(mean_square_score_of_posterior(&step, &self.population, &noisy))
    }

    /// Resamples when less than half the population is effective; returns the effective fraction.
    ///
    /// # Errors
    /// A population that lost all its weight.
    pub fn resample_if_poor(
        &mut self,
        level: usize,
        streams: Streams,
    ) -> Result<f64, SamplerError> {
        let particles = self.population.particles();
        let ess = effective_sample_size(self.population.log_weights());
        if ess < 0.5 * particles as f64 {
            let mut weights = vec![0.0; particles];
            self.population.normalize(&mut weights, level, self.non_finite)?;
            self.population.resample(Resampling::Systematic, &weights, streams.resampling)?;
        }
        Ok(ess / particles as f64)
    }

    /// Mixes at one level for so many rounds while the step size follows the acceptance rate, with a
    /// falling gain.
    ///
    /// The result is the geometric mean of the second half, steadier than the last value.
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn adapt(
        &mut self,
        problem: &Annealing<'_>,
        level: usize,
        choice: &KernelChoice,
        (step_size, rounds): (f64, usize),
        streams: Streams,
    ) -> Result<f64, SamplerError> {
        let mut found = self.adapt_once(problem, level, choice, (step_size, rounds), streams, 0)?;
        // A long step of the path can leave the step size orders of magnitude away.
        for attempt in 1..ATTEMPTS {
            if (found.acceptance - choice.target_acceptance).abs() <= UNSETTLED {
                break;
            }
            let start = (found.step_size, rounds);
            found = self.adapt_once(problem, level, choice, start, streams, attempt)?;
        }
        Ok(found.step_size)
    }

    /// One attempt at that; its streams are those of rounds from `attempt * rounds` on.
    fn adapt_once(
        &mut self,
        problem: &Annealing<'_>,
        level: usize,
        choice: &KernelChoice,
        (mut step_size, rounds): (f64, usize),
        streams: Streams,
        attempt: usize,
    ) -> Result<Adapted, SamplerError> {
        let refresh = choice.kernel.leaves_score_stale() && problem.bridge.denoises();
        let (mut log_sum, mut acceptance) = (0.0, 0.0);
        let second_half = (rounds - rounds / 2) as f64;
        for round in 0..rounds {
            let report = self.population.mix(
                problem.levels[level].density(),
                choice.kernel.as_ref(),
                (1, step_size),
                refresh && round + 1 == rounds,
                streams.kernel.round((attempt * rounds + round) as u64),
            )?;
            self.count(&report);
            let gain = 2.0 / (1.0 + round as f64 / 4.0);
            step_size = updated(step_size, report.acceptance_rate, choice.target_acceptance, gain);
            if round >= rounds / 2 {
                log_sum += libm::log(step_size);
                acceptance += report.acceptance_rate / second_half;
            }
        }
        Ok(Adapted { step_size: libm::exp(log_sum / second_half), acceptance })
    }
}

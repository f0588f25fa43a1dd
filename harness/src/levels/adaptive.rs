//! Levels chosen one by one: each step goes as far as its conditional ESS stays at a given fraction
//! [Zhou, Johansen & Aston 2016], with the bridge and kernel of the run.
//!
//! A pilot population goes down the path; the next time is found by bisection, every trial drawing
//! the same random numbers. The run itself takes the times as constants, so its weights are exactly
//! unbiased, which levels chosen by its own particles would not give.

use amc_core::point::Evaluations;
use amc_core::rng::Phase;
use amc_core::weight::conditional_effective_sample_size;

use super::{Found, Placement, Placing};
use crate::config::RunConfig;
use crate::run::{Problem, RunError, Top};
use crate::sampler::{
    Annealing, FIRST_LEVEL_STEPS, LEVEL_STEPS, MeanSquareScore, Observer, Pilot, Progress,
    SamplerError, Streams, heed, mean_square_score, stage,
};

/// Particles of the descent.
const PARTICLES: usize = 1024;
/// More levels than this mean that the conditional ESS cannot be had at all.
const MOST_LEVELS: usize = 4_000;
/// The shortest step, and the time of the cleanest level, as fractions: a level that even such a step
/// does not reach lies beyond a jump of the path.
const SHORTEST: f64 = 1e-9;
/// A step is known when its length is, to this relative precision.
const PRECISION: f64 = 0.01;

/// Levels with steps of conditional ESS `cess`, from the last time of the path down to 0.
pub(super) fn place(placing: &mut Placing<'_>, cess: f64) -> Result<Placement, RunError> {
    let repetition = placing.fresh();
    let between = Between { config: placing.config, problem: placing.problem, repetition };
    let found = stage(placing.observer, "levels", |observer| descend(between, cess, observer))?;
    Ok(Placement { evaluations: found.evaluations, ..Placement::known(found.numbers) })
}

fn descend(
    between: Between<'_>,
    cess: f64,
    observer: &mut dyn Observer,
) -> Result<Found, RunError> {
    let config = between.config;
    observer.begin("levels", 0);
    let last = config.path.last_time();
    let mut times = vec![last];
    let mut step_size = None;
    let mut pilot =
        between.visit(0.0, last, |pair| Ok(Pilot::new(pair, PARTICLES, Phase::Schedule)?))?;
    let mut trials = Evaluations::default();
    while let Some(&t) = times.last().filter(|t| **t > 0.0) {
        let number = times.len();
        let score =
            between.visit(0.0, t, |pair| Ok(mean_square_score(pair, 1, &pilot.population)))?;
        let mut conditional_ess = |s: f64| {
            between.visit(s, t, |pair| {
                let streams = pilot.streams(pair, number);
                trial(&pilot, pair, score, streams, &mut trials)
            })
        };
        // From 0, which ends the path, to the shortest step there is.
        let (mut low, mut high) = (0.0, (1.0 - SHORTEST) * t);
        let s = if conditional_ess(0.0)? >= cess {
            0.0
        } else {
            let found = conditional_ess(high)?;
            if found < cess || number > MOST_LEVELS || t < SHORTEST * last {
                return Err(RunError::NoEnd { levels: number, time: t, found, cess });
            }
            while high - low > PRECISION * (t - high) {
                let middle = 0.5 * (low + high);
                if conditional_ess(middle)? >= cess {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            high
        };
        between.visit(s, t, |pair| {
            let streams = pilot.streams(pair, number);
            pilot.cross(pair, 0, Some(score), streams)?;
            let ess = pilot.resample_if_poor(number, streams)?;
            if let Some(choice) = &pair.kernel {
                let rounds = if number == 1 { FIRST_LEVEL_STEPS } else { LEVEL_STEPS };
                let start = step_size.unwrap_or(choice.initial_step_size);
                let adapted = pilot.adapt(pair, 0, choice, (start, rounds), streams)?;
                step_size = Some(adapted);
            }
            observer.level_done(Progress::Ess(ess));
            Ok(heed(observer)?)
        })?;
        times.push(s);
    }
    times.reverse();
    let mut evaluations = pilot.evaluations;
    evaluations.add(&trials, 1);
    Ok(Found { numbers: times, evaluations })
}

/// The two levels of a step as a problem of their own: level 0 at `s`, level 1 at `t`.
#[derive(Clone, Copy)]
struct Between<'a> {
    config: &'a RunConfig,
    problem: &'a Problem<'a>,
    repetition: u64,
}

impl Between<'_> {
    fn visit<T>(
        &self,
        s: f64,
        t: f64,
        visit: impl FnOnce(&Annealing<'_>) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        self.problem.with_annealing(self.config, &[s, t], Top::Diffusion, |annealing, _| {
            annealing.repetition = self.repetition;
            visit(annealing)
        })
    }
}

/// The conditional ESS that a step would have, as a fraction of N.
fn trial(
    pilot: &Pilot,
    pair: &Annealing<'_>,
    score: MeanSquareScore,
    streams: Streams,
    trials: &mut Evaluations,
) -> Result<f64, RunError> {
    let mut copy = pilot.clone();
    copy.evaluations = Evaluations::default();
    copy.cross(pair, 0, Some(score), streams)?;
    trials.add(&copy.evaluations, 1);
    let (before, after) = (pilot.population.log_weights(), copy.population.log_weights());
    let increment = |(after, before): (&f64, &f64)| {
        if *before == f64::NEG_INFINITY { 0.0 } else { after - before }
    };
    let increments: Vec<f64> = after.iter().zip(before).map(increment).collect();
    let ess = conditional_effective_sample_size(before, &increments).map_err(SamplerError::from)?;
    Ok(ess / before.len() as f64)
}

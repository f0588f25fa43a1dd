//! Small whole runs, on one thread and on several, through the samplers as `amc run` calls them.

use std::time::{Duration, Instant};

use super::cases::{Case, Kind, Overlap};
use super::density::label;
use super::report::{Report, RunRecord};
use super::work::{Quantity, Work};
use super::{Plan, Pools};
use crate::catalog::{PathKind, SamplerKind, Standardize};
use crate::config::{Override, RunConfig};
use crate::levels;
use crate::run::{Problem, RunError, Top, resampling_rule};
use crate::sampler::{Silent, anneal, pilot};

const SMALL: Case = Case::new(Kind::Diagonal, 16, 2);
const LARGE: Case = Case::new(Kind::Diagonal, 64, 32);

/// A run that is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    name: &'static str,
    case: Case,
    path: PathKind,
    sampler: SamplerKind,
    levels: usize,
}

const fn ais(case: Case) -> Run {
    let (path, sampler) = (PathKind::Tempering, SamplerKind::Ais);
    Run { name: "ais_tempering", case, path, sampler, levels: 128 }
}

const fn smc(case: Case) -> Run {
    let (path, sampler) = (PathKind::Diffusion, SamplerKind::Smc);
    Run { name: "smc_diffusion", case, path, sampler, levels: 64 }
}

pub(super) const RUNS: [Run; 4] = [ais(SMALL), smc(SMALL), ais(LARGE), smc(LARGE)];

const PARTICLES: usize = 4096;
/// Steps of MALA at each level.
const STEPS: usize = 8;
/// Particles of the pilot, which is not timed.
const PILOT: usize = 128;
/// Runs are repeated for so long.
const BUDGET: Duration = Duration::from_millis(500);

/// What was seen of one run.
struct Timing {
    seconds: f64,
    scores: u64,
}

/// Measures every run.
pub(super) fn measure(
    plan: &Plan,
    pools: &Pools,
    report: &mut Report,
    begin: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    for run in RUNS {
        begin(&format!("{} {}, {}", run.sampler.name(), run.path.name(), label(run.case)));
        let run = if plan.quick { Run { levels: run.levels / 8, ..run } } else { run };
        let budget = if plan.quick { Duration::ZERO } else { BUDGET };
        let Timing { seconds, scores } = pools.one.install(|| run.time(budget))?;
        let parallel_seconds = pools.many.install(|| run.time(budget))?.seconds;
        let limit_seconds = run.work(scores).limit_ns(&report.ceilings) * 1e-9;
        let threads = pools.many.current_num_threads();
        report.runs.push(RunRecord {
            name: run.name,
            case: run.case.into(),
            particles: PARTICLES,
            levels: run.levels,
            scores,
            seconds,
            limit_seconds,
            share_of_limit: limit_seconds / seconds,
            threads,
            parallel_seconds,
            parallel_efficiency: seconds / (threads as f64 * parallel_seconds),
        });
    }
    Ok(())
}

impl Run {
    fn config(&self) -> Result<RunConfig, RunError> {
        let bridge = match self.path {
            PathKind::Tempering => "identity",
            PathKind::Diffusion => "ddpm",
        };
        let set = |room, key, value| Override::new(Some(room), key, value);
        let overrides = [
            set("path", "kind", self.path.name()),
            Override::new(Some("path"), "levels", self.levels as i64),
            set("bridge", "kind", bridge),
            set("kernel", "kind", "mala"),
            Override::new(Some("kernel"), "steps", STEPS as i64),
            set("sampler", "kind", self.sampler.name()),
            Override::new(Some("sampler"), "particles", PARTICLES as i64),
        ];
        Ok(RunConfig::from_toml("", "bench", std::path::Path::new("."), &overrides)?)
    }

    /// The best of several runs, at least one, on the threads of the current pool.
    fn time(&self, budget: Duration) -> Result<Timing, RunError> {
        let config = self.config()?;
        let parameters = self.case.parameters(Overlap::Dense);
        let problem = Problem::of_target(&config, &parameters, Standardize::Diagonal)?;
        let times = levels::place(&config, &problem, &mut Silent)?.times;
        let rule = resampling_rule(&config);
        problem.with_annealing(&config, &times, Top::Diffusion, |annealing, _| {
            let tuning = pilot(annealing, PILOT, false, &mut Silent)?;
            let (start, mut best) = (Instant::now(), Timing { seconds: f64::INFINITY, scores: 0 });
            loop {
                let begun = Instant::now();
                let outcome = anneal(annealing, &tuning, PARTICLES, rule, &mut Silent)?;
                best.seconds = best.seconds.min(begun.elapsed().as_secs_f64());
                best.scores = outcome.evaluations.score;
                if start.elapsed() >= budget {
                    return Ok(best);
                }
            }
        })
    }

    /// Its evaluations, on a tempering path with those of the reference, and its normals.
    fn work(&self, scores: u64) -> Work {
        let (d, steps) = (self.case.dim as f64, (PARTICLES * self.levels) as f64);
        let mut evaluation = Work::of_mixture(self.case, Quantity::LogDensityAndScore);
        let mut draws = STEPS as f64 * d * steps;
        match self.path {
            PathKind::Tempering => {
                // One Gaussian: no exponential, no logarithm.
                evaluation = evaluation + Work { flops: 4.0 * d, ..Work::default() };
            }
            PathKind::Diffusion => draws += d * steps,
        }
        evaluation * scores as f64 + Work::NORMAL * draws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a run does not evaluate what its limit counts: each particle at the start, after each
    /// crossing and at each step of the kernel.
    #[test]
    fn runs_evaluate_what_is_counted() {
        for run in [ais(SMALL), smc(SMALL)] {
            let run = Run { levels: 3, ..run };
            let timing = run.time(Duration::ZERO).unwrap();
            assert_eq!(timing.scores as usize, PARTICLES * (1 + 3 * (1 + STEPS)), "{}", run.name);
            assert!(timing.seconds > 0.0);
        }
    }

    /// Fails if the reference or the normals of a bridge are left out of the count.
    #[test]
    fn the_count_of_a_run() {
        let (tempering, diffusion) = (ais(SMALL).work(1000), smc(SMALL).work(1000));
        let steps = (PARTICLES * 128) as f64;
        // 8 K d of the mixture and 4 d of the reference; 8 MALA steps of 16 normals.
        assert_eq!(tempering.flops, 1000.0 * (256.0 + 64.0) + 16.0 * 8.0 * 16.0 * steps);
        // Half the levels, one more draw a level.
        assert_eq!(diffusion.flops, 1000.0 * 256.0 + 16.0 * 9.0 * 16.0 * steps / 2.0);
        assert_eq!(diffusion.exps, 2000.0);
    }
}

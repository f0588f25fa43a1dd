//! One seed, one, two and three threads, the same bits: tuning, annealed runs and replica exchange.

use amc_core::rng::Phase;
use amc_core::weight::Resampling;
use amc_verify::law::threads::{bits, invariance};
use amc_verify::{Budget, Verdict, VerifyError};

use super::scene::{Scene, failed, on_threads};
use crate::catalog::SwapOrder;
use crate::run::Top;
use crate::sampler::{
    Annealing, ExchangeRules, Explorer, ResamplingRule, Silent, Start, StepSizes, Tuning, anneal,
    anneal_in_reverse, exchange, pilot,
};

/// Numbers of threads that are compared.
const THREADS: [usize; 3] = [1, 2, 3];
/// Particles or ladders: forty blocks, the last of them not full, so that threads have something to share.
const PARTICLES: usize = 317;

/// A sampler with everything that goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// Pilot, AIS.
    Ais,
    /// Pilot, SMC, and the run from the other side.
    Smc,
    /// Pilot, warm-up, rounds.
    Exchange,
}

/// The same bits from [`THREADS`].
pub(super) fn check(
    (scene, program): (&Scene, Program),
    name: &str,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    let top = if program == Program::Exchange { Top::Reference } else { Top::Diffusion };
    let run = |seed, threads| {
        on_threads(threads, || {
            scene.with(top, |annealing, _| {
                annealing.seed = seed;
                let tuning = pilot(annealing, PARTICLES, false, &mut Silent).map_err(failed)?;
                let mut found = tuned(&tuning);
                found.extend(match program {
                    Program::Ais => annealed(annealing, &tuning, None)?,
                    Program::Smc => {
                        let scheme = Resampling::Ssp;
                        let rule = Some(ResamplingRule { scheme, threshold: 0.9 });
                        annealed(annealing, &tuning, rule)?
                    }
                    Program::Exchange => exchanged(annealing, &tuning)?,
                });
                Ok(bits(&found))
            })
        })
    };
    invariance(name, &run, &THREADS, budget)
}

fn tuned(tuning: &Tuning) -> Vec<f64> {
    let mut found = match &tuning.step_sizes {
        StepSizes::Frozen(step_sizes) => step_sizes.clone(),
        StepSizes::Online(initial) => vec![*initial],
    };
    for score in &tuning.mean_square_scores {
        found.extend([score.mean, score.standard_error]);
    }
    found
}

fn annealed(
    annealing: &Annealing<'_>,
    tuning: &Tuning,
    rule: Option<ResamplingRule>,
) -> Result<Vec<f64>, VerifyError> {
    let outcome = anneal(annealing, tuning, PARTICLES, rule, &mut Silent).map_err(failed)?;
    let evidence = outcome.evidence;
    let mut found = vec![evidence.log_z, evidence.log_z_std_error, outcome.ess];
    found.extend(outcome.sample.positions);
    found.extend(outcome.sample.log_weights);
    found.extend(outcome.families.iter().map(|&family| family as f64));
    found.extend(outcome.levels.iter().flat_map(|level| [level.ess, level.conditional_ess]));
    found.extend(outcome.acceptance_rate);
    let reverse =
        anneal_in_reverse(annealing, tuning, PARTICLES, rule, &mut Silent).map_err(failed)?;
    found.extend([reverse.evidence.log_z, reverse.evidence.log_z_std_error, reverse.ess]);
    Ok(found)
}

fn exchanged(annealing: &Annealing<'_>, tuning: &Tuning) -> Result<Vec<f64>, VerifyError> {
    let rules = ExchangeRules {
        ladders: PARTICLES,
        rounds: 6,
        warmup: 5,
        order: SwapOrder::Stochastic,
        explorer: Explorer::Kernel { steps: 1 },
        samples: 2 * PARTICLES,
        samples_of_levels: 1,
    };
    // Step sizes that are adapted in the warm-up, from those of the pilot at the target.
    let initial = match &tuning.step_sizes {
        StepSizes::Frozen(step_sizes) => step_sizes.first().copied().unwrap_or(1.0),
        StepSizes::Online(initial) => *initial,
    };
    let tuning = Tuning { step_sizes: StepSizes::Online(initial), ..tuning.clone() };
    let way = (Phase::Production, Start::Descent);
    let outcome = exchange(annealing, &tuning, &rules, way, &mut Silent).map_err(failed)?;
    let mut found = outcome.rejection_rates();
    for evidence in [outcome.evidence.forward, outcome.evidence.backward, outcome.evidence.bridge] {
        found.extend([evidence.log_z, evidence.log_z_std_error]);
    }
    found.extend(outcome.sample.positions);
    found.extend(outcome.level_samples.concat());
    found.extend(outcome.ladder_mode_weights.concat());
    found.extend(outcome.levels.iter().filter_map(|level| level.step_size));
    found.extend(outcome.round_trips.iter().map(|&trips| trips as f64));
    Ok(found)
}

//! Replica exchange as it runs: exact levels stay exact, and `log Z` within its error bars.

use std::cell::RefCell;

use amc_core::rng::Phase;
use amc_core::weight::Evidence;
use amc_verify::law::error_bars::{StatedRates, coverage};
use amc_verify::law::ladders::{LadderRun, invariance};
use amc_verify::oracle::ExactLaw;
use amc_verify::{Budget, Verdict, VerifyError};

use super::scene::{LevelLaw, Scene, failed, on_threads, reference_oracle};
use crate::catalog::SwapOrder;
use crate::run::Top;
use crate::sampler::{
    Annealing, ExchangeOutcome, ExchangeRules, Explorer, LadderEvidence, Level, Silent, Start,
    Tuning, exchange,
};

/// Ladders of one estimate of `log Z`.
const LADDERS_OF_ESTIMATE: usize = 16;

/// The scene with the order and number of its rounds.
#[derive(Debug, Clone)]
pub(super) struct ExchangeCase {
    pub(super) scene: Scene,
    pub(super) order: SwapOrder,
    pub(super) rounds: usize,
}

impl ExchangeCase {
    fn run(
        &self,
        annealing: &RefCell<&mut Annealing<'_>>,
        tuning: &Tuning,
        seed: u64,
        ladders: usize,
    ) -> Result<ExchangeOutcome, VerifyError> {
        let rules = ExchangeRules {
            ladders,
            rounds: self.rounds,
            warmup: 0,
            order: self.order,
            explorer: Explorer::Kernel { steps: 1 },
            samples: 1,
            samples_of_levels: 1,
        };
        let mut annealing = annealing.try_borrow_mut().map_err(failed)?;
        annealing.seed = seed;
        let way = (Phase::Production, Start::Exact);
        exchange(&annealing, tuning, &rules, way, &mut Silent).map_err(failed)
    }
}

/// Independent exact levels stay so.
pub(super) fn check_levels(
    case: &ExchangeCase,
    name: &str,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    on_threads(1, || {
        case.scene.with(Top::Reference, |run, still| {
            let tuning = case.scene.tuning(still)?;
            let laws = level_laws(&case.scene, still)?;
            let laws: Vec<&dyn ExactLaw> = laws.iter().map(|law| law as &dyn ExactLaw).collect();
            let run = RefCell::new(run);
            let sampler = |seed, ladders| {
                let outcome = case.run(&run, &tuning, seed, ladders)?;
                let acceptance = outcome.rejection_rates().iter().map(|rate| 1.0 - rate).collect();
                Ok(LadderRun { levels: outcome.level_samples, acceptance })
            };
            invariance(name, &sampler, (&laws, case.scene.bridge.contains("exact")), budget)
        })
    })
}

/// `log Z` by bridge sampling within its jackknife error bars, around its true value 0.
pub(super) fn check_error_bars(
    case: &ExchangeCase,
    name: &str,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    on_threads(1, || {
        case.scene.with(Top::Reference, |run, still| {
            let tuning = case.scene.tuning(still)?;
            let run = RefCell::new(run);
            let estimator = |seed| -> Result<Evidence, VerifyError> {
                let outcome = case.run(&run, &tuning, seed, LADDERS_OF_ESTIMATE)?;
                let LadderEvidence { bridge, .. } = outcome.evidence;
                Ok(bridge)
            };
            coverage(name, &estimator, (0.0, StatedRates::USUAL), budget)
        })
    })
}

/// The laws of all levels, cleanest first.
fn level_laws<'a>(
    scene: &Scene,
    annealing: &'a Annealing<'_>,
) -> Result<Vec<LevelLaw<'a>>, VerifyError> {
    let target = scene.oracle()?;
    let laws = annealing.levels.iter().map(|level| match level {
        Level::Diffusion(level) => {
            let level = level.target();
            let oracle = target.diffused(level.alpha(), level.variance());
            Ok(LevelLaw { level, oracle })
        }
        Level::Reference { reference: level, .. } => {
            Ok(LevelLaw { level, oracle: reference_oracle(annealing.reference_variance)? })
        }
        Level::Tempering(_) | Level::Target { .. } => {
            Err(failed("levels of this path have no exact law"))
        }
    });
    laws.collect()
}

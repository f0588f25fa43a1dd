//! AIS and SMC as they run, against the law of the evidence of populations and that of error bars.

use std::cell::RefCell;

use amc_core::bridge::{Bridge, Identity};
use amc_core::weight::Resampling;
use amc_verify::law::error_bars::{StatedRates, coverage};
use amc_verify::law::evidence::{Ladder, Moves, Stage};
use amc_verify::law::population::{PopulationInstance, PopulationRun, Resampler, evidence};
use amc_verify::law::resampling::core_scheme;
use amc_verify::{Budget, Verdict, VerifyError};

use super::scene::{LevelLaw, MODES, Scene, failed, on_threads, reference_oracle};
use crate::run::Top;
use crate::sampler::{AnnealedOutcome, Annealing, ResamplingRule, Silent, Tuning, anneal};

/// The scene with what the sampler does in it.
#[derive(Debug, Clone)]
pub(super) struct PopulationCase {
    pub(super) scene: Scene,
    /// The scheme and its threshold; nothing for AIS.
    pub(super) rule: Option<(Resampling, f64)>,
    pub(super) particles: usize,
}

impl PopulationCase {
    fn resampling_rule(&self) -> Option<ResamplingRule> {
        self.rule.map(|(scheme, threshold)| ResamplingRule { scheme, threshold })
    }

    fn run(
        &self,
        annealing: &RefCell<&mut Annealing<'_>>,
        tuning: &Tuning,
        seed: u64,
    ) -> Result<AnnealedOutcome, VerifyError> {
        let mut annealing = annealing.try_borrow_mut().map_err(failed)?;
        annealing.seed = seed;
        anneal(&annealing, tuning, self.particles, self.resampling_rule(), &mut Silent)
            .map_err(failed)
    }
}

/// `E_fwd[Z_hat g] = Z E_cond[g]` of [`anneal`].
pub(super) fn check_evidence(
    case: &PopulationCase,
    name: &str,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    check_evidence_of(case, &|_| (), name, budget)
}

/// The same of a sampler whose problem `spoil` has changed, which the law must notice.
pub(super) fn check_evidence_of(
    case: &PopulationCase,
    spoil: &(dyn Fn(&mut Annealing<'_>) + Sync),
    name: &str,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    on_threads(1, || {
        case.scene.with(Top::Diffusion, |run, still| {
            let tuning = case.scene.tuning(still)?;
            spoil(run);
            let run = RefCell::new(run);
            let sampler = |seed| case.run(&run, &tuning, seed).map(population_run);
            with_ladder(&case.scene, name, (still, &tuning), |ladder, skipped| {
                let scheme = case.rule.map(|(scheme, _)| core_scheme(scheme));
                let resampler = scheme
                    .as_ref()
                    .zip(case.rule)
                    .map(|(scheme, (_, threshold))| Resampler { scheme, threshold, skipped });
                let instance = PopulationInstance {
                    ladder: *ladder,
                    particles: case.particles,
                    resampler,
                    half_space: MODES,
                };
                evidence(&sampler, &instance, budget)
            })
        })
    })
}

/// `log Z` within the error bars of [`anneal`], around its true value 0.
pub(super) fn check_error_bars(
    case: &PopulationCase,
    name: &str,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    on_threads(1, || {
        case.scene.with(Top::Diffusion, |run, still| {
            let tuning = case.scene.tuning(still)?;
            let run = RefCell::new(run);
            let estimator = |seed| case.run(&run, &tuning, seed).map(|outcome| outcome.evidence);
            coverage(name, &estimator, (0.0, StatedRates::USUAL), budget)
        })
    })
}

fn population_run(outcome: AnnealedOutcome) -> PopulationRun {
    PopulationRun {
        log_z: outcome.evidence.log_z,
        positions: outcome.sample.positions,
        log_weights: outcome.sample.log_weights,
        resamplings: outcome.levels.iter().filter(|record| record.resampled).count(),
    }
}

/// Calls `visit` with the ladder that [`anneal`] must have gone down, and the number of its stages that never
/// resample: on a diffusion path the first turns draws of the reference into weighted ones of level `L`.
fn with_ladder<R>(
    scene: &Scene,
    name: &str,
    (annealing, tuning): (&Annealing<'_>, &Tuning),
    visit: impl FnOnce(&Ladder<'_>, usize) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    let steps = annealing.steps();
    let target = annealing.exact_target.ok_or_else(|| failed("no exact target"))?;
    let target = LevelLaw { level: target, oracle: scene.oracle()? };
    let oracle = reference_oracle(annealing.reference_variance)?;
    let noisiest = LevelLaw { level: annealing.reference, oracle };
    let top = annealing.levels[steps].density();
    let weigh = Identity::new(annealing.reference, top)?;
    annealing.with_bridges(&tuning.mean_square_scores, |bridges| {
        let mut stages = Vec::new();
        if annealing.schedule.is_some() {
            stages.push(Stage { bridge: &weigh, clean: top, moves: None });
        }
        let skipped = stages.len();
        for (level, bridge) in bridges.iter().enumerate().rev() {
            let bridge: &dyn Bridge = bridge.as_ref();
            let clean = annealing.levels[level].density();
            stages.push(Stage { bridge, clean, moves: moves(annealing, tuning, level) });
        }
        let ladder = Ladder { name, noisiest: &noisiest, target: &target, stages: &stages };
        visit(&ladder, skipped)
    })
}

fn moves<'a>(annealing: &'a Annealing<'_>, tuning: &Tuning, level: usize) -> Option<Moves<'a>> {
    let choice = annealing.kernel.as_ref()?;
    let crate::sampler::StepSizes::Frozen(step_sizes) = &tuning.step_sizes else { return None };
    let step_size = *step_sizes.get(level)?;
    Some(Moves { kernel: choice.kernel.as_ref(), step_size, steps: choice.steps })
}

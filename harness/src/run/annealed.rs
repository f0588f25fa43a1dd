//! Runs of AIS and SMC: pilot, repetitions, and the run from the other side.

use amc_core::bridge::FaultCounts;
use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::point::Evaluations;
use amc_core::rng::Phase;

use super::RunError;
use super::details::{AnnealingReport, Details, MapReport};
use super::summary::Sampled;
use super::thread_time::Stopwatch;
use crate::catalog::Adaptation;
use crate::config::{Algorithm, RunConfig};
use crate::diagnostic::{
    MapSymptoms, ModeSymptoms, PilotSymptoms, RepetitionSymptoms, Sandwich, Symptoms,
    weight_symptoms,
};
use crate::metric::{mode_weight_std_errors, mode_weights};
use crate::sampler::{
    AnnealedOutcome, Annealing, BridgeChoice, Observer, Population, ResamplingRule, SamplerError,
    StepSizes, Tuning, anneal, anneal_in_reverse, pilot, pilot_particles, pool, trial,
};

/// Samples the target and gathers what the verdict needs.
pub(super) fn sample(
    config: &RunConfig,
    annealing: &mut Annealing<'_>,
    target: &MixtureLevel<'_>,
    observer: &mut dyn Observer,
) -> Result<Sampled, RunError> {
    let particles = config.sampler.particles().unwrap_or(1);
    let rule = resampling_rule(config);
    let online = config.kernel.moves().is_some_and(|m| m.adapt == Adaptation::Online);
    let tuning = pilot(annealing, pilot_particles(particles), online, observer)?;

    let mut outcomes = Vec::with_capacity(config.sampler.repetitions);
    for repetition in 0..config.sampler.repetitions {
        annealing.repetition = repetition as u64;
        outcomes.push(anneal(annealing, &tuning, particles, rule, observer)?);
    }
    annealing.repetition = 0;
    let repetitions = match outcomes.as_slice() {
        [_] => None,
        outcomes => Some(compare(outcomes, target)?),
    };
    let settled = (!online).then(|| settled(annealing, &outcomes)).flatten();
    let outcome = pool(outcomes)?;

    let mut symptoms = Symptoms {
        weights: Some(weight_symptoms(&outcome.sample.log_weights, outcome.surviving_families)),
        repetitions,
        pilot: settled,
        non_finite: outcome.non_finite,
        moves: moves(annealing, outcome.sample.weights.len()),
        ..Symptoms::default()
    };
    let checks = Stopwatch::start();
    let mut check_evaluations = Evaluations::default();
    symptoms.map = map_symptoms(annealing, &tuning, &outcome, &mut check_evaluations)?;
    let mut faults = outcome.faults;
    let mut crossings = crossings_of(annealing, outcome.sample.weights.len());
    let mut reverse_evaluations = Evaluations::default();
    if config.sampler.both_sides && annealing.exact_target.is_some() {
        let tuning = as_it_ran(&tuning, &outcome, annealing.levels.len());
        symptoms.modes = Some(against_exact_samples(annealing, target, &outcome, particles)?);
        let (lower, lower_se) = (outcome.evidence.log_z, outcome.evidence.log_z_std_error);
        let (mut upper, mut upper_se) = (f64::NAN, f64::NAN);
        match anneal_in_reverse(annealing, &tuning, particles, rule, observer) {
            Ok(reverse) => {
                (upper, upper_se) = (reverse.evidence.log_z, reverse.evidence.log_z_std_error);
                symptoms.non_finite += reverse.non_finite;
                faults.add(&reverse.faults);
                crossings += crossings_of(annealing, particles);
                symptoms.moves += moves(annealing, particles);
                reverse_evaluations = reverse.evaluations;
            }
            // The run itself stands; that nothing came back is a reason of its own.
            Err(SamplerError::LostAllWeight { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        symptoms.sandwich = Some(Sandwich { lower, lower_se, upper, upper_se });
    }
    let checks = checks.read();
    Ok(Sampled {
        evidence: outcome.evidence,
        mode_weights: None,
        evaluations: outcome.evaluations,
        pilot_evaluations: tuning.evaluations,
        reverse_evaluations,
        check_evaluations,
        checks,
        acceptance_rate: outcome.acceptance_rate,
        non_finite: outcome.non_finite,
        map: MapReport::new(annealing, faults, crossings, outcome.truncation),
        symptoms,
        details: Details::Annealing(AnnealingReport::new(&outcome)),
        sample: outcome.sample,
        snapshots: outcome.snapshots,
        trajectories: None,
    })
}

/// When and how the configured algorithm resamples, if it does.
pub(crate) fn resampling_rule(config: &RunConfig) -> Option<ResamplingRule> {
    match config.sampler.algorithm {
        Algorithm::Smc { resampling, ess_threshold, .. } => {
            Some(ResamplingRule { scheme: resampling.to_core(), threshold: ess_threshold })
        }
        Algorithm::Ais { .. } | Algorithm::ReplicaExchange(_) => None,
    }
}

/// The step sizes of a run that adapted them as it went, level by level, for the way back.
fn as_it_ran(tuning: &Tuning, outcome: &AnnealedOutcome, levels: usize) -> Tuning {
    let StepSizes::Online(initial) = tuning.step_sizes else { return tuning.clone() };
    let mut step_sizes = vec![initial; levels];
    for record in &outcome.levels {
        if let (Some(slot), Some(step_size)) = (step_sizes.get_mut(record.level), record.step_size)
        {
            *slot = step_size;
        }
    }
    Tuning { step_sizes: StepSizes::Frozen(step_sizes), ..tuning.clone() }
}

/// Particles sent through a map and back before its weights are believed.
const TRIAL: usize = 256;

/// What is known of the map of a run; the trial's cost is added to `evaluations`.
fn map_symptoms(
    annealing: &mut Annealing<'_>,
    tuning: &Tuning,
    outcome: &AnnealedOutcome,
    evaluations: &mut Evaluations,
) -> Result<Option<MapSymptoms>, RunError> {
    let BridgeChoice::FlowMap(flow) = &annealing.bridge else { return Ok(None) };
    let crossings = crossings_of(annealing, outcome.sample.weights.len()) as f64;
    let FaultCounts { not_inverted, not_positive, diverged, .. } = outcome.faults;
    // Maps of one stage are gradients of convex functions.
    let can_fold = flow.method.stages() > 1;
    let astray = match can_fold {
        true => Some(astray(annealing, tuning, evaluations)?),
        false => None,
    };
    Ok(Some(MapSymptoms {
        rejected: Some((not_inverted + not_positive) as f64 / crossings),
        astray,
        diverged: diverged as f64 / crossings,
        truncation: outcome.truncation,
        log_z_se: outcome.evidence.log_z_std_error,
    }))
}

/// The share of particles that some step of the map does not lead back, from a small run of their own.
fn astray(
    annealing: &mut Annealing<'_>,
    tuning: &Tuning,
    evaluations: &mut Evaluations,
) -> Result<f64, RunError> {
    let check = |annealing: &mut Annealing<'_>, checked: bool| {
        if let BridgeChoice::FlowMap(flow) = &mut annealing.bridge {
            flow.checked = checked;
        }
    };
    check(annealing, true);
    let trial = trial(annealing, tuning, TRIAL);
    check(annealing, false);
    let (faults, cost) = trial?;
    evaluations.add(&cost, 1);
    Ok((faults.not_inverted + faults.not_positive) as f64 / TRIAL as f64)
}

/// Crossings of bridges by `particles` particles.
fn crossings_of(annealing: &Annealing<'_>, particles: usize) -> u64 {
    (annealing.steps() * particles) as u64
}

/// Proposals of the kernel and weights of `particles` particles.
fn moves(annealing: &Annealing<'_>, particles: usize) -> u64 {
    let per_level = 1 + annealing.kernel.as_ref().map_or(0, |choice| choice.steps);
    (annealing.steps() * per_level * particles) as u64
}

/// The acceptance rates that the pilot's step sizes led to.
fn settled(annealing: &Annealing<'_>, outcomes: &[AnnealedOutcome]) -> Option<PilotSymptoms> {
    let target = annealing.kernel.as_ref()?.target_acceptance;
    let records = outcomes.first()?.levels.iter();
    let levels = records.filter_map(|r| r.acceptance_rate.map(|rate| (r.level, rate))).collect();
    Some(PilotSymptoms { target, levels })
}

/// Mode weights of the run beside those of the exact samples that the reverse run starts from.
fn against_exact_samples(
    annealing: &Annealing<'_>,
    target: &MixtureLevel<'_>,
    outcome: &AnnealedOutcome,
    particles: usize,
) -> Result<ModeSymptoms, RunError> {
    let (of_run, run_se) = modes_of(outcome, target)?;
    let (exact, _) = Population::from_target(annealing, particles, Phase::Reverse)?;
    let (positions, weights) = (exact.into_remains().positions, vec![1.0; particles]);
    let families: Vec<usize> = (0..particles).collect();
    let of_exact = mode_weights(target, &positions, &weights)?;
    let exact_se = mode_weight_std_errors(target, &positions, &weights, &families, &of_exact)?;
    Ok(ModeSymptoms { of_run, run_se, of_exact, exact_se })
}

/// Mode weights of a run and their standard errors, `[K]`, from the particles that carry weight: one
/// that died may be anywhere.
fn modes_of(
    outcome: &AnnealedOutcome,
    target: &MixtureLevel<'_>,
) -> Result<(Vec<f64>, Vec<f64>), RunError> {
    let (mut positions, mut weights, mut families) = (Vec::new(), Vec::new(), Vec::new());
    let sample = &outcome.sample;
    let rows = sample.positions.chunks_exact(target.dim());
    for ((row, &weight), &family) in rows.zip(&sample.weights).zip(&outcome.families) {
        if weight > 0.0 {
            positions.extend_from_slice(row);
            weights.push(weight);
            families.push(family);
        }
    }
    let shares = mode_weights(target, &positions, &weights)?;
    let errors = mode_weight_std_errors(target, &positions, &weights, &families, &shares)?;
    Ok((shares, errors))
}

/// Evidence and mode weights of every repetition.
fn compare(
    outcomes: &[AnnealedOutcome],
    target: &MixtureLevel<'_>,
) -> Result<RepetitionSymptoms, RunError> {
    let mut symptoms = RepetitionSymptoms {
        mode_weights: Vec::new(),
        mode_weight_se: Vec::new(),
        log_z: Vec::new(),
        log_z_se: Vec::new(),
    };
    for outcome in outcomes {
        let (shares, errors) = modes_of(outcome, target)?;
        symptoms.mode_weights.push(shares);
        symptoms.mode_weight_se.push(errors);
        symptoms.log_z.push(outcome.evidence.log_z);
        symptoms.log_z_se.push(outcome.evidence.log_z_std_error);
    }
    Ok(symptoms)
}

//! Runs of replica exchange: pilot, ladders, and their mode weights against exact samples.

use amc_core::density::MixtureLevel;
use amc_core::point::Evaluations;
use amc_core::rng::Phase;

use super::RunError;
use super::details::{Details, ExchangeReport, MapReport};
use super::summary::Sampled;
use super::thread_time::Stopwatch;
use crate::catalog::{Adaptation, LadderStart};
use crate::config::{ReplicaExchangeConfig, RunConfig};
use crate::diagnostic::{
    LadderSymptoms, MapSymptoms, ModeSymptoms, PilotSymptoms, Sandwich, Symptoms,
};
use crate::metric::{mode_weight_std_errors, mode_weights};
use crate::sampler::{
    Annealing, BridgeChoice, ExchangeOutcome, ExchangeRules, Explorer, Observer, Population, Start,
    exchange, ladder_pilot_particles, pilot,
};

/// Samples the target and gathers what the verdict needs.
pub(super) fn sample(
    config: &RunConfig,
    chosen: ReplicaExchangeConfig,
    annealing: &mut Annealing<'_>,
    target: &MixtureLevel<'_>,
    observer: &mut dyn Observer,
) -> Result<Sampled, RunError> {
    let online = config.kernel.moves().is_some_and(|m| m.adapt == Adaptation::Online);
    let tuning = pilot(annealing, ladder_pilot_particles(annealing), online, observer)?;
    let rules = ExchangeRules {
        ladders: chosen.ladders,
        rounds: chosen.rounds,
        warmup: chosen.warmup,
        order: chosen.swap,
        explorer: Explorer::Kernel { steps: chosen.steps_per_swap },
        samples: chosen.samples,
        samples_of_levels: 0,
    };
    let start = match chosen.start {
        LadderStart::Reference => Start::Reference,
        LadderStart::Descent => Start::Descent,
    };
    let way = (Phase::Production, start);
    let outcome = exchange(annealing, &tuning, &rules, way, observer)?;
    let (shares, shares_se) = over_ladders(&outcome.ladder_mode_weights);

    let mut symptoms = Symptoms {
        ladders: Some(LadderSymptoms {
            round_trips: outcome.round_trips.clone(),
            rejections: outcome.rejection_rates(),
        }),
        stepping_stones: Some(Sandwich {
            lower: outcome.evidence.forward.log_z,
            lower_se: outcome.evidence.forward.log_z_std_error,
            upper: outcome.evidence.backward.log_z,
            upper_se: outcome.evidence.backward.log_z_std_error,
        }),
        pilot: (!online).then(|| settled(annealing, &outcome)).flatten(),
        non_finite: outcome.non_finite,
        moves: outcome.proposals,
        ..Symptoms::default()
    };
    if matches!(annealing.bridge, BridgeChoice::FlowMap(_)) {
        symptoms.map = Some(MapSymptoms {
            rejected: None,
            astray: None,
            diverged: outcome.faults.diverged as f64 / outcome.crossings.max(1) as f64,
            truncation: outcome.truncation,
            log_z_se: outcome.evidence.bridge.log_z_std_error,
        });
    }
    let checks = Stopwatch::start();
    let mut reverse_evaluations = Evaluations::default();
    if config.sampler.both_sides && annealing.exact_target.is_some() {
        let (modes, cost) = against_exact_samples(annealing, target, (&shares, &shares_se))?;
        symptoms.modes = Some(modes);
        reverse_evaluations = cost;
    }
    let checks = checks.read();
    Ok(Sampled {
        evidence: outcome.evidence.bridge,
        mode_weights: Some(shares),
        evaluations: outcome.evaluations,
        pilot_evaluations: tuning.evaluations,
        reverse_evaluations,
        check_evaluations: Evaluations::default(),
        checks,
        acceptance_rate: outcome.acceptance_rate,
        non_finite: outcome.non_finite,
        map: MapReport::new(annealing, outcome.faults, outcome.crossings, outcome.truncation),
        symptoms,
        details: Details::Exchange(ExchangeReport::new(&rules, &outcome, shares_se)),
        sample: outcome.sample,
        snapshots: outcome.snapshots,
        trajectories: Some(outcome.trajectories),
    })
}

/// Exact samples that mode weights are compared with: a mode of weight 1e-3 is seen.
const EXACT_SAMPLES: usize = 16384;

/// Mode weights of the ladders beside those of exact samples, and what these cost.
fn against_exact_samples(
    annealing: &Annealing<'_>,
    target: &MixtureLevel<'_>,
    (of_run, run_se): (&[f64], &[f64]),
) -> Result<(ModeSymptoms, Evaluations), RunError> {
    let (exact, report) = Population::from_target(annealing, EXACT_SAMPLES, Phase::Reverse)?;
    let (positions, weights) = (exact.positions(), vec![1.0; EXACT_SAMPLES]);
    let families: Vec<usize> = (0..EXACT_SAMPLES).collect();
    let of_exact = mode_weights(target, &positions, &weights)?;
    let exact_se = mode_weight_std_errors(target, &positions, &weights, &families, &of_exact)?;
    let (of_run, run_se) = (of_run.to_vec(), run_se.to_vec());
    Ok((ModeSymptoms { of_run, run_se, of_exact, exact_se }, report.evaluations))
}

/// The acceptance rates that the pilot's step sizes led to.
fn settled(annealing: &Annealing<'_>, outcome: &ExchangeOutcome) -> Option<PilotSymptoms> {
    let target = annealing.kernel.as_ref()?.target_acceptance;
    let records = outcome.levels.iter();
    let levels = records.filter_map(|r| r.acceptance_rate.map(|rate| (r.level, rate))).collect();
    Some(PilotSymptoms { target, levels })
}

/// Mean over the ladders of their mode weights, `[K]`, and its standard error (NaN for one ladder).
fn over_ladders(ladders: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let m = ladders.len() as f64;
    let modes = ladders.first().map_or(0, Vec::len);
    let moments = |k: usize| {
        let mean = ladders.iter().map(|ladder| ladder[k]).sum::<f64>() / m;
        let square = ladders.iter().map(|ladder| (ladder[k] - mean).powi(2)).sum::<f64>();
        (mean, (square / (m * (m - 1.0))).sqrt())
    };
    (0..modes).map(moments).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the error is a standard deviation, divided by `M` twice, or modes are exchanged.
    #[test]
    fn moments_over_ladders_by_hand() {
        let (mean, error) = over_ladders(&[vec![0.2, 0.8], vec![0.5, 0.5], vec![0.2, 0.8]]);
        assert!((mean[0] - 0.3).abs() < 1e-15 && (mean[1] - 0.7).abs() < 1e-15);
        assert!((error[0] - 0.1).abs() < 1e-15 && (error[1] - 0.1).abs() < 1e-15, "{error:?}");
        assert!(over_ladders(&[vec![1.0]]).1[0].is_nan());
    }
}

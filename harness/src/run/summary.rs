//! The summary of a run: what `--json` prints and `summary.json` holds.

use amc_core::point::Evaluations;
use amc_core::simd::Instructions;
use serde::Serialize;

use super::Problem;
use super::assess::Assessment;
use super::barrier_curve::BarrierCurve;
use super::details::{AnnealingReport, Details, ExchangeReport, MapReport};
use super::thread_time::Spent;
use crate::catalog::{BridgeVariance, PenaltyKind};
use crate::config::{BridgeConfig, FlowMapConfig, RunConfig};
use crate::diagnostic::{Symptoms, Verdict, judge};
use crate::levels::Placement;
use crate::sampler::{Snapshot, Trajectories, WeightedSample};
use amc_core::weight::Evidence;

/// Evaluations per run, summed over particles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EvaluationCounts {
    /// Log-densities.
    pub density: u64,
    /// Scores.
    pub score: u64,
    /// Hessian-vector products (a Hessian counts as `d`).
    pub hessian_product: u64,
}

impl From<Evaluations> for EvaluationCounts {
    fn from(e: Evaluations) -> Self {
        Self { density: e.density, score: e.score, hessian_product: e.hessian_product }
    }
}

/// What a sampler hands over, whichever it was.
pub(super) struct Sampled {
    pub sample: WeightedSample,
    pub snapshots: Vec<Snapshot>,
    pub trajectories: Option<Trajectories>,
    pub evidence: Evidence,
    /// Mode weights from more than the sample, if there are any.
    pub mode_weights: Option<Vec<f64>>,
    pub evaluations: Evaluations,
    pub pilot_evaluations: Evaluations,
    pub reverse_evaluations: Evaluations,
    /// Of the trial that says whether a map folds.
    pub check_evaluations: Evaluations,
    /// What that trial and the run from the other side took.
    pub checks: Spent,
    pub acceptance_rate: Option<f64>,
    pub non_finite: u64,
    pub map: Option<MapReport>,
    pub symptoms: Symptoms,
    pub details: Details,
}

/// What a run found. Samples are in standardized coordinates, in which `log Z = 0` is the truth. A
/// metric that has no value is NaN (`null` in JSON), and a warning says why.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// What the run looks like from inside, and from exact samples of the target if it has them.
    pub verdict: Verdict,
    /// Estimate of `log Z`: too low on average (ais, smc), or by bridge sampling over all pairs of
    /// levels (replica-exchange).
    pub log_z: f64,
    /// Its standard error: from this one run's genealogy, or from the independent ladders.
    pub log_z_std_error: f64,
    /// Estimate from the run from target to reference, too high on average (ais, smc).
    pub log_z_upper: Option<f64>,
    /// Its standard error.
    pub log_z_upper_std_error: Option<f64>,
    /// `log_z_upper - log_z`.
    pub log_z_gap: Option<f64>,
    /// `sum_i W_i r_k(x_i)`, `[K]`; of a target that is no mixture, `r_k` are those of the mixture whose path leads to it.
    pub mode_weights: Vec<f64>,
    /// The target's own, `[K]`; empty where they are not known. Then the distances below are NaN.
    pub true_mode_weights: Vec<f64>,
    /// Total variation between the two.
    pub mode_weight_error: f64,
    /// Relative error of the rarest mode's weight, signed.
    pub rarest_mode_relative_error: f64,
    /// Sliced Wasserstein distance of the weighted particles to `N` exact samples. This and the
    /// distances below are those of 2^18 points in the place of more particles, which a warning says.
    pub sliced_wasserstein: f64,
    /// The same between two exact samples.
    pub sliced_wasserstein_floor: f64,
    /// Maximum mean discrepancy to exact samples.
    pub maximum_mean_discrepancy: f64,
    /// Largest Kolmogorov-Smirnov distance over coordinates.
    pub kolmogorov_smirnov: f64,
    /// Cost of the whole run: placing the levels, pilot, run, the run from the other side and the check of a map.
    pub evaluations: EvaluationCounts,
    /// What placing the levels took of it.
    pub placement_evaluations: EvaluationCounts,
    /// What the pilot took of it.
    pub pilot_evaluations: EvaluationCounts,
    /// What the run from the other side took of it.
    pub reverse_evaluations: EvaluationCounts,
    /// What checking the map of a bridge for folds took of it.
    pub check_evaluations: EvaluationCounts,
    /// Mean acceptance probability of the kernel, if there is one.
    pub acceptance_rate: Option<f64>,
    /// Proposals and weights that were not finite numbers, rejected crossings of a map included.
    pub non_finite: u64,
    /// What the deterministic map failed at, if the bridge is one.
    pub map: Option<MapReport>,
    /// Name of the target.
    pub target: String,
    /// Dimension `d`.
    pub dim: usize,
    /// Number of samples: particles of all repetitions, or what was kept of the ladders.
    pub particles: usize,
    /// The seed.
    pub seed: u64,
    /// Version of this program.
    pub version: &'static str,
    /// The vector instructions that the kernels ran on: results differ in the last bits between sets.
    pub instructions: &'static str,
    /// What a reader of the numbers should know besides the verdict.
    pub warnings: Vec<String>,
    /// Wall time of placement, pilot and sampler, without what only checks the run. The only fields that
    /// differ between equal runs are times.
    pub sampling_seconds: f64,
    /// Wall time of everything, checks and metrics included.
    pub seconds: f64,
    /// Times of levels `0..=L`.
    pub times: Vec<f64>,
    /// The communication barrier `Lambda` of the path, if the levels were placed by it; for levels
    /// tuned on the rejections of another bridge than the identity, the sum of their increments.
    pub barrier: Option<f64>,
    /// How it grows along the path.
    pub barrier_curve: Option<BarrierCurve>,
    /// What depends on the kind of sampler.
    #[serde(flatten)]
    pub details: Details,
    /// Everything that the verdict read.
    pub symptoms: Symptoms,
    /// The configuration with every default filled in.
    pub config: RunConfig,
}

impl Summary {
    pub(super) fn new(
        config: &RunConfig,
        problem: &Problem,
        placement: &Placement,
        sampled: &Sampled,
        assessment: Assessment,
    ) -> Self {
        let mut evaluations = sampled.evaluations;
        for part in [
            &placement.evaluations,
            &sampled.pilot_evaluations,
            &sampled.reverse_evaluations,
            &sampled.check_evaluations,
        ] {
            evaluations.add(part, 1);
        }
        let sandwich = sampled.symptoms.sandwich.as_ref();
        let mut warnings = warnings(config, sampled, &assessment);
        if config.model.file.is_some() && !config.model.is_used() {
            let unused = "model.file is not used: model.density and model.score are both \"exact\"";
            warnings.push(unused.into());
        }
        warnings.extend(problem.model.iter().filter_map(|model| model.warning.clone()));
        let Assessment { mode_weights, true_mode_weights, .. } = assessment;
        Self {
            verdict: judge(&sampled.symptoms),
            log_z: sampled.evidence.log_z,
            log_z_std_error: sampled.evidence.log_z_std_error,
            log_z_upper: sandwich.map(|s| s.upper),
            log_z_upper_std_error: sandwich.map(|s| s.upper_se),
            log_z_gap: sandwich.map(|s| s.gap()),
            mode_weights,
            true_mode_weights,
            mode_weight_error: assessment.mode_weight_error,
            rarest_mode_relative_error: assessment.rarest_mode_relative_error,
            sliced_wasserstein: assessment.sliced_wasserstein,
            sliced_wasserstein_floor: assessment.sliced_wasserstein_floor,
            maximum_mean_discrepancy: assessment.maximum_mean_discrepancy,
            kolmogorov_smirnov: assessment.kolmogorov_smirnov,
            evaluations: evaluations.into(),
            placement_evaluations: placement.evaluations.into(),
            pilot_evaluations: sampled.pilot_evaluations.into(),
            reverse_evaluations: sampled.reverse_evaluations.into(),
            check_evaluations: sampled.check_evaluations.into(),
            acceptance_rate: sampled.acceptance_rate,
            non_finite: sampled.non_finite,
            map: sampled.map,
            target: problem.mixture.parameters().name.clone(),
            dim: problem.mixture.dim(),
            particles: sampled.sample.weights.len(),
            seed: config.seed,
            version: env!("CARGO_PKG_VERSION"),
            instructions: Instructions::current().name(),
            warnings,
            sampling_seconds: 0.0,
            seconds: 0.0,
            times: placement.times.clone(),
            barrier: placement.barrier.as_ref().map(|barrier| barrier.total()),
            barrier_curve: BarrierCurve::of(placement),
            details: sampled.details.clone(),
            symptoms: sampled.symptoms.clone(),
            config: config.clone(),
        }
    }

    /// Whether exact samples and mode weights of the target are known.
    pub fn knows_truth(&self) -> bool {
        !self.true_mode_weights.is_empty()
    }

    /// What an annealed run reports.
    pub fn annealing(&self) -> Option<&AnnealingReport> {
        match &self.details {
            Details::Annealing(report) => Some(report),
            Details::Exchange(_) => None,
        }
    }

    /// What replica exchange reports.
    pub fn exchange(&self) -> Option<&ExchangeReport> {
        match &self.details {
            Details::Exchange(report) => Some(report),
            Details::Annealing(_) => None,
        }
    }

    /// Effective sample size of the final weights as a fraction of `N`; 1 where samples have equal
    /// weights.
    pub fn ess(&self) -> f64 {
        self.annealing().map_or(1.0, |report| report.ess)
    }
}

/// An error of mode weights that is worth a warning.
const LOST_MODES: f64 = 0.1;
/// The error of mode weights that noise alone makes on average: that of independent samples, or the run's own where it is known
/// and larger.
fn mode_weight_noise(sampled: &Sampled, assessment: &Assessment) -> f64 {
    let of_run = sampled.symptoms.modes.as_ref().map_or(0.0, |modes| {
        // E|x| of a normal number is sqrt(2/pi) of its deviation.
        0.5 * (2.0 / core::f64::consts::PI).sqrt() * modes.run_se.iter().sum::<f64>()
    });
    assessment.mode_weight_floor.max(of_run)
}

/// What the verdict, which never uses the truth, does not say.
fn warnings(config: &RunConfig, sampled: &Sampled, assessment: &Assessment) -> Vec<String> {
    let mut warnings = assessment.failures.clone();
    let (error, floor) = (assessment.mode_weight_error, mode_weight_noise(sampled, assessment));
    // The sum over K modes scatters by some .755/sqrt(K) of its mean: four deviations, which one exact sample in a hundred
    // passes where there are two modes, and next to none where there are many.
    let limit = floor * (1.0 + 3.0 / (assessment.true_mode_weights.len() as f64).sqrt());
    if error > LOST_MODES && error > limit {
        warnings.push(format!(
            "mode weights are off by {error:.3} (total variation): modes were lost or invented"
        ));
    } else if error > LOST_MODES {
        warnings.push(format!(
            "mode weights are off by {error:.3} (total variation), where noise alone makes {floor:.3}: more particles or \
             ladders make it smaller"
        ));
    }
    if let Some(points) = assessment.thinned_to {
        warnings.push(format!(
            "distances to exact samples (sliced_wasserstein, its floor, maximum_mean_discrepancy, \
             kolmogorov_smirnov) are those of {points} resampled particles; all else reads every one"
        ));
    }
    if sampled.non_finite > 0 {
        warnings.push(format!(
            "{} proposals or weights were not finite numbers; they were rejected",
            sampled.non_finite
        ));
    }
    let uncorrected = |flow: &FlowMapConfig| flow.logdet.penalty == PenaltyKind::None;
    if sampled.map.is_some_and(|map| map.estimated)
        && config.bridge.flow_map().is_some_and(uncorrected)
    {
        let message = "logdet.penalty = \"none\" leaves weights too large, by exp(variance/2) of every \
                       estimated log-determinant, forward and back: no bound of log Z holds";
        warnings.push(message.into());
    }
    if let Some(map) = &sampled.map {
        warnings.extend(map.warnings());
    }
    if let Some(rate) = sampled.acceptance_rate.filter(|rate| !(0.05..=0.99).contains(rate)) {
        warnings.push(format!(
            "the kernel accepts {:.1} % of its proposals: check kernel.step_size",
            100.0 * rate
        ));
    }
    if config.bridge == (BridgeConfig::Ddpm { variance: BridgeVariance::Posterior }) {
        let message = "bridge.variance = \"posterior\" is zero on the step to the target; that \
                       step used \"noise\"";
        warnings.push(message.into());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use crate::config::RunConfig;
    use crate::run::run;
    use crate::sampler::{Observer, Progress, Silent};
    use std::path::Path;

    /// Fails if the pilot's cost is left out of the total or counted twice, or if the smallest ESS
    /// is not that of the worst level: each of 19 particles is evaluated at the start, after each of
    /// 4 crossings and at each of 3 kernel steps on 4 levels.
    #[test]
    fn totals_and_minima() {
        let text = "[target]\ndim = 3\n[path]\nlevels = 4\n[kernel]\nkind = \"mala\"\nsteps = 3\n\
            [sampler]\nkind = \"smc\"\nparticles = 19\n";
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        let summary = run(&config, &mut Silent).unwrap().summary;
        assert!(summary.pilot_evaluations.score > 0);
        let others = summary.pilot_evaluations.score + summary.reverse_evaluations.score;
        let production = summary.evaluations.score - others;
        assert_eq!(production, 19 * (1 + 4 + 4 * 3));
        let annealing = summary.annealing().unwrap();
        assert!(annealing.levels.iter().all(|level| level.ess >= annealing.minimum_ess));
        assert!(annealing.levels.iter().any(|level| level.ess == annealing.minimum_ess));
        assert_eq!(summary.reverse_evaluations.score, 19 * (1 + 4 + 4 * 3));
    }

    /// Takes its time at the start of one stage.
    struct Slow(&'static str);

    impl Observer for Slow {
        fn begin(&mut self, phase: &str, _length: usize) {
            if phase == self.0 {
                std::thread::sleep(std::time::Duration::from_secs_f64(SLEEP));
            }
        }

        fn level_done(&mut self, _progress: Progress) {}
    }

    const SLEEP: f64 = 1.0;

    /// Fails if the run from the other side, which only checks, counts as sampling, or the run itself does not.
    #[test]
    fn checks_are_no_sampling() {
        let text =
            "[target]\ndim = 2\n[path]\nlevels = 2\n[sampler]\nkind = \"smc\"\nparticles = 8\n";
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        let seconds = |stage| {
            let summary = run(&config, &mut Slow(stage)).unwrap().summary;
            (summary.sampling_seconds, summary.seconds - summary.sampling_seconds)
        };
        let (_, rest) = seconds("reverse");
        assert!(rest >= SLEEP, "{rest}");
        let (sampling, _) = seconds("smc");
        assert!(sampling >= SLEEP, "{sampling}");
    }

    /// Fails if levels that were placed by a barrier come without its curve, or others with one.
    #[test]
    fn barriers_are_kept_along_the_path() {
        let summary = |spacing: &str| {
            let text = format!(
                "[target]\ndim = 2\n[path]\nlevels = 4\nspacing = \"{spacing}\"\n[sampler]\nkind = \"smc\"\nparticles = 8\n"
            );
            let config = RunConfig::from_toml(&text, "test", Path::new("."), &[]).unwrap();
            run(&config, &mut Silent).unwrap().summary
        };
        let placed = summary("lambda");
        let curve = placed.barrier_curve.unwrap();
        assert_eq!(curve.cumulative.last(), placed.barrier.as_ref());
        assert_eq!(curve.times.last(), placed.times.last());
        assert!(summary("uniform").barrier_curve.is_none());
    }
}

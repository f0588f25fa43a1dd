//! The summary of a run: what `--json` prints and `summary.json` holds.

use amc_core::bridge::DdpmVariance;
use amc_core::point::Evaluations;
use serde::Serialize;

use super::Problem;
use super::assess::Assessment;
use crate::catalog::BridgeKind;
use crate::config::RunConfig;
use crate::sampler::{LevelRecord, Outcome, Tuning};

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

/// What a run found. Samples are in standardized coordinates, in which `log Z = 0` is the truth. A
/// metric that has no value is NaN (`null` in JSON), and a warning says why.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Estimate of `log Z`.
    pub log_z: f64,
    /// Its standard error from this one run.
    pub log_z_std_error: f64,
    /// Effective sample size of the final weights, as a fraction of `N`.
    pub ess: f64,
    /// Smallest effective sample size before a resampling, over levels, as a fraction of `N`.
    pub minimum_ess: f64,
    /// Number of resamplings.
    pub resamplings: usize,
    /// Initial particles that still have descendants.
    pub surviving_families: usize,
    /// `sum_i W_i r_k(x_i)`, `[K]`.
    pub mode_weights: Vec<f64>,
    /// The target's own, `[K]`.
    pub true_mode_weights: Vec<f64>,
    /// Total variation between the two.
    pub mode_weight_error: f64,
    /// Relative error of the rarest mode's weight, signed.
    pub rarest_mode_relative_error: f64,
    /// Sliced Wasserstein distance of the weighted particles to `N` exact samples.
    pub sliced_wasserstein: f64,
    /// The same between two exact samples.
    pub sliced_wasserstein_floor: f64,
    /// Maximum mean discrepancy to exact samples.
    pub maximum_mean_discrepancy: f64,
    /// Largest Kolmogorov-Smirnov distance over coordinates.
    pub kolmogorov_smirnov: f64,
    /// Cost of the whole run, pilot included.
    pub evaluations: EvaluationCounts,
    /// The pilot's part of it.
    pub pilot_evaluations: EvaluationCounts,
    /// Mean acceptance probability of the kernel, if there is one.
    pub acceptance_rate: Option<f64>,
    /// Proposals and weights that were not finite numbers.
    pub non_finite: u64,
    /// Name of the target.
    pub target: String,
    /// Dimension `d`.
    pub dim: usize,
    /// Number of particles `N`.
    pub particles: usize,
    /// The seed.
    pub seed: u64,
    /// Version of this program.
    pub version: &'static str,
    /// What looks unhealthy.
    pub warnings: Vec<String>,
    /// Wall time of pilot and sampler. The only fields that differ between equal runs are times.
    pub sampling_seconds: f64,
    /// Wall time with the metrics.
    pub seconds: f64,
    /// Level by level, from the reference down to the target.
    pub levels: Vec<LevelRecord>,
    /// The configuration with every default filled in.
    pub config: RunConfig,
}

impl Summary {
    pub(super) fn new(
        config: &RunConfig,
        problem: &Problem,
        tuning: &Tuning,
        outcome: &Outcome,
        assessment: Assessment,
    ) -> Self {
        let mut evaluations = outcome.evaluations;
        evaluations.add(&tuning.evaluations, 1);
        let warnings = warnings(config, outcome, &assessment);
        let Assessment { mode_weights, true_mode_weights, .. } = assessment;
        Self {
            log_z: outcome.evidence.log_z,
            log_z_std_error: outcome.evidence.log_z_std_error,
            ess: outcome.ess,
            minimum_ess: outcome.levels.iter().map(|l| l.ess).fold(1.0, f64::min),
            resamplings: outcome.levels.iter().filter(|l| l.resampled).count(),
            surviving_families: outcome.surviving_families,
            mode_weights,
            true_mode_weights,
            mode_weight_error: assessment.mode_weight_error,
            rarest_mode_relative_error: assessment.rarest_mode_relative_error,
            sliced_wasserstein: assessment.sliced_wasserstein,
            sliced_wasserstein_floor: assessment.sliced_wasserstein_floor,
            maximum_mean_discrepancy: assessment.maximum_mean_discrepancy,
            kolmogorov_smirnov: assessment.kolmogorov_smirnov,
            evaluations: evaluations.into(),
            pilot_evaluations: tuning.evaluations.into(),
            acceptance_rate: outcome.acceptance_rate,
            non_finite: outcome.non_finite,
            target: problem.mixture.parameters().name.clone(),
            dim: problem.mixture.dim(),
            particles: outcome.weights.len(),
            seed: config.seed,
            version: env!("CARGO_PKG_VERSION"),
            warnings,
            sampling_seconds: 0.0,
            seconds: 0.0,
            levels: outcome.levels.clone(),
            config: config.clone(),
        }
    }
}

/// What a user should know before trusting the numbers.
fn warnings(config: &RunConfig, outcome: &Outcome, assessment: &Assessment) -> Vec<String> {
    let mut warnings = assessment.failures.clone();
    let particles = outcome.weights.len();
    let effective = outcome.ess * particles as f64;
    if effective < 100.0 {
        // Where the weights agree already, only more of them help.
        let remedy = if outcome.ess > 0.5 {
            "more particles"
        } else {
            "a stronger bridge, more levels or more particles"
        };
        warnings.push(format!(
            "the effective sample size is only {effective:.1} of {particles} particles: log_z and \
             its standard error are unreliable; use {remedy}"
        ));
    }
    if outcome.surviving_families < particles.min(20) {
        warnings.push(format!(
            "only {} of {particles} initial particles have descendants: the standard error of \
             log_z is too small",
            outcome.surviving_families
        ));
    }
    if assessment.mode_weight_error > 0.1 {
        warnings.push(format!(
            "mode weights are off by {:.3} (total variation): modes were lost or invented",
            assessment.mode_weight_error
        ));
    }
    if outcome.non_finite > 0 {
        warnings.push(format!(
            "{} proposals or weights were not finite numbers; they were rejected",
            outcome.non_finite
        ));
    }
    if let Some(rate) = outcome.acceptance_rate.filter(|rate| !(0.05..=0.99).contains(rate)) {
        warnings.push(format!(
            "the kernel accepts {:.1} % of its proposals: check kernel.step_size",
            100.0 * rate
        ));
    }
    let posterior = config.bridge.variance.to_core() == DdpmVariance::Posterior;
    if config.bridge.kind == BridgeKind::Ddpm && posterior {
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
    use crate::sampler::Silent;
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
        let production = summary.evaluations.score - summary.pilot_evaluations.score;
        assert_eq!(production, 19 * (1 + 4 + 4 * 3));
        assert!(summary.levels.iter().all(|level| level.ess >= summary.minimum_ess));
        assert!(summary.levels.iter().any(|level| level.ess == summary.minimum_ess));
    }
}

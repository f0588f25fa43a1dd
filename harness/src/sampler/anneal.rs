//! The annealed samplers: AIS \[Neal01\] and SMC \[DelMoral06\].
//!
//! ```text
//! x ~ rho, log w = log p_L(x) - log rho(x)
//! for s = L-1, .., 0:
//!     cross the bridge s+1 -> s:    log w += log_work
//!     SMC, if ESS < threshold N:    log Z += log mean w, resample, log w = 0
//!     run the kernel at level s
//! log Z += log mean w
//! ```
//!
//! `Z` is estimated without bias when bridges and step sizes are fixed beforehand.

use amc_core::point::Evaluations;
use amc_core::rng::{Key, Purpose};
use amc_core::weight::{
    Evidence, Resampling, conditional_effective_sample_size, effective_sample_size, log_mean_exp,
};

use super::population::PassReport;
use super::step_size::updated_online;
use super::{Annealing, LevelRecord, Observer, Population, SamplerError, StepSizes, Tuning};

/// When and how SMC resamples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResamplingRule {
    /// The scheme.
    pub scheme: Resampling,
    /// Resample when the effective sample size falls below this fraction of `N`.
    pub threshold: f64,
}

/// What an annealed run produced.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Positions at the target, `[N x d]`, row-major.
    pub positions: Vec<f64>,
    /// Final log-weights, `[N]`, normalized so that their exponentials sum to 1.
    pub log_weights: Vec<f64>,
    /// Final weights, `[N]`, summing to 1.
    pub weights: Vec<f64>,
    /// `log Z` and its standard error.
    pub evidence: Evidence,
    /// Effective sample size of the final weights, as a fraction of `N`.
    pub ess: f64,
    /// First-generation particles that still have descendants.
    pub surviving_families: usize,
    /// Levels `L - 1` down to 0.
    pub levels: Vec<LevelRecord>,
    /// Evaluations of the run, without the pilot.
    pub evaluations: Evaluations,
    /// Mean acceptance probability over all kernel steps.
    pub acceptance_rate: Option<f64>,
    /// Proposals and weights that were not finite numbers.
    pub non_finite: u64,
}

/// Runs `particles` particles down the levels; `resampling` is `None` for AIS.
///
/// # Errors
/// Those of the core; a population that lost all its weight.
pub fn anneal(
    problem: &Annealing<'_>,
    tuning: &Tuning,
    particles: usize,
    resampling: Option<ResamplingRule>,
    observer: &mut dyn Observer,
) -> Result<Outcome, SamplerError> {
    let steps = problem.steps();
    observer.begin(if resampling.is_some() { "smc" } else { "ais" }, steps);
    let (mut population, first) = Population::from_reference(problem, particles, false)?;
    let mut run = Run::new(problem, tuning, first);
    let mut log_z = 0.0;
    let mut weights = vec![0.0; particles];
    let mut before = vec![0.0; particles];
    for level in (0..steps).rev() {
        before.copy_from_slice(population.log_weights());
        run.cross(&mut population, level)?;
        let ess = effective_sample_size(population.log_weights()) / particles as f64;
        let conditional_ess = run.conditional_ess(&before, &population);
        let rule = resampling.filter(|rule| ess < rule.threshold);
        if let Some(rule) = rule {
            population.normalize(&mut weights, level, run.non_finite)?;
            log_z += log_mean_exp(population.log_weights());
            population.resample(rule.scheme, &weights, run.key(Purpose::Resampling, level))?;
        }
        run.mix(&mut population, level)?;
        run.finish_level(level, ess, conditional_ess, rule.is_some());
        observer.level_done(ess);
    }
    let log_sum = population.normalize(&mut weights, 0, run.non_finite)?;
    log_z += log_sum - libm::log(particles as f64);
    run.into_outcome(&population, log_sum, weights, log_z)
}

/// The state of a run besides its population.
struct Run<'a> {
    problem: &'a Annealing<'a>,
    tuning: &'a Tuning,
    online_step_size: f64,
    evaluations: Evaluations,
    non_finite: u64,
    levels: Vec<LevelRecord>,
    /// Of the level in progress.
    acceptance: Option<f64>,
    step_size: Option<f64>,
    level_non_finite: u64,
}

impl<'a> Run<'a> {
    fn new(problem: &'a Annealing<'a>, tuning: &'a Tuning, first: PassReport) -> Self {
        let online_step_size = match tuning.step_sizes {
            StepSizes::Online(initial) => initial,
            StepSizes::Frozen(_) => 1.0,
        };
        Self {
            problem,
            tuning,
            online_step_size,
            evaluations: first.evaluations,
            non_finite: first.non_finite,
            levels: Vec::with_capacity(problem.steps()),
            acceptance: None,
            step_size: None,
            level_non_finite: 0,
        }
    }

    fn key(&self, purpose: Purpose, level: usize) -> Key {
        Key::new(self.problem.seed, purpose).level(level as u64)
    }

    fn count(&mut self, report: &PassReport) {
        self.evaluations.add(&report.evaluations, 1);
        self.non_finite += report.non_finite;
        self.level_non_finite += report.non_finite;
    }

    fn cross(&mut self, population: &mut Population, level: usize) -> Result<(), SamplerError> {
        let score = self.tuning.mean_square_scores.get(level + 1).copied();
        let key = self.key(Purpose::Bridge, level);
        let report =
            self.problem.with_bridge(level, score, |bridge| population.cross(bridge, key))?;
        self.count(&report);
        Ok(())
    }

    /// The conditional ESS of the last increment, as a fraction of `N`; 0 where it is undefined.
    fn conditional_ess(&self, before: &[f64], population: &Population) -> f64 {
        let after = population.log_weights();
        let increments: Vec<f64> = after
            .iter()
            .zip(before)
            .map(|(after, before)| if *before == f64::NEG_INFINITY { 0.0 } else { after - before })
            .collect();
        conditional_effective_sample_size(before, &increments)
            .map_or(0.0, |ess| ess / before.len() as f64)
    }

    /// The kernel steps of one level.
    fn mix(&mut self, population: &mut Population, level: usize) -> Result<(), SamplerError> {
        let Some(choice) = &self.problem.kernel else { return Ok(()) };
        let density = self.problem.levels[level].density();
        let key = self.key(Purpose::Kernel, level);
        // A stale score is recomputed once, if a bridge is still going to read it.
        let refresh =
            choice.kernel.leaves_score_stale() && level > 0 && self.problem.bridge.denoises();
        match &self.tuning.step_sizes {
            StepSizes::Frozen(step_sizes) => {
                let step_size = step_sizes[level];
                let kernel = choice.kernel.as_ref();
                let moves = (choice.steps, step_size);
                let report = population.mix(density, kernel, moves, refresh, key)?;
                self.count(&report);
                self.acceptance = Some(report.acceptance_rate);
                self.step_size = Some(step_size);
            }
            StepSizes::Online(_) => {
                let mut acceptance = 0.0;
                for step in 0..choice.steps {
                    let report = population.mix(
                        density,
                        choice.kernel.as_ref(),
                        (1, self.online_step_size),
                        refresh && step + 1 == choice.steps,
                        key.round(step as u64),
                    )?;
                    self.count(&report);
                    self.step_size = Some(self.online_step_size);
                    acceptance += report.acceptance_rate / choice.steps as f64;
                    self.online_step_size = updated_online(
                        self.online_step_size,
                        report.acceptance_rate,
                        choice.target_acceptance,
                    );
                }
                self.acceptance = Some(acceptance);
            }
        }
        Ok(())
    }

    fn finish_level(&mut self, level: usize, ess: f64, conditional_ess: f64, resampled: bool) {
        self.levels.push(LevelRecord {
            level,
            time: self.problem.times[level],
            ess,
            conditional_ess,
            resampled,
            acceptance_rate: self.acceptance.take(),
            step_size: self.step_size.take(),
            non_finite: std::mem::take(&mut self.level_non_finite),
        });
    }

    fn into_outcome(
        self,
        population: &Population,
        log_sum: f64,
        weights: Vec<f64>,
        log_z: f64,
    ) -> Result<Outcome, SamplerError> {
        let mut totals = vec![0.0; weights.len()];
        let evidence =
            Evidence::from_families(log_z, &weights, population.families(), &mut totals)?;
        let log_weights = population.log_weights();
        let rates: Vec<f64> = self.levels.iter().filter_map(|l| l.acceptance_rate).collect();
        Ok(Outcome {
            positions: population.positions(),
            log_weights: log_weights.iter().map(|w| w - log_sum).collect(),
            ess: effective_sample_size(log_weights) / weights.len() as f64,
            weights,
            evidence,
            surviving_families: totals.iter().filter(|total| **total > 0.0).count(),
            evaluations: self.evaluations,
            acceptance_rate: (!rates.is_empty())
                .then(|| rates.iter().sum::<f64>() / rates.len() as f64),
            levels: self.levels,
            non_finite: self.non_finite,
        })
    }
}

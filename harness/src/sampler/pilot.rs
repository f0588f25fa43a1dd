//! The pilot run: what must be known before a run whose weights are exactly unbiased.
//!
//! A small population goes down the levels with resampling. At each level it adapts the kernel's
//! step size, and measures `E_t|S|^2/d`, which the isotropic-optimal bridge turns into its variance
//! `c = (v/a^2)(1 - v E_t|S|^2/d)` \[Bao22\]. The production run uses both as constants and draws
//! from streams of its own. The pilot's evaluations are part of the cost.

use amc_core::point::Evaluations;
use amc_core::rng::{Key, Purpose};
use amc_core::weight::{Resampling, effective_sample_size, normalize};

use super::step_size::updated;
use super::{Annealing, Observer, Population, SamplerError, StepSizes};

/// `E_t|S|^2/d` of one level, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanSquareScore {
    /// The weighted mean over the pilot's particles.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl MeanSquareScore {
    /// Nothing is known: the bridge falls back to its widest variance.
    pub const UNKNOWN: Self = Self { mean: f64::NAN, standard_error: f64::NAN };
}

/// What the pilot found.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Step sizes for the production run.
    pub step_sizes: StepSizes,
    /// `E_t|S|^2/d` of levels `0..=L`; empty when no bridge asks for it.
    pub mean_square_scores: Vec<MeanSquareScore>,
    /// What the pilot cost.
    pub evaluations: Evaluations,
}

/// Adaptation steps at the first level, where the step size is a guess, and at each further one.
const FIRST_LEVEL_STEPS: usize = 30;
const LEVEL_STEPS: usize = 8;

/// Particles of the pilot: a quarter of the run's, within bounds that make it neither useless nor
/// dear.
pub fn pilot_particles(particles: usize) -> usize {
    (particles / 4).clamp(128, 1024)
}

/// Runs the pilot, if anything has to be tuned.
///
/// # Errors
/// Those of the core; a pilot that lost all its weight.
pub fn pilot(
    problem: &Annealing<'_>,
    particles: usize,
    adapt_online: bool,
    observer: &mut dyn Observer,
) -> Result<Tuning, SamplerError> {
    let kernel = problem.kernel.as_ref();
    let initial = kernel.map_or(1.0, |k| k.initial_step_size);
    let adapts = kernel.is_some() && !adapt_online;
    if !adapts && !problem.needs_mean_square_score() {
        return Ok(Tuning {
            step_sizes: StepSizes::Online(initial),
            mean_square_scores: Vec::new(),
            evaluations: Evaluations::default(),
        });
    }
    let particles = pilot_particles(particles);
    let steps = problem.steps();
    observer.begin("pilot", steps);
    let (mut population, report) = Population::from_reference(problem, particles, true)?;
    let mut evaluations = report.evaluations;
    let mut non_finite = report.non_finite;
    let mut step_sizes = vec![initial; steps + 1];
    let mut scores = vec![MeanSquareScore::UNKNOWN; steps + 1];
    let mut step_size = initial;
    for level in (0..steps).rev() {
        scores[level + 1] = mean_square_score(&population);
        let key = |purpose| Key::new(problem.seed, purpose).pilot(true).level(level as u64);
        let score = problem.needs_mean_square_score().then_some(scores[level + 1]);
        let report = problem.with_bridge(level, score, |bridge| {
            population.cross(bridge, key(Purpose::Bridge)).map_err(SamplerError::from)
        })?;
        evaluations.add(&report.evaluations, 1);
        non_finite += report.non_finite;
        let ess = effective_sample_size(population.log_weights());
        if ess < 0.5 * particles as f64 {
            let mut weights = vec![0.0; particles];
            normalize(population.log_weights(), &mut weights)
                .map_err(|_| SamplerError::LostAllWeight { level, particles, non_finite })?;
            population.resample(Resampling::Systematic, &weights, key(Purpose::Resampling))?;
        }
        if let Some(choice) = kernel {
            let rounds = if level + 1 == steps { FIRST_LEVEL_STEPS } else { LEVEL_STEPS };
            let mut log_sum = 0.0;
            for round in 0..rounds {
                let report = population.mix(
                    problem.levels[level].density(),
                    choice.kernel.as_ref(),
                    (1, step_size),
                    choice.kernel.leaves_score_stale() && round + 1 == rounds,
                    key(Purpose::Kernel).round(round as u64),
                )?;
                evaluations.add(&report.evaluations, 1);
                let gain = 2.0 / (1.0 + round as f64 / 4.0);
                step_size =
                    updated(step_size, report.acceptance_rate, choice.target_acceptance, gain);
                // The mean of the second half is steadier than the last value.
                if round >= rounds / 2 {
                    log_sum += step_size.ln();
                }
            }
            step_size = (log_sum / (rounds - rounds / 2) as f64).exp();
            step_sizes[level] = step_size;
        }
        observer.level_done(ess / particles as f64);
    }
    let step_sizes =
        if adapts { StepSizes::Frozen(step_sizes) } else { StepSizes::Online(initial) };
    Ok(Tuning { step_sizes, mean_square_scores: scores, evaluations })
}

/// The weighted mean of `|S|^2/d` with its standard error, `sqrt(sum W_i^2 (f_i - mean)^2)`.
fn mean_square_score(population: &Population) -> MeanSquareScore {
    let mut weights = vec![0.0; population.particles()];
    if normalize(population.log_weights(), &mut weights).is_err() {
        return MeanSquareScore::UNKNOWN;
    }
    let values = population.mean_square_scores();
    let weighted = || weights.iter().zip(&values).filter(|(w, _)| **w > 0.0);
    let mean: f64 = weighted().map(|(w, f)| w * f).sum();
    let variance: f64 = weighted().map(|(w, f)| (w * (f - mean)).powi(2)).sum();
    MeanSquareScore { mean, standard_error: variance.sqrt() }
}

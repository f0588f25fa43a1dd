//! The pilot run: what must be known before a run whose weights are exactly unbiased.
//!
//! A small population goes down the levels with resampling. At each level it adapts the kernel's
//! step size, and measures `E_t|S|^2/d`, which the isotropic-optimal bridge turns into its variance
//! `c = (v/a^2)(1 - v E_t|S|^2/d)` \[Bao22\]. The production run uses both as constants and draws
//! from streams of its own. The pilot's evaluations are part of the cost.

use amc_core::point::Evaluations;
use amc_core::rng::{Key, Purpose};
use amc_core::weight::{Resampling, effective_sample_size, normalize};

use super::population::PassReport;
use super::step_size::updated;
use super::{Annealing, KernelChoice, Observer, Population, SamplerError, StepSizes};

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
    let initial = problem.kernel.as_ref().map_or(1.0, |choice| choice.initial_step_size);
    let adapts = problem.kernel.is_some() && !adapt_online;
    if !adapts && !problem.needs_mean_square_score() {
        return Ok(Tuning {
            step_sizes: StepSizes::Online(initial),
            mean_square_scores: Vec::new(),
            evaluations: Evaluations::default(),
        });
    }
    let steps = problem.steps();
    observer.begin("pilot", steps);
    let mut run = Pilot::new(problem, pilot_particles(particles))?;
    let mut step_sizes = vec![initial; steps + 1];
    let measured = if problem.needs_mean_square_score() { steps + 1 } else { 0 };
    let mut scores = vec![MeanSquareScore::UNKNOWN; measured];
    let mut step_size = initial;
    for level in (0..steps).rev() {
        if let Some(score) = scores.get_mut(level + 1) {
            *score = mean_square_score(&run.population);
        }
        run.cross(level, scores.get(level + 1).copied())?;
        let ess = run.resample_if_poor(level)?;
        if let Some(choice) = &problem.kernel {
            step_size = run.adapt(level, choice, step_size)?;
            step_sizes[level] = step_size;
        }
        observer.level_done(ess);
    }
    let step_sizes =
        if adapts { StepSizes::Frozen(step_sizes) } else { StepSizes::Online(initial) };
    Ok(Tuning { step_sizes, mean_square_scores: scores, evaluations: run.evaluations })
}

/// Particles of the pilot: a quarter of the run's, within bounds that make it neither useless nor
/// dear.
fn pilot_particles(particles: usize) -> usize {
    (particles / 4).clamp(128, 1024)
}

/// The state of a pilot.
struct Pilot<'a> {
    problem: &'a Annealing<'a>,
    population: Population,
    evaluations: Evaluations,
    non_finite: u64,
}

impl<'a> Pilot<'a> {
    fn new(problem: &'a Annealing<'a>, particles: usize) -> Result<Self, SamplerError> {
        let (population, first) = Population::from_reference(problem, particles, true)?;
        let (evaluations, non_finite) = (first.evaluations, first.non_finite);
        Ok(Self { problem, population, evaluations, non_finite })
    }

    fn key(&self, purpose: Purpose, level: usize) -> Key {
        Key::new(self.problem.seed, purpose).pilot(true).level(level as u64)
    }

    fn count(&mut self, report: &PassReport) {
        self.evaluations.add(&report.evaluations, 1);
        self.non_finite += report.non_finite;
    }

    fn cross(&mut self, level: usize, score: Option<MeanSquareScore>) -> Result<(), SamplerError> {
        let key = self.key(Purpose::Bridge, level);
        let report = self.problem.with_bridge(level, score, |bridge| {
            self.population.cross(bridge, key).map_err(SamplerError::from)
        })?;
        self.count(&report);
        Ok(())
    }

    /// Resamples when less than half the population is effective; returns the effective fraction.
    fn resample_if_poor(&mut self, level: usize) -> Result<f64, SamplerError> {
        let particles = self.population.particles();
        let ess = effective_sample_size(self.population.log_weights());
        if ess < 0.5 * particles as f64 {
            let mut weights = vec![0.0; particles];
            self.population.normalize(&mut weights, level, self.non_finite)?;
            let key = self.key(Purpose::Resampling, level);
            self.population.resample(Resampling::Systematic, &weights, key)?;
        }
        Ok(ess / particles as f64)
    }

    /// Mixes at one level while the step size follows the acceptance rate, with a falling gain.
    ///
    /// The result is the geometric mean of the second half, steadier than the last value.
    fn adapt(
        &mut self,
        level: usize,
        choice: &KernelChoice,
        mut step_size: f64,
    ) -> Result<f64, SamplerError> {
        let first = level + 1 == self.problem.steps();
        let rounds = if first { FIRST_LEVEL_STEPS } else { LEVEL_STEPS };
        let key = self.key(Purpose::Kernel, level);
        let refresh = choice.kernel.leaves_score_stale() && self.problem.bridge.denoises();
        let mut log_sum = 0.0;
        for round in 0..rounds {
            let report = self.population.mix(
                self.problem.levels[level].density(),
                choice.kernel.as_ref(),
                (1, step_size),
                refresh && round + 1 == rounds,
                key.round(round as u64),
            )?;
            self.count(&report);
            let gain = 2.0 / (1.0 + round as f64 / 4.0);
            step_size = updated(step_size, report.acceptance_rate, choice.target_acceptance, gain);
            if round >= rounds / 2 {
                log_sum += libm::log(step_size);
            }
        }
        Ok(libm::exp(log_sum / (rounds - rounds / 2) as f64))
    }
}

/// Below this effective sample size the mean has no error bar worth the name: a single dominant
/// particle would give an error of exactly zero.
const SMALLEST_SAMPLE: f64 = 10.0;

/// The weighted mean of `|S|^2/d` with its standard error, `sqrt(sum W_i^2 (f_i - mean)^2)`; unknown
/// where fewer than [`SMALLEST_SAMPLE`] particles carry the weight.
fn mean_square_score(population: &Population) -> MeanSquareScore {
    let mut weights = vec![0.0; population.particles()];
    if normalize(population.log_weights(), &mut weights).is_err() {
        return MeanSquareScore::UNKNOWN;
    }
    if effective_sample_size(population.log_weights()) < SMALLEST_SAMPLE {
        return MeanSquareScore::UNKNOWN;
    }
    let values = population.mean_square_scores();
    let weighted = || weights.iter().zip(&values).filter(|(w, _)| **w > 0.0);
    let mean: f64 = weighted().map(|(w, f)| w * f).sum();
    let variance: f64 = weighted().map(|(w, f)| (w * (f - mean)).powi(2)).sum();
    MeanSquareScore { mean, standard_error: variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use crate::run::Problem;
    use amc_core::scratch::Scratch;
    use amc_core::simd::splat;
    use std::path::Path;

    /// Fails if the mean is not weighted, not per coordinate, or if the standard error is a standard
    /// deviation: compares with the same sums over positions, scores evaluated one by one.
    #[test]
    fn mean_square_score_by_hand() {
        let text = "[target]\ndim = 2\nseparation = 0.4\n[path]\nlevels = 2\nt_max = 0.3\n";
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        let problem = Problem::new(&config).unwrap();
        let checked = problem.with_annealing(&config, |annealing, _| {
            let (population, _) = Population::from_reference(annealing, 13, false)?;
            let found = mean_square_score(&population);
            let density = annealing.levels[2].density();
            let mut memory = vec![splat(0.0); density.scratch_len()];
            let values: Vec<f64> = population
                .positions()
                .chunks_exact(2)
                .map(|row| {
                    let (x, mut score) = ([splat(row[0]), splat(row[1])], [splat(0.0); 2]);
                    let scratch = Scratch::new(&mut memory);
                    density.log_density_and_score(&x, &mut score, scratch).unwrap();
                    let [a, b] = score.map(|s| s.to_array()[0]);
                    (a * a + b * b) / 2.0
                })
                .collect();
            let raw: Vec<f64> = population.log_weights().iter().map(|w| w.exp()).collect();
            let total: f64 = raw.iter().sum();
            let mean = raw.iter().zip(&values).map(|(w, f)| w * f).sum::<f64>() / total;
            let square = |(w, f): (&f64, &f64)| (w / total * (f - mean)).powi(2);
            let error = raw.iter().zip(&values).map(square).sum::<f64>().sqrt();
            assert!((found.mean / mean - 1.0).abs() < 1e-12, "{found:?} {mean}");
            assert!((found.standard_error / error - 1.0).abs() < 1e-12, "{found:?} {error}");
            Ok(())
        });
        checked.unwrap();
    }
}

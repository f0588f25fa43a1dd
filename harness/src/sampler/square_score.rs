//! `E_t|S|^2/d` of a level, which the isotropic-optimal bridge turns into its variance
//! `c = (v/a^2)(1 - v E_t|S|^2/d)` \[Bao22\].
//!
//! Two ways to measure it, both of which avoid the cancellation in `1 - v E|S|^2/d`:
//!
//! With the second moment `m = E|x|^2/d` of the level, `E[S.x] = -d` gives
//! `E|S|^2/d = E|S + x/m|^2/d + 1/m`: what is measured is how far from Gaussian the level is. At noisy
//! levels that is next to nothing. This serves before the cleaner level is reached.
//!
//! From particles at the cleaner level `s`, noised to `t`, `c = E|x_s - m(x_t)|^2/d` itself, with the
//! posterior mean `m = (x_t + v S_t)/a`: its relative error does not depend on the step at all. `c` is
//! handed on as the `E|S|^2/d` that leads to it.

use amc_core::weight::{effective_sample_size, normalize};

use amc_core::path::NoisingStep;
use serde::{Deserialize, Serialize};

use super::{Annealing, Population};

/// `E_t|S|^2/d` of one level, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanSquareScore {
    /// The weighted mean over the pilot's particles.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl MeanSquareScore {
    /// Nothing is known: the bridge falls back to its widest variance.
    pub const UNKNOWN: Self = Self { mean: f64::NAN, standard_error: f64::NAN };

    /// The one of the two with the smaller standard error; an unknown one loses.
    pub fn steadier(self, other: Self) -> Self {
        let worse = self.standard_error.is_nan() || other.standard_error < self.standard_error;
        if worse { other } else { self }
    }
}

/// Below this effective sample size the mean has no error bar worth the name: a single dominant
/// particle would give an error of exactly zero.
const SMALLEST_SAMPLE: f64 = 10.0;

/// `E|S|^2/d` of particles at a level, with its standard error `sqrt(sum W_i^2 (f_i - mean)^2)`,
/// `f_i` from `Population::square_scores`: with the second moment of the level what has to be
/// measured is how far from Gaussian it is, which at noisy levels is next to nothing. Unknown where
/// fewer than ten effective particles carry the weight.
pub fn mean_square_score(
    problem: &Annealing<'_>,
    level: usize,
    population: &Population,
) -> MeanSquareScore {
    weighted_mean(population, &population.square_scores(problem.second_moment_at(level)))
}

/// The weighted mean of one value per particle with its standard error.
fn weighted_mean(population: &Population, values: &[f64]) -> MeanSquareScore {
    let mut weights = vec![0.0; population.particles()];
    if normalize(population.log_weights(), &mut weights).is_err() {
        return MeanSquareScore::UNKNOWN;
    }
    if effective_sample_size(population.log_weights()) < SMALLEST_SAMPLE {
        return MeanSquareScore::UNKNOWN;
    }
    let weighted = || weights.iter().zip(values).filter(|(w, _)| **w > 0.0);
    let mean: f64 = weighted().map(|(w, f)| w * f).sum();
    let variance: f64 = weighted().map(|(w, f)| (w * (f - mean)).powi(2)).sum();
    MeanSquareScore { mean, standard_error: variance.sqrt() }
}

/// The same from particles at the cleaner end of a step, `clean`, and the same particles noised to its
/// other end, `noisy`.
pub fn mean_square_score_of_posterior(
    step: &NoisingStep,
    clean: &Population,
    noisy: &Population,
) -> MeanSquareScore {
    let values = clean.square_residuals(noisy, step);
    let MeanSquareScore { mean: c, standard_error } = weighted_mean(clean, &values);
    let scaled = step.scaled_variance();
    MeanSquareScore {
        mean: (1.0 - c / scaled) / step.variance,
        standard_error: standard_error / (scaled * step.variance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use crate::run::{Problem, Top};
    use crate::sampler::Direction;
    use amc_core::rng::{Phase, Purpose};
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
        let times = [0.0, 0.1, 0.3];
        let checked = problem.with_annealing(&config, &times, Top::Diffusion, |annealing, _| {
            let (population, _) = Population::from_reference(annealing, 29, Phase::Production)?;
            let found = mean_square_score(annealing, 2, &population);
            // The standardized target has mean 0 and variance 1, so any level of a VP path has too.
            let second_moment = annealing.second_moment_at(2).unwrap();
            assert!((second_moment - 1.0).abs() < 1e-12, "{second_moment}");
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
                    let (a, b) = (a + row[0] / second_moment, b + row[1] / second_moment);
                    (a * a + b * b) / 2.0 + 1.0 / second_moment
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

    /// Fails if the identity behind the control variate is wrong: it changes the error, not the mean,
    /// and at the reference, where `S = -x/m`, it leaves no error at all. The target is not centred.
    #[test]
    fn the_second_moment_changes_the_error_only() {
        let text = "[target]\ndim = 2\nseparation = 1.5\nstandardize = \"none\"\n[bridge]\n\
            kind = \"isotropic-optimal\"\n";
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        let problem = Problem::new(&config).unwrap();
        let times = [0.0, 0.05, 1.0];
        for top in [Top::Diffusion, Top::Reference] {
            let checked = problem.with_annealing(&config, &times, top, |annealing, _| {
                let noisy = Population::from_reference(annealing, 100, Phase::Pilot)?.0;
                let at_top = mean_square_score(annealing, 2, &noisy);
                assert!(top == Top::Diffusion || at_top.standard_error < 1e-12, "{at_top:?}");
                let (exact, _) = Population::from_target(annealing, 40_000, Phase::Pilot)?;
                let with = exact.square_scores(annealing.second_moment_at(0));
                let without = exact.square_scores(None);
                let moments = |values: &[f64]| {
                    let n = values.len() as f64;
                    let mean = values.iter().sum::<f64>() / n;
                    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                    (mean, square.sqrt() / n)
                };
                let ((a, error_a), (b, error_b)) = (moments(&with), moments(&without));
                assert!((a - b).abs() < 5.0 * error_a.hypot(error_b), "{a} {b}");
                Ok(())
            });
            checked.unwrap();
        }
    }

    /// Fails if the posterior mean, the scale of `c` or its way back to `E|S|^2` is wrong: both ways
    /// of measuring it agree, on a step on which `1 - v E|S|^2/d` is not small.
    #[test]
    fn both_ways_agree() {
        let text = "[target]\ndim = 2\nseparation = 1.5\nstandardize = \"none\"\n[bridge]\n\
            kind = \"isotropic-optimal\"\n";
        let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
        let problem = Problem::new(&config).unwrap();
        let checked =
            problem.with_annealing(&config, &[0.0, 0.08], Top::Diffusion, |annealing, _| {
                let (clean, _) = Population::from_target(annealing, 40_000, Phase::Pilot)?;
                let mut noisy = clean.clone();
                let key = annealing.key(Phase::Pilot, Purpose::Bridge);
                annealing
                    .with_bridge(0, None, |bridge| noisy.cross(bridge, Direction::Backward, key))?;
                let step = annealing.step(0)?;
                let posterior = mean_square_score_of_posterior(&step, &clean, &noisy);
                // Noised exact samples are exact at the noisier level.
                let values = noisy.square_scores(annealing.second_moment_at(1));
                let direct = weighted_mean(&clean, &values);
                let error = posterior.standard_error.hypot(direct.standard_error);
                assert!(
                    (posterior.mean - direct.mean).abs() < 5.0 * error,
                    "{posterior:?} {direct:?}"
                );
                assert!(error < 0.02 * direct.mean);
                Ok(())
            });
        checked.unwrap();
    }
}

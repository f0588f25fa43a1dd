//! One ascent of the log-likelihood, and new beginnings for components that lost their samples.
//!
//! A component that has fewer samples than determine a covariance is a lost start: it begins anew, round and with the
//! weight `1/K`, at the least likely of 32 samples drawn at random (the least likely of all would be an outlier). That
//! happens at most `K` times in an ascent; then such components stay as they are and are reported.

use amc_core::rng::Stream;

use super::expectation::{Sums, expect};
use super::maximization::Components;
use super::scaling::Scaled;
use super::{FitError, FitOptions, FitWatcher};

/// Samples among which a new place is looked for.
const PLACES: usize = 32;

/// Where an ascent ended.
pub(super) struct Ascent {
    pub(super) components: Components,
    /// In scaled coordinates.
    pub(super) log_likelihood: f64,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) starved: usize,
    pub(super) history: Vec<f64>,
}

/// Ascends until the log-likelihood stands still.
///
/// # Errors
/// [`FitError::Stopped`], [`FitError::Core`].
pub(super) fn ascend(
    samples: &Scaled,
    mut components: Components,
    options: &FitOptions,
    restart: usize,
    stream: &mut Stream,
    watcher: &mut dyn FitWatcher,
) -> Result<Ascent, FitError> {
    let count = samples.count as f64;
    let (mut previous, mut history) = (f64::NEG_INFINITY, Vec::new());
    let mut respawns_left = components.count();
    let round = components.spectrum[0];
    loop {
        if watcher.wants_to_stop() {
            return Err(FitError::Stopped);
        }
        let iterations = history.len();
        let sums = expect(samples, &components)?;
        let log_likelihood = sums.log_likelihood;
        history.push(log_likelihood);
        watcher.iteration(components.count(), restart, iterations, log_likelihood / count);
        let starved = starved(&sums, &components);
        let renewed = if respawns_left > 0 { starved.len().min(respawns_left) } else { 0 };
        let converged = renewed == 0 && log_likelihood - previous <= options.tolerance * count;
        if converged || iterations == options.max_iterations {
            let starved = starved.len();
            return Ok(Ascent {
                components,
                log_likelihood,
                iterations,
                converged,
                starved,
                history,
            });
        }
        components.maximize(&sums, options.floor)?;
        for &k in starved.iter().take(renewed) {
            respawn(samples, &mut components, k, &sums, round, stream);
        }
        respawns_left -= renewed;
        previous = if renewed > 0 { f64::NEG_INFINITY } else { log_likelihood };
    }
}

/// Components with fewer samples than determine a covariance.
fn starved(sums: &Sums, components: &Components) -> Vec<usize> {
    let least = components.kind.least_samples(components.dim) as f64;
    // Sums of responsibilities are exact to rounding only, and a group of the least size is enough.
    (0..components.count()).filter(|&k| sums.mass[k] < least * (1.0 - 1e-6)).collect()
}

/// Puts component `k` at a sample that the others explain badly.
fn respawn(
    samples: &Scaled,
    components: &mut Components,
    k: usize,
    sums: &Sums,
    variance: f64,
    stream: &mut Stream,
) {
    let d = samples.dim;
    let mut drawn = || ((stream.uniform() * samples.count as f64) as usize).min(samples.count - 1);
    let mut place = drawn();
    for _ in 1..PLACES {
        let other = drawn();
        if sums.log_densities[other] < sums.log_densities[place] {
            place = other;
        }
    }
    components.means[k * d..(k + 1) * d].copy_from_slice(&samples.row(place));
    components.set_round(k, variance);
    components.weights[k] = 1.0 / components.count() as f64;
    let total: f64 = components.weights.iter().sum();
    components.weights.iter_mut().for_each(|w| *w /= total);
}

//! The best of several ascents, and of several numbers of components.
//!
//! A fit in which every component has samples enough to determine its covariance goes before one that has not:
//! components on one or two samples raise the likelihood without bound as the floor falls.

use amc_core::rng::{Key, Purpose};

use super::ascent::{Ascent, ascend};
use super::scaling::Scaled;
use super::start::start;
use super::{Candidate, Fit, FitError, FitOptions, FitWatcher};

/// Fits every number of components and keeps the lowest BIC.
pub(super) fn best(
    samples: &Scaled,
    options: &FitOptions,
    watcher: &mut dyn FitWatcher,
) -> Result<Fit, FitError> {
    let fitted = |components: usize, watcher: &mut dyn FitWatcher| -> Result<_, FitError> {
        let ascent = best_of_restarts(samples, options, components, watcher)?;
        Ok((candidate(samples, options, &ascent), ascent))
    };
    let (first, last) = (*options.components.start(), *options.components.end());
    let (mut chosen, mut ascent) = fitted(first, watcher)?;
    let mut candidates = vec![chosen];
    for components in first + 1..=last {
        let (candidate, other) = fitted(components, watcher)?;
        candidates.push(candidate);
        let rank = |c: &Candidate| (c.starved > 0, c.bic);
        if rank(&candidate) < rank(&chosen) {
            (chosen, ascent) = (candidate, other);
        }
    }
    let jacobian = samples.log_jacobian();
    let origin = format!(
        "fitted to {} samples by amc: expectation maximization, {} components, {} covariances, seed {}",
        samples.count,
        chosen.components,
        options.covariance.name(),
        options.seed
    );
    Ok(Fit {
        mixture: samples.restore(&ascent.components, origin),
        log_likelihood: chosen.log_likelihood,
        bic: chosen.bic,
        iterations: ascent.iterations,
        converged: ascent.converged,
        at_floor: ascent.components.at_floor(options.floor),
        starved: ascent.starved,
        history: ascent.history.iter().map(|l| l + jacobian).collect(),
        candidates,
    })
}

/// The highest of the ascents from different starts.
fn best_of_restarts(
    samples: &Scaled,
    options: &FitOptions,
    components: usize,
    watcher: &mut dyn FitWatcher,
) -> Result<Ascent, FitError> {
    let key = Key::new(options.seed, Purpose::Fit).level(components as u64);
    let ascent = |restart: usize, watcher: &mut dyn FitWatcher| {
        let mut stream = key.round(restart as u64).stream();
        let begun = start(samples, options.covariance, components, options.floor, &mut stream)?;
        ascend(samples, begun, options, restart, &mut stream, watcher)
    };
    let mut best = ascent(0, watcher)?;
    for restart in 1..options.restarts {
        let next = ascent(restart, watcher)?;
        let rank = |a: &Ascent| (a.starved == 0, a.log_likelihood);
        if rank(&next) > rank(&best) {
            best = next;
        }
    }
    Ok(best)
}

fn candidate(samples: &Scaled, options: &FitOptions, ascent: &Ascent) -> Candidate {
    let (components, dim) = (ascent.components.count(), samples.dim);
    let log_likelihood = ascent.log_likelihood + samples.log_jacobian();
    let per_component = 1 + dim + options.covariance.free_parameters(dim);
    let parameters = (components * per_component - 1) as f64;
    let bic = parameters * (samples.count as f64).ln() - 2.0 * log_likelihood;
    Candidate { components, log_likelihood, bic, starved: ascent.starved }
}

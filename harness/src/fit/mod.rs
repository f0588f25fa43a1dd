//! A Gaussian mixture fitted to samples by expectation maximization, as a backbone for what is known by samples only.
//!
//! Expectation maximization ascends the log-likelihood
//!
//! `l = sum_n log sum_k w_k N(x_n; mu_k, Sigma_k)`, with `r_nk = P(k | x_n)`, `N_k = sum_n r_nk`,
//!
//! `w_k = N_k/N`, `mu_k = sum_n r_nk x_n/N_k`, `Sigma_k = sum_n r_nk (x_n - mu_k)(x_n - mu_k)^T/N_k`
//!
//! \[Dempster, Laird & Rubin, J. R. Stat. Soc. B 39, 1977\]; `Sigma_k` is reduced to its diagonal or its mean where
//! that is asked for, and its eigenvalues are kept above a floor, which is the maximum under that bound, so `l`
//! never falls. Several ascents begin at k-means++ centres \[Arthur & Vassilvitskii, SODA 2007\] and the highest
//! wins; a number of components is chosen by the lowest `BIC = p ln N - 2 l`, `p` free parameters \[Schwarz, Ann.
//! Stat. 6, 1978\].
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | what can be asked for, and its limits |
//! | `scaling.rs` | samples in units of their own spread, as blocks of eight; and back |
//! | `start.rs` | centres to begin from |
//! | `expectation.rs` | sums over the samples, on all cores |
//! | `maximization.rs` | the parameters of these sums |
//! | `ascent.rs` | one ascent; components that lost their samples begin anew |
//! | `select.rs` | the best of the ascents, and of the numbers of components |

mod ascent;
mod error;
mod expectation;
mod maximization;
mod options;
mod scaling;
mod select;
mod start;
#[cfg(test)]
mod tests;

pub use error::FitError;
pub use options::{CovarianceKind, FitOptions};

use crate::target::MixtureParameters;

/// A fitted mixture and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The mixture, in the coordinates of the samples.
    pub mixture: MixtureParameters,
    /// `l`, the natural logarithm of the samples' joint density.
    pub log_likelihood: f64,
    /// `p ln N - 2 l`.
    pub bic: f64,
    /// Iterations of the ascent that won.
    pub iterations: usize,
    /// Whether they ended because the log-likelihood stood still.
    pub converged: bool,
    /// Components with a variance at the floor: more of them than there are flat directions in the samples mean
    /// too many components.
    pub at_floor: usize,
    /// Components that have too few samples to determine their covariance.
    pub starved: usize,
    /// Log-likelihood at each iteration of that ascent, `[iterations + 1]`. It falls only where a component
    /// without samples began anew.
    pub history: Vec<f64>,
    /// The best fit with each number of components that was tried.
    pub candidates: Vec<Candidate>,
}

/// The best fit with one number of components.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Candidate {
    /// The number `K`.
    pub components: usize,
    /// `l`.
    pub log_likelihood: f64,
    /// `p ln N - 2 l`.
    pub bic: f64,
    /// Components that have too few samples to determine their covariance.
    pub starved: usize,
}

/// Hears of the progress of a fit and may stop it.
pub trait FitWatcher {
    /// Ascent `restart` with `components` components has reached a mean log-likelihood per sample.
    fn iteration(&mut self, components: usize, restart: usize, iteration: usize, mean: f64) {
        let _ = (components, restart, iteration, mean);
    }

    /// Whether to stop before the next iteration.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl FitWatcher for () {}

/// Fits a mixture to `samples` `[N x d]`, row-major, all of the same weight.
///
/// The same seed gives the same bits for any number of threads.
///
/// ```
/// use amc_harness::fit::{CovarianceKind, FitOptions, fit_mixture};
///
/// // Two groups on a line.
/// let samples = [-2.1, -1.9, -2.0, -2.2, -1.8, 3.0, 3.5, 2.5];
/// let options = FitOptions { covariance: CovarianceKind::Isotropic, ..FitOptions::new(2) };
/// let fit = fit_mixture(&samples, 1, &options)?;
/// let mut means = fit.mixture.means;
/// means.sort_by(f64::total_cmp);
/// assert!((means[0] + 2.0).abs() < 1e-3 && (means[1] - 3.0).abs() < 1e-3);
/// # Ok::<(), amc_harness::fit::FitError>(())
/// ```
///
/// # Errors
/// [`FitError`] for options or samples that cannot be used, before any work.
pub fn fit_mixture(samples: &[f64], dim: usize, options: &FitOptions) -> Result<Fit, FitError> {
    fit_mixture_watched(samples, dim, options, &mut ())
}

/// [`fit_mixture`] with somebody who watches.
///
/// # Errors
/// Those of [`fit_mixture`]; [`FitError::Stopped`].
pub fn fit_mixture_watched(
    samples: &[f64],
    dim: usize,
    options: &FitOptions,
    watcher: &mut dyn FitWatcher,
) -> Result<Fit, FitError> {
    options.check(samples, dim)?;
    let scaled = scaling::Scaled::new(samples, dim, options.covariance)?;
    select::best(&scaled, options, watcher)
}

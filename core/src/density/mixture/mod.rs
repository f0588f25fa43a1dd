//! Gaussian mixtures `gamma(x) = sum_k w_k N(x; mu_k, Sigma_k)` and their noised versions.
//!
//! [`Mixture`] holds validated parameters. [`MixtureLevel`] is the mixture seen through
//! `X_t = alpha X_0 + sigma eps`, prepared once per level:
//! `p_t = sum_k w_k N(alpha mu_k, alpha^2 Sigma_k + v I)`, `v = sigma^2`; `alpha = 1, v = 0` is the
//! mixture itself. [`MixtureTransition`] is the law of the cleaner state given the noisier one.
//!
//! Covariances are isotropic, diagonal or full, each shared by all components or one per
//! component. A full covariance comes as eigenvalues and eigenvectors, found once
//! ([`crate::linalg::symmetric_eigen`]): every level's precision is `Q diag(1/(alpha^2 l + v)) Q^T`.
//! Where one full covariance is shared, the level works in its eigenbasis, in which it is a
//! diagonal mixture.

mod affine_map;
mod dense_precision;
mod evaluate;
mod hessian;
mod level;
mod linearization;
mod moments;
mod normalize;
mod panels;
mod row_sums;
mod sample;
mod tile_sums;
mod time_derivative;
mod transition;
mod transition_law;
mod transition_moments;

pub use affine_map::AffineMap;
pub use level::MixtureLevel;
pub use moments::{mean_variance, moments};
pub use transition::MixtureTransition;

use crate::error::{Error, Result, check_len};

/// Component covariances; each slice holds one entry (shared by all components) or `K`.
#[derive(Debug, Clone, Copy)]
pub enum Covariance<'a> {
    /// `Sigma_k = s_k I`: `[1]` or `[K]` variances.
    Isotropic(&'a [f64]),
    /// `Sigma_k = diag(s_k)`: `[d]` or `[K x d]` variances, row-major.
    Diagonal(&'a [f64]),
    /// `Sigma_k = Q_k diag(l_k) Q_k^T`.
    Full {
        /// `[d]` or `[K x d]`, row-major.
        eigenvalues: &'a [f64],
        /// `[d x d]` or `[K x d x d]`: row `i` of matrix `k` is the unit eigenvector of `l_ki`.
        eigenvectors: &'a [f64],
    },
}

impl<'a> Covariance<'a> {
    /// The variances or eigenvalues: what a level shifts to `alpha^2 l + v`.
    fn spectrum(self) -> &'a [f64] {
        match self {
            Self::Isotropic(values)
            | Self::Diagonal(values)
            | Self::Full { eigenvalues: values, .. } => values,
        }
    }
}

/// Validated parameters of a Gaussian mixture, borrowed from the caller.
///
/// A full covariance is decomposed once; then every noise level is cheap to prepare.
///
/// ```
/// use amc_core::density::{Covariance, Mixture, MixtureLevel};
/// use amc_core::error::Error;
/// use amc_core::linalg::symmetric_eigen;
///
/// // One covariance for both components, and means in the rows of a [2 x 2] matrix.
/// let mut matrix = [1.0, 0.3, 0.3, 0.5];
/// let (mut eigenvalues, mut eigenvectors) = ([0.0; 2], [0.0; 4]);
/// symmetric_eigen(&mut matrix, &mut eigenvalues, &mut eigenvectors)?;
/// let full = Covariance::Full { eigenvalues: &eigenvalues, eigenvectors: &eigenvectors };
/// let mixture = Mixture::new(2, &[3.0, 1.0], &[-2.0, 0.0, 2.0, 4.0], full)?;
/// assert_eq!(mixture.weight(0), 0.75);
///
/// let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
/// mixture.moments(&mut mean, &mut variance)?;
/// assert_eq!(mean, [-1.0, 1.0]);
///
/// // What X_t = 0.8 X_0 + 0.6 eps has for a density.
/// let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
/// let level = MixtureLevel::prepare(&mixture, 0.8, 0.36, &mut storage)?;
/// assert_eq!((level.alpha(), level.variance()), (0.8, 0.36));
///
/// // Bad parameters are refused by name.
/// let refused = Mixture::new(2, &[3.0, -1.0], &[0.0; 4], full).unwrap_err();
/// assert_eq!(refused, Error::Negative { what: "weights", index: 1, value: -1.0 });
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Mixture<'a> {
    dim: usize,
    weights: &'a [f64],
    weight_sum: f64,
    means: &'a [f64],
    covariance: Covariance<'a>,
}

impl<'a> Mixture<'a> {
    /// Checks and borrows the parameters.
    ///
    /// `weights` `[K]` need not be normalized; `means` is `[K x d]`, row-major.
    ///
    /// # Errors
    /// Empty or wrongly sized slices, entries that are not finite, negative or all-zero weights,
    /// variances that are not above zero.
    pub fn new(
        dim: usize,
        weights: &'a [f64],
        means: &'a [f64],
        covariance: Covariance<'a>,
    ) -> Result<Self> {
        if dim == 0 {
            return Err(Error::Empty { what: "dim" });
        }
        if weights.is_empty() {
            return Err(Error::Empty { what: "weights" });
        }
        let components = weights.len();
        check_len("means", components.saturating_mul(dim), means.len())?;
        check_finite("weights", weights)?;
        check_finite("means", means)?;
        if let Some((index, &value)) = weights.iter().enumerate().find(|(_, w)| **w < 0.0) {
            return Err(Error::Negative { what: "weights", index, value });
        }
        let weight_sum: f64 = weights.iter().sum();
        if weight_sum == 0.0 {
            return Err(Error::WeightsAllZero);
        }
        if !weight_sum.is_finite() {
            return Err(Error::NotFinite { what: "sum of weights", index: 0 });
        }
        match covariance {
            Covariance::Isotropic(variances) => check_variances(variances, 1, components)?,
            Covariance::Diagonal(variances) => check_variances(variances, dim, components)?,
            Covariance::Full { eigenvalues, eigenvectors } => {
                check_variances(eigenvalues, dim, components)?;
                let expected = eigenvalues.len().saturating_mul(dim);
                check_len("eigenvectors", expected, eigenvectors.len())?;
                check_finite("eigenvectors", eigenvectors)?;
            }
        }
        Ok(Self { dim, weights, weight_sum, means, covariance })
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The number of components `K`.
    pub fn components(&self) -> usize {
        self.weights.len()
    }

    /// The weight of component `k`, normalized; 0 past the end.
    pub fn weight(&self, k: usize) -> f64 {
        self.weights.get(k).map_or(0.0, |w| w / self.weight_sum)
    }
}

/// One entry of `per_entry` numbers shared by all components, or one for each.
fn check_variances(variances: &[f64], per_entry: usize, components: usize) -> Result<()> {
    if variances.len() != per_entry {
        check_len("variances", components.saturating_mul(per_entry), variances.len())?;
    }
    check_finite("variances", variances)?;
    match variances.iter().enumerate().find(|(_, v)| **v <= 0.0) {
        Some((index, &value)) => Err(Error::NotPositive { what: "variances", index, value }),
        None => Ok(()),
    }
}

fn check_finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index }),
        None => Ok(()),
    }
}

/// Row `k` of a row-major matrix with `width` columns.
#[inline(always)]
fn row_of(data: &[f64], k: usize, width: usize) -> &[f64] {
    data.get(k * width..(k + 1) * width).unwrap_or(&[])
}

/// Row `k` of parameters that components may share: a single row stands for all.
#[inline(always)]
fn row(data: &[f64], k: usize, width: usize) -> &[f64] {
    if data.len() == width { data } else { row_of(data, k, width) }
}

/// Entry `k` of parameters that components may share: a single entry stands for all.
#[inline(always)]
fn entry(data: &[f64], k: usize) -> f64 {
    row(data, k, 1).first().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod kinds;

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a bad parameter is accepted or blamed on another field.
    #[test]
    fn bad_parameters_are_named() {
        let iso = |v: &'static [f64]| Covariance::Isotropic(v);
        let new = |w, m, c| Mixture::new(2, w, m, c).unwrap_err();
        assert_eq!(new(&[], &[], iso(&[1.0])), Error::Empty { what: "weights" });
        assert_eq!(new(&[0.0], &[0.0, 1.0], iso(&[1.0])), Error::WeightsAllZero);
        assert_eq!(
            new(&[1.0, -0.5], &[0.0; 4], iso(&[1.0])),
            Error::Negative { what: "weights", index: 1, value: -0.5 }
        );
        assert_eq!(
            new(&[1.0], &[0.0; 3], iso(&[1.0])),
            Error::Length { what: "means", expected: 2, found: 3 }
        );
        assert_eq!(
            new(&[1.0], &[0.0, f64::NAN], iso(&[1.0])),
            Error::NotFinite { what: "means", index: 1 }
        );
        assert_eq!(
            new(&[1.0], &[0.0; 2], Covariance::Diagonal(&[1.0, 0.0])),
            Error::NotPositive { what: "variances", index: 1, value: 0.0 }
        );
        let full = Covariance::Full { eigenvalues: &[1.0, 2.0], eigenvectors: &[1.0, 0.0, 0.0] };
        assert_eq!(
            new(&[1.0], &[0.0; 2], full),
            Error::Length { what: "eigenvectors", expected: 4, found: 3 }
        );
    }
}

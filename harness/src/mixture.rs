//! A Gaussian mixture that owns its numbers, ready for the core.
//!
//! Full covariances are decomposed here, once: `Sigma_k = Q_k diag(l_k) Q_k^T`.

use amc_core::density::mixture::mean_variance;
use amc_core::density::{Covariance as CoreCovariance, Mixture, MixtureLevel};
use amc_core::error::{Error, Result};
use amc_core::linalg::symmetric_eigen;

use crate::target::{Covariance, MixtureParameters};

/// Validated parameters with factored covariances.
#[derive(Debug, Clone)]
pub struct OwnedMixture {
    parameters: MixtureParameters,
    /// Eigenvalues and eigenvectors of full covariances; empty for the other kinds.
    eigenvalues: Vec<f64>,
    eigenvectors: Vec<f64>,
}

impl OwnedMixture {
    /// Checks the parameters and factors full covariances.
    ///
    /// # Errors
    /// What [`Mixture::new`] and [`symmetric_eigen`] refuse; [`Error::NotPositiveDefinite`].
    pub fn new(parameters: MixtureParameters) -> Result<Self> {
        let (mut eigenvalues, mut eigenvectors) = (Vec::new(), Vec::new());
        if let Covariance::Full(matrices) = &parameters.covariance {
            let d = parameters.dim;
            for matrix in matrices.chunks_exact(d * d) {
                let mut work = matrix.to_vec();
                let (mut values, mut vectors) = (vec![0.0; d], vec![0.0; d * d]);
                symmetric_eigen(&mut work, &mut values, &mut vectors)?;
                if let Some(index) = values.iter().position(|l| *l <= 0.0) {
                    return Err(Error::NotPositiveDefinite { index });
                }
                eigenvalues.append(&mut values);
                eigenvectors.append(&mut vectors);
            }
        }
        let owned = Self { parameters, eigenvalues, eigenvectors };
        owned.try_view()?;
        Ok(owned)
    }

    /// The parameters as given.
    pub fn parameters(&self) -> &MixtureParameters {
        &self.parameters
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.parameters.dim
    }

    /// The core's view of the parameters.
    pub fn view(&self) -> Mixture<'_> {
        self.try_view().expect("checked by the constructor")
    }

    /// Storage for one level, to be handed to [`MixtureLevel::prepare`].
    pub fn level_storage(&self) -> Vec<f64> {
        vec![0.0; MixtureLevel::storage_len(&self.view())]
    }

    /// `tr C / d`: the mean of the coordinates' variances.
    ///
    /// # Errors
    /// Those of [`Mixture::moments`]; none for parameters that passed the constructor.
    pub fn mean_variance(&self) -> Result<f64> {
        let (mut mean, mut variances) = (vec![0.0; self.dim()], vec![0.0; self.dim()]);
        self.view().moments(&mut mean, &mut variances)?;
        Ok(mean_variance(&variances))
    }

    /// `E|x|^2/d` about 0.
    ///
    /// # Errors
    /// As [`OwnedMixture::mean_variance`].
    pub fn second_moment(&self) -> Result<f64> {
        let (mut mean, mut variances) = (vec![0.0; self.dim()], vec![0.0; self.dim()]);
        self.view().moments(&mut mean, &mut variances)?;
        let squares: Vec<f64> = mean.iter().map(|m| m * m).collect();
        Ok(mean_variance(&variances) + mean_variance(&squares))
    }

    fn try_view(&self) -> Result<Mixture<'_>> {
        let covariance = match &self.parameters.covariance {
            Covariance::Isotropic(values) => CoreCovariance::Isotropic(values),
            Covariance::Diagonal(values) => CoreCovariance::Diagonal(values),
            Covariance::Full(_) => CoreCovariance::Full {
                eigenvalues: &self.eigenvalues,
                eigenvectors: &self.eigenvectors,
            },
        };
        let parameters = &self.parameters;
        Mixture::new(parameters.dim, &parameters.weights, &parameters.means, covariance)
    }
}

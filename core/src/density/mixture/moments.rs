//! Mean and marginal variances of a [`Mixture`], by the formula of `standardize.rs`.

use super::level::row_of;
use super::{Covariance, Mixture, row, standardize};
use crate::error::{Result, check_len};

impl Mixture<'_> {
    /// Fills `mean` `[d]` and `variance` `[d]` with the moments of each coordinate.
    ///
    /// # Errors
    /// A wrong length of an output.
    pub fn moments(&self, mean: &mut [f64], variance: &mut [f64]) -> Result<()> {
        check_len("mean", self.dim, mean.len())?;
        let own = |k, i| self.component_variance(k, i);
        standardize::moments(self.weights, self.means, own, mean, variance)
    }

    /// `tr C / d`, the mean of the coordinates' variances, `[d]` scratch for each moment.
    ///
    /// # Errors
    /// A wrong length of a scratch slice.
    pub fn mean_variance(&self, mean: &mut [f64], variance: &mut [f64]) -> Result<f64> {
        self.moments(mean, variance)?;
        Ok(standardize::mean_variance(variance))
    }

    /// `Sigma_k,jj`.
    fn component_variance(&self, k: usize, j: usize) -> f64 {
        let d = self.dim;
        match self.covariance {
            Covariance::Isotropic(values) => row(values, k, 1).iter().copied().sum(),
            Covariance::Diagonal(values) => row(values, k, d).get(j).copied().unwrap_or(0.0),
            Covariance::Full { eigenvalues, eigenvectors } => {
                let axes = row(eigenvectors, k, d * d);
                let spectrum = row(eigenvalues, k, d).iter().enumerate();
                spectrum
                    .map(|(i, l)| {
                        let q = row_of(axes, i, d).get(j).copied().unwrap_or(0.0);
                        l * q * q
                    })
                    .sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if weights, means or one covariance kind enter the moments wrongly.
    #[test]
    fn moments_of_two_components() {
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        let eigenvectors = [0.6, 0.8, -0.8, 0.6, 1.0, 0.0, 0.0, 1.0];
        let full =
            Covariance::Full { eigenvalues: &[2.0, 1.0, 3.0, 4.0], eigenvectors: &eigenvectors };
        let mixture = Mixture::new(2, &[3.0, 1.0], &[1.0, 0.0, 5.0, -4.0], full).unwrap();
        mixture.moments(&mut mean, &mut variance).unwrap();
        assert_eq!(mean, [2.0, -1.0]);
        // Sigma_0 diagonal: 2*.36 + .64, 2*.64 + .36; between the means: 3 and 3.
        assert!((variance[0] - (0.75 * 1.36 + 0.25 * 3.0 + 3.0)).abs() < 1e-14);
        assert!((variance[1] - (0.75 * 1.64 + 0.25 * 4.0 + 3.0)).abs() < 1e-14);
    }
}

//! The components that maximize the expected log-likelihood, with variances above a floor.
//!
//! `w_k = N_k/N`, `mu_k <- mu_k + m_k`, `m_k = sum_n r_nk z/N_k`, `Sigma_k = sum_n r_nk z z^T/N_k - m_k m_k^T`. Under
//! the bound `Sigma_k >= floor I` the maximum has the same eigenvectors and `max(l, floor)` for eigenvalues, since
//! the objective falls on both sides of each; the same holds for diagonals and means.

use amc_core::density::{Covariance, Mixture};
use amc_core::error::Result;
use amc_core::linalg::symmetric_eigen;

use super::CovarianceKind;
use super::expectation::Sums;

/// Parameters of the mixture on its way, in scaled coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Components {
    pub(super) kind: CovarianceKind,
    /// Dimension `d`.
    pub(super) dim: usize,
    /// `[K]`, summing to 1.
    pub(super) weights: Vec<f64>,
    /// `[K x d]`.
    pub(super) means: Vec<f64>,
    /// Variances `[K]`, `[K x d]`, or eigenvalues `[K x d]`.
    pub(super) spectrum: Vec<f64>,
    /// `[K x d x d]`, one vector a row; empty where covariances are not full.
    pub(super) eigenvectors: Vec<f64>,
}

impl Components {
    /// Components of equal weight and variance.
    pub(super) fn equal(kind: CovarianceKind, dim: usize, means: Vec<f64>, variance: f64) -> Self {
        let count = means.len() / dim;
        let mut components = Self {
            kind,
            dim,
            weights: vec![1.0 / count as f64; count],
            spectrum: vec![
                variance;
                if kind == CovarianceKind::Isotropic { 1 } else { dim } * count
            ],
            eigenvectors: Vec::new(),
            means,
        };
        if kind == CovarianceKind::Full {
            components.eigenvectors = vec![0.0; count * dim * dim];
            (0..count).for_each(|k| components.set_round(k, variance));
        }
        components
    }

    /// Number of components `K`.
    pub(super) fn count(&self) -> usize {
        self.weights.len()
    }

    /// Lengths of the sums of masses, first and second moments.
    pub(super) fn sum_lens(&self) -> [usize; 3] {
        let (k, d) = (self.count(), self.dim);
        let second = match self.kind {
            CovarianceKind::Isotropic => k,
            CovarianceKind::Diagonal => k * d,
            CovarianceKind::Full => k * d * d,
        };
        [k, k * d, second]
    }

    /// The core's view of them.
    pub(super) fn view(&self) -> Result<Mixture<'_>> {
        let covariance = match self.kind {
            CovarianceKind::Isotropic => Covariance::Isotropic(&self.spectrum),
            CovarianceKind::Diagonal => Covariance::Diagonal(&self.spectrum),
            CovarianceKind::Full => {
                Covariance::Full { eigenvalues: &self.spectrum, eigenvectors: &self.eigenvectors }
            }
        };
        Mixture::new(self.dim, &self.weights, &self.means, covariance)
    }

    /// Gives component `k` the covariance `variance I`.
    pub(super) fn set_round(&mut self, k: usize, variance: f64) {
        let d = self.dim;
        let width = self.spectrum.len() / self.count();
        self.spectrum[k * width..(k + 1) * width].fill(variance);
        if self.kind == CovarianceKind::Full {
            let vectors = &mut self.eigenvectors[k * d * d..(k + 1) * d * d];
            for (at, entry) in vectors.iter_mut().enumerate() {
                *entry = f64::from(u8::from(at / d == at % d));
            }
        }
    }

    /// Components with a variance at the floor.
    pub(super) fn at_floor(&self, floor: f64) -> usize {
        let width = self.spectrum.len() / self.count();
        self.spectrum.chunks_exact(width).filter(|v| v.iter().any(|v| *v <= floor)).count()
    }

    /// The maximum given sums that were taken under these components.
    ///
    /// A component without a sample keeps its place and shape, with the weight that it has.
    ///
    /// # Errors
    /// Those of [`symmetric_eigen`].
    pub(super) fn maximize(&mut self, sums: &Sums, floor: f64) -> Result<()> {
        let total: f64 = sums.mass.iter().sum();
        for k in 0..self.count() {
            let mass = sums.mass[k];
            self.weights[k] = mass / total;
            // Squares of a smaller mass would be made of rounding.
            if mass > 1e-9 {
                self.maximize_one(k, sums, floor)?;
            }
        }
        Ok(())
    }

    fn maximize_one(&mut self, k: usize, sums: &Sums, floor: f64) -> Result<()> {
        let d = self.dim;
        let mass = sums.mass[k];
        let shift: Vec<f64> = sums.first[k * d..(k + 1) * d].iter().map(|f| f / mass).collect();
        for (mean, shift) in self.means[k * d..(k + 1) * d].iter_mut().zip(&shift) {
            *mean += shift;
        }
        match self.kind {
            CovarianceKind::Isotropic => {
                let square: f64 = shift.iter().map(|s| s * s).sum();
                self.spectrum[k] = ((sums.second[k] / mass - square) / d as f64).max(floor);
            }
            CovarianceKind::Diagonal => {
                let variances = self.spectrum[k * d..(k + 1) * d].iter_mut();
                for ((variance, second), s) in variances.zip(&sums.second[k * d..]).zip(&shift) {
                    *variance = (second / mass - s * s).max(floor);
                }
            }
            CovarianceKind::Full => {
                let second = &sums.second[k * d * d..(k + 1) * d * d];
                let mut matrix = vec![0.0; d * d];
                for i in 0..d {
                    for j in 0..=i {
                        matrix[i * d + j] = second[i * d + j] / mass - shift[i] * shift[j];
                        matrix[j * d + i] = matrix[i * d + j];
                    }
                }
                let eigenvalues = &mut self.spectrum[k * d..(k + 1) * d];
                let vectors = &mut self.eigenvectors[k * d * d..(k + 1) * d * d];
                symmetric_eigen(&mut matrix, eigenvalues, vectors)?;
                eigenvalues.iter_mut().for_each(|l| *l = l.max(floor));
            }
        }
        Ok(())
    }
}

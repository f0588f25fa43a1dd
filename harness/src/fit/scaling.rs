//! Samples in units of their own spread, `z = (x - m)/s`, in blocks of eight, and the way back.
//!
//! `m` is the mean and `s` the standard deviation, coordinate by coordinate, or their root mean square where
//! components are isotropic and must stay so. Distances, floors and tolerances then have no units.

use amc_core::simd::{LANES, f64x8};

use super::maximization::Components;
use super::{CovarianceKind, FitError};
use crate::target::{Covariance, MixtureParameters};

/// Scaled samples.
pub(super) struct Scaled {
    /// Dimension `d`.
    pub(super) dim: usize,
    /// Number of samples `N`.
    pub(super) count: usize,
    /// The samples, `[ceil(N/8) x d]`; the last block repeats the last sample.
    pub(super) blocks: Vec<f64x8>,
    /// `m`, `[d]`.
    mean: Vec<f64>,
    /// `s`, `[d]`.
    scale: Vec<f64>,
}

impl Scaled {
    /// Scales samples that have been checked.
    ///
    /// # Errors
    /// [`FitError::Constant`], [`FitError::Overflow`].
    pub(super) fn new(
        samples: &[f64],
        dim: usize,
        covariance: CovarianceKind,
    ) -> Result<Self, FitError> {
        let count = samples.len() / dim;
        let mean = column_means(samples, dim, |_, x| x);
        let variances = column_means(samples, dim, |j, x| (x - mean[j]) * (x - mean[j]));
        if let Some(j) = variances.iter().position(|v| !v.is_finite()) {
            return Err(FitError::Overflow { column: j + 1 });
        }
        let is_constant = |j: usize| samples.chunks_exact(dim).all(|row| row[j] == samples[j]);
        let constant = match covariance {
            CovarianceKind::Isotropic => (0..dim).all(is_constant).then_some(0),
            _ => (0..dim).find(|&j| is_constant(j)),
        };
        if let Some(j) = constant {
            return Err(FitError::Constant { column: j + 1, value: samples[j] });
        }
        let scale: Vec<f64> = match covariance {
            CovarianceKind::Isotropic => {
                vec![(variances.iter().sum::<f64>() / dim as f64).sqrt(); dim]
            }
            _ => variances.iter().map(|v| v.sqrt()).collect(),
        };
        let entry = |n: usize, j: usize| (samples[n.min(count - 1) * dim + j] - mean[j]) / scale[j];
        let block = |b: usize| {
            (0..dim).map(move |j| f64x8::new(std::array::from_fn(|i| entry(LANES * b + i, j))))
        };
        let blocks = (0..count.div_ceil(LANES)).flat_map(block).collect();
        Ok(Self { dim, count, blocks, mean, scale })
    }

    /// Coordinate `j` of sample `n`.
    pub(super) fn entry(&self, n: usize, j: usize) -> f64 {
        self.blocks[n / LANES * self.dim + j].as_array()[n % LANES]
    }

    /// Sample `n`, `[d]`.
    pub(super) fn row(&self, n: usize) -> Vec<f64> {
        (0..self.dim).map(|j| self.entry(n, j)).collect()
    }

    /// `log |dz/dx|` of all samples together: what a log-likelihood gains in their own units.
    pub(super) fn log_jacobian(&self) -> f64 {
        -(self.count as f64) * self.scale.iter().map(|s| s.ln()).sum::<f64>()
    }

    /// The mixture in the samples' own units.
    pub(super) fn restore(&self, components: &Components, origin: String) -> MixtureParameters {
        let dim = self.dim;
        let coordinate = |at: usize| at % dim;
        let means = components.means.iter().enumerate();
        let means = means
            .map(|(at, z)| self.mean[coordinate(at)] + self.scale[coordinate(at)] * z)
            .collect();
        let variances = |at: usize, v: &f64| v * self.scale[coordinate(at)].powi(2);
        let covariance = match components.kind {
            CovarianceKind::Isotropic => {
                let square = self.scale[0].powi(2);
                Covariance::Isotropic(components.spectrum.iter().map(|v| v * square).collect())
            }
            CovarianceKind::Diagonal => {
                let entries = components.spectrum.iter().enumerate();
                Covariance::Diagonal(entries.map(|(at, v)| variances(at, v)).collect())
            }
            CovarianceKind::Full => Covariance::Full(
                (0..components.count()).flat_map(|k| self.matrix(components, k)).collect(),
            ),
        };
        MixtureParameters {
            name: "fit".into(),
            dim,
            weights: components.weights.clone(),
            means,
            covariance,
            origin,
        }
    }

    /// `s Q diag(l) Q^T s`, `[d x d]`, exactly symmetric.
    fn matrix(&self, components: &Components, k: usize) -> Vec<f64> {
        let d = self.dim;
        let eigenvalues = &components.spectrum[k * d..(k + 1) * d];
        let vectors = &components.eigenvectors[k * d * d..(k + 1) * d * d];
        let mut matrix = vec![0.0; d * d];
        for (l, q) in eigenvalues.iter().zip(vectors.chunks_exact(d)) {
            for i in 0..d {
                for j in 0..=i {
                    matrix[i * d + j] += l * q[i] * q[j];
                }
            }
        }
        for i in 0..d {
            for j in 0..=i {
                matrix[i * d + j] *= self.scale[i] * self.scale[j];
                matrix[j * d + i] = matrix[i * d + j];
            }
        }
        matrix
    }
}

/// Means of a function of each coordinate; each number is divided before it is added, so that none overflows
/// that has a mean.
fn column_means(samples: &[f64], dim: usize, of: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let count = (samples.len() / dim) as f64;
    let mut means = vec![0.0; dim];
    for row in samples.chunks_exact(dim) {
        for (j, (mean, &x)) in means.iter_mut().zip(row).enumerate() {
            *mean += of(j, x) / count;
        }
    }
    means
}

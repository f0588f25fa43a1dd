//! Gaussian mixtures from raw parameters, and the exact law of their linear projections.
//!
//! `X ~ sum_k w_k N(mu_k, Sigma_k)` gives `u.X ~ sum_k w_k N(u.mu_k, u^T Sigma_k u)`, so
//! `F(c) = sum_k w_k Phi((c - u.mu_k) / sqrt(u^T Sigma_k u))`, and noising gives
//! `alpha X + sqrt(v) eps ~ sum_k w_k N(alpha mu_k, alpha^2 Sigma_k + v I)`.

use crate::VerifyError;

/// `Phi(z) = erfc(-z / sqrt 2) / 2`.
pub fn standard_normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * core::f64::consts::FRAC_1_SQRT_2)
}

/// A Gaussian mixture with dense covariances.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    dim: usize,
    weights: Vec<f64>,
    means: Vec<f64>,
    covariances: Vec<f64>,
}

/// The law of one linear projection: a mixture on the line.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectedMixture {
    /// `(weight, mean, standard deviation)` of each component.
    components: Vec<(f64, f64, f64)>,
}

impl GaussianMixture {
    /// The mixture with `weights` `[K]` (they sum to 1), `means` `[K x d]` and `covariances`
    /// `[K x d x d]`, all row-major.
    ///
    /// # Errors
    /// No dimension; lengths that do not fit; a negative weight, or weights that do not sum to 1 within 1e-12; a
    /// covariance with a variance that is not positive, or a correlation beyond 1.
    pub fn new(
        dim: usize,
        weights: Vec<f64>,
        means: Vec<f64>,
        covariances: Vec<f64>,
    ) -> Result<Self, VerifyError> {
        VerifyError::check_range("dimension", dim as f64, 1.0, f64::MAX)?;
        VerifyError::check_len("means", weights.len() * dim, means.len())?;
        VerifyError::check_len("covariances", weights.len() * dim * dim, covariances.len())?;
        let sum: f64 = weights.iter().sum();
        VerifyError::check_range("sum of weights", sum, 1.0 - 1e-12, 1.0 + 1e-12)?;
        for &weight in &weights {
            VerifyError::check_range("weight", weight, 0.0, 1.0)?;
        }
        for matrix in covariances.chunks_exact(dim * dim) {
            for i in 0..dim {
                let variance = matrix[i * (dim + 1)];
                VerifyError::check_range("variance", variance, f64::MIN_POSITIVE, f64::MAX)?;
                for j in 0..i {
                    let product = variance * matrix[j * (dim + 1)];
                    let correlation = matrix[i * dim + j] / libm::sqrt(product);
                    VerifyError::check_range("correlation", correlation, -1.0, 1.0)?;
                }
            }
        }
        Ok(Self { dim, weights, means, covariances })
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The weights, `[K]`.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The means, `[K x d]`.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The covariances, `[K x d x d]`.
    pub fn covariances(&self) -> &[f64] {
        &self.covariances
    }

    /// The law of `alpha X + sqrt(variance) eps`.
    #[must_use]
    pub fn diffused(&self, alpha: f64, variance: f64) -> Self {
        let means = self.means.iter().map(|m| alpha * m).collect();
        let entries = self.covariances.iter().enumerate();
        let covariances = entries
            .map(|(i, c)| {
                let within = i % (self.dim * self.dim);
                let on_diagonal = within.is_multiple_of(self.dim + 1);
                alpha * alpha * c + if on_diagonal { variance } else { 0.0 }
            })
            .collect();
        Self { dim: self.dim, weights: self.weights.clone(), means, covariances }
    }

    /// The law of `direction . X`; a direction `[d]` shorter than `d` is padded with zeros.
    pub fn project(&self, direction: &[f64]) -> ProjectedMixture {
        let dot = |row: &[f64]| -> f64 { row.iter().zip(direction).map(|(a, b)| a * b).sum() };
        let means = self.means.chunks_exact(self.dim);
        let matrices = self.covariances.chunks_exact(self.dim * self.dim);
        let components = self.weights.iter().zip(means).zip(matrices);
        let components = components.map(|((&weight, mean), matrix)| {
            let product: Vec<f64> = matrix.chunks_exact(self.dim).map(dot).collect();
            (weight, dot(mean), libm::sqrt(dot(&product)))
        });
        ProjectedMixture { components: components.collect() }
    }
}

impl ProjectedMixture {
    /// `F(c)`.
    pub fn cdf(&self, c: f64) -> f64 {
        let terms = self.components.iter();
        terms
            .map(|(weight, mean, deviation)| weight * standard_normal_cdf((c - mean) / deviation))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixture() -> GaussianMixture {
        let covariances = vec![2.0, 0.6, 0.6, 1.0, 0.5, 0.0, 0.0, 3.0];
        GaussianMixture::new(2, vec![0.25, 0.75], vec![1.0, -2.0, 0.5, 4.0], covariances).unwrap()
    }

    /// Fails if `Phi` is mirrored or loses its far tail: `Phi(-10) = 7.619853024160527e-24`.
    #[test]
    fn normal_cdf() {
        assert_eq!(standard_normal_cdf(0.0), 0.5);
        assert!((standard_normal_cdf(1.0) - 0.841_344_746_068_542_9).abs() < 1e-15);
        assert!((standard_normal_cdf(-10.0) / 7.619_853_024_160_527e-24 - 1.0).abs() < 1e-12);
    }

    /// Fails if a mean or variance is projected wrongly, off-diagonal terms included.
    #[test]
    fn projection_by_hand() {
        // u = (2, -1): means 4 and -3; variances 8 - 2.4 + 1 = 6.6 and 2 + 3 = 5.
        let projected = mixture().project(&[2.0, -1.0]);
        let expected = [(0.25, 4.0, libm::sqrt(6.6)), (0.75, -3.0, libm::sqrt(5.0))];
        for (found, expected) in projected.components.iter().zip(expected) {
            assert!((found.0 - expected.0).abs() < 1e-15 && (found.1 - expected.1).abs() < 1e-15);
            assert!((found.2 - expected.2).abs() < 1e-15);
        }
        let third = 0.25 * standard_normal_cdf(-3.0 / libm::sqrt(6.6))
            + 0.75 * standard_normal_cdf(4.0 / libm::sqrt(5.0));
        assert!((projected.cdf(1.0) - third).abs() < 1e-15);
    }

    /// Fails if noising scales means by the square, or adds noise off the diagonal.
    #[test]
    fn diffusion_by_hand() {
        let diffused = mixture().diffused(0.5, 0.75);
        assert_eq!(diffused.means, [0.5, -1.0, 0.25, 2.0]);
        let expected = [1.25, 0.15, 0.15, 1.0, 0.875, 0.0, 0.0, 1.5];
        assert_eq!(diffused.covariances, expected);
    }
}

//! Mixtures of any size and kind with numbers from formulas, and the same mixtures in double-doubles.

#![allow(dead_code, reason = "every test program has its own copy of this file")]

use amc_core::density::{Covariance, Mixture, MixtureLevel};
use amc_verify::oracle::{DoubleDouble, FixtureKind};

/// `K` components in `d` dimensions; no weight, mean, variance or axis is like another.
pub struct Problem {
    pub kind: FixtureKind,
    pub dim: usize,
    pub weights: Vec<f64>,
    /// `[K x d]`
    pub means: Vec<f64>,
    variances: Vec<f64>,
    eigenvectors: Vec<f64>,
}

impl Problem {
    /// Means of size `spread`, variances from 0.5 to 2.
    pub fn new(kind: FixtureKind, dim: usize, components: usize, spread: f64) -> Self {
        let (spectrum, axes) = match kind {
            FixtureKind::IsotropicShared => (1, 0),
            FixtureKind::IsotropicPerComponent => (components, 0),
            FixtureKind::DiagonalShared => (dim, 0),
            FixtureKind::DiagonalPerComponent => (components * dim, 0),
            FixtureKind::FullShared => (dim, 1),
            FixtureKind::FullPerComponent => (components * dim, components),
        };
        Self {
            kind,
            dim,
            weights: (0..components).map(|k| 1.0 + 0.7 * wave(k, 1.9)).collect(),
            means: (0..components * dim).map(|i| spread * wave(i, 2.3)).collect(),
            variances: (0..spectrum).map(|i| libm::exp(0.69 * wave(i, 1.1))).collect(),
            eigenvectors: (0..axes).flat_map(|k| reflection(k, dim)).collect(),
        }
    }

    /// The core's view of the parameters.
    pub fn mixture(&self) -> Mixture<'_> {
        let covariance = match self.kind {
            FixtureKind::IsotropicShared | FixtureKind::IsotropicPerComponent => {
                Covariance::Isotropic(&self.variances)
            }
            FixtureKind::DiagonalShared | FixtureKind::DiagonalPerComponent => {
                Covariance::Diagonal(&self.variances)
            }
            FixtureKind::FullShared | FixtureKind::FullPerComponent => {
                Covariance::Full { eigenvalues: &self.variances, eigenvectors: &self.eigenvectors }
            }
        };
        Mixture::new(self.dim, &self.weights, &self.means, covariance).unwrap()
    }

    /// Calls `visit` with the level `alpha X + sqrt(variance) eps`.
    pub fn with_level<R>(
        &self,
        (alpha, variance): (f64, f64),
        visit: impl FnOnce(&MixtureLevel<'_>) -> R,
    ) -> R {
        let mixture = self.mixture();
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        visit(&MixtureLevel::prepare(&mixture, alpha, variance, &mut storage).unwrap())
    }

    /// `(|x - m_k|^2 in the metric P_k, log det P_k, P_k (m_k - x))`.
    fn component(&self, k: usize, x: &[f64]) -> (DoubleDouble, DoubleDouble, Vec<DoubleDouble>) {
        let (d, zero) = (self.dim, DoubleDouble::ZERO);
        let mean = &self.means[k * d..(k + 1) * d];
        let z: Vec<DoubleDouble> =
            mean.iter().zip(x).map(|(&m, &x)| DoubleDouble::sum_of(m, -x)).collect();
        let isotropic =
            matches!(self.kind, FixtureKind::IsotropicShared | FixtureKind::IsotropicPerComponent);
        let spectrum = own(&self.variances, k, if isotropic { 1 } else { d });
        let identity: Vec<f64> =
            (0..d * d).map(|i| if i % (d + 1) == 0 { 1.0 } else { 0.0 }).collect();
        let axes = match self.eigenvectors.is_empty() {
            true => &identity[..],
            false => own(&self.eigenvectors, k, d * d),
        };
        let (mut square, mut log_det, mut product) = (zero, zero, vec![zero; d]);
        for (i, axis) in axes.chunks_exact(d).enumerate() {
            let variance = DoubleDouble::of(spectrum[if isotropic { 0 } else { i }]);
            let coordinate =
                (axis.iter().zip(&z)).fold(zero, |sum, (&a, &z)| sum + DoubleDouble::of(a) * z);
            square = square + coordinate * coordinate / variance;
            log_det = log_det - variance.ln();
            for (p, &a) in product.iter_mut().zip(axis) {
                *p = *p + DoubleDouble::of(a) * coordinate / variance;
            }
        }
        (square, log_det, product)
    }

    /// `log p`, the score, and `sum_k r_k |P_k (x - m_k)|`, the size of what the score is a sum of.
    pub fn exact(&self, x: &[f64]) -> (DoubleDouble, Vec<DoubleDouble>, f64) {
        let zero = DoubleDouble::ZERO;
        let half = DoubleDouble::of(0.5);
        let total = self.weights.iter().fold(zero, |sum, &w| sum + DoubleDouble::of(w));
        let log_two_pi = DoubleDouble::TAU.ln() * DoubleDouble::of(self.dim as f64);
        let (mut exponents, mut products) = (Vec::new(), Vec::new());
        for (k, &weight) in self.weights.iter().enumerate() {
            let (square, log_det, product) = self.component(k, x);
            let log_weight = (DoubleDouble::of(weight) / total).ln();
            exponents.push(log_weight + half * (log_det - log_two_pi - square));
            products.push(product);
        }
        let max =
            exponents.iter().fold(exponents[0], |a, &b| if b.high() > a.high() { b } else { a });
        // What lies below e^-600 of the largest is nothing at this precision.
        let terms = exponents.iter().map(|&q| q - max);
        let terms: Vec<DoubleDouble> =
            terms.map(|q| if q.high() > -600.0 { q.exp() } else { zero }).collect();
        let sum = terms.iter().fold(zero, |sum, &term| sum + term);
        let (mut score, mut size) = (vec![zero; self.dim], 0.0);
        for (&term, product) in terms.iter().zip(&products) {
            let r = term / sum;
            let norm = product.iter().fold(0.0, |sum, p| sum + p.high() * p.high());
            size += r.high() * f64::sqrt(norm);
            for (s, &p) in score.iter_mut().zip(product) {
                *s = *s + r * p;
            }
        }
        (max + sum.ln(), score, size)
    }
}

/// The `len` entries of component `k` in an array that has them once for all, or for each.
fn own(all: &[f64], k: usize, len: usize) -> &[f64] {
    if all.len() == len { all } else { &all[k * len..(k + 1) * len] }
}

/// A number from -1 to 1 that no short period repeats.
pub fn wave(i: usize, frequency: f64) -> f64 {
    // Not the system's sine: problems are the same numbers everywhere.
    libm::sin(frequency * (i as f64 + 1.0) + 0.31)
}

/// `I - 2 v v^T / |v|^2`, `[d x d]`, for a vector of its own for every `k`.
fn reflection(k: usize, dim: usize) -> Vec<f64> {
    let v: Vec<f64> = (0..dim).map(|i| 0.4 + wave(k * dim + i, 1.7)).collect();
    let square: f64 = v.iter().map(|v| v * v).sum();
    let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / square;
    (0..dim * dim).map(|i| entry(i / dim, i % dim)).collect()
}

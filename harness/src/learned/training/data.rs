//! What models are trained on: samples, standardized as the model sees them, and the target's score there if known.

use super::super::model::DataMoments;
use super::super::network::Real;

/// Samples minus their mean, and scores.
#[derive(Debug, Clone)]
pub struct TrainingData<T> {
    dim: usize,
    /// `x_0 - m`, `[N x d]`.
    samples: Vec<T>,
    /// `grad log gamma(x_0)`, `[N x d]`, or empty.
    scores: Vec<T>,
    /// Mean squares of the scores, `[d]`, or empty.
    information: Vec<f64>,
    moments: DataMoments,
}

impl<T: Real> TrainingData<T> {
    /// Of samples `[N x d]` and, where they are known, the target's scores at them.
    pub fn new(dim: usize, samples: &[f64], scores: Option<&[f64]>) -> Self {
        let count = samples.len() / dim;
        let mut mean = vec![0.0; dim];
        for row in samples.chunks_exact(dim) {
            for (mean, x) in mean.iter_mut().zip(row) {
                *mean += x / count as f64;
            }
        }
        let squares = samples.chunks_exact(dim).flat_map(|row| row.iter().zip(&mean));
        let variance = squares.map(|(x, m)| (x - m) * (x - m)).sum::<f64>() / samples.len() as f64;
        let centred = samples.chunks_exact(dim).flat_map(|row| row.iter().zip(&mean));
        let centred = centred.map(|(x, m)| T::from_f64(x - m)).collect();
        let scores = scores.unwrap_or(&[]);
        let mut information = vec![0.0; if scores.is_empty() { 0 } else { dim }];
        for row in scores.chunks_exact(dim) {
            for (sum, s) in information.iter_mut().zip(row) {
                *sum += s * s / count as f64;
            }
        }
        Self {
            dim,
            samples: centred,
            scores: scores.iter().map(|&s| T::from_f64(s)).collect(),
            information,
            moments: DataMoments { mean, deviation: libm::sqrt(variance) },
        }
    }

    /// The samples of these indices, with the moments of all.
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        let rows = |of: &dyn Fn(usize) -> Vec<T>| indices.iter().flat_map(|&i| of(i)).collect();
        Self {
            samples: rows(&|i| self.sample(i).to_vec()),
            scores: rows(&|i| self.score(i).to_vec()),
            dim: self.dim,
            information: self.information.clone(),
            moments: self.moments.clone(),
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len() / self.dim
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// First two moments.
    pub fn moments(&self) -> &DataMoments {
        &self.moments
    }

    /// `x_0 - m` of a sample, `[d]`.
    pub fn sample(&self, index: usize) -> &[T] {
        &self.samples[index * self.dim..(index + 1) * self.dim]
    }

    /// `grad log gamma(x_0)` of a sample, `[d]`; empty where it is not known.
    pub fn score(&self, index: usize) -> &[T] {
        self.scores.get(index * self.dim..(index + 1) * self.dim).unwrap_or(&[])
    }

    /// `E[(d_i log gamma)^2]`;
    /// infinite where scores are not known.
    pub fn information(&self, i: usize) -> f64 {
        self.information.get(i).copied().unwrap_or(f64::INFINITY)
    }
}

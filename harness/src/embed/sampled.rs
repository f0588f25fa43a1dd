//! What a run hands over.

use crate::run::{Problem, Run, Summary};

/// Weighted samples of a target, and what the run says of itself.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// The dimension `d`.
    pub dim: usize,
    /// Positions `[N x d]`, row-major, in the target's own coordinates.
    pub positions: Vec<f64>,
    /// Logs of the normalized weights, `[N]`; equal where samples have equal weights.
    pub log_weights: Vec<f64>,
    /// Normalized weights, `[N]`.
    pub weights: Vec<f64>,
    /// `log Z` and its error, effective sample size, cost, verdict; what needs a truth that is not known is NaN (`null`
    /// in JSON) or empty.
    pub summary: Summary,
    /// The settings of the run with every default written out, as TOML.
    pub settings: String,
}

impl Sampled {
    pub(super) fn new(problem: &Problem<'_>, run: Run, settings: String) -> Self {
        let dim = problem.mixture.dim();
        let Run { summary, sample, .. } = run;
        let mut positions = sample.positions;
        for row in positions.chunks_exact_mut(dim) {
            for ((x, scale), shift) in
                row.iter_mut().zip(&problem.map.scale).zip(&problem.map.shift)
            {
                *x = *x * scale + shift;
            }
        }
        let (log_weights, weights) = (sample.log_weights, sample.weights);
        Self { dim, positions, log_weights, weights, summary, settings }
    }

    /// The number of samples `N`.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// `log Z` with its standard error.
    pub fn log_z(&self) -> (f64, f64) {
        (self.summary.log_z, self.summary.log_z_std_error)
    }

    /// The weighted mean of a function of the position.
    pub fn mean(&self, f: impl Fn(&[f64]) -> f64) -> f64 {
        // A particle without weight may be anywhere.
        let rows = self.positions.chunks_exact(self.dim).zip(&self.weights);
        rows.filter(|(_, weight)| **weight > 0.0).map(|(x, weight)| weight * f(x)).sum()
    }
}

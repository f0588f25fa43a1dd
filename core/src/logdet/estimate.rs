//! What every estimator of a log-determinant offers and reports.

use crate::error::Result;
use crate::krylov::{LinearOperator, OperatorShape};
use crate::point::Context;
use crate::rng::Stream;
use crate::simd::{f64x8, splat};

/// An estimator of `log|det(I + M)|`.
pub trait LogDeterminant: Sync {
    /// Workspace, in vectors, for an operator of this shape.
    fn scratch_len(&self, shape: OperatorShape) -> usize;

    /// The independent samples `n` behind a value in dimension `dim`, fixed before a run; 0 where the
    /// value is exact.
    fn probes(&self, dim: usize) -> usize;

    /// Estimates `log|det(I + M)|` in every lane; probes come from `context.stream`.
    ///
    /// A lane that goes wrong has a NaN value and spoils no other.
    ///
    /// # Errors
    /// A short workspace; [`Error::Unsupported`](crate::error::Error::Unsupported) for an operator
    /// that the estimator cannot treat.
    fn estimate(&self, operator: &dyn LinearOperator, context: Context<'_>) -> Result<Estimate>;
}

/// An estimate of `log|det(I + M)|` with what is known of its error, lane by lane.
#[derive(Debug, Clone, Copy)]
pub struct Estimate {
    /// The value: the mean of `probes` independent samples, or the exact number.
    pub value: f64x8,
    /// Estimated variance of the value, `sum (y_i - mean)^2 / (n (n - 1))`; 0 where it is exact.
    pub variance: f64x8,
    /// Independent samples behind it, `n`; 0 where it is exact.
    pub probes: usize,
    /// Most that truncation moves the mean of the value by; 0 where nothing is truncated, infinite
    /// where a series does not converge, NaN where it is not known (one Lanczos step).
    pub bound: f64x8,
    /// Mask of the lanes in which `I + M` was seen not to be positive definite (symmetric `M`) or to
    /// have a determinant that is not positive. An estimator that cannot see it leaves it empty.
    pub not_positive: f64x8,
}

impl Estimate {
    /// An exact value.
    pub fn exact(value: f64x8) -> Self {
        Self {
            value,
            variance: f64x8::ZERO,
            probes: 0,
            bound: f64x8::ZERO,
            not_positive: f64x8::ZERO,
        }
    }

    /// The estimate of half the logarithm: from `det(N) = det(I + M)^2` back to `|det(I + M)|`.
    #[must_use]
    pub fn halved(self) -> Self {
        let half = splat(0.5);
        Self {
            value: half * self.value,
            variance: half * half * self.variance,
            bound: half * self.bound,
            ..self
        }
    }
}

/// The law of the probe vectors `z`, `E[z z^T] = I`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeLaw {
    /// Independent signs: the least variance, none at all for diagonal matrices.
    #[default]
    Rademacher,
    /// Standard normals.
    Gaussian,
}

impl ProbeLaw {
    /// Fills `z`, `[d]`, with a fresh probe in every lane.
    pub fn fill(self, stream: &mut Stream, z: &mut [f64x8]) {
        match self {
            Self::Rademacher => stream.fill_signs(z),
            Self::Gaussian => stream.fill_normals(z),
        }
    }
}

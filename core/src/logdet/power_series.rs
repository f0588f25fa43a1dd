//! `log det(I + M) = sum_{k=1}^n (-1)^(k+1) tr(M^k)/k + r_n`, the traces by Hutchinson probes.
//!
//! Needs a spectral radius `rho < 1`; then `|r_n| <= d rho^(n+1) / ((n+1)(1 - rho))`. Only the traces are
//! unbiased. For probes of signs the variance of one sample is `2 (|F|_F^2 - sum F_ii^2)` (`M`
//! symmetric), `F` the truncated logarithm; for Gaussian probes `2 |F|_F^2`.

use super::hutchinson::hutchinson;
use super::series::Series;
use super::{Estimate, LogDeterminant, MAX_PROBES, MAX_TERMS, ProbeLaw, check_count};
use crate::error::Result;
use crate::krylov::{LinearOperator, OperatorShape};
use crate::point::Context;

/// The truncated power series with Hutchinson probes.
///
/// Products per probe: `ceil(terms/2)` for a symmetric `M` (`z^T M^(i+j) z` is the product of two
/// powers), `terms` for any other. Traces of powers need no symmetry, so this works on `M` itself, not on
/// its Gram operator.
///
/// `bound` is the remainder with `rho` the largest ratio `|M w|/|w|` for the last power `w` of each
/// probe. For a symmetric `M` that is an estimate *from below*, which tends to `rho` with more terms; for
/// others it may lie on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerSeries {
    terms: usize,
    probes: usize,
    law: ProbeLaw,
}

impl PowerSeries {
    /// `terms` powers (1 to 64), `probes` probes (2 to 4096).
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::error::Error::OutOfRange).
    pub fn new(terms: usize, probes: usize, law: ProbeLaw) -> Result<Self> {
        check_count("terms of the power series", terms, 1, MAX_TERMS)?;
        check_count("probes", probes, 2, MAX_PROBES)?;
        Ok(Self { terms, probes, law })
    }
}

impl LogDeterminant for PowerSeries {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        shape.dim + Series::scratch_len(shape.dim) + shape.product
    }

    fn probes(&self, _: usize) -> usize {
        self.probes
    }

    fn estimate(&self, operator: &dyn LinearOperator, context: Context<'_>) -> Result<Estimate> {
        hutchinson(&mut Series::plain(self.terms), operator, self.probes, self.law, context)
    }
}

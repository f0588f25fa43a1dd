//! Estimators of `log|det(I + M)|` from products with `M`, and the correction for their noise.
//!
//! `M` is the residual `J/A - I` of the Jacobian of a deterministic map ([`crate::transport`]), eight
//! at a time, as a [`LinearOperator`]. Every estimator states what it
//! knows of its own error: the variance of its value, from how many independent samples that is
//! estimated, and a bound on what truncation leaves out.
//!
//! | estimator | value | products | file |
//! |---|---|---|---|
//! | [`Dense`] | Cholesky or LU of `I + M`, column by column | `d` | `dense.rs` |
//! | [`Structured`] | determinant lemma, `K x K` | 0 (the structure is known) | `structured.rs` |
//! | [`PowerSeries`] | `sum_k (-1)^(k+1) tr(M^k)/k`, Hutchinson probes | `n_hutch ceil(n_trunc/2)`; `n_hutch n_trunc` if not symmetric | `power_series.rs` |
//! | [`LanczosQuadrature`] | `z^T log(I + M) z` by Gauss quadrature \[Ubaru17\] | `n_hutch steps` | `lanczos_quadrature.rs` |
//! | [`HutchPlusPlus`] | a third of the applications find the range of the logarithm, the rest estimate what is outside \[Meyer21\] | up to `(n_hutch + 2) n_trunc` | `hutchpp.rs` |
//!
//! Hutch++ has three ways of applying the logarithm, a [`Logarithm`]: the power series; the series
//! recentred, `d log c + tr log(I + (I + M - c I)/c)`, which converges for every `I + M > 0`; and
//! Lanczos. What they are made of:
//!
//! | part | file |
//! |---|---|
//! | a function of a matrix: its action and its quadratic forms | `function.rs` |
//! | the series, plain or recentred | `series.rs` |
//! | the logarithm by Lanczos | `lanczos_logarithm.rs` |
//! | Hutchinson's estimate of a trace; the variance of its mean | `hutchinson.rs`, `samples.rs` |
//!
//! Estimators that need a symmetric matrix work on [`Gram`] where `M` is not: twice the products, half
//! the logarithm, and the sign of the determinant is out of sight.
//!
//! The exponential of a noisy logarithm is too large on average; [`PenaltyRule`] has the correction.

mod dense;
mod estimate;
mod function;
mod hutchinson;
mod hutchpp;
mod lanczos_logarithm;
mod lanczos_quadrature;
mod penalty;
mod power_series;
mod samples;
mod series;
mod structured;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use dense::Dense;
pub use estimate::{Estimate, LogDeterminant, ProbeLaw};
pub use hutchpp::{HutchPlusPlus, Logarithm};
pub use lanczos_quadrature::LanczosQuadrature;
pub use penalty::{Penalty, PenaltyRule};
pub use power_series::PowerSeries;
pub use structured::Structured;

use crate::error::{Error, Result};
use crate::krylov::{Gram, LinearOperator};

/// Most terms of a series.
const MAX_TERMS: usize = 64;
/// Most probes of an estimate.
const MAX_PROBES: usize = 4096;

/// Checks a number of terms, probes or steps.
fn check_count(what: &'static str, value: usize, min: usize, max: usize) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Error::OutOfRange { what, value: value as f64, min: min as f64, max: max as f64 })
}

/// The estimate for a symmetric operator: of `M` itself, or half of that of its Gram operator.
fn on_symmetric(
    operator: &dyn LinearOperator,
    estimate: impl FnOnce(&dyn LinearOperator) -> Result<Estimate>,
) -> Result<Estimate> {
    if operator.is_symmetric() {
        estimate(operator)
    } else {
        Ok(estimate(&Gram::new(operator))?.halved())
    }
}

//! Stochastic Lanczos quadrature \[Ubaru17\]: `tr log(I + M) = E[z^T log(I + M) z]`, each form by the
//! Gauss rule of `n` Lanczos steps from `z`, `|z|^2 sum_j tau_j^2 log(1 + theta_j)`.
//!
//! No condition on the spectral radius, only `I + M > 0`. The rule is exact for polynomials of degree
//! `2 n - 1`, and its error falls like `((sqrt(kappa) - 1)/(sqrt(kappa) + 1))^(2n)`, `kappa` the condition
//! number of `I + M`.

use super::hutchinson::hutchinson;
use super::lanczos_logarithm::{LanczosLogarithm, MAX_STEPS};
use super::{Estimate, LogDeterminant, MAX_PROBES, ProbeLaw, check_count, on_symmetric};
use crate::error::Result;
use crate::krylov::{Gram, LinearOperator, OperatorShape};
use crate::point::Context;

/// Lanczos quadrature with Hutchinson probes.
///
/// Products: `steps` per probe, each one product of `M`, or of its Gram operator (two products) where
/// `M` is not symmetric.
///
/// A Ritz value of `I + M` that is not above zero proves that `I + M` is not positive definite: the lane is
/// marked and its value NaN. `bound` is the mean over the probes of the difference between the rules
/// of `steps` and `steps - 1` points (an estimate, see there; infinite for one step), 0 where the
/// Krylov spaces were exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanczosQuadrature {
    steps: usize,
    probes: usize,
    law: ProbeLaw,
}

impl LanczosQuadrature {
    /// `steps` Lanczos steps (1 to 32) from each of `probes` probes (2 to 4096).
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::error::Error::OutOfRange).
    pub fn new(steps: usize, probes: usize, law: ProbeLaw) -> Result<Self> {
        check_count("Lanczos steps", steps, 1, MAX_STEPS)?;
        check_count("probes", probes, 2, MAX_PROBES)?;
        Ok(Self { steps, probes, law })
    }
}

impl LogDeterminant for LanczosQuadrature {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        let product = Gram::shape(shape).product;
        shape.dim + LanczosLogarithm::scratch_len(shape.dim, self.steps) + product
    }

    fn probes(&self, _: usize) -> usize {
        self.probes
    }

    fn estimate(&self, operator: &dyn LinearOperator, context: Context<'_>) -> Result<Estimate> {
        on_symmetric(operator, |operator| {
            let mut logarithm = LanczosLogarithm::new(self.steps);
            hutchinson(&mut logarithm, operator, self.probes, self.law, context)
        })
    }
}

//! Wrong determinants.

use amc_core::error::Result;
use amc_core::krylov::{LinearOperator, OperatorShape};
use amc_core::logdet::{Dense, Estimate, LogDeterminant};
use amc_core::point::Context;
use amc_core::simd::splat;

/// `factor log|det| + shift` instead of `log|det|`.
pub struct WrongDeterminant {
    pub factor: f64,
    pub shift: f64,
}

impl LogDeterminant for WrongDeterminant {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        Dense.scratch_len(shape)
    }

    fn probes(&self, dim: usize) -> usize {
        Dense.probes(dim)
    }

    fn estimate(&self, operator: &dyn LinearOperator, context: Context<'_>) -> Result<Estimate> {
        let exact = Dense.estimate(operator, context)?;
        Ok(Estimate { value: splat(self.factor) * exact.value + splat(self.shift), ..exact })
    }
}

//! The exact kernel of a mixture, `p(x_s | x_t) = p_s(x_s) q(x_t | x_s) / p_t(x_t)`.
//!
//! It is itself a mixture and is evaluated as one, so `log_work = 0` to rounding is a statement
//! about the densities, not an identity of the code: the oracle for every other bridge.

use super::DenoisingKernel;
use crate::density::mixture::MixtureTransition;
use crate::error::Result;
use crate::point::{Context, Point};
use crate::simd::f64x8;

/// `k(y | x) = sum_k r_k(x) N(y; m_k(x), C_k)`.
#[derive(Clone, Copy)]
pub struct Exact<'a> {
    transition: &'a MixtureTransition<'a>,
}

impl<'a> Exact<'a> {
    /// The exact kernel of a transition.
    pub fn new(transition: &'a MixtureTransition<'a>) -> Self {
        Self { transition }
    }
}

impl DenoisingKernel for Exact<'_> {
    fn scratch_len(&self) -> usize {
        self.transition.scratch_len()
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], mut context: Context<'_>) -> Result<f64x8> {
        self.transition.sample(x.x, y, context.stream, context.scratch.reborrow())?;
        self.transition.log_density(x.x, y, context.scratch)
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], context: Context<'_>) -> Result<f64x8> {
        self.transition.log_density(x.x, y, context.scratch)
    }
}

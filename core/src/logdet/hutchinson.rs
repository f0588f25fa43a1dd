//! Hutchinson's estimate of a trace: `E[z^T F z] = tr F` for probes with `E[z z^T] = I`.
//!
//! The variance of one sample is `2 |F|_F^2` for Gaussian probes and a symmetric `F`, and
//! `2 (|F|_F^2 - sum F_ii^2)` for signs.

use super::function::MatrixFunction;
use super::samples::Samples;
use super::{Estimate, ProbeLaw};
use crate::error::Result;
use crate::krylov::LinearOperator;
use crate::point::Context;
use crate::simd::{f64x8, splat};

/// `tr F` from `probes` probes; workspace: `d` vectors besides those of the function.
pub(super) fn hutchinson(
    function: &mut dyn MatrixFunction,
    operator: &dyn LinearOperator,
    probes: usize,
    law: ProbeLaw,
    mut context: Context<'_>,
) -> Result<Estimate> {
    let z = context.scratch.take(operator.dim())?;
    let (mut samples, mut truncation) = (Samples::default(), f64x8::ZERO);
    for _ in 0..probes {
        law.fill(context.stream, z);
        let form = function.quadratic_form(operator, z, context.reborrow())?;
        samples.push(form.value);
        truncation += form.truncation;
    }
    let mean_truncation = truncation * splat(1.0 / probes as f64);
    Ok(Estimate {
        value: samples.mean(),
        variance: samples.variance_of_mean(),
        probes,
        bound: mean_truncation + function.remainder(operator.dim()),
        not_positive: function.not_positive(),
    })
}

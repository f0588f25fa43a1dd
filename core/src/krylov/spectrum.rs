//! Where the spectrum of a symmetric `M` lies, from a few Lanczos steps.
//!
//! Ritz values lie between the smallest and the largest eigenvalue, so they are bounds from inside:
//! a Ritz value of `I + M` at or below zero *proves* that `I + M` is not positive definite. Every Ritz
//! value has an eigenvalue within its residual `beta_n |s_n|`, `s_n` the last component of its
//! eigenvector of `T`; the outer bounds are the extreme Ritz values widened by their residuals. They
//! hold up to what the start vector does not see: no finite number of products can do better.

use super::{Lanczos, LinearOperator};
use crate::error::{Error, Result};
use crate::linalg::{MAX_ORDER, Tridiagonal};
use crate::point::Context;
use crate::simd::{LANES, f64x8, from_lanes};

/// Bounds of the spectra of eight symmetric matrices.
#[derive(Debug, Clone, Copy)]
pub struct Spectrum {
    /// The smallest Ritz value: the smallest eigenvalue is not above it.
    pub smallest: f64x8,
    /// The largest Ritz value: the largest eigenvalue is not below it.
    pub largest: f64x8,
    /// `smallest` minus its residual.
    pub lower: f64x8,
    /// `largest` plus its residual.
    pub upper: f64x8,
}

impl Spectrum {
    /// Most Lanczos steps.
    pub const MAX_STEPS: usize = MAX_ORDER;

    /// Workspace, in vectors, besides that of one product.
    pub const fn scratch_len(d: usize, steps: usize) -> usize {
        Lanczos::storage_len(d, steps).saturating_add(Lanczos::scratch_len(d))
    }

    /// Bounds from `steps` Lanczos steps; `start`, `[d]`, should be random, and independent of what the
    /// bounds are used for. All are NaN in a lane whose start is zero or where numbers are not finite.
    ///
    /// # Errors
    /// `steps` outside `1..=MAX_STEPS`, wrong lengths, a short workspace, and those of the operator.
    pub fn estimate(
        operator: &dyn LinearOperator,
        start: &[f64x8],
        steps: usize,
        mut context: Context<'_>,
    ) -> Result<Self> {
        if !(1..=Self::MAX_STEPS).contains(&steps) {
            let (what, max) = ("Lanczos steps", Self::MAX_STEPS as f64);
            return Err(Error::OutOfRange { what, value: steps as f64, min: 1.0, max });
        }
        let storage = context.scratch.take(Lanczos::storage_len(operator.dim(), steps))?;
        let lanczos = Lanczos::run(operator, start, steps, storage, context)?;
        let lanes: [[f64; 4]; LANES] = core::array::from_fn(|lane| of_lane(&lanczos, lane));
        let [smallest, largest, lower, upper] = from_lanes(&lanes);
        Ok(Self { smallest, largest, lower, upper })
    }
}

/// Smallest and largest Ritz value, and the same widened.
fn of_lane(lanczos: &Lanczos<'_>, lane: usize) -> [f64; 4] {
    let order = lanczos.rank_of_lane(lane);
    let beyond = lanczos.beta_of_lane(lane, order);
    let matrix = Tridiagonal::of_lane(lanczos.alpha, lanczos.beta, lane, order);
    let mut last = [0.0; MAX_ORDER];
    if let Some(entry) = last.get_mut(..order).and_then(<[f64]>::last_mut) {
        *entry = 1.0;
    }
    let nodes = matrix.decompose(last.get_mut(..order).unwrap_or(&mut []));
    let (mut low, mut high) = ((f64::NAN, f64::NAN), (f64::NAN, f64::NAN));
    for (&node, &component) in nodes.iter().zip(&last).take(order) {
        let residual = beyond * component.abs();
        if low.0.is_nan() || node < low.0 {
            low = (node, residual);
        }
        if high.0.is_nan() || node > high.0 {
            high = (node, residual);
        }
    }
    [low.0, high.0, low.0 - low.1, high.0 + high.1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logdet::testing::{Matrices, run};
    use crate::simd::splat;

    /// Fails if the smallest is taken for the largest, the residual enters with the wrong sign, or a
    /// lane sees its neighbour: with `d` steps both bounds are the extreme eigenvalues `-0.7 + lane`
    /// and `5 + 2 lane`; with 3 the Ritz values lie inside and the residuals are not zero.
    #[test]
    fn bounds_enclose() {
        const D: usize = 9;
        let operator = Matrices::with_spectrum(D, |lane, i| match i {
            3 => -0.7 + lane as f64,
            6 => 5.0 + 2.0 * lane as f64,
            _ => 1.5 + lane as f64 + 0.3 * i as f64,
        });
        let start: [f64x8; D] =
            core::array::from_fn(|i| splat(if i % 3 == 0 { 1.0 } else { -0.6 - 0.1 * i as f64 }));
        for steps in [D, 3] {
            let len = Spectrum::scratch_len(D, steps) + operator.shape().product;
            let spectrum =
                run(len, 1, |context| Spectrum::estimate(&operator, &start, steps, context));
            let spectrum = spectrum.unwrap();
            for lane in 0..8 {
                let (low, high) = (-0.7 + lane as f64, 5.0 + 2.0 * lane as f64);
                let (smallest, largest) =
                    (spectrum.smallest.to_array()[lane], spectrum.largest.to_array()[lane]);
                let (lower, upper) =
                    (spectrum.lower.to_array()[lane], spectrum.upper.to_array()[lane]);
                if steps == D {
                    for (value, truth) in
                        [(smallest, low), (lower, low), (largest, high), (upper, high)]
                    {
                        assert!((value - truth).abs() < 1e-10, "{value} {truth}");
                    }
                } else {
                    assert!(low < smallest && smallest < largest && largest < high);
                    assert!(lower < smallest && largest < upper);
                    assert!(upper - largest < high - low && smallest - lower < high - low);
                }
            }
        }
        let none = run(99, 1, |context| Spectrum::estimate(&operator, &start, 0, context));
        assert!(none.is_err());
    }
}

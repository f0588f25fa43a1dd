//! The Lanczos iteration: an orthonormal basis `V` of `span(z, M z, M^2 z, ..)` in which a symmetric `M`
//! is tridiagonal, `V M V^T = T`, `V` `[steps x d]` \[Ubaru17\].
//!
//! `w = M v_j`, `alpha_j = v_j . w`, `w` made orthogonal to all of `V` twice ("twice is enough": Giraud,
//! Langou & Rozloznik 2005), `beta_j = |w|`, `v_{j+1} = w / beta_j`. Where `beta_j` vanishes beside the
//! entries of `T` the space is exhausted: that lane ends with fewer vectors, the rest of its `V` and
//! `T` is zero.

use super::LinearOperator;
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;
use crate::point::Context;
use crate::scratch::Scratch;
use crate::simd::blocks::{dot, remove_along};
use crate::simd::{f64x8, lane_of, less_equal, reciprocal_or_zero, select, splat};

/// Size of `beta` beside the largest entry of `T` below which the space counts as exhausted.
const BREAKDOWN: f64 = 1e-12;

/// Basis and tridiagonal matrix of eight Lanczos iterations, in memory of the caller.
#[derive(Debug, Clone, Copy)]
pub struct Lanczos<'a> {
    /// `V`, `[steps x d]`: orthonormal rows, zero past a breakdown.
    pub basis: &'a [f64x8],
    /// The diagonal of `T`, `[steps]`.
    pub alpha: &'a [f64x8],
    /// `[steps]`: entry `j` couples rows `j` and `j + 1` of `T`; the last is what the next step would
    /// have divided by, 0 where the space is exhausted.
    pub beta: &'a [f64x8],
    /// Number of rows of `V` that are not zero, in every lane.
    pub rank: f64x8,
    /// `|z|` of the start, in every lane.
    pub norm: f64x8,
}

impl<'a> Lanczos<'a> {
    /// Numbers of vectors that `steps` steps in dimension `d` fill: basis, `alpha`, `beta` in turn.
    pub const fn storage_len(d: usize, steps: usize) -> usize {
        steps.saturating_mul(d.saturating_add(2))
    }

    /// Workspace, in vectors, besides that of one product.
    pub const fn scratch_len(d: usize) -> usize {
        d
    }

    /// Runs `steps` steps from `start`, `[d]`, of any length; one product a step, none once the
    /// space is exhausted in all lanes.
    ///
    /// # Errors
    /// Wrong lengths, a short workspace, and those of the operator.
    pub fn run(
        operator: &dyn LinearOperator,
        start: &[f64x8],
        steps: usize,
        storage: &'a mut [f64x8],
        context: Context<'_>,
    ) -> Result<Self> {
        Self::run_until(operator, start, steps, 0.0, storage, context)
    }

    /// The same, and a lane also ends where `beta_j <= tolerance`: there its space counts as
    /// exhausted.
    ///
    /// # Errors
    /// As [`Lanczos::run`].
    pub fn run_until(
        operator: &dyn LinearOperator,
        start: &[f64x8],
        steps: usize,
        tolerance: f64,
        storage: &'a mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<Self> {
        let d = operator.dim();
        check_len("start", d, start.len())?;
        check_len("Lanczos storage", Self::storage_len(d, steps), storage.len())?;
        let mut storage = Scratch::new(storage);
        let basis = storage.take(steps * d)?;
        let (alpha, beta) = (storage.take(steps)?, storage.take(steps)?);
        let product = context.scratch.take(d)?;
        for part in [&mut *basis, &mut *alpha, &mut *beta] {
            part.fill(f64x8::ZERO);
        }
        let norm = dot(start, start).sqrt();
        let mut residual = norm;
        let mut next_scale = reciprocal_or_zero(norm);
        let (mut rank, mut largest) = (f64x8::ZERO, f64x8::ZERO);
        crate::simd::copy(product, start);
        for (j, (alpha, beta)) in alpha.iter_mut().zip(beta.iter_mut()).enumerate() {
            let Some((done, rest)) = basis.split_at_mut_checked(j * d) else { break };
            let Some((row, _)) = rest.split_at_mut_checked(d) else { break };
            if less_equal(residual, f64x8::ZERO).all() {
                break;
            }
            for (v, &w) in row.iter_mut().zip(&*product) {
                *v = next_scale * w;
            }
            rank += select(less_equal(residual, f64x8::ZERO), f64x8::ZERO, splat(1.0));
            operator.apply(row, product, context.reborrow())?;
            *alpha = dot(row, product);
            for _ in 0..2 {
                for earlier in done.rows(d).chain([&*row]) {
                    remove_along(earlier, product);
                }
            }
            let length = dot(product, product).sqrt();
            largest = largest.fast_max(alpha.abs());
            let negligible = (splat(BREAKDOWN) * largest).fast_max(splat(tolerance));
            let exhausted = less_equal(length, negligible);
            *beta = select(exhausted, f64x8::ZERO, length);
            largest = largest.fast_max(*beta);
            residual = *beta;
            next_scale = reciprocal_or_zero(residual);
        }
        Ok(Self { basis, alpha, beta, rank, norm })
    }

    /// Rows of `V` that are not zero in one lane.
    pub(crate) fn rank_of_lane(&self, lane: usize) -> usize {
        lane_of(self.rank, lane) as usize
    }

    /// What follows the leading `order` rows of `T` in one lane; 0 where the space is exhausted.
    pub(crate) fn beta_of_lane(&self, lane: usize, order: usize) -> f64 {
        let last = order.checked_sub(1).and_then(|last| self.beta.get(last));
        last.map_or(0.0, |&beta| lane_of(beta, lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logdet::testing::{Matrices, run};

    const D: usize = 7;
    const STEPS: usize = 5;

    /// Fails if one pass of Gram-Schmidt is left out: beside 1, a spectrum of width 1e-9 leaves of a product
    /// only 1e-9 that is new, so one pass leaves overlaps of about 1e-7. Fails also if the last row has another
    /// length than one, or the start is not the first row.
    #[test]
    fn rows_are_orthonormal_where_little_is_new() {
        let operator =
            Matrices::with_spectrum(D, |lane, i| 1.0 + 1e-9 * ((i * i + lane) % 11) as f64);
        let start: [f64x8; D] = core::array::from_fn(|i| splat(1.0 - 0.3 * (i % 4) as f64));
        let mut storage = [splat(f64::NAN); Lanczos::storage_len(D, STEPS)];
        let lanczos = run(Lanczos::scratch_len(D) + operator.shape().product, 1, |context| {
            Lanczos::run(&operator, &start, STEPS, &mut storage, context).unwrap()
        });
        assert_eq!(lanczos.rank.to_array(), [STEPS as f64; 8]);
        for (i, first) in lanczos.basis.rows(D).enumerate() {
            for (j, second) in lanczos.basis.rows(D).enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                for overlap in dot(first, second).to_array() {
                    assert!((overlap - expected).abs() < 1e-14, "{i} {j} {overlap}");
                }
            }
        }
        let along = dot(&lanczos.basis[..D], &start) / lanczos.norm;
        assert!((along.to_array()[3] - 1.0).abs() < 1e-15);
    }

    /// Fails if the tolerance is not compared with `beta` itself: a lane ends where `beta_0` is at most that.
    #[test]
    fn a_lane_ends_at_its_tolerance() {
        let operator = Matrices::with_spectrum(D, |lane, i| (1.0 + lane as f64) * (i % 5) as f64);
        let start: [f64x8; D] = core::array::from_fn(|i| splat(1.0 - 0.3 * (i % 4) as f64));
        let mut storage = [splat(f64::NAN); Lanczos::storage_len(D, 2)];
        let room = Lanczos::scratch_len(D) + operator.shape().product;
        let beta = run(room, 1, |context| {
            Lanczos::run(&operator, &start, 2, &mut storage, context).unwrap().beta[0].to_array()
        });
        let rank = |tolerance: f64| {
            let mut storage = [splat(f64::NAN); Lanczos::storage_len(D, 2)];
            run(room, 1, |context| {
                let lanczos =
                    Lanczos::run_until(&operator, &start, 2, tolerance, &mut storage, context);
                lanczos.unwrap().rank.to_array()
            })
        };
        let (below, above) = (rank(beta[4] * (1.0 - 1e-9)), rank(beta[4] * (1.0 + 1e-9)));
        assert_eq!((below[4], above[4]), (2.0, 1.0));
        for lane in 0..8 {
            assert_eq!(above[lane], if beta[lane] <= beta[4] { 1.0 } else { 2.0 }, "{lane}");
        }
    }
}

//! The covariance at a point: Lanczos on the Hessian, the factor of `I + v T`, and `1 + v c`.

use super::{LowRank, Start, Trace};
use crate::error::{Error, Result};
use crate::krylov::{HessianAt, Lanczos, LinearOperator};
use crate::linalg::{RowMajor, TridiagonalCholesky};
use crate::path::NoisingStep;
use crate::point::{Context, Point};
use crate::scratch::Scratch;
use crate::simd::blocks::{dot, remove_along};
use crate::simd::{copy, f64x8, finite, greater, less_equal, select, splat};

/// Least `1 + v c` where the path has no bound of its own.
const FLOOR: f64 = 1e-6;

/// The covariance at one block of points, in units of `v/a^2`.
pub(super) struct Factor<'m> {
    /// `V`, `[steps x d]`, zero past a lane's rank.
    pub(super) basis: &'m [f64x8],
    /// Of `I + v T`, the identity past a lane's rank.
    pub(super) cholesky: TridiagonalCholesky<'m>,
    pub(super) rank: f64x8,
    /// `1 + v c`.
    pub(super) complement: f64x8,
}

impl LowRank<'_> {
    /// Fills `memory`, `[Lanczos::storage_len]`, with the covariance at `x`; `vector` `[d]` is workspace.
    pub(super) fn factor<'m>(
        &self,
        x: Point<'_>,
        memory: &'m mut [f64x8],
        vector: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<Factor<'m>> {
        let d = self.noisy.dim();
        let storage = context.scratch.take(HessianAt::storage_len(self.noisy))?;
        let hessian = HessianAt::new(self.noisy, x.x, storage, context.scratch.reborrow())?;
        match self.start {
            Start::Score => copy(vector, x.score),
            Start::Random => context.stream.fill_normals(vector),
        }
        let v = splat(self.step.variance);
        let (steps, tolerance) = (self.steps, self.tolerance / self.step.variance);
        let nested = context.reborrow();
        let lanczos = Lanczos::run_until(&hessian, vector, steps, tolerance, memory, nested)?;
        let (rank, trace) = (lanczos.rank, lanczos.alpha.iter().fold(f64x8::ZERO, |s, &a| s + a));
        let mut memory = Scratch::new(memory);
        let basis = memory.take(self.steps * d)?;
        let (alpha, beta) = (memory.take(self.steps)?, memory.take(self.steps)?);
        alpha.iter_mut().for_each(|a| *a = v.mul_add(*a, splat(1.0)));
        beta.iter_mut().for_each(|b| *b *= v);
        let (cholesky, positive) = TridiagonalCholesky::factor(alpha, beta);
        let or_zero = |number| select(positive, number, f64x8::ZERO);
        basis.iter_mut().for_each(|entry| *entry = or_zero(*entry));
        let (rank, trace) = (or_zero(rank), or_zero(trace));
        let rest = splat(d as f64) - rank;
        let empty = less_equal(rest, f64x8::ZERO);
        let curvature = match self.trace {
            _ if empty.all() => f64x8::ZERO,
            Trace::Structure => {
                let what = "a Hessian that promised a structure has none";
                let structure = hessian.structure().ok_or(Error::Unsupported { what })?;
                (structure.trace() - trace) / rest
            }
            Trace::Probes(probes) => probe(&hessian, basis, probes, vector, context)?,
        };
        let complement = select(empty, splat(1.0), self.floored(v.mul_add(curvature, splat(1.0))));
        Ok(Factor { basis, cholesky, rank, complement })
    }

    /// `1 + v c` above its least; 1 where it is not finite.
    fn floored(&self, value: f64x8) -> f64x8 {
        let NoisingStep { ratio, variance_clean, variance_noisy, .. } = self.step;
        let bound = ratio * ratio * variance_clean / variance_noisy;
        let floor = splat(if bound > 0.0 { bound } else { FLOOR });
        let value = select(finite(value), value, splat(1.0));
        select(greater(value, floor), value, floor)
    }
}

impl Factor<'_> {
    /// `p <- V w`, `w <- w - V^T p`.
    pub(super) fn split(&self, w: &mut [f64x8], projections: &mut [f64x8]) {
        for (row, p) in self.basis.rows(w.len()).zip(projections) {
            *p = remove_along(row, w);
        }
    }
}

/// `c` from probes, projected on the complement of `basis`; `vector` `[d]` is workspace.
fn probe(
    hessian: &HessianAt<'_>,
    basis: &[f64x8],
    probes: usize,
    vector: &mut [f64x8],
    mut context: Context<'_>,
) -> Result<f64x8> {
    let d = vector.len();
    let product = context.scratch.take(d)?;
    let (mut quadratic, mut square) = (f64x8::ZERO, f64x8::ZERO);
    for _ in 0..probes {
        context.stream.fill_normals(vector);
        for row in basis.rows(d) {
            remove_along(row, vector);
        }
        hessian.apply(vector, product, context.reborrow())?;
        quadratic += dot(vector, product);
        square += dot(vector, vector);
    }
    Ok(quadratic / square)
}

#[cfg(test)]
mod tests {
    use super::super::Rank;
    use super::super::tests::{DIAGONAL, MEANS_3, step, with_level};
    use super::*;
    use crate::density::Covariance;

    /// What becomes of a curvature on the step from `s + 0.1` to `s`.
    fn floored(s: f64, value: f64) -> f64 {
        let (step, mut found) = (step(s), 0.0);
        with_level::<3>(Covariance::Diagonal(&DIAGONAL), &step, &MEANS_3, |level, _| {
            let kernel =
                LowRank::new(level, step, Rank::Fixed(2), Trace::Structure, Start::Score).unwrap();
            found = kernel.floored(splat(value)).to_array()[3];
        });
        found
    }

    /// Fails if the least value is not `a^2 v_s/v_t`, or 1e-6 where that is 0 at the target itself; if a value
    /// above it changes, or one that is not finite is not 1.
    #[test]
    fn the_complement_has_a_floor() {
        let NoisingStep { ratio, variance_clean, variance_noisy, .. } = step(0.2);
        let bound = ratio * ratio * variance_clean / variance_noisy;
        assert!(bound > 0.1 && bound < 0.9);
        for value in [-1.0, 0.0, 0.999 * bound] {
            assert_eq!(floored(0.2, value), bound);
        }
        assert_eq!(step(0.0).variance_clean, 0.0);
        for (value, expected) in [(-1.0, 1e-6), (0.0, 1e-6), (9e-7, 1e-6), (1.1e-6, 1.1e-6)] {
            assert_eq!(floored(0.0, value), expected);
        }
        for s in [0.0, 0.2] {
            assert_eq!(floored(s, 1.5), 1.5);
            assert_eq!([f64::NAN, f64::INFINITY].map(|value| floored(s, value)), [1.0; 2]);
        }
    }
}

//! Densities: what kernels and bridges ask of one level.
//!
//! The traits form a ladder, `LogDensity < Score < HessianProduct < Hessian`; a move asks for the
//! lowest rung it needs. All work on one block of eight particles: `x` and `score` are `[d]`
//! vectors of eight lanes, log-densities one vector. A density may be unnormalized.
//!
//! A density of one's own implements the first two ([`crate::kernel::MarkovKernel`] shows one) and
//! then serves every kernel, the identity bridge and the first-order bridges.
//!
//! A density that cannot be evaluated at a point returns a non-finite number in that lane (never
//! an error): kernels reject such proposals and count them.

mod finite_difference;
pub mod mixture;
mod tempered;

pub use finite_difference::FiniteDifference;
pub use mixture::{Covariance, Mixture, MixtureLevel};
pub use tempered::Tempered;

use crate::error::{Result, check_len};
use crate::linalg::{DiagonalPlusLowRank, RowMajor};
use crate::point::Evaluations;
use crate::scratch::Scratch;
use crate::simd::{copy, f64x8};

/// A log-density on `R^d`, known up to a constant.
pub trait LogDensity: Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Workspace, in vectors, that a method of this density needs where nothing else is said.
    fn scratch_len(&self) -> usize;

    /// `log p(x)` for eight particles.
    ///
    /// # Errors
    /// A wrong length of `x` or a short workspace.
    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8>;

    /// Blocks that one call with many of them evaluates best: 1 where nothing is gained by more, 16 for a density
    /// made of matrix products.
    fn blocks_at_once(&self) -> usize {
        1
    }

    /// [`LogDensity::log_density`] for many blocks in one call: `x` `[B x d]`, block after block, `log_densities`
    /// `[B]`; the numbers are the same.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn log_densities(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        check_len("x", log_densities.len().saturating_mul(d), x.len())?;
        for (x, log_density) in x.rows(d).zip(log_densities) {
            *log_density = self.log_density(x, scratch.reborrow())?;
        }
        Ok(())
    }
}

/// A log-density with its gradient.
pub trait Score: LogDensity {
    /// `log p(x)`, and `score = grad log p(x)`.
    ///
    /// # Errors
    /// A wrong length of `x` or `score`, or a short workspace.
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8>;

    /// The same for many blocks in one call: `x` and `score` `[B x d]`, block after block,
    /// `log_densities` `[B]`; the numbers are those of [`Score::log_density_and_score`].
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        let total = log_densities.len().saturating_mul(d);
        check_len("x", total, x.len())?;
        check_len("score", total, score.len())?;
        for ((x, score), log_density) in x.rows(d).zip(score.rows_mut(d)).zip(log_densities) {
            *log_density = self.log_density_and_score(x, score, scratch.reborrow())?;
        }
        Ok(())
    }
}

/// A log-density with products of its Hessian.
///
/// A density that many products are asked of at one point overrides [`HessianProduct::linearize`],
/// [`HessianProduct::linearization_len`] and [`HessianProduct::linearized_product`], all three together, and
/// may know a structure ([`HessianProduct::structure`], [`HessianProduct::structure_rank`], both or none).
pub trait HessianProduct: Score {
    /// Workspace, in vectors, of [`HessianProduct::hessian_product`] and [`Hessian::hessian`];
    /// `scratch_len`, which serves all else, by default.
    fn hessian_scratch_len(&self) -> usize {
        self.scratch_len()
    }

    /// `out = H(x) v`, `H = grad grad^T log p`; all `[d]`.
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()>;

    /// Adds what one product costs to the account: one Hessian-vector product by default.
    fn count_product(&self, evaluations: &mut Evaluations) {
        evaluations.hessian_product += 1;
    }

    /// Numbers of vectors that [`HessianProduct::linearize`] keeps; `d` by default.
    fn linearization_len(&self) -> usize {
        self.dim()
    }

    /// Keeps in `memory`, `[linearization_len]`, what products with `H(x)` share; by default `x`.
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn linearize(&self, x: &[f64x8], memory: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        let _ = scratch;
        check_len("linearization", x.len(), memory.len())?;
        copy(memory, x);
        Ok(())
    }

    /// [`HessianProduct::linearize`] that also returns `log p(x)` and fills `score` with its gradient, in one pass
    /// where the density can.
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn linearize_with_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        memory: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        self.linearize(x, memory, scratch.reborrow())?;
        self.log_density_and_score(x, score, scratch)
    }

    /// `out = H(x) v` at the `x` that `memory` was filled for by [`HessianProduct::linearize`].
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn linearized_product(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        self.hessian_product(memory, v, out, scratch)
    }

    /// `H(x) = U^T U - diag(D)` in some orthonormal frame, where the linearization in `memory` knows
    /// it.
    fn structure<'m>(&self, memory: &'m [f64x8]) -> Option<DiagonalPlusLowRank<'m>> {
        let _ = memory;
        None
    }

    /// Most rows of `U`; 0 where there is no structure.
    fn structure_rank(&self) -> usize {
        0
    }
}

/// A log-density with its dense Hessian.
pub trait Hessian: HessianProduct {
    /// `out = H(x)`, `[d x d]` row-major.
    ///
    /// # Errors
    /// A wrong length or a short workspace.
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], scratch: Scratch<'_>) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    /// `log p = -3 x^2/2 + y` in two dimensions, which knows one block alone.
    struct Alone;

    impl LogDensity for Alone {
        fn dim(&self) -> usize {
            2
        }
        fn scratch_len(&self) -> usize {
            0
        }
        fn log_density(&self, x: &[f64x8], _: Scratch<'_>) -> Result<f64x8> {
            check_len("x", 2, x.len())?;
            Ok(x[1] - splat(1.5) * x[0] * x[0])
        }
    }

    impl Score for Alone {
        fn log_density_and_score(
            &self,
            x: &[f64x8],
            score: &mut [f64x8],
            scratch: Scratch<'_>,
        ) -> Result<f64x8> {
            score.copy_from_slice(&[splat(-3.0) * x[0], splat(1.0)]);
            self.log_density(x, scratch)
        }
    }

    /// Fails if a density that brings one block only leaves out a block of several, takes that of another, or
    /// accepts lengths that do not belong together.
    #[test]
    fn blocks_one_by_one() {
        let x = [1.0, 5.0, -2.0, 0.25].map(splat);
        let (mut score, mut log_densities) = ([splat(9.0); 4], [splat(9.0); 2]);
        let mut evaluate = |x: &[f64x8], score: &mut [f64x8], blocks: usize| {
            let log_densities = &mut log_densities[..blocks];
            Alone.log_densities_and_scores(x, score, log_densities, Scratch::new(&mut []))
        };
        evaluate(&x, &mut score, 2).unwrap();
        assert!(evaluate(&x, &mut score, 1).is_err());
        assert!(evaluate(&x[..3], &mut score, 2).is_err());
        assert!(evaluate(&x, &mut [splat(0.0); 3], 2).is_err());
        assert_eq!(score.map(|s| s.to_array()[6]), [-3.0, 1.0, 6.0, 1.0]);
        assert_eq!(log_densities.map(|p| p.to_array()[6]), [3.5, -5.75]);

        let mut alone = [splat(9.0); 2];
        Alone.log_densities(&x, &mut alone, Scratch::new(&mut [])).unwrap();
        assert_eq!(alone.map(|p| p.to_array()[6]), [3.5, -5.75]);
        for (x, blocks) in [(&x[..3], 2), (&x[..], 1)] {
            let scratch = Scratch::new(&mut []);
            assert!(Alone.log_densities(x, &mut alone[..blocks], scratch).is_err());
        }
    }
}

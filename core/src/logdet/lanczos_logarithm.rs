//! `F = log((I + M)/c)` of a symmetric `M` through Lanczos: `V M V^T = T` from the start `v` gives
//! `v^T F v ~ |v|^2 sum_j tau_j^2 log((1 + theta_j)/c)`, the Gauss rule of `n` points \[Ubaru17\], and
//! `F v ~ |v| V^T log((I + T)/c) e_1`.
//!
//! The even derivatives of the logarithm are negative, so the rules decrease to the integral: with `n`
//! and `n - 1` points `G_(n-1) > G_n > v^T F v`, and the difference of the two is taken as the
//! truncation. It is an estimate, an upper bound once a step more than halves the error. Where the
//! space is exhausted the rule is exact and the truncation 0.
//!
//! Products: `steps`, for either.

use super::function::{Form, MatrixFunction};
use crate::error::Result;
use crate::krylov::{Lanczos, LinearOperator};
use crate::linalg::{RowMajor, Tridiagonal};
use crate::point::Context;
use crate::simd::blocks::add_product;
use crate::simd::{LANES, f64x8, from_lanes, less_equal, select, splat};

/// Most Lanczos steps.
pub(super) const MAX_STEPS: usize = 32;

/// The logarithm by Lanczos.
#[derive(Debug, Clone, Copy)]
pub(super) struct LanczosLogarithm {
    steps: usize,
    /// `log c`.
    log_center: f64x8,
    not_positive: f64x8,
}

/// The mean of `log(1 + theta)` over a Gauss rule, and the smallest `1 + theta`.
#[derive(Clone, Copy)]
struct MeanLogarithm {
    mean: f64,
    smallest: f64,
}

impl LanczosLogarithm {
    /// `log(I + M)` with `steps` steps, at most [`MAX_STEPS`].
    pub(super) fn new(steps: usize) -> Self {
        Self { steps: steps.min(MAX_STEPS), log_center: f64x8::ZERO, not_positive: f64x8::ZERO }
    }

    /// The same matrix about another center.
    pub(super) fn centered(self, log_center: f64x8) -> Self {
        Self { log_center, ..self }
    }

    /// Workspace, in vectors, besides that of one product.
    pub(super) const fn scratch_len(d: usize, steps: usize) -> usize {
        Lanczos::storage_len(d, steps).saturating_add(Lanczos::scratch_len(d))
    }

    /// Marks the lanes in which a node is not above zero.
    fn mark(&mut self, smallest: f64x8) -> f64x8 {
        let marked = less_equal(smallest, f64x8::ZERO);
        self.not_positive = select(marked, marked, self.not_positive);
        marked
    }
}

/// The Gauss rule of the leading `order` rows of one lane; an empty one has no mass.
fn mean_logarithm(lanczos: &Lanczos<'_>, lane: usize, order: usize) -> MeanLogarithm {
    let (nodes, weights) =
        Tridiagonal::of_lane(lanczos.alpha, lanczos.beta, lane, order).gauss_rule();
    let mut rule = MeanLogarithm { mean: 0.0, smallest: f64::INFINITY };
    for (&node, &weight) in nodes.iter().zip(&weights).take(order) {
        rule.mean += weight * libm::log1p(node);
        rule.smallest = rule.smallest.min(1.0 + node);
    }
    rule
}

/// Mean logarithm, its truncation and the smallest node of one lane.
fn rule_of_lane(lanczos: &Lanczos<'_>, lane: usize) -> [f64; 3] {
    let order = lanczos.rank_of_lane(lane);
    let rule = mean_logarithm(lanczos, lane, order);
    let truncation = if lanczos.beta_of_lane(lane, order) == 0.0 {
        0.0
    } else if order < 2 {
        f64::NAN
    } else {
        (rule.mean - mean_logarithm(lanczos, lane, order - 1).mean).abs()
    };
    [rule.mean, truncation, rule.smallest]
}

/// `log(I + T) e_1` of one lane into `out`, `[steps]`, and the smallest node.
fn logarithm_of_first(lanczos: &Lanczos<'_>, lane: usize, out: &mut [f64; MAX_STEPS]) -> f64 {
    let matrix =
        Tridiagonal::of_lane(lanczos.alpha, lanczos.beta, lane, lanczos.rank_of_lane(lane));
    let n = matrix.order();
    let mut memory = [0.0; MAX_STEPS * MAX_STEPS];
    let vectors = memory.get_mut(..n * n).unwrap_or(&mut []);
    vectors.diagonal_mut(n).for_each(|entry| *entry = 1.0);
    let nodes = matrix.decompose(vectors);
    let mut smallest = f64::INFINITY;
    let first = vectors.rows(n).next().unwrap_or(&[]);
    for (out, row) in out.iter_mut().zip(vectors.rows(n)) {
        for ((&node, &head), &component) in nodes.iter().zip(first).zip(row) {
            *out += component * libm::log1p(node) * head;
            smallest = smallest.min(1.0 + node);
        }
    }
    smallest
}

impl MatrixFunction for LanczosLogarithm {
    fn apply(
        &mut self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        out: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<()> {
        let d = operator.dim();
        let storage = context.scratch.take(Lanczos::storage_len(d, self.steps))?;
        let lanczos = Lanczos::run(operator, v, self.steps, storage, context)?;
        let mut logarithms = [[0.0; MAX_STEPS]; LANES];
        let mut smallest = [f64::NAN; LANES];
        for (lane, (logarithms, smallest)) in logarithms.iter_mut().zip(&mut smallest).enumerate() {
            *smallest = logarithm_of_first(&lanczos, lane, logarithms);
        }
        let marked = self.mark(f64x8::new(smallest));
        let norm = select(marked, splat(f64::NAN), lanczos.norm);
        // log((I + T)/c) e_1 = log(I + T) e_1 - log(c) e_1.
        let mut center = self.log_center;
        out.fill(f64x8::ZERO);
        for (j, row) in lanczos.basis.rows(d).enumerate() {
            let entry = logarithms.map(|lane| lane.get(j).copied().unwrap_or(0.0));
            let coefficient = norm * (f64x8::new(entry) - center);
            center = f64x8::ZERO;
            add_product(out, coefficient, row);
        }
        Ok(())
    }

    fn quadratic_form(
        &mut self,
        operator: &dyn LinearOperator,
        v: &[f64x8],
        mut context: Context<'_>,
    ) -> Result<Form> {
        let storage = context.scratch.take(Lanczos::storage_len(operator.dim(), self.steps))?;
        let lanczos = Lanczos::run(operator, v, self.steps, storage, context)?;
        let lanes: [[f64; 3]; LANES] = core::array::from_fn(|lane| rule_of_lane(&lanczos, lane));
        let [mean, truncation, smallest] = from_lanes(&lanes);
        let marked = self.mark(smallest);
        let square = lanczos.norm * lanczos.norm;
        let value = square * (mean - self.log_center);
        Ok(Form { value: select(marked, splat(f64::NAN), value), truncation: square * truncation })
    }

    fn remainder(&self, _: usize) -> f64x8 {
        f64x8::ZERO
    }

    fn not_positive(&self) -> f64x8 {
        self.not_positive
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Matrices, run};
    use super::*;

    const D: usize = 4;

    /// `log((I + M)/c) v` of eigenvalues `lane - 0.5, 4, 0.1, 0.2` along the coordinates, and the marks.
    fn applied(v: [f64; D], log_center: f64) -> ([[f64; 8]; D], u32) {
        let mut operator = Matrices::with_spectrum(D, |_, _| 0.0);
        for i in 0..D {
            operator.entries[i * D + i] =
                f64x8::new(core::array::from_fn(|lane| [lane as f64 - 1.5, 4.0, 0.1, 0.2][i]));
        }
        let mut logarithm = LanczosLogarithm::new(D).centered(splat(log_center));
        let (v, mut out) = (v.map(splat), [splat(9.0); D]);
        let len = LanczosLogarithm::scratch_len(D, D) + operator.shape().product;
        run(len, 1, |context| logarithm.apply(&operator, &v, &mut out, context)).unwrap();
        (out.map(f64x8::to_array), logarithm.not_positive().to_bitmask())
    }

    /// Fails if the logarithm of the basis is not turned back, the center is taken off another row, or a lane is
    /// marked that is positive definite: eigenvalues above 1 are not below -1, which lane 0 alone has.
    #[test]
    fn diagonal_matrices_by_hand() {
        for log_center in [0.0, 0.7] {
            let v = [1.0, -2.0, 0.5, 3.0];
            let (out, marked) = applied(v, log_center);
            assert_eq!(marked, 1);
            for lane in 1..8 {
                for i in 0..D {
                    let eigenvalue = [lane as f64 - 1.5, 4.0, 0.1, 0.2][i];
                    let expected = (libm::log1p(eigenvalue) - log_center) * v[i];
                    assert!((out[i][lane] - expected).abs() < 1e-12, "{lane} {i} {expected}");
                }
            }
            assert!(out.iter().all(|entry| entry[0].is_nan()));
        }
    }
}

//! Eigenvalues of one small symmetric tridiagonal matrix, and as many rows of its eigenvectors as
//! asked for: Golub & Welsch (Calculation of Gauss quadrature rules, Math. Comp. 23, 1969).
//!
//! Implicit QL with Wilkinson's shift. The rotations act on the columns of the rows carried along:
//! the first row alone gives the weights of a Gauss rule, `tau_j^2`; all rows the eigenvectors.

use super::matrix::RowMajor;
use crate::simd::{f64x8, lane_of};

/// Largest order.
pub(crate) const MAX_ORDER: usize = 64;

/// Iterations per eigenvalue; two or three are usual.
const MAX_ITERATIONS: usize = 60;

/// A symmetric tridiagonal matrix `T` in stack memory.
#[derive(Debug, Clone)]
pub(crate) struct Tridiagonal {
    order: usize,
    diagonal: [f64; MAX_ORDER],
    /// Entry `j` couples rows `j` and `j + 1`.
    off: [f64; MAX_ORDER],
}

impl Tridiagonal {
    /// The leading block of `order` rows (at most [`MAX_ORDER`]) of one lane of `alpha`, `beta`.
    pub(crate) fn of_lane(alpha: &[f64x8], beta: &[f64x8], lane: usize, order: usize) -> Self {
        let order = order.min(alpha.len()).min(MAX_ORDER);
        let mut matrix = Self { order, diagonal: [0.0; MAX_ORDER], off: [0.0; MAX_ORDER] };
        for (entry, &alpha) in matrix.diagonal.iter_mut().zip(alpha).take(order) {
            *entry = lane_of(alpha, lane);
        }
        for (entry, &beta) in matrix.off.iter_mut().zip(beta).take(order.saturating_sub(1)) {
            *entry = lane_of(beta, lane);
        }
        matrix
    }

    /// The number of rows.
    pub(crate) fn order(&self) -> usize {
        self.order
    }

    /// `rows <- rows Q` for `T = Q diag(l) Q^T`, `rows` `[any x order]`; returns `l`, of which the
    /// first `order` entries count, in no order. All are NaN without convergence.
    pub(crate) fn decompose(mut self, rows: &mut [f64]) -> [f64; MAX_ORDER] {
        let n = self.order;
        let finite = self.diagonal.iter().chain(&self.off).all(|entry| entry.is_finite());
        if !finite || !(0..n).all(|l| self.isolate(l, rows)) {
            rows.fill(f64::NAN);
            return [f64::NAN; MAX_ORDER];
        }
        self.diagonal
    }

    /// The Gauss rule of `T`: nodes and weights, of which the first `order` count.
    pub(crate) fn gauss_rule(self) -> ([f64; MAX_ORDER], [f64; MAX_ORDER]) {
        let n = self.order;
        let mut first = [0.0; MAX_ORDER];
        if let Some(entry) = first.first_mut() {
            *entry = 1.0;
        }
        let nodes = self.decompose(first.get_mut(..n).unwrap_or(&mut []));
        (nodes, first.map(|tau| tau * tau))
    }

    /// Iterates until row `l` is on its own.
    fn isolate(&mut self, l: usize, rows: &mut [f64]) -> bool {
        for _ in 0..MAX_ITERATIONS {
            let m = self.end_of_block(l);
            if m == l {
                return true;
            }
            self.iterate(l, m, rows);
        }
        false
    }

    /// The last row of the block that starts at row `l`.
    fn end_of_block(&self, l: usize) -> usize {
        let last = self.order.saturating_sub(1);
        (l..last)
            .find(|&m| {
                let size = at(&self.diagonal, m).abs() + at(&self.diagonal, m + 1).abs();
                at(&self.off, m).abs() <= f64::EPSILON * size
            })
            .unwrap_or(last)
    }

    /// One implicit QL iteration on rows `l` to `m`.
    fn iterate(&mut self, l: usize, m: usize, rows: &mut [f64]) {
        let (d, e) = (&mut self.diagonal, &mut self.off);
        let ratio = (at(d, l + 1) - at(d, l)) / (2.0 * at(e, l));
        let root = libm::copysign(libm::hypot(ratio, 1.0), ratio);
        let mut g = at(d, m) - at(d, l) + at(e, l) / (ratio + root);
        let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
        for i in (l..m).rev() {
            let (f, b) = (sine * at(e, i), cosine * at(e, i));
            let r = libm::hypot(f, g);
            set(e, i + 1, r);
            if r == 0.0 {
                // The block splits by itself.
                let split = at(d, i + 1) - p;
                set(d, i + 1, split);
                set(e, m, 0.0);
                return;
            }
            (sine, cosine) = (f / r, g / r);
            g = at(d, i + 1) - p;
            let r = (at(d, i) - g) * sine + 2.0 * cosine * b;
            p = sine * r;
            set(d, i + 1, g + p);
            g = cosine * r - b;
            for row in rows.rows_mut(self.order) {
                if let Some([a, b, ..]) = row.get_mut(i..) {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                }
            }
        }
        let first = at(d, l) - p;
        set(d, l, first);
        set(e, l, g);
        set(e, m, 0.0);
    }
}

fn at(entries: &[f64], i: usize) -> f64 {
    entries.get(i).copied().unwrap_or(0.0)
}

fn set(entries: &mut [f64], i: usize, value: f64) {
    if let Some(entry) = entries.get_mut(i) {
        *entry = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    fn matrix(alpha: &[f64], beta: &[f64]) -> Tridiagonal {
        let mut lanes = ([f64x8::ZERO; MAX_ORDER], [f64x8::ZERO; MAX_ORDER]);
        for (lanes, &value) in lanes.0.iter_mut().zip(alpha) {
            *lanes = splat(value);
        }
        for (lanes, &value) in lanes.1.iter_mut().zip(beta) {
            *lanes = splat(value);
        }
        Tridiagonal::of_lane(&lanes.0, &lanes.1, 3, alpha.len())
    }

    /// Fails if a rotation has a wrong sign, columns of the rows are swapped, or a split block (the
    /// zero) or equal entries stop the iteration: `Q diag(l) Q^T` must give `T` back.
    #[test]
    fn reconstructs() {
        const N: usize = 7;
        let alpha = [2.0, -1.0, 0.5, 0.5, 3.0, 3.0, -0.25];
        let beta = [0.7, 1e-3, 2.0, 0.0, 1.0, 0.3];
        let mut q = [0.0; N * N];
        q.diagonal_mut(N).for_each(|entry| *entry = 1.0);
        let l = matrix(&alpha, &beta).decompose(&mut q);
        for i in 0..N {
            for j in 0..N {
                let entry: f64 = (0..N).map(|e| q[i * N + e] * l[e] * q[j * N + e]).sum();
                let truth = match i.abs_diff(j) {
                    0 => alpha[i],
                    1 => beta[i.min(j)],
                    _ => 0.0,
                };
                assert!((entry - truth).abs() < 1e-14, "{i} {j}: {entry} {truth}");
            }
        }
    }

    /// Fails if nodes and weights do not belong together: the rule of Legendre's polynomials
    /// (`beta_j = j/sqrt(4 j^2 - 1)`) integrates powers up to `2 n - 1` exactly, to `1/(k + 1)` for
    /// even `k`, and not the next.
    #[test]
    fn gauss_legendre_is_exact() {
        for n in [1, 2, 5, 32, MAX_ORDER] {
            let beta: [f64; MAX_ORDER] = core::array::from_fn(|j| {
                let j = j as f64 + 1.0;
                j / libm::sqrt(4.0 * j * j - 1.0)
            });
            let rule = matrix(&[0.0; MAX_ORDER][..n], &beta[..n - 1]);
            assert_eq!(rule.order(), n);
            let (nodes, weights) = rule.gauss_rule();
            let moment = |k: usize| -> f64 {
                let points = nodes.iter().zip(&weights).take(n);
                points.map(|(&x, &w)| w * libm::pow(x, k as f64)).sum()
            };
            for k in 0..2 * n {
                let truth = if k % 2 == 0 { 1.0 / (k as f64 + 1.0) } else { 0.0 };
                assert!((moment(k) - truth).abs() < 2e-14, "{n} {k}");
            }
            assert!(n > 5 || (moment(2 * n) - 1.0 / (2.0 * n as f64 + 1.0)).abs() > 1e-4);
        }
    }

    /// Fails if a matrix that is not finite loops, or is decomposed into numbers.
    #[test]
    fn not_finite_is_nan() {
        let (nodes, weights) = matrix(&[1.0, 2.0], &[f64::NAN]).gauss_rule();
        assert!(nodes[..2].iter().chain(&weights[..2]).all(|x| x.is_nan()));
    }
}

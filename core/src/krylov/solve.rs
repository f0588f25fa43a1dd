//! Linear systems `(I + M) x = b` by the solver that fits the operator.

use super::conjugate_gradients::{conjugate_gradients, conjugate_gradients_scratch_len};
use super::gmres::{gmres, gmres_scratch_len};
use super::{LinearOperator, OperatorShape};
use crate::error::Result;
use crate::point::Context;
use crate::simd::f64x8;

/// How a linear solver ended, lane by lane.
#[derive(Debug, Clone, Copy)]
pub struct Solution {
    /// `|b - (I + M) x| / |b|`; 0 for `b = 0`.
    pub residual: f64x8,
    /// Mask of the lanes in which `I + M` was seen not to be positive definite (conjugate gradients).
    pub indefinite: f64x8,
}

/// Workspace, in vectors, of [`solve`] with so many iterations, that of the product included.
pub fn solve_scratch_len(shape: OperatorShape, symmetric: bool, iterations: usize) -> usize {
    let own = if symmetric {
        conjugate_gradients_scratch_len(shape.dim)
    } else {
        gmres_scratch_len(shape.dim, iterations)
    };
    own + shape.product
}

/// Solves `(I + M) x = b`, `[d]`: conjugate gradients for a symmetric `M`, GMRES for others.
///
/// `limits` are the most iterations, one product each, and the residual beside `|b|` to stop at.
///
/// # Errors
/// Wrong lengths, a short workspace, and those of the operator.
pub fn solve(
    operator: &dyn LinearOperator,
    b: &[f64x8],
    x: &mut [f64x8],
    limits: (usize, f64),
    context: Context<'_>,
) -> Result<Solution> {
    if operator.is_symmetric() {
        conjugate_gradients(operator, b, x, limits, context)
    } else {
        gmres(operator, b, x, limits, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::RowMajor;
    use crate::point::Evaluations;
    use crate::rng::{Key, Purpose};
    use crate::scratch::Scratch;
    use crate::simd::{dot, splat};

    const D: usize = 6;

    /// A matrix a lane.
    struct Dense {
        entries: [f64x8; D * D],
        symmetric: bool,
    }

    impl LinearOperator for Dense {
        fn dim(&self) -> usize {
            D
        }
        fn scratch_len(&self) -> usize {
            0
        }
        fn is_symmetric(&self) -> bool {
            self.symmetric
        }
        fn apply_transposed(&self, _: &[f64x8], _: &mut [f64x8], _: Context<'_>) -> Result<()> {
            unreachable!("solvers need no transpose")
        }
        fn apply(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
            context.evaluations.hessian_product += 1;
            for (o, row) in out.iter_mut().zip(self.entries.rows(D)) {
                *o = dot(row, v);
            }
            Ok(())
        }
    }

    fn operator(symmetric: bool) -> Dense {
        let mut stream = Key::new(3, Purpose::User).stream();
        let mut entries = [f64x8::ZERO; D * D];
        stream.fill_normals(&mut entries);
        let random = entries;
        for i in 0..D {
            for j in 0..D {
                let (a, b) = (random[i * D + j], random[j * D + i]);
                // A random part of norm below one half of the identity plus a large outlier.
                let outlier = if i == 2 && j == 2 { 8.0 } else { 0.0 };
                let part = if symmetric { (a + b) * splat(0.08) } else { a * splat(0.15) };
                entries[i * D + j] = part + splat(outlier);
            }
        }
        Dense { entries, symmetric }
    }

    fn residual_of(dense: &Dense, iterations: usize) -> (Solution, f64, u64) {
        let mut stream = Key::new(4, Purpose::User).stream();
        let (mut b, mut x) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
        stream.fill_normals(&mut b);
        let shape = OperatorShape { dim: D, product: 0, rank: 0 };
        let room = solve_scratch_len(shape, dense.symmetric, iterations);
        let mut memory = [f64x8::ZERO; 256];
        let mut evaluations = Evaluations::default();
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory[..room]),
            evaluations: &mut evaluations,
        };
        let solution = solve(dense, &b, &mut x, (iterations, 1e-13), context).unwrap();
        let mut worst = 0.0_f64;
        for (i, row) in dense.entries.rows(D).enumerate() {
            let error = (dot(row, &x) + x[i] - b[i]).abs().to_array();
            worst = error.into_iter().fold(worst, f64::max);
        }
        (solution, worst, evaluations.hessian_product)
    }

    /// Fails if either solver has a wrong sign or index, or reports another residual than it leaves.
    #[test]
    fn solves_to_rounding_in_d_steps() {
        for symmetric in [true, false] {
            let dense = operator(symmetric);
            let (solution, worst, products) = residual_of(&dense, D + 2);
            assert!(worst < 1e-11, "{symmetric} {worst}");
            assert!(products <= D as u64 + 2);
            assert!(solution.residual.to_array().iter().all(|&r| r < 1e-11));
            assert_eq!(solution.indefinite.to_bitmask(), 0);
            let (short, worst, _) = residual_of(&dense, 2);
            let reported = short.residual.to_array().into_iter().fold(0.0, f64::max);
            assert!(reported > 1e-3 && worst > 1e-3, "{reported} {worst}");
        }
    }

    /// Fails if a matrix that is not positive definite is taken for one, or spoils its neighbours.
    #[test]
    fn an_indefinite_lane_is_marked_alone() {
        let mut dense = operator(true);
        let mut corner = dense.entries[0].to_array();
        corner[5] = -4.0;
        dense.entries[0] = f64x8::new(corner);
        let (solution, _, _) = residual_of(&dense, 12);
        assert_eq!(solution.indefinite.to_bitmask(), 1 << 5);
        let residuals = solution.residual.to_array();
        for (lane, residual) in residuals.into_iter().enumerate() {
            assert!((residual < 1e-11) == (lane != 5), "{lane} {residual}");
        }
    }

    /// Diagonal systems `I + M = diag(a)` with one pair of entries a lane.
    fn diagonal(pairs: [[f64; 2]; 8]) -> Dense {
        let mut dense = operator(true);
        dense.entries = [f64x8::ZERO; D * D];
        for i in 0..D {
            let entry = core::array::from_fn(|lane| pairs[lane].get(i).copied().unwrap_or(1.0));
            dense.entries[i * D + i] = f64x8::new(entry) - splat(1.0);
        }
        dense
    }

    /// Fails if a lane that is not positive definite at once does not keep `b`, one that is seen later does not
    /// keep its last step, or the residual is not that of what was kept: by hand for `diag(-2, -1)` and for
    /// `diag(3, -1)`, `b = (2, 1)`, whose first step has length `5/11`.
    #[test]
    fn indefinite_lanes_keep_what_they_have() {
        let mut pairs = [[2.0, 4.0]; 8];
        (pairs[1], pairs[6]) = ([-2.0, -1.0], [3.0, -1.0]);
        let dense = diagonal(pairs);
        let mut b = [f64x8::ZERO; D];
        (b[0], b[1]) = (splat(2.0), splat(1.0));
        let (mut x, mut memory) = ([splat(9.0); D], [splat(f64::NAN); 3 * D]);
        let (mut stream, mut evaluations) =
            (Key::new(4, Purpose::User).stream(), Evaluations::default());
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        let solution = solve(&dense, &b, &mut x, (9, 1e-13), context).unwrap();
        assert_eq!(solution.indefinite.to_bitmask(), 1 << 1 | 1 << 6);
        let (first, second) = (x[0].to_array(), x[1].to_array());
        assert_eq!((first[1], second[1]), (2.0, 1.0));
        for (found, expected) in [
            (first[6], 10.0 / 11.0),
            (second[6], 5.0 / 11.0),
            (first[0], 1.0),
            (second[0], 0.25),
            // b - A x = (2 - 30/11, 1 + 5/11) beside |b|.
            (solution.residual.to_array()[6], libm::sqrt(64.0 + 256.0) / 11.0 / libm::sqrt(5.0)),
            (solution.residual.to_array()[1], 1.0),
        ] {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }
}

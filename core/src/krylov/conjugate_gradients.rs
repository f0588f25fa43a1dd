//! `(I + M) x = b` for a symmetric positive definite `I + M`, by conjugate gradients (Hestenes & Stiefel
//! 1952): one product an iteration, three vectors of workspace.
//!
//! A lane in which some `p^T (I + M) p <= 0` is not positive definite: it stops there, is marked, and
//! keeps what it has (at least `b` itself).

use super::{LinearOperator, Solution};
use crate::error::{Result, check_len};
use crate::point::Context;
use crate::simd::blocks::{add_product, dot};
use crate::simd::{copy, f64x8, greater, less_equal, select, splat};

/// Workspace, in vectors, besides that of one product.
pub(super) const fn conjugate_gradients_scratch_len(d: usize) -> usize {
    3 * d
}

/// Solves `(I + M) x = b`, `[d]`, to `|r| <= tolerance |b|` or for `iterations` products.
///
/// # Errors
/// Wrong lengths, a short workspace, and those of the operator.
pub(super) fn conjugate_gradients(
    operator: &dyn LinearOperator,
    b: &[f64x8],
    x: &mut [f64x8],
    (iterations, tolerance): (usize, f64),
    mut context: Context<'_>,
) -> Result<Solution> {
    let d = operator.dim();
    check_len("b", d, b.len())?;
    check_len("x", d, x.len())?;
    let (residual, direction) = (context.scratch.take(d)?, context.scratch.take(d)?);
    let product = context.scratch.take(d)?;
    copy(residual, b);
    copy(direction, b);
    x.fill(f64x8::ZERO);
    let start = dot(b, b);
    let goal = splat(tolerance * tolerance) * start;
    let mut square = start;
    let mut indefinite = f64x8::ZERO;
    for iteration in 0..iterations {
        let active = greater(square, goal) & !indefinite;
        if active.to_bitmask() == 0 {
            break;
        }
        operator.apply(direction, product, context.reborrow())?;
        for (p, &v) in product.iter_mut().zip(&*direction) {
            *p += v;
        }
        let curvature = dot(direction, product);
        let bent = active & less_equal(curvature, f64x8::ZERO);
        indefinite |= bent;
        if iteration == 0 {
            // Nothing better is known in a lane that fails at once.
            for (x, &b) in x.iter_mut().zip(b) {
                *x = select(bent, b, *x);
            }
        }
        let moves = active & !bent;
        let length = select(moves, square / curvature, f64x8::ZERO);
        add_product(x, length, direction);
        add_product(residual, -length, product);
        let next = dot(residual, residual);
        let ratio = select(moves, next / square, f64x8::ZERO);
        for (v, &r) in direction.iter_mut().zip(&*residual) {
            *v = select(moves, ratio.mul_add(*v, r), *v);
        }
        square = select(moves, next, square);
    }
    let relative = (square / start).sqrt();
    Ok(Solution { residual: select(greater(start, f64x8::ZERO), relative, start), indefinite })
}

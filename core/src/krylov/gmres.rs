//! `(I + M) x = b` for any `M`, by GMRES without restarts (Saad & Schultz 1986): the `x` of
//! `span(b, M b, ..)` with the smallest residual, from the Arnoldi basis `Q` and a QR factorization of
//! the Hessenberg matrix by Givens rotations, one product an iteration.

use super::{LinearOperator, Solution};
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;
use crate::point::Context;
use crate::simd::blocks::{add_product, dot, remove_along};
use crate::simd::{f64x8, greater, less_equal, reciprocal_or_zero, select, splat};

/// Workspace, in vectors, besides that of one product.
pub(super) const fn gmres_scratch_len(d: usize, iterations: usize) -> usize {
    (iterations + 1) * d + iterations * (iterations + 1) + 4 * iterations + 1
}

/// Solves `(I + M) x = b`, `[d]`, to `|r| <= tolerance |b|` or for `iterations` products.
///
/// # Errors
/// Wrong lengths, a short workspace, and those of the operator.
pub(super) fn gmres(
    operator: &dyn LinearOperator,
    b: &[f64x8],
    x: &mut [f64x8],
    (iterations, tolerance): (usize, f64),
    mut context: Context<'_>,
) -> Result<Solution> {
    let d = operator.dim();
    check_len("b", d, b.len())?;
    check_len("x", d, x.len())?;
    let basis = context.scratch.take((iterations + 1) * d)?;
    // Row `j`: column `j` of the Hessenberg matrix, entries `0..=j + 1`, turned into one of `R`.
    let width = iterations + 1;
    let columns = context.scratch.take(iterations * width)?;
    let (cosines, sines) = (context.scratch.take(iterations)?, context.scratch.take(iterations)?);
    let right = context.scratch.take(iterations + 1)?;
    let weights = context.scratch.take(iterations)?;
    x.fill(f64x8::ZERO);
    columns.fill(f64x8::ZERO);
    right.fill(f64x8::ZERO);
    weights.fill(f64x8::ZERO);
    let norm = dot(b, b).sqrt();
    let inverse = reciprocal_or_zero(norm);
    for (q, &b) in basis.iter_mut().zip(b) {
        *q = inverse * b;
    }
    if let Some(first) = right.first_mut() {
        *first = norm;
    }
    let goal = splat(tolerance) * norm;
    let mut residual = norm;
    let mut used = 0;
    for (j, column) in columns.rows_mut(width).enumerate() {
        if greater(residual, goal).to_bitmask() == 0 {
            break;
        }
        let Some((done, rest)) = basis.split_at_mut_checked((j + 1) * d) else { break };
        let Some((next, _)) = rest.split_at_mut_checked(d) else { break };
        let last = done.rows(d).next_back().unwrap_or(&[]);
        operator.apply(last, next, context.reborrow())?;
        for (w, &q) in next.iter_mut().zip(last) {
            *w += q;
        }
        for _ in 0..2 {
            for (entry, q) in column.iter_mut().zip(done.rows(d)) {
                *entry += remove_along(q, next);
            }
        }
        let length = dot(next, next).sqrt();
        let inverse = reciprocal_or_zero(length);
        for w in next.iter_mut() {
            *w *= inverse;
        }
        if let Some(entry) = column.get_mut(j + 1) {
            *entry = length;
        }
        // The rotations of earlier columns, then the one that removes the entry below the diagonal.
        for (i, (&cosine, &sine)) in cosines.iter().zip(&*sines).enumerate().take(j) {
            rotate(column, i, cosine, sine);
        }
        let (above, below) = pair(column, j);
        let radius = (above * above + below * below).sqrt();
        let none = less_equal(radius, f64x8::ZERO);
        let cosine = select(none, splat(1.0), above / radius);
        let sine = select(none, f64x8::ZERO, below / radius);
        rotate(column, j, cosine, sine);
        rotate(right, j, cosine, sine);
        if let (Some(c), Some(s)) = (cosines.get_mut(j), sines.get_mut(j)) {
            (*c, *s) = (cosine, sine);
        }
        residual = pair(right, j).1.abs();
        used = j + 1;
    }
    // R weights = right, from the last row up; a vanishing pivot adds nothing.
    for j in (0..used).rev() {
        let mut sum = right.get(j).copied().unwrap_or(f64x8::ZERO);
        for (column, &weight) in columns.rows(width).zip(&*weights).take(used).skip(j + 1) {
            let entry = column.get(j).copied().unwrap_or(f64x8::ZERO);
            sum = (-entry).mul_add(weight, sum);
        }
        let pivot = columns.rows(width).nth(j).and_then(|column| column.get(j)).copied();
        let pivot = pivot.unwrap_or(f64x8::ZERO);
        let vanishes = less_equal(pivot.abs(), splat(f64::MIN_POSITIVE));
        if let Some(weight) = weights.get_mut(j) {
            *weight = select(vanishes, f64x8::ZERO, sum / pivot);
        }
    }
    for (&weight, q) in weights.iter().zip(basis.rows(d)).take(used) {
        add_product(x, weight, q);
    }
    let relative = select(greater(norm, f64x8::ZERO), residual / norm, norm);
    Ok(Solution { residual: relative, indefinite: f64x8::ZERO })
}

/// Entries `i` and `i + 1`.
fn pair(column: &[f64x8], i: usize) -> (f64x8, f64x8) {
    let at = |i: usize| column.get(i).copied().unwrap_or(f64x8::ZERO);
    (at(i), at(i + 1))
}

/// `(x_i, x_{i+1}) <- (c x_i + s x_{i+1}, -s x_i + c x_{i+1})`.
fn rotate(column: &mut [f64x8], i: usize, cosine: f64x8, sine: f64x8) {
    if let Some([above, below]) = column.get_mut(i..).and_then(|rest| rest.first_chunk_mut::<2>()) {
        (*above, *below) =
            (cosine.mul_add(*above, sine * *below), cosine.mul_add(*below, -(sine * *above)));
    }
}

//! Eigendecomposition of one symmetric matrix by cyclic Jacobi rotations.
//!
//! Each rotation annihilates one off-diagonal entry; sweeps repeat until the off-diagonal part is
//! zero to rounding (quadratic convergence, 5-10 sweeps). Slower than a tridiagonal method for
//! large matrices but done once per covariance, allocation-free, and small eigenvalues keep
//! their relative accuracy.

use super::matrix::RowMajor;
use crate::error::{Error, Result, check_len};

const MAX_SWEEPS: usize = 60;

/// Decomposes `A = Q diag(l) Q^T`.
///
/// `matrix` `[n x n]` is overwritten; `eigenvalues` `[n]`; row `i` of `eigenvectors` `[n x n]` is the
/// unit eigenvector of eigenvalue `i`. The order of eigenvalues is unspecified.
///
/// # Errors
/// Wrong lengths, entries that are not finite, a matrix that is not symmetric to `1e-10` of its
/// largest entry, no convergence.
pub fn symmetric_eigen(
    matrix: &mut [f64],
    eigenvalues: &mut [f64],
    eigenvectors: &mut [f64],
) -> Result<()> {
    let n = eigenvalues.len();
    check_len("matrix", n.saturating_mul(n), matrix.len())?;
    check_len("eigenvectors", n.saturating_mul(n), eigenvectors.len())?;
    check_symmetric(n, matrix)?;
    eigenvectors.fill(0.0);
    eigenvectors.diagonal_mut(n).for_each(|entry| *entry = 1.0);
    let mut off = f64::INFINITY;
    for _ in 0..MAX_SWEEPS {
        off = sweep(n, matrix, eigenvectors);
        if off == 0.0 {
            break;
        }
    }
    if off != 0.0 {
        return Err(Error::NotConverged {
            what: "Jacobi eigendecomposition",
            iterations: MAX_SWEEPS,
        });
    }
    for (l, entry) in eigenvalues.iter_mut().zip(matrix.diagonal(n)) {
        *l = *entry;
    }
    Ok(())
}

fn check_symmetric(n: usize, matrix: &[f64]) -> Result<()> {
    if let Some(index) = matrix.iter().position(|a| !a.is_finite()) {
        return Err(Error::NotFinite { what: "matrix", index });
    }
    let largest = matrix.iter().fold(0.0_f64, |max, a| max.max(a.abs()));
    for i in 0..n {
        for j in 0..i {
            if (at(matrix, n, i, j) - at(matrix, n, j, i)).abs() > 1e-10 * largest {
                return Err(Error::NotSymmetric { row: i, column: j });
            }
        }
    }
    Ok(())
}

/// Rotates every pair once; returns the largest off-diagonal entry that was not negligible.
fn sweep(n: usize, matrix: &mut [f64], eigenvectors: &mut [f64]) -> f64 {
    let mut largest = 0.0_f64;
    for p in 0..n {
        for q in p + 1..n {
            let (a_pp, a_qq) = (at(matrix, n, p, p), at(matrix, n, q, q));
            let a_pq = 0.5 * (at(matrix, n, p, q) + at(matrix, n, q, p));
            let negligible = 0.5 * f64::EPSILON * libm::sqrt((a_pp * a_qq).abs());
            if a_pq.abs() <= negligible || a_pq == 0.0 {
                set(matrix, n, p, q, 0.0);
                set(matrix, n, q, p, 0.0);
                continue;
            }
            largest = largest.max(a_pq.abs());
            let theta = (a_qq - a_pp) / (2.0 * a_pq);
            let tangent = libm::copysign(1.0, theta) / (theta.abs() + libm::hypot(theta, 1.0));
            let cosine = 1.0 / libm::hypot(tangent, 1.0);
            let sine = tangent * cosine;
            rotate_columns(n, matrix, p, q, sine, cosine);
            rotate_rows(n, matrix, p, q, sine, cosine);
            set(matrix, n, p, p, a_pp - tangent * a_pq);
            set(matrix, n, q, q, a_qq + tangent * a_pq);
            set(matrix, n, p, q, 0.0);
            set(matrix, n, q, p, 0.0);
            rotate_rows(n, eigenvectors, p, q, sine, cosine);
        }
    }
    largest
}

/// `(row_p, row_q) <- (c row_p - s row_q, s row_p + c row_q)`.
fn rotate_rows(n: usize, matrix: &mut [f64], p: usize, q: usize, sine: f64, cosine: f64) {
    let Some((upper, lower)) = matrix.split_at_mut_checked(q * n) else { return };
    let Some(row_p) = upper.get_mut(p * n..(p + 1) * n) else { return };
    for (a, b) in row_p.iter_mut().zip(lower) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// The same for columns.
fn rotate_columns(n: usize, matrix: &mut [f64], p: usize, q: usize, sine: f64, cosine: f64) {
    for row in matrix.rows_mut(n) {
        if let Ok([a, b]) = row.get_disjoint_mut([p, q]) {
            (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
        }
    }
}

fn at(matrix: &[f64], n: usize, i: usize, j: usize) -> f64 {
    matrix.get(i * n + j).copied().unwrap_or(0.0)
}

fn set(matrix: &mut [f64], n: usize, i: usize, j: usize, value: f64) {
    if let Some(entry) = matrix.get_mut(i * n + j) {
        *entry = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a rotation has a wrong sign (no convergence or a wrong product) or rows and
    /// columns of the eigenvectors are swapped.
    #[test]
    fn reconstructs_an_ill_conditioned_matrix() {
        const N: usize = 6;
        let mut a = [0.0; N * N];
        for i in 0..N {
            for j in 0..N {
                // A Hilbert matrix with an asymmetric diagonal: condition about 1e7.
                a[i * N + j] = 1.0 / (i + j + 1) as f64 + if i == j { 0.1 * i as f64 } else { 0.0 };
            }
        }
        let original = a;
        let (mut l, mut q) = ([0.0; N], [0.0; N * N]);
        symmetric_eigen(&mut a, &mut l, &mut q).unwrap();
        for i in 0..N {
            for j in 0..N {
                let sum: f64 = (0..N).map(|e| q[e * N + i] * l[e] * q[e * N + j]).sum();
                assert!((sum - original[i * N + j]).abs() < 1e-15);
                let dot: f64 = (0..N).map(|e| q[i * N + e] * q[j * N + e]).sum();
                assert!((dot - if i == j { 1.0 } else { 0.0 }).abs() < 1e-14);
            }
        }
    }

    /// Fails if asymmetric or non-finite input is accepted.
    #[test]
    fn bad_matrices() {
        let (mut l, mut q) = ([0.0; 2], [0.0; 4]);
        assert_eq!(
            symmetric_eigen(&mut [1.0, 0.5, 0.4, 1.0], &mut l, &mut q),
            Err(Error::NotSymmetric { row: 1, column: 0 })
        );
        assert!(symmetric_eigen(&mut [1.0, f64::NAN, 0.0, 1.0], &mut l, &mut q).is_err());
        assert!(symmetric_eigen(&mut [1.0; 3], &mut l, &mut q).is_err());
    }

    /// Fails if singular matrices do not converge, or zeros of the diagonal stop the search.
    #[test]
    fn singular_matrices() {
        for (matrix, expected) in [
            ([1.0, 2.0, 0.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 5.0]),
            ([0.0, 3.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0], [-3.0, 0.0, 3.0]),
            ([0.1, 0.7, 0.3, 0.7, 4.9, 2.1, 0.3, 2.1, 0.9], [0.0, 0.0, 5.9]),
        ] {
            let (mut l, mut q) = ([0.0; 3], [0.0; 9]);
            symmetric_eigen(&mut matrix.clone(), &mut l, &mut q).unwrap();
            l.sort_by(f64::total_cmp);
            for (found, expected) in l.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-14, "{found} {expected}");
            }
        }
    }
}

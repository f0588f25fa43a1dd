//! Cholesky factorization of eight matrices side by side.
//!
//! `A = L L^T`, row by row, each inner product a dot product of two rows of `L`. A lane whose
//! matrix is not positive definite gets NaN in its factor and in everything derived from it;
//! the other lanes are not affected.

use super::matrix::RowMajor;
use crate::error::{Result, check_len};
use crate::simd::{Lanes, dot, f64x8, ln};

/// The factor `L` of eight `n x n` matrices, in caller-owned storage `[n x n]`, row-major.
#[derive(Debug)]
pub struct Cholesky<'a, V = f64x8> {
    n: usize,
    /// Lower triangle of `L`; the diagonal holds `1 / L_ii`.
    factor: &'a [V],
}

impl<'a, V: Lanes> Cholesky<'a, V> {
    /// Factors the matrices whose lower triangles are in `matrix` `[n x n]`, in place.
    ///
    /// # Errors
    /// A slice that is not `[n x n]`.
    #[inline(always)]
    pub fn factor(n: usize, matrix: &'a mut [V]) -> Result<Self> {
        check_len("matrix", n.saturating_mul(n), matrix.len())?;
        for i in 0..n {
            let Some((above, rest)) = matrix.split_at_mut_checked(i * n) else { break };
            let Some((row, _)) = rest.split_at_mut_checked(n) else { break };
            for (j, other) in above.rows(n).enumerate() {
                let Some((done, entry, inverse)) = entry_of(row, other, j) else { break };
                *entry = (*entry - dot(done, other)) * inverse;
            }
            if let Some((done, [pivot, ..])) = row.split_at_mut_checked(i) {
                *pivot = V::splat(1.0) / (*pivot - dot(done, done)).sqrt();
            }
        }
        Ok(Self { n, factor: matrix })
    }

    /// `log det A`.
    #[inline(always)]
    pub fn log_determinant(&self) -> V {
        // The diagonal holds reciprocals: log det A = -2 sum log(1 / L_ii).
        let mut sum = V::zero();
        for &entry in self.factor.diagonal(self.n) {
            sum += ln(entry);
        }
        V::splat(-2.0) * sum
    }

    /// `x <- L^-1 x`, `[n]`: then `|x|^2` is the squared Mahalanobis norm.
    #[inline(always)]
    pub fn solve_lower(&self, x: &mut [V]) {
        for (i, row) in self.factor.rows(self.n).enumerate() {
            let Some((done, [entry, ..])) = x.split_at_mut_checked(i) else { break };
            let inverse = row.get(i).copied().unwrap_or(V::zero());
            *entry = (*entry - dot(done, row)) * inverse;
        }
    }

    /// `x <- L^-T x`, `[n]`: after [`Self::solve_lower`] this completes `A^-1 x`.
    #[inline(always)]
    pub fn solve_upper(&self, x: &mut [V]) {
        for (i, row) in self.factor.rows(self.n).enumerate().rev() {
            let Some((above, [entry, ..])) = x.split_at_mut_checked(i) else { continue };
            *entry *= row.get(i).copied().unwrap_or(V::zero());
            for (x, &l) in above.iter_mut().zip(row) {
                *x = (-*entry).mul_add(l, *x);
            }
        }
    }

    /// `out = L z`, `[n]`: standard normals become normals of covariance `A`.
    #[inline(always)]
    pub fn multiply_lower(&self, z: &[V], out: &mut [V]) {
        let rows = self.factor.rows(self.n);
        for (i, ((o, row), &z_i)) in out.iter_mut().zip(rows).zip(z).enumerate() {
            let (below, inverse) = (row.get(..i).unwrap_or(&[]), row.get(i));
            let pivot = V::splat(1.0) / inverse.copied().unwrap_or(V::zero());
            *o = pivot.mul_add(z_i, dot(below, z));
        }
    }
}

/// Splits row `i` of the matrix at column `j`: the finished entries, the entry, and `1 / L_jj`.
#[inline(always)]
fn entry_of<'r, V: Lanes>(
    row: &'r mut [V],
    other: &[V],
    j: usize,
) -> Option<(&'r [V], &'r mut V, V)> {
    let (done, rest) = row.split_at_mut_checked(j)?;
    Some((done, rest.first_mut()?, *other.get(j)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    /// Fails if an index or a sign in the factorization or a triangular product is wrong, and if a
    /// lane that is not positive definite spoils its neighbours.
    #[test]
    fn factor_solve_multiply() {
        let a = [[4.0, 2.0, -1.0], [2.0, 5.0, 0.5], [-1.0, 0.5, 3.0]];
        let mut storage = [f64x8::ZERO; 9];
        for (i, row) in a.iter().enumerate() {
            for (j, &entry) in row.iter().enumerate() {
                let mut lanes = [entry; 8];
                lanes[3] = if i == j { -1.0 } else { 0.0 };
                storage[3 * i + j] = f64x8::new(lanes);
            }
        }
        let cholesky = Cholesky::factor(3, &mut storage).unwrap();
        let determinant: f64 = 4.0 * (15.0 - 0.25) - 2.0 * (6.0 + 0.5) - (1.0 + 5.0);
        let log_determinant = cholesky.log_determinant().to_array();
        assert!((log_determinant[0] - libm::log(determinant)).abs() < 1e-14);
        assert!(log_determinant[3].is_nan());

        // L (L^-1 x) = x, and |L^-1 x|^2 = x^T A^-1 x = A_22 for x = A e_2.
        let x = [2.0, 5.0, 0.5].map(splat);
        let (mut solved, mut back) = (x, [f64x8::ZERO; 3]);
        cholesky.solve_lower(&mut solved);
        assert!((dot(&solved, &solved).to_array()[1] - 5.0).abs() < 1e-14);
        // A^-1 x = e_2 for x the second row of A.
        let mut unit = solved;
        cholesky.solve_upper(&mut unit);
        for (i, u) in unit.iter().enumerate() {
            assert!((u.to_array()[2] - if i == 1 { 1.0 } else { 0.0 }).abs() < 1e-15);
        }
        cholesky.multiply_lower(&solved, &mut back);
        for (b, x) in back.iter().zip(&x) {
            assert!((b.to_array()[5] - x.to_array()[5]).abs() < 1e-14);
        }
    }
}

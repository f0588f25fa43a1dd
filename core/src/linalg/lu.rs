//! Determinants by LU factorization with partial pivoting, eight matrices side by side.
//!
//! `P A = L U`: column by column the entry of largest size becomes the pivot, and `log|det A|` is the
//! sum of the logarithms of the pivots. Lanes choose their pivots on their own: rows are swapped by
//! masks. A singular lane ends with a pivot of zero and a logarithm of `-inf`.

use super::matrix::RowMajor;
use crate::error::{Result, check_len};
use crate::simd::{equal, f64x8, greater, less, ln, select, splat};

/// LU factorization of eight `n x n` matrices.
#[derive(Debug)]
pub struct Lu;

impl Lu {
    /// `log|det A|` and the mask of the lanes with `det A < 0`; overwrites `matrix`, `[n x n]`
    /// row-major.
    ///
    /// # Errors
    /// A slice that is not `[n x n]`.
    pub fn log_abs_determinant(n: usize, matrix: &mut [f64x8]) -> Result<(f64x8, f64x8)> {
        check_len("matrix", n.saturating_mul(n), matrix.len())?;
        let (mut log_abs, mut sign) = (f64x8::ZERO, splat(1.0));
        for k in 0..n {
            let Some((_, rest)) = matrix.split_at_mut_checked(k * n) else { break };
            let Some((pivot_row, below)) = rest.split_at_mut_checked(n) else { break };
            sign *= bring_up_pivot(n, k, pivot_row, below);
            let Some((&pivot, pivot_tail)) = pivot_row.get(k..).and_then(<[f64x8]>::split_first)
            else {
                break;
            };
            log_abs += ln(pivot.abs());
            sign = select(less(pivot, f64x8::ZERO), -sign, sign);
            // Where the pivot is zero the whole column is, and there is nothing to eliminate.
            let singular = equal(pivot, f64x8::ZERO);
            let inverse = select(singular, f64x8::ZERO, splat(1.0) / pivot);
            for row in below.rows_mut(n) {
                let Some((head, tail)) = row.get_mut(k..).and_then(<[f64x8]>::split_first_mut)
                else {
                    break;
                };
                let factor = -*head * inverse;
                for (entry, &above) in tail.iter_mut().zip(pivot_tail) {
                    *entry = factor.mul_add(above, *entry);
                }
            }
        }
        Ok((log_abs, less(sign, f64x8::ZERO)))
    }
}

/// Swaps the row with the largest entry in column `k` up, lane by lane; returns the sign of the
/// permutation.
fn bring_up_pivot(n: usize, k: usize, top: &mut [f64x8], below: &mut [f64x8]) -> f64x8 {
    let mut largest = top.get(k).copied().unwrap_or(f64x8::ZERO).abs();
    let mut choice = splat(-1.0);
    for (i, row) in below.rows(n).enumerate() {
        let size = row.get(k).copied().unwrap_or(f64x8::ZERO).abs();
        let larger = greater(size, largest);
        largest = select(larger, size, largest);
        choice = select(larger, splat(i as f64), choice);
    }
    for (i, row) in below.rows_mut(n).enumerate() {
        let chosen = equal(choice, splat(i as f64));
        if chosen.to_bitmask() == 0 {
            continue;
        }
        for (a, b) in top.iter_mut().zip(row).skip(k) {
            (*a, *b) = (select(chosen, *b, *a), select(chosen, *a, *b));
        }
    }
    select(less(choice, f64x8::ZERO), splat(1.0), splat(-1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The determinant by cofactors: no code shared.
    fn determinant(n: usize, a: &[f64]) -> f64 {
        if n == 1 {
            return a[0];
        }
        let mut sum = 0.0;
        for column in 0..n {
            let minor: std::vec::Vec<f64> = (1..n)
                .flat_map(|i| (0..n).filter(move |&j| j != column).map(move |j| a[i * n + j]))
                .collect();
            let sign = if column % 2 == 0 { 1.0 } else { -1.0 };
            sum += sign * a[column] * determinant(n - 1, &minor);
        }
        sum
    }

    extern crate std;

    /// Fails if a swap forgets the sign, a lane follows its neighbour's pivots, or the elimination
    /// leaves out a row; lanes 0 to 4 are matrices of both signs that need swaps (a zero in the
    /// corner), lane 5 is singular, lane 6 has a NaN, lane 7 is the identity.
    #[test]
    fn determinants_of_both_signs() {
        const N: usize = 5;
        let mut lanes = [[0.0; N * N]; 8];
        for (lane, a) in lanes.iter_mut().enumerate() {
            for (index, entry) in a.iter_mut().enumerate() {
                *entry = libm::sin((3 * index + 17 * lane + index * index * (lane + 1)) as f64);
            }
            a[0] = if lane % 2 == 0 { 0.0 } else { 1e-3 };
        }
        // The last row is the sum of the first two.
        for j in 0..N {
            lanes[5][4 * N + j] = 0.0;
            lanes[7][j * N..(j + 1) * N].fill(0.0);
            lanes[7][j * N + j] = 1.0;
        }
        lanes[6][2 * N + 3] = f64::NAN;
        let mut matrix: [f64x8; N * N] =
            core::array::from_fn(|i| f64x8::new(core::array::from_fn(|lane| lanes[lane][i])));
        let (log_abs, negative) = Lu::log_abs_determinant(N, &mut matrix).unwrap();
        let log_abs = log_abs.to_array();
        let mut signs = [0; 2];
        for lane in 0..5 {
            let truth = determinant(N, &lanes[lane]);
            assert!((log_abs[lane] - libm::log(truth.abs())).abs() < 1e-12, "lane {lane}");
            assert_eq!(negative.to_bitmask() >> lane & 1 == 1, truth < 0.0, "lane {lane}");
            signs[usize::from(truth < 0.0)] += 1;
        }
        assert!(signs[0] > 0 && signs[1] > 0);
        assert_eq!(log_abs[5], f64::NEG_INFINITY);
        assert!(log_abs[6].is_nan());
        assert_eq!(log_abs[7], 0.0);
        assert!(Lu::log_abs_determinant(N, &mut matrix[1..]).is_err());
    }

    /// Fails if the first pivot that is not zero is taken: 1e-20 in the corner leaves no digit then.
    #[test]
    fn the_largest_pivot_is_taken() {
        let mut matrix = [1e-20, 1.0, 1.0, 2.0].map(splat);
        let (log_abs, negative) = Lu::log_abs_determinant(2, &mut matrix).unwrap();
        assert!(log_abs.to_array()[4].abs() < 1e-15 && negative.to_bitmask() == 0xff);
        let mut matrix = [1e-20, 1.0, 0.5, 1.0, 1.0, 0.25, 1.0, 2.0, 1.0].map(splat);
        let (log_abs, _) = Lu::log_abs_determinant(3, &mut matrix).unwrap();
        // 0.5 (2 - 1) - 1 (1 - 0.25) = -0.25
        assert!((log_abs.to_array()[0] - libm::log(0.25)).abs() < 1e-14);
    }
}

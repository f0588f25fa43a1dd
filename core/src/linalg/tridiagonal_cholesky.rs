//! Cholesky factors of symmetric tridiagonal matrices, eight side by side.
//!
//! With diagonal `a` and neighbours `b`: `A = L L^T`, `l_i = sqrt(a_i - m_{i-1}^2)`, `m_i = b_i / l_i`.

use crate::simd::{equal, f64x8, finite, greater, ln, select, splat};

/// `L` of eight matrices, in storage of the caller.
#[derive(Debug, Clone, Copy)]
pub struct TridiagonalCholesky<'a> {
    /// `l`, `[n]`.
    pivots: &'a [f64x8],
    /// `m`, `[n]`; the last is not used.
    below: &'a [f64x8],
}

impl<'a> TridiagonalCholesky<'a> {
    /// Factors the matrices with this diagonal `[n]` and these entries beside it (`[n]`, the last is
    /// not used), in place.
    ///
    /// Returns the mask of the lanes with a positive definite matrix too; the factor of the others
    /// is that of the identity.
    pub fn factor(diagonal: &'a mut [f64x8], beside: &'a mut [f64x8]) -> (Self, f64x8) {
        let mut positive = equal(f64x8::ZERO, f64x8::ZERO);
        let mut before = f64x8::ZERO;
        for (a, b) in diagonal.iter_mut().zip(beside.iter_mut()) {
            let square = (-before).mul_add(before, *a);
            positive &= greater(square, f64x8::ZERO) & finite(square);
            *a = square.sqrt();
            *b /= *a;
            before = *b;
        }
        for (pivot, below) in diagonal.iter_mut().zip(beside.iter_mut()) {
            *pivot = select(positive, *pivot, splat(1.0));
            *below = select(positive, *below, f64x8::ZERO);
        }
        (Self { pivots: diagonal, below: beside }, positive)
    }

    /// `log det A`.
    pub fn log_determinant(&self) -> f64x8 {
        splat(2.0) * self.pivots.iter().fold(f64x8::ZERO, |sum, &pivot| sum + ln(pivot))
    }

    /// `x <- L^-1 x`, `[n]`.
    pub fn solve_lower(&self, x: &mut [f64x8]) {
        let mut carried = f64x8::ZERO;
        for ((x, &pivot), &below) in x.iter_mut().zip(self.pivots).zip(self.below) {
            *x = (*x - carried) / pivot;
            carried = below * *x;
        }
    }

    /// `x <- L x`, `[n]`.
    pub fn multiply_lower(&self, x: &mut [f64x8]) {
        let mut carried = f64x8::ZERO;
        for ((x, &pivot), &below) in x.iter_mut().zip(self.pivots).zip(self.below) {
            let next = below * *x;
            *x = pivot.mul_add(*x, carried);
            carried = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 4;

    fn lanes(i: usize, a: f64, b: f64) -> f64x8 {
        f64x8::new(core::array::from_fn(|l| a + b * (l as f64 - 2.5) * (i as f64 - 1.3)))
    }

    fn matrix() -> ([f64x8; N], [f64x8; N]) {
        let diagonal = core::array::from_fn(|i| lanes(i, 1.0 + 0.4 * i as f64, 0.2));
        (diagonal, core::array::from_fn(|i| lanes(i, -0.3, 0.15)))
    }

    /// Fails if a neighbour is taken from the wrong row, the last coupling is read, or a lane that is
    /// not positive definite goes unnoticed, keeps its factor, or spoils another.
    #[test]
    fn factor_solve_multiply() {
        let (mut a, mut b) = (matrix().0.map(|a| a + splat(2.0)), matrix().1);
        a[2] = f64x8::new(core::array::from_fn(|l| if l == 6 { -1.0 } else { 3.0 + l as f64 }));
        b[1] = f64x8::new(core::array::from_fn(|l| if l == 1 { f64::NAN } else { 0.4 }));
        let (original_a, original_b) = (a, b);
        let (factor, positive) = TridiagonalCholesky::factor(&mut a, &mut b);
        assert_eq!(positive.to_bitmask(), 0b1011_1101);
        let z: [f64x8; N] = core::array::from_fn(|i| lanes(i, 0.7, -0.3));
        let mut x = z;
        factor.multiply_lower(&mut x);
        let mut back = x;
        factor.solve_lower(&mut back);
        // |L^T e|^2 over unit vectors: A = L L^T from products with the columns of L.
        let mut columns = [[f64x8::ZERO; N]; N];
        for (j, column) in columns.iter_mut().enumerate() {
            column[j] = splat(1.0);
            factor.multiply_lower(column);
        }
        for l in 0..8 {
            for i in 0..N {
                assert!((back[i] - z[i]).to_array()[l].abs() < 1e-14);
                for k in 0..=i {
                    let found: f64 =
                        columns.iter().map(|c| c[i].to_array()[l] * c[k].to_array()[l]).sum();
                    let expected = match (i - k, l) {
                        (0, 1 | 6) => 1.0,
                        (0, _) => original_a[i].to_array()[l],
                        (1, 0 | 2..=5 | 7) => original_b[k].to_array()[l],
                        _ => 0.0,
                    };
                    assert!((found - expected).abs() < 1e-14, "lane {l}: ({i}, {k})");
                }
            }
            let product: f64 = (0..N).map(|i| columns[i][i].to_array()[l]).product();
            let log_determinant = factor.log_determinant().to_array()[l];
            assert!((log_determinant - 2.0 * libm::log(product)).abs() < 1e-13);
        }
    }
}

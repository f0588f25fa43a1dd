//! Matrix products, and the only `unsafe` of the learned room: calls of a matrix-product library through pointers.
//!
//! Matrices are row-major slices. A product of the same shape gives the same bits whoever calls it: it runs on the
//! calling thread.

use gemm::Parallelism;

use super::Real;

/// A row-major matrix, perhaps to be read as its transpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// `[rows x columns]`.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        debug_assert_eq!(data.len(), rows * columns);
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Its transpose.
    pub(crate) fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// One past the last element that is read.
    fn extent(&self) -> usize {
        if self.rows == 0 || self.columns == 0 {
            return 0;
        }
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

/// `out = A B` or, accumulating, `out += A B`; `out` `[m x n]`, `A` `[m x k]`, `B` `[k x n]`.
///
/// # Panics
/// When shapes do not belong together: an error of this room.
pub(crate) fn multiply<T: Real>(
    out: &mut [T],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    accumulate: bool,
) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(b.rows, k, "inner dimensions");
    assert_eq!(out.len(), m * n, "size of the product");
    assert!(a.extent() <= a.data.len() && b.extent() <= b.data.len(), "matrices within slices");
    let one = T::from_f64(1.0);
    let keep = if accumulate { one } else { T::default() };
    let stride = |stride: usize| stride as isize;
    // SAFETY: every index i * row_stride + j * column_stride with i < rows, j < columns lies below
    // `extent`, which was checked against the slices; `out` has m * n elements at strides (n, 1), is borrowed
    // mutably, so it overlaps neither input; T is f32 or f64, the types the library dispatches on.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride(n),
            accumulate,
            a.data.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.data.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            keep,
            one,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if rows and columns, strides of a transpose, or overwriting and accumulating are mixed up.
    #[test]
    fn products_by_hand() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [1.0, -1.0, 0.5, 2.0, 0.0, 3.0];
        let (two_three, three_two) = (Matrix::new(&a, 2, 3), Matrix::new(&b, 3, 2));
        let mut out = [7.0; 4];
        multiply(&mut out, two_three, three_two, false);
        assert_eq!(out, [2.0, 12.0, 6.5, 24.0]);
        multiply(&mut out, two_three, three_two, true);
        assert_eq!(out, [4.0, 24.0, 13.0, 48.0]);
        let mut square = [0.0; 9];
        multiply(&mut square, two_three.transposed(), three_two.transposed(), false);
        assert_eq!(square, [-3.0, 8.5, 12.0, -3.0, 11.0, 15.0, -3.0, 13.5, 18.0]);
    }
}

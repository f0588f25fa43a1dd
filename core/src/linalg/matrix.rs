//! Rows and diagonals of row-major matrices in plain slices.

/// Views of a slice as a row-major matrix. A width of zero, which the constructors of this crate
/// exclude, is taken as one: views never panic.
pub(crate) trait RowMajor<T> {
    /// The rows of a matrix with `width` columns; a last incomplete row is left out.
    fn rows(&self, width: usize) -> core::slice::ChunksExact<'_, T>;
    /// The same, to write.
    fn rows_mut(&mut self, width: usize) -> core::slice::ChunksExactMut<'_, T>;
    /// The diagonal entries of a square matrix with `n` columns.
    fn diagonal(&self, n: usize) -> core::iter::StepBy<core::slice::Iter<'_, T>>;
    /// The same, to write.
    fn diagonal_mut(&mut self, n: usize) -> core::iter::StepBy<core::slice::IterMut<'_, T>>;
}

impl<T> RowMajor<T> for [T] {
    #[inline(always)]
    fn rows(&self, width: usize) -> core::slice::ChunksExact<'_, T> {
        self.chunks_exact(width.max(1))
    }

    #[inline(always)]
    fn rows_mut(&mut self, width: usize) -> core::slice::ChunksExactMut<'_, T> {
        self.chunks_exact_mut(width.max(1))
    }

    #[inline(always)]
    fn diagonal(&self, n: usize) -> core::iter::StepBy<core::slice::Iter<'_, T>> {
        self.iter().step_by(n.saturating_add(1))
    }

    #[inline(always)]
    fn diagonal_mut(&mut self, n: usize) -> core::iter::StepBy<core::slice::IterMut<'_, T>> {
        self.iter_mut().step_by(n.saturating_add(1))
    }
}

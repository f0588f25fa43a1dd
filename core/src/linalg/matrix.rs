//! Rows and diagonals of row-major matrices in plain slices.

/// Views of a slice as a row-major matrix. A width of zero, which the constructors of this crate
/// exclude, is taken as one: views never panic.
pub(crate) trait RowMajor<T> {
    /// The rows of a matrix with `width` columns; a last incomplete row is left out.
    fn rows(&self, width: usize) -> Rows<'_, T>;
    /// The same, to write.
    fn rows_mut(&mut self, width: usize) -> RowsMut<'_, T>;
    /// The diagonal entries of a square matrix with `n` columns.
    fn diagonal(&self, n: usize) -> core::iter::StepBy<core::slice::Iter<'_, T>>;
    /// The same, to write.
    fn diagonal_mut(&mut self, n: usize) -> core::iter::StepBy<core::slice::IterMut<'_, T>>;
}

impl<T> RowMajor<T> for [T] {
    #[inline(always)]
    fn rows(&self, width: usize) -> Rows<'_, T> {
        Rows { rest: self, width: width.max(1) }
    }

    #[inline(always)]
    fn rows_mut(&mut self, width: usize) -> RowsMut<'_, T> {
        RowsMut { rest: self, width: width.max(1) }
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

/// Rows, one after the other.
///
/// (Chunks of the standard library divide by their size where an adapter is not inlined, and that can panic.)
#[derive(Debug, Clone)]
pub(crate) struct Rows<'a, T> {
    rest: &'a [T],
    /// At least 1.
    width: usize,
}

impl<'a, T> Iterator for Rows<'a, T> {
    type Item = &'a [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [T]> {
        let (row, rest) = self.rest.split_at_checked(self.width)?;
        self.rest = rest;
        Some(row)
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let rows = self.rest.len().checked_div(self.width).unwrap_or(0);
        (rows, Some(rows))
    }
}

impl<T> DoubleEndedIterator for Rows<'_, T> {
    #[inline(always)]
    fn next_back(&mut self) -> Option<Self::Item> {
        let last = self.len().checked_sub(1)?;
        let (rest, row) = self.rest.split_at_checked(last.wrapping_mul(self.width))?;
        self.rest = rest;
        row.get(..self.width)
    }
}

impl<T> ExactSizeIterator for Rows<'_, T> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.size_hint().0
    }
}

/// Pieces of so many entries, the last one perhaps shorter.
pub(crate) struct Pieces<'a, T> {
    rest: &'a [T],
    width: usize,
}

/// [`Pieces`] of a slice.
#[inline(always)]
pub(crate) fn pieces<T>(entries: &[T], width: usize) -> Pieces<'_, T> {
    Pieces { rest: entries, width: width.max(1) }
}

impl<'a, T> Iterator for Pieces<'a, T> {
    type Item = &'a [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [T]> {
        if self.rest.is_empty() {
            return None;
        }
        let (piece, rest) = self.rest.split_at_checked(self.width).unwrap_or((self.rest, &[]));
        self.rest = rest;
        Some(piece)
    }
}

/// [`Pieces`] to write.
pub(crate) struct PiecesMut<'a, T> {
    rest: &'a mut [T],
    width: usize,
}

/// [`PiecesMut`] of a slice.
#[inline(always)]
pub(crate) fn pieces_mut<T>(entries: &mut [T], width: usize) -> PiecesMut<'_, T> {
    PiecesMut { rest: entries, width: width.max(1) }
}

impl<'a, T> Iterator for PiecesMut<'a, T> {
    type Item = &'a mut [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a mut [T]> {
        let rest = core::mem::take(&mut self.rest);
        if rest.len() <= self.width {
            return if rest.is_empty() { None } else { Some(rest) };
        }
        let (piece, rest) = rest.split_at_mut_checked(self.width)?;
        self.rest = rest;
        Some(piece)
    }
}

/// Rows to write, one after the other.
#[derive(Debug)]
pub(crate) struct RowsMut<'a, T> {
    rest: &'a mut [T],
    /// At least 1.
    width: usize,
}

impl<'a, T> Iterator for RowsMut<'a, T> {
    type Item = &'a mut [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a mut [T]> {
        let rest = core::mem::take(&mut self.rest);
        let (row, rest) = rest.split_at_mut_checked(self.width)?;
        self.rest = rest;
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a row is lost, an incomplete one is kept, or the way back differs from the way there.
    #[test]
    fn rows_of_every_width() {
        let mut entries = [0, 1, 2, 3, 4, 5, 6];
        for width in 0..9 {
            let expected: &[&[i32]] = &entries.chunks_exact(width.max(1)).collect::<Vec<_>>();
            assert_eq!(entries.rows(width).len(), expected.len());
            assert!(entries.rows(width).eq(expected.iter().copied()));
            assert!(entries.rows(width).rev().eq(expected.iter().rev().copied()));
            let numbered: Vec<_> = entries.rows(width).enumerate().rev().map(|(i, _)| i).collect();
            assert!(numbered.into_iter().rev().eq(0..expected.len()));
            let count = expected.len();
            assert_eq!(entries.rows_mut(width).count(), count);
        }
        for width in 1..9 {
            assert!(pieces(&entries, width).eq(entries.chunks(width)));
            let mut copy = entries;
            assert!(
                pieces_mut(&mut copy, width)
                    .map(|piece| piece.len())
                    .eq(entries.chunks(width).map(<[i32]>::len))
            );
        }
        for row in entries.rows_mut(3) {
            row[0] = -1;
        }
        assert_eq!(entries, [-1, 1, 2, -1, 4, 5, 6]);
    }

    extern crate std;
    use std::vec::Vec;
}

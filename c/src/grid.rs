//! Arrays of arguments, checked, and their way into the library and back.
//!
//! Rows without gaps are lent to the library as they are. All others are packed piece by piece through raw pointers, so
//! that nothing but the caller's own numbers is ever read or written: what lies in the gaps may be other arrays of the
//! same call, or in use by another thread.

use std::ops::Range;
use std::slice;

use crate::error::Failure;
use crate::points::{amc_points, amc_points_mut, amc_values, amc_values_mut};

/// A checked array of an argument: its numbers lie where memory can be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    name: &'static str,
    /// Only written through where the argument was to be written.
    data: *mut f64,
    pub(crate) count: usize,
    pub(crate) dim: usize,
    row_stride: usize,
    column_stride: usize,
}

/// Points that are packed at a time, where they have gaps.
const PIECE: usize = 512;

impl Grid {
    pub(crate) fn read(name: &'static str, points: amc_points) -> Result<Self, Failure> {
        let amc_points { data, count, dim, row_stride, column_stride } = points;
        Self { name, data: data.cast_mut(), count, dim, row_stride, column_stride }.checked()
    }

    pub(crate) fn write(name: &'static str, points: amc_points_mut) -> Result<Self, Failure> {
        let amc_points_mut { data, count, dim, row_stride, column_stride } = points;
        Self { name, data, count, dim, row_stride, column_stride }.checked()?.distinct()
    }

    pub(crate) fn read_list(name: &'static str, values: amc_values) -> Result<Self, Failure> {
        let amc_values { data, count, stride } = values;
        let data = data.cast_mut();
        Self { name, data, count, dim: 1, row_stride: stride, column_stride: 1 }.checked()
    }

    pub(crate) fn write_list(name: &'static str, values: amc_values_mut) -> Result<Self, Failure> {
        let amc_values_mut { data, count, stride } = values;
        Self { name, data, count, dim: 1, row_stride: stride, column_stride: 1 }
            .checked()?
            .distinct()
    }

    /// Refuses another number of points or coordinates.
    pub(crate) fn expect(self, count: usize, dim: usize) -> Result<Self, Failure> {
        if (self.count, self.dim) == (count, dim) {
            return Ok(self);
        }
        let (name, found_count, found) = (self.name, self.count, self.dim);
        Err(Failure::shape(format!(
            "{name} is {found_count} x {found}, and {count} x {dim} is needed"
        )))
    }

    /// Refuses another number of coordinates.
    pub(crate) fn expect_dim(self, dim: usize) -> Result<Self, Failure> {
        self.expect(self.count, dim)
    }

    fn checked(self) -> Result<Self, Failure> {
        let Self { name, data, count, dim, row_stride, column_stride } = self;
        if dim == 0 {
            return Err(Failure::shape(format!("{name} has 0 coordinates, and needs at least 1")));
        }
        let most = isize::MAX as usize / size_of::<f64>();
        if self.span().is_none_or(|span| span > most) {
            return Err(Failure::shape(format!(
                "{name}: {count} x {dim} numbers with strides {row_stride} and {column_stride} do not fit into memory"
            )));
        }
        if count > 0 && data.is_null() {
            return Err(Failure::null(name));
        }
        if !data.is_aligned() {
            let bytes = size_of::<f64>();
            return Err(Failure::shape(format!(
                "{name} does not start at a multiple of {bytes} bytes"
            )));
        }
        Ok(self)
    }

    /// Refuses strides by which two numbers share a place.
    fn distinct(self) -> Result<Self, Failure> {
        let Self { name, count, dim, row_stride, column_stride, .. } = self;
        let apart = |inner: usize, stride: usize, outer: usize, outer_stride: usize| {
            (inner <= 1 || stride > 0) && (outer <= 1 || outer_stride > (inner - 1) * stride)
        };
        let fine = count == 0
            || apart(dim, column_stride, count, row_stride)
            || apart(count, row_stride, dim, column_stride);
        if fine {
            return Ok(self);
        }
        Err(Failure::shape(format!(
            "{name}: with strides {row_stride} and {column_stride} some of its {count} x {dim} numbers share a place"
        )))
    }

    /// Numbers from the first to the last of a point, both included.
    fn row_span(&self) -> Option<usize> {
        (self.dim - 1).checked_mul(self.column_stride)?.checked_add(1)
    }

    /// The same of all points; 0 if there are none.
    fn span(&self) -> Option<usize> {
        let Some(last) = self.count.checked_sub(1) else { return Some(0) };
        last.checked_mul(self.row_stride)?.checked_add(self.row_span()?)
    }

    /// Whether the numbers stand one after the other, row by row.
    fn is_packed(&self) -> bool {
        (self.dim == 1 || self.column_stride == 1)
            && (self.count <= 1 || self.row_stride == self.dim)
    }

    /// The place of the first number and the one behind the last, in bytes.
    fn bytes(&self) -> Range<usize> {
        let start = self.data.addr();
        start..start + self.span().unwrap_or(0) * size_of::<f64>()
    }

    /// Whether no number of one is a number of the other: their memory is apart, or one lies in the gaps between the
    /// rows of the other, as in arrays of structures.
    fn is_apart(&self, other: &Self) -> bool {
        let (a, b) = (self.bytes(), other.bytes());
        if a.is_empty() || b.is_empty() || a.end <= b.start || b.end <= a.start {
            return true;
        }
        let stride = self.row_stride;
        if stride == 0 || stride != other.row_stride {
            return false;
        }
        let (Some(first), Some(second)) = (self.row_span(), other.row_span()) else { return false };
        let step = stride * size_of::<f64>();
        let offset = (b.start as isize - a.start as isize).rem_euclid(step as isize) as usize;
        offset >= first * size_of::<f64>() && offset + second * size_of::<f64>() <= step
    }

    /// The points of a piece, in `room` if they have gaps.
    ///
    /// # Safety
    /// The memory of the piece is valid for reads, and nobody writes to it while the result lives.
    pub(crate) unsafe fn lend<'a>(&self, rows: &Range<usize>, room: &'a mut Vec<f64>) -> &'a [f64] {
        let numbers = rows.len() * self.dim;
        if numbers == 0 {
            return &[];
        }
        if self.is_packed() {
            // SAFETY: by the caller's promise; the numbers stand one after the other and were checked to fit.
            return unsafe { slice::from_raw_parts(self.data.add(rows.start * self.dim), numbers) };
        }
        room.clear();
        for i in rows.clone() {
            for j in 0..self.dim {
                // SAFETY: as above, number by number; the offset is below the span that was checked.
                room.push(unsafe { self.data.add(self.place(i, j)).read() });
            }
        }
        room
    }

    /// Room for the points of a piece: their own memory, or `room` if they have gaps.
    ///
    /// # Safety
    /// The memory of the piece is valid for reads and writes and initialized, and nobody else touches its numbers while
    /// the result lives.
    pub(crate) unsafe fn lend_mut<'a>(
        &self,
        rows: &Range<usize>,
        room: &'a mut Vec<f64>,
    ) -> &'a mut [f64] {
        let numbers = rows.len() * self.dim;
        if numbers > 0 && self.is_packed() {
            let start = rows.start * self.dim;
            // SAFETY: by the caller's promise; the numbers stand one after the other and were checked to fit.
            return unsafe { slice::from_raw_parts_mut(self.data.add(start), numbers) };
        }
        room.resize(numbers, 0.0);
        room
    }

    /// Writes a piece from `room`, where [`lend_mut`](Self::lend_mut) gave that.
    ///
    /// # Safety
    /// As for `lend_mut`.
    pub(crate) unsafe fn give_back(&self, rows: &Range<usize>, room: &[f64]) {
        if self.is_packed() {
            return;
        }
        for (i, row) in rows.clone().zip(room.chunks_exact(self.dim)) {
            for (j, number) in row.iter().enumerate() {
                // SAFETY: by the caller's promise; the offset is below the span that was checked.
                unsafe { self.data.add(self.place(i, j)).write(*number) };
            }
        }
    }

    /// All numbers, in a memory of their own.
    ///
    /// # Safety
    /// As for `lend`.
    pub(crate) unsafe fn copied(&self) -> Vec<f64> {
        let mut room = Vec::new();
        // SAFETY: as promised by the caller.
        unsafe { self.lend(&(0..self.count), &mut room) }.to_vec()
    }

    /// Copies rows `[count x dim]` into the caller's memory.
    ///
    /// # Safety
    /// The memory is valid for writes and nobody else touches its numbers.
    pub(crate) unsafe fn fill(&self, rows: &[f64]) {
        for (i, row) in (0..self.count).zip(rows.chunks_exact(self.dim)) {
            for (j, number) in row.iter().enumerate() {
                // SAFETY: by the caller's promise; the offset is below the span that was checked.
                unsafe { self.data.add(self.place(i, j)).write(*number) };
            }
        }
    }

    fn place(&self, i: usize, j: usize) -> usize {
        i * self.row_stride + j * self.column_stride
    }
}

/// Refuses outputs that share numbers with an input or with each other.
pub(crate) fn refuse_overlaps(inputs: &[&Grid], outputs: &[&Grid]) -> Result<(), Failure> {
    for (index, output) in outputs.iter().enumerate() {
        let others = inputs.iter().chain(outputs.iter().skip(index + 1));
        if let Some(other) = others.into_iter().find(|other| !output.is_apart(other)) {
            return Err(Failure::shape(format!(
                "{} and {} overlap; one may lie in the gaps of the other only if both have the same row stride",
                output.name, other.name
            )));
        }
    }
    Ok(())
}

/// The pieces in which points are handled: one if none has gaps.
pub(crate) fn pieces(count: usize, grids: &[&Grid]) -> impl Iterator<Item = Range<usize>> {
    let piece = if grids.iter().all(|grid| grid.is_packed()) { count } else { PIECE };
    (0..count).step_by(piece.max(1)).map(move |from| from..count.min(from + piece))
}

#[cfg(test)]
mod tests;

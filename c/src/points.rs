//! Arrays in the caller's memory: points `[n x d]` and lists of numbers `[n]`, with strides.
//!
//! Number `(i, j)` stands at `data[i row_stride + j column_stride]`. Rows without gaps are lent to the library as they
//! are. All others are packed piece by piece through raw pointers, so that nothing but the caller's own numbers is ever
//! read or written: what lies in the gaps may be other arrays of the same call, or in use by another thread.

use std::ops::Range;
use std::slice;

use crate::error::Failure;

/// Points to read, number `(i, j)` at `data[i * row_stride + j * column_stride]`. Made by `amc_rows` and `amc_columns`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_points {
    /// First number of the first point; may be NULL if there are no points.
    pub data: *const f64,
    /// Number of points n.
    pub count: usize,
    /// Number of coordinates d.
    pub dim: usize,
    /// From a number to the same coordinate of the next point, in numbers.
    pub row_stride: usize,
    /// From a number to the next coordinate of the same point, in numbers.
    pub column_stride: usize,
}

/// Points to write; no two numbers may share a place.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_points_mut {
    /// First number of the first point; may be NULL if there are no points.
    pub data: *mut f64,
    /// Number of points n.
    pub count: usize,
    /// Number of coordinates d.
    pub dim: usize,
    /// From a number to the same coordinate of the next point, in numbers.
    pub row_stride: usize,
    /// From a number to the next coordinate of the same point, in numbers.
    pub column_stride: usize,
}

/// A list of numbers to read, number i at `data[i * stride]`. Made by `amc_list`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_values {
    /// First number; may be NULL if there are none.
    pub data: *const f64,
    /// Number of numbers.
    pub count: usize,
    /// From a number to the next.
    pub stride: usize,
}

/// A list of numbers to write. Made by `amc_list_mut`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct amc_values_mut {
    /// First number; may be NULL if there are none.
    pub data: *mut f64,
    /// Number of numbers.
    pub count: usize,
    /// From a number to the next; not 0 if there are several.
    pub stride: usize,
}

/// Points [count x dim] as C lays out a matrix: one after the other, without gaps.
#[unsafe(no_mangle)]
pub extern "C" fn amc_rows(data: *const f64, count: usize, dim: usize) -> amc_points {
    amc_points { data, count, dim, row_stride: dim, column_stride: 1 }
}

/// As `amc_rows`, to write.
#[unsafe(no_mangle)]
pub extern "C" fn amc_rows_mut(data: *mut f64, count: usize, dim: usize) -> amc_points_mut {
    amc_points_mut { data, count, dim, row_stride: dim, column_stride: 1 }
}

/// Points [count x dim] coordinate by coordinate: all first coordinates, then all second ones, and so on. This is how
/// Fortran lays out x(count, dim); x(dim, count) in Fortran is `amc_rows`.
#[unsafe(no_mangle)]
pub extern "C" fn amc_columns(data: *const f64, count: usize, dim: usize) -> amc_points {
    amc_points { data, count, dim, row_stride: 1, column_stride: count }
}

/// As `amc_columns`, to write.
#[unsafe(no_mangle)]
pub extern "C" fn amc_columns_mut(data: *mut f64, count: usize, dim: usize) -> amc_points_mut {
    amc_points_mut { data, count, dim, row_stride: 1, column_stride: count }
}

/// Numbers [count] one after the other.
#[unsafe(no_mangle)]
pub extern "C" fn amc_list(data: *const f64, count: usize) -> amc_values {
    amc_values { data, count, stride: 1 }
}

/// As `amc_list`, to write.
#[unsafe(no_mangle)]
pub extern "C" fn amc_list_mut(data: *mut f64, count: usize) -> amc_values_mut {
    amc_values_mut { data, count, stride: 1 }
}

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
mod tests {
    use super::*;
    use crate::error::amc_status;

    fn points(data: &[f64], count: usize, dim: usize, strides: (usize, usize)) -> amc_points {
        let (row_stride, column_stride) = strides;
        amc_points { data: data.as_ptr(), count, dim, row_stride, column_stride }
    }

    fn points_mut(
        data: &mut [f64],
        count: usize,
        dim: usize,
        strides: (usize, usize),
    ) -> amc_points_mut {
        let (row_stride, column_stride) = strides;
        amc_points_mut { data: data.as_mut_ptr(), count, dim, row_stride, column_stride }
    }

    /// Fails if rows without gaps are copied, a stride is taken for the other, or a gap is written: three points of two
    /// coordinates in every layout.
    #[test]
    fn numbers_find_their_places() {
        let numbers: Vec<f64> = (0..20).map(f64::from).collect();
        for (strides, expected) in [
            ((2, 1), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
            ((1, 3), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
            ((7, 3), [0.0, 3.0, 7.0, 10.0, 14.0, 17.0]),
            ((0, 4), [0.0, 4.0, 0.0, 4.0, 0.0, 4.0]),
        ] {
            let grid = Grid::read("x", points(&numbers, 3, 2, strides)).unwrap();
            let mut room = Vec::new();
            // SAFETY: twenty numbers, of which the layouts reach 18.
            let lent = unsafe { grid.lend(&(0..3), &mut room) };
            assert_eq!(lent, expected);
            assert_eq!(lent.as_ptr() == numbers.as_ptr(), strides == (2, 1));
            // SAFETY: as above.
            assert_eq!(unsafe { grid.lend(&(1..2), &mut room) }, &expected[2..4]);
            if strides.0 == 0 {
                continue;
            }
            let mut written = vec![-1.0; 20];
            let grid = Grid::write("y", points_mut(&mut written, 3, 2, strides)).unwrap();
            let mut room = Vec::new();
            // SAFETY: as above; the vector is not touched otherwise meanwhile.
            unsafe {
                grid.lend_mut(&(1..3), &mut room).copy_from_slice(&expected[2..]);
                grid.give_back(&(1..3), &room);
                grid.lend_mut(&(0..1), &mut room).copy_from_slice(&expected[..2]);
                grid.give_back(&(0..1), &room);
            }
            let touched = written.iter().filter(|number| **number >= 0.0).count();
            assert!(touched == 6 && written.iter().zip(&numbers).all(|(w, n)| *w < 0.0 || w == n));
        }
    }

    /// Fails if an impossible array passes, a possible one is refused, or the refusal has another status.
    #[test]
    fn impossible_arrays_are_refused() {
        let mut data = [0.0; 12];
        let status =
            |points: amc_points| Grid::read("x", points).err().map(|failure| failure.status);
        assert_eq!(status(points(&data, 4, 3, (3, 1))), None);
        assert_eq!(status(amc_rows(std::ptr::null(), 0, 3)), None);
        assert_eq!(status(amc_rows(std::ptr::null(), 1, 3)), Some(amc_status::AMC_ERROR_NULL));
        let odd = data.as_ptr().cast::<u8>().wrapping_add(3).cast::<f64>();
        for bad in [
            amc_rows(data.as_ptr(), 4, 0),
            amc_rows(data.as_ptr(), usize::MAX, 3),
            amc_rows(data.as_ptr(), usize::MAX / 8, 1),
            points(&data, 2, 2, (usize::MAX, 1)),
            points(&data, 2, 2, (1, usize::MAX)),
            amc_rows(odd, 1, 1),
        ] {
            assert_eq!(status(bad), Some(amc_status::AMC_ERROR_SHAPE), "{bad:?}");
        }
        for (strides, fine) in [
            ((3, 1), true),
            ((1, 4), true),
            ((7, 2), true),
            ((2, 1), false),
            ((0, 1), false),
            ((1, 1), false),
            ((3, 0), false),
        ] {
            let grid = Grid::write("y", points_mut(&mut data, 4, 3, strides));
            assert_eq!(grid.is_ok(), fine, "{strides:?}");
        }
        assert!(Grid::write("y", points_mut(&mut data, 1, 3, (0, 1))).is_ok());
        assert!(
            Grid::write_list("y", amc_values_mut { data: data.as_mut_ptr(), count: 2, stride: 0 })
                .is_err()
        );
    }

    /// Fails if shared numbers are missed or arrays of structures are refused: structures of two coordinates, a value
    /// and a slope.
    #[test]
    fn overlaps_are_found_and_gaps_allowed() {
        let mut data = [0.0; 40];
        let start: *mut f64 = data.as_mut_ptr();
        let part = |offset: usize, count: usize, dim: usize, row_stride: usize| {
            let data = start.wrapping_add(offset);
            Grid::write("part", amc_points_mut { data, count, dim, row_stride, column_stride: 1 })
                .unwrap()
        };
        let apart = |a: Grid, b: Grid| {
            assert_eq!(a.is_apart(&b), b.is_apart(&a));
            a.is_apart(&b)
        };
        assert!(apart(part(0, 5, 2, 4), part(2, 5, 1, 4)));
        assert!(apart(part(0, 5, 2, 4), part(7, 5, 1, 4)));
        assert!(apart(part(0, 5, 2, 2), part(10, 5, 2, 2)));
        assert!(apart(part(0, 0, 2, 2), part(0, 5, 2, 2)));
        assert!(!apart(part(0, 5, 2, 4), part(1, 5, 1, 4)));
        assert!(!apart(part(0, 5, 2, 4), part(3, 5, 2, 4)));
        assert!(!apart(part(0, 5, 2, 4), part(2, 5, 1, 6)));
        assert!(!apart(part(0, 5, 2, 2), part(9, 5, 1, 1)));
        let (x, y) = (part(0, 5, 2, 4), part(1, 5, 1, 4));
        assert!(refuse_overlaps(&[&x, &x], &[]).is_ok());
        assert!(refuse_overlaps(&[&x], &[&y]).is_err() && refuse_overlaps(&[], &[&x, &y]).is_err());
    }

    /// Fails if a point is left out or handled twice.
    #[test]
    fn pieces_cover_all_points() {
        let data = [0.0; 2];
        let packed = Grid::read("x", amc_rows(data.as_ptr(), 1, 2)).unwrap();
        assert_eq!(pieces(1300, &[&packed]).collect::<Vec<_>>(), [0..1300]);
        let gaps = Grid { count: 1300, row_stride: 9, ..packed };
        assert_eq!(
            pieces(1300, &[&packed, &gaps]).collect::<Vec<_>>(),
            [0..512, 512..1024, 1024..1300]
        );
        assert_eq!(pieces(0, &[&gaps]).count(), 0);
    }
}

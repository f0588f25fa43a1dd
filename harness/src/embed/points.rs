//! Points in a caller's memory: `N` rows of `d` numbers, perhaps with gaps, and their way into blocks.
//!
//! The number of point `i` and coordinate `j` stands at `i row_stride + j column_stride`. Kernels read blocks of eight
//! points, coordinate-major ([`amc_core::simd`]); the last block repeats its last point.

use amc_core::simd::{LANES, blocks_to_rows, f64x8, rows_to_blocks};

use super::EmbedError;

/// Where the numbers of points stand in a slice.
#[derive(Debug, Clone, Copy)]
struct Layout {
    count: usize,
    dim: usize,
    row_stride: usize,
    column_stride: usize,
}

impl Layout {
    /// Rows without gaps.
    fn rows(len: usize, dim: usize) -> Result<Self, EmbedError> {
        if dim == 0 || !len.is_multiple_of(dim) {
            let message = format!("{len} numbers are not rows of {dim} coordinates");
            return Err(EmbedError::Shape { message });
        }
        Ok(Self { count: len / dim, dim, row_stride: dim, column_stride: 1 })
    }

    /// Rows with strides, all of which lie within `len` numbers.
    fn strided(
        len: usize,
        (count, dim): (usize, usize),
        (row_stride, column_stride): (usize, usize),
    ) -> Result<Self, EmbedError> {
        if dim == 0 {
            let message = "points of 0 coordinates: at least 1 is needed".to_owned();
            return Err(EmbedError::Shape { message });
        }
        let reach = |n: usize, stride: usize| n.saturating_sub(1).checked_mul(stride);
        let last = reach(count, row_stride)
            .zip(reach(dim, column_stride))
            .and_then(|(row, column)| row.checked_add(column));
        if count > 0 && last.is_none_or(|last| last >= len) {
            let message = format!(
                "{count} points of {dim} coordinates with strides ({row_stride}, {column_stride}) reach past the \
                 {len} numbers given"
            );
            return Err(EmbedError::Shape { message });
        }
        Ok(Self { count, dim, row_stride, column_stride })
    }

    /// Refuses strides by which two numbers share a place.
    fn check_disjoint(self) -> Result<Self, EmbedError> {
        let Self { count, dim, row_stride, column_stride } = self;
        // Either rows lie one after the other, or columns do.
        let apart = |inner: usize, stride: usize, outer: usize, outer_stride: usize| {
            (inner <= 1 || stride > 0) && (outer <= 1 || outer_stride > (inner - 1) * stride)
        };
        let fine = count == 0
            || apart(dim, column_stride, count, row_stride)
            || apart(count, row_stride, dim, column_stride);
        if fine {
            return Ok(self);
        }
        let message = format!(
            "strides ({row_stride}, {column_stride}) let numbers of {count} points of {dim} coordinates share a place, or \
             interleave; in an output rows or columns lie one after the other"
        );
        Err(EmbedError::Shape { message })
    }

    /// Blocks `first ..` of eight rows without gaps, of so many vectors at most.
    fn whole_blocks(&self, first: usize, vectors: usize) -> usize {
        let rows = self.column_stride == 1 && self.row_stride == self.dim;
        let blocks = (self.count / LANES).saturating_sub(first).min(vectors / self.dim);
        if rows { blocks } else { 0 }
    }

    fn place(&self, point: usize, coordinate: usize) -> usize {
        point * self.row_stride + coordinate * self.column_stride
    }
}

/// `N` points of `d` coordinates, to read.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    data: &'a [f64],
    layout: Layout,
}

impl<'a> Points<'a> {
    /// Rows without gaps: `data` `[N x d]`, row-major.
    ///
    /// # Errors
    /// [`EmbedError::Shape`] unless `data` holds whole rows of at least one coordinate.
    pub fn rows(data: &'a [f64], dim: usize) -> Result<Self, EmbedError> {
        Ok(Self { data, layout: Layout::rows(data.len(), dim)? })
    }

    /// `count` points of `dim` coordinates; the strides are in numbers.
    ///
    /// # Errors
    /// [`EmbedError::Shape`] where a number lies past the end of `data`, or `dim` is 0.
    pub fn strided(
        data: &'a [f64],
        count: usize,
        dim: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Result<Self, EmbedError> {
        let layout = Layout::strided(data.len(), (count, dim), (row_stride, column_stride))?;
        Ok(Self { data, layout })
    }

    /// The number of points `N`.
    pub fn count(&self) -> usize {
        self.layout.count
    }

    /// The number of coordinates `d`.
    pub fn dim(&self) -> usize {
        self.layout.dim
    }

    /// Blocks `first ..` of the points, as many as fit into `x` `[B x d]`.
    pub(super) fn gather(&self, first: usize, x: &mut [f64x8]) -> amc_core::error::Result<()> {
        let Layout { count, dim, .. } = self.layout;
        let (last, whole) = (count.saturating_sub(1), self.layout.whole_blocks(first, x.len()));
        let (rows, rest) = x.split_at_mut(whole * dim);
        if whole > 0 {
            let numbers = &self.data[first * LANES * dim..][..whole * LANES * dim];
            rows_to_blocks(numbers, dim, rows)?;
        }
        for (block, x) in (first + whole..).zip(rest.chunks_exact_mut(dim)) {
            let start = block * LANES;
            for (j, x) in x.iter_mut().enumerate() {
                let number =
                    |lane: usize| self.data[self.layout.place((start + lane).min(last), j)];
                *x = f64x8::new(std::array::from_fn(number));
            }
        }
        Ok(())
    }

    /// The points as rows without gaps, `[N x d]`.
    pub(super) fn to_rows(self) -> Vec<f64> {
        let Layout { count, dim, .. } = self.layout;
        let row = |point: usize| (0..dim).map(move |j| self.data[self.layout.place(point, j)]);
        (0..count).flat_map(row).collect()
    }

    /// The first of these points that has a coordinate that is no finite number.
    pub(super) fn not_finite(&self, first: usize, count: usize) -> Option<(usize, usize, f64)> {
        let end = first.saturating_add(count).min(self.layout.count);
        let at = |row: usize, j: usize| self.data[self.layout.place(row, j)];
        (first..end).find_map(|row| {
            let bad = (0..self.layout.dim).find(|&j| !at(row, j).is_finite());
            bad.map(|column| (row, column, at(row, column)))
        })
    }
}

/// `N` points of `d` coordinates, to write.
#[derive(Debug)]
pub struct PointsMut<'a> {
    data: &'a mut [f64],
    layout: Layout,
}

impl<'a> PointsMut<'a> {
    /// Rows without gaps: `data` `[N x d]`, row-major.
    ///
    /// # Errors
    /// [`EmbedError::Shape`] unless `data` holds whole rows of at least one coordinate.
    pub fn rows(data: &'a mut [f64], dim: usize) -> Result<Self, EmbedError> {
        let layout = Layout::rows(data.len(), dim)?;
        Ok(Self { data, layout })
    }

    /// `count` points of `dim` coordinates; the strides are in numbers.
    ///
    /// # Errors
    /// [`EmbedError::Shape`] where a number lies past the end of `data`, two share a place, or `dim` is 0.
    pub fn strided(
        data: &'a mut [f64],
        count: usize,
        dim: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Result<Self, EmbedError> {
        let layout = Layout::strided(data.len(), (count, dim), (row_stride, column_stride))?;
        Ok(Self { data, layout: layout.check_disjoint()? })
    }

    /// The number of points `N`.
    pub fn count(&self) -> usize {
        self.layout.count
    }

    /// The number of coordinates `d`.
    pub fn dim(&self) -> usize {
        self.layout.dim
    }

    /// Writes blocks `first ..`, `x` `[B x d]`, without the lanes past the last point.
    pub(super) fn scatter(&mut self, first: usize, x: &[f64x8]) -> amc_core::error::Result<()> {
        let Layout { count, dim, .. } = self.layout;
        let whole = self.layout.whole_blocks(first, x.len());
        let (rows, rest) = x.split_at(whole * dim);
        if whole > 0 {
            let numbers = &mut self.data[first * LANES * dim..][..whole * LANES * dim];
            blocks_to_rows(rows, dim, numbers)?;
        }
        for (block, x) in (first + whole..).zip(rest.chunks_exact(dim)) {
            let start = block * LANES;
            for (j, x) in x.iter().enumerate() {
                for (point, x) in (start..count).zip(x.as_array()) {
                    self.data[self.layout.place(point, j)] = *x;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a number goes to another point or coordinate, the last block is not filled up by its last point, or
    /// padding is written: 11 points, as rows, in columns and with gaps.
    #[test]
    fn blocks_and_back() {
        let (count, dim) = (11, 3);
        let number = |i: usize, j: usize| (10 * i + j) as f64;
        for (row, column) in [(3, 1), (1, 11), (7, 2)] {
            let mut data = vec![-1.0; 10 * row + 2 * column + 1];
            for i in 0..count {
                for j in 0..dim {
                    data[i * row + j * column] = number(i, j);
                }
            }
            let points = Points::strided(&data, count, dim, row, column).unwrap();
            let mut x = [f64x8::ZERO; 6];
            points.gather(0, &mut x).unwrap();
            for (block, x) in x.chunks(3).enumerate() {
                for (j, x) in x.iter().enumerate() {
                    let expected = |lane: usize| number((8 * block + lane).min(10), j);
                    assert_eq!(x.to_array(), std::array::from_fn(expected), "{row} {column}");
                }
            }
            let mut copy = vec![-1.0; data.len()];
            PointsMut::strided(&mut copy, count, dim, row, column).unwrap().scatter(0, &x).unwrap();
            assert_eq!(copy, data);
        }
        let data = [1.0, 2.0, f64::NAN, 4.0, 5.0, f64::INFINITY];
        let points = Points::rows(&data, 2).unwrap();
        let found = |first, count| points.not_finite(first, count).map(|(row, j, _)| (row, j));
        assert_eq!(found(0, 9), Some((1, 0)));
        assert_eq!(points.not_finite(2, 1), Some((2, 1, f64::INFINITY)));
        assert_eq!(found(0, 1), None);
    }

    /// Fails if a view reaches past its memory, an output may write one place twice, or a fine layout is refused.
    #[test]
    fn layouts_are_checked() {
        let mut data = [0.0; 12];
        assert!(Points::rows(&data, 5).is_err() && Points::rows(&data, 0).is_err());
        let read = |count, dim, row, column| {
            Points::strided(&[0.0; 12], count, dim, row, column).map(|points| points.count())
        };
        assert_eq!(read(4, 3, 3, 1).unwrap(), 4);
        assert_eq!(read(0, 3, 900, 900).unwrap(), 0);
        assert_eq!(read(900, 3, 0, 1).unwrap(), 900);
        for bad in [(5, 3, 3, 1), (4, 3, 4, 1), (2, 2, usize::MAX, 1), (2, 0, 1, 1)] {
            assert!(read(bad.0, bad.1, bad.2, bad.3).is_err(), "{bad:?}");
        }
        let mut write = |count, dim, row, column| {
            PointsMut::strided(&mut data, count, dim, row, column).is_ok()
        };
        assert!(write(4, 3, 3, 1) && write(4, 3, 1, 4) && write(2, 3, 6, 2) && write(1, 3, 0, 1));
        assert!(
            !write(4, 3, 2, 1) && !write(3, 2, 0, 1) && !write(2, 2, 1, 1) && !write(2, 2, 3, 0)
        );
    }
}

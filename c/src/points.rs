//! Arrays in the caller's memory: points `[n x d]` and lists of numbers `[n]`, with strides.
//!
//! Number `(i, j)` stands at `data[i row_stride + j column_stride]`; what is done with them is in `grid`.

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

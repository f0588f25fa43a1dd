//! Everything that can be wrong with a target, each as one line for the user.
//!
//! A message names the file, the field as a JSON path counted from 0 (`covariances[2].matrix`),
//! the value, and what is allowed.

/// The condition a target or its file violates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The file cannot be opened or is not text.
    #[error(
        "{file}: cannot be read ({error}); check the path, and that it is a readable text file"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file cannot be written.
    #[error("{file}: cannot be written ({error}); check that the folder exists and is writable")]
    Unwritable {
        /// The file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The text is not JSON.
    #[error("{file}, line {line}, column {column}: not a JSON mixture: {detail}")]
    Json {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser expected.
        detail: String,
    },
    /// A number is written as NaN, as infinity, or too large for double precision.
    #[error("{file}, line {line}, column {column}: {field}: {token} is not a finite number")]
    JsonNumber {
        /// The file.
        file: String,
        /// The innermost named field around the number.
        field: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// The number as written, quoted.
        token: String,
    },
    /// A field is not part of the format.
    #[error("{file}: {field}: unknown field; {help}")]
    UnknownField {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// The nearest known field, or all of them.
        help: String,
    },
    /// A field appears twice.
    #[error("{file}: {field}: given twice; keep one")]
    DuplicateField {
        /// The file.
        file: String,
        /// The field.
        field: String,
    },
    /// A field that the format needs is absent.
    #[error("{file}: {field}: missing; add {expected}")]
    MissingField {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// What it must hold.
        expected: &'static str,
    },
    /// A field holds the wrong kind of value.
    #[error("{file}: {field}: {found} found, {expected} expected")]
    WrongKind {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A list has the wrong length.
    #[error("{file}: {field}: {found} entries found, {expected} expected ({reason})")]
    Length {
        /// The file.
        file: String,
        /// The list.
        field: String,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
        /// Why that length.
        reason: &'static str,
    },
    /// A number lies outside what its field allows.
    #[error("{file}: {field} = {value:e}: must be {allowed}")]
    Value {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// All weights are zero.
    #[error("{file}: weights: all are zero; at least one must be positive")]
    WeightsAllZero {
        /// The file.
        file: String,
    },
    /// Both or neither of the two covariance fields.
    #[error(
        "{file}: {found} of covariance and covariances; give covariance (one shared by all \
         components) or covariances (a list, one per component)"
    )]
    CovarianceChoice {
        /// The file.
        file: String,
        /// "both" or "neither".
        found: &'static str,
    },
    /// A covariance matrix differs from its transpose by more than rounding.
    #[error(
        "{file}: {field}: not symmetric, [{row}][{column}] = {upper:e} but [{column}][{row}] = \
         {lower:e}; make the two equal"
    )]
    NotSymmetric {
        /// The file.
        file: String,
        /// The matrix.
        field: String,
        /// Row of the upper entry, from 0.
        row: usize,
        /// Column of the upper entry, from 0.
        column: usize,
        /// The entry above the diagonal.
        upper: f64,
        /// Its mirror image.
        lower: f64,
    },
    /// A covariance matrix has a direction without positive variance.
    #[error(
        "{file}: {field}: not positive definite, given the coordinates before it coordinate \
         {row} keeps {pivot:e} of its variance; it must keep more than {tolerance:e}"
    )]
    NotPositiveDefinite {
        /// The file.
        file: String,
        /// The matrix.
        field: String,
        /// Row of the failing Cholesky pivot, from 0.
        row: usize,
        /// The pivot relative to the diagonal entry.
        pivot: f64,
        /// The smallest relative pivot accepted.
        tolerance: f64,
    },
    /// A row of points has the wrong number of cells.
    #[error(
        "{file}, row {row}: {found} cells found, {expected} expected (one per coordinate, \
         separated by commas)"
    )]
    Row {
        /// The file.
        file: String,
        /// Row, from 1, blank lines not counted.
        row: usize,
        /// Cells in the row.
        found: usize,
        /// Cells it must have.
        expected: usize,
    },
    /// A cell of points does not hold a finite number.
    #[error(
        "{file}, row {row}, column {column}: {cell} is not a finite number; the file holds \
         numbers only, without a header line"
    )]
    Cell {
        /// The file.
        file: String,
        /// Row, from 1, blank lines not counted.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The cell, quoted.
        cell: String,
    },
    /// A file of points holds none.
    #[error("{file}: holds no points; write one point per line, coordinates separated by commas")]
    NoPoints {
        /// The file.
        file: String,
    },
    /// A parameter of a benchmark family is out of range.
    #[error("{target}: {parameter} = {value}: must be {allowed}")]
    Parameter {
        /// The target family, or the room for parameters of no family.
        target: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A variance is zero, negative, or too large for double precision, so nothing can be
    /// divided by its root.
    #[error(
        "{name}: standardize: coordinate {coordinate} has mean {mean:e} and variance \
         {variance:e}; both must be finite and the variance above 0"
    )]
    Variance {
        /// Name of the mixture.
        name: String,
        /// Coordinate, from 0.
        coordinate: usize,
        /// Its mean under the mixture.
        mean: f64,
        /// Its variance under the mixture.
        variance: f64,
    },
}

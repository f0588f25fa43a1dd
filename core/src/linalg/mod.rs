//! Small dense linear algebra: eight matrices side by side, and one eigendecomposition.

mod cholesky;
mod eigen;
mod matrix;

pub use cholesky::Cholesky;
pub use eigen::symmetric_eigen;
pub(crate) use matrix::RowMajor;

//! Small dense linear algebra: eight matrices side by side, and eigendecompositions of one.

mod cholesky;
mod diagonal_plus_low_rank;
mod eigen;
mod lu;
mod matrix;
mod tridiagonal;
mod tridiagonal_cholesky;

pub use cholesky::Cholesky;
pub use diagonal_plus_low_rank::DiagonalPlusLowRank;
pub use eigen::symmetric_eigen;
pub use lu::Lu;
pub(crate) use matrix::{RowMajor, pieces, pieces_mut};
pub(crate) use tridiagonal::{MAX_ORDER, Tridiagonal};
pub use tridiagonal_cholesky::TridiagonalCholesky;

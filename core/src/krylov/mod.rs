//! Linear algebra from products alone: what a Hessian that is never formed still allows.
//!
//! A [`LinearOperator`] is eight `d x d` matrices side by side, one for each particle of a block,
//! known by their products with a vector. Everything here costs products, nothing forms a matrix.
//!
//! | what | how | file |
//! |---|---|---|
//! | an orthonormal basis in which the matrix is tridiagonal | Lanczos | `lanczos.rs` |
//! | bounds of the spectrum of a symmetric matrix | Ritz values | `spectrum.rs` |
//! | `A x = b`, `A` symmetric positive definite | conjugate gradients | `conjugate_gradients.rs` |
//! | `A x = b`, any `A` | GMRES | `gmres.rs` |
//! | `H(x)` at a fixed `x` | products of a density | `hessian.rs` |
//! | `(I + M)^T (I + M) - I`, symmetric for any `M` | two products | `gram.rs` |

mod conjugate_gradients;
mod gmres;
mod gram;
mod hessian;
mod lanczos;
mod operator;
mod solve;
mod spectrum;

pub use gram::Gram;
pub use hessian::HessianAt;
pub use lanczos::Lanczos;
pub use operator::{LinearOperator, OperatorShape};
pub use solve::{Solution, solve, solve_scratch_len};
pub use spectrum::Spectrum;

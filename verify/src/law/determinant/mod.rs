//! Laws of estimated log-determinants: unbiased values, and the penalty that makes their exponentials unbiased.
//!
//! | law | statement |
//! |---|---|
//! | [`unbiased`] | the mean of an estimate is the logarithm of `det(I + M)`, up to the stated truncation, in all lanes and in each |
//! | [`penalty`] | `E[exp(ybar - u_B)] = exp(Delta)` for normal samples |
//!
//! What a pass does not show: the stated variance of an estimate, and the exponential for samples that are not normal.

mod penalty;
mod unbiased;

pub use penalty::{PenaltyOf, penalty};
pub use unbiased::{TraceInstance, ValueRange, unbiased};

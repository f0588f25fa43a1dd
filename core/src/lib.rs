//! amc-core
#![no_std]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]
pub mod bridge;
pub mod density;
pub mod error;
pub mod kernel;
pub mod linalg;
pub mod path;
pub mod point;
pub mod rng;
pub mod scratch;
pub mod simd;
pub mod weight;

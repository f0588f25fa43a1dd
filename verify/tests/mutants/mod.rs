//! Deliberately wrong implementations of the core's traits.

pub mod bridges;
pub mod kernels;
pub mod streams;
pub mod swaps;

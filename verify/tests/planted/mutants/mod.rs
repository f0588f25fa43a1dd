//! Deliberately wrong implementations of the core's traits.

pub mod bridges;
pub mod draws;
pub mod kernels;
pub mod maps;
pub mod streams;
pub mod swaps;

//! Deliberately wrong implementations of the core's traits.

pub mod bridges;
pub mod densities;
pub mod determinants;
pub mod draws;
pub mod kernels;
pub mod maps;
pub mod moves;
pub mod paths;
pub mod resampling;
pub mod smc;
pub mod streams;
pub mod swaps;

//! Deliberately wrong implementations of the core's traits.

#![allow(dead_code, reason = "every test program has its own copy of this folder")]

pub mod bridges;
pub mod densities;
pub mod determinants;
pub mod kernels;
pub mod moves;
pub mod paths;
pub mod resampling;
pub mod streams;
pub mod swaps;

//! What is learned from samples.
//!
//! [`data`] reads a user's own training samples.

pub mod data;

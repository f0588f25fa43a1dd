//! What is learned from samples, and the files around it.
//!
//! [`data`] reads a user's own training samples; [`file`](mod@file) holds models and checkpoints on disk.

pub mod data;
pub mod file;

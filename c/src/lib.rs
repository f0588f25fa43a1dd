//! The C library: handles, arrays and callbacks around [`amc_harness::embed`], and no mathematics of its own.
//!
//! | what | where |
//! |---|---|
//! | what a function says of its outcome; no panic ever leaves | [`error`] |
//! | points and lists in the caller's memory, with strides | [`points`], `grid` |
//! | mixtures, and densities prepared of them | [`mixture`], [`density`], [`schedule`] |
//! | a target of callbacks; who watches a run | [`target`], [`progress`] |
//! | a run and its options; what it found | [`sampling`], [`result`] |
//!
//! The names are those of `include/amc.h`, which cbindgen makes from these files and their comments.
//!
//! # Safety
//! Every `unsafe extern "C"` function asks the same of its caller, which its comment does not repeat: a pointer is NULL
//! or valid for what the comment says of it, handles come from this library and have not been freed, and nobody else
//! writes to what is read, or touches what is written, before the function returns.

#![deny(missing_docs)]
#![allow(non_camel_case_types)]
#![allow(clippy::missing_safety_doc)]
// Brackets in comments that C reads too are shapes and sections, not links.
#![allow(rustdoc::broken_intra_doc_links)]

pub mod density;
pub mod error;
mod grid;
mod handle;
pub mod mixture;
pub mod points;
pub mod progress;
pub mod result;
pub mod sampling;
pub mod schedule;
mod structure;
pub mod target;
mod text;
pub mod version;

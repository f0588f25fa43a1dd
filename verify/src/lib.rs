//! amc-verify: statistical laws that every kernel, bridge and resampling scheme must obey.
//!
//! A correct Monte Carlo program is random, so a test of it can only bound how often it would fail
//! by chance. Every law here does so with a finite-sample bound that holds at any sample size; no
//! verdict rests on the central limit theorem. A law is stated once per trait of [`amc_core`] and
//! checks any instance of it, so it serves foreign kernels and bridges too \[Gandy21\].
//!
//! The rooms, in the order in which data flows through them:
//!
//! | room | holds |
//! |---|---|
//! | [`bound`] | p-value bounds: Kolmogorov distance, binomial counts, means of bounded variables |
//! | [`oracle`] | exact laws to compare with: raw-parameter Gaussian mixtures and their projections, standard problems; double-doubles |
//! | [`law`] | the laws themselves, one file or folder per trait or move: density, path, bridge, swap, free energy, kernel, evidence, population, error bars, ladders, threads, resampling, determinant, stream |
//! | [`fault`] | faults put into a density on purpose: what has to become a rejection or a typed error |
//! | [`sequential`] | accept early when clear, draw more when in doubt |
//! | [`suite`] | every law on every instance of the core, and the ledger of false positives |
//! | [`check_kernel`], [`check_bridge`], [`check_evidence`] | all laws of a trait on an instance of your own |
//! | [`Budget`] | how many samples a law may draw, and how often it may fail a correct instance |
//! | [`Verdict`] | what a law found: a p-value bound and a conclusion |
//!
//! Keys in square brackets are those of [`amc_core`]; Gandy21 is Gandy, Scott, Unit testing for MCMC
//! and other Monte Carlo methods, arXiv 2001.06465.
//!
//! A suite of `m` laws, each with a false-positive share `a`, fails a correct program with
//! probability at most `m a`, whatever the dependence between them.
//!
//! # Example
//! ```
//! use amc_core::kernel::Mala;
//! use amc_verify::law::kernel::{KernelInstance, invariance};
//! use amc_verify::oracle::{Fixture, FixtureKind};
//! use amc_verify::{Budget, VerifyError};
//!
//! # fn main() -> Result<(), VerifyError> {
//! let budget = Budget { false_positive: 1e-8, samples: 20_000, seed: 1 };
//! let fixture = Fixture::new(FixtureKind::DiagonalPerComponent)?;
//! let verdict = fixture.with_level(0.8, 0.36, |level| {
//!     let kernel = KernelInstance { name: "mala", kernel: &Mala, step_size: 0.3, law: level };
//!     invariance(&kernel, &budget)
//! })??;
//! assert!(verdict.passed(), "{verdict}");
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bound;
mod budget;
mod check;
mod error;
pub mod fault;
pub mod law;
pub mod oracle;
pub mod sequential;
pub mod suite;
mod verdict;

pub use budget::Budget;
pub use check::{CheckReport, check_bridge, check_evidence, check_kernel};
pub use error::VerifyError;
pub use verdict::{Conclusion, Verdict};

/// The examples of the crate's front page are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;

//! The laws of [`amc_verify`] on what this crate adds to the core: whole samplers.
//!
//! | file | holds |
//! |---|---|
//! | `samplers.rs` | the list of cases |
//! | `scene.rs` | target, levels and kernels of a case, and the oracle beside them |
//! | `populations.rs` | AIS and SMC: evidence, error bars |
//! | `exchange.rs` | replica exchange: exact levels stay exact, error bars |
//! | `threads.rs` | the same bits on any number of threads |
//!
//! A case is a law applied to an instance by name; `harness/tests/evidence_law.rs` runs them all.

mod exchange;
mod populations;
pub mod samplers;
mod scene;
mod threads;

use amc_verify::{Budget, Verdict, VerifyError};

/// What a case does with a budget; it runs in a pool of its own with one thread unless threads are its matter.
pub type Check = Box<dyn Fn(&Budget) -> Result<Verdict, VerifyError> + Send + Sync>;

/// A law on an instance, ready to be checked.
pub struct Case {
    /// The law, as in its verdict.
    pub law: &'static str,
    /// What is proven right: a sampler, with its bridge.
    pub subject: String,
    /// Name in verdicts.
    pub instance: String,
    /// Samples that the verdict was sized for.
    pub samples: usize,
    /// The check.
    pub check: Check,
}

impl Case {
    /// The verdict with the samples it was sized for, and the seed and share of `budget`.
    ///
    /// # Errors
    /// Those of the law and of the sampler.
    pub fn verdict(&self, budget: &Budget) -> Result<Verdict, VerifyError> {
        (self.check)(&Budget { samples: self.samples, ..*budget })
    }
}

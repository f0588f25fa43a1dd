//! The statistical suite as `amc verify` runs it: the cases of [`amc_verify`] and those of the samplers.
//!
//! | file | holds |
//! |---|---|
//! | `samplers` | the cases of whole samplers |
//! | `scene` | target, levels and kernels of such a case, and the oracle beside them |
//! | `populations` | AIS and SMC: evidence, error bars |
//! | `exchange` | replica exchange: exact levels stay exact, error bars |
//! | `threads` | the same bits on any number of threads |
//! | `record` | what a run of the suite came to, for tables, JSON and the page |
//! | `page` | the same as a page to look at |

mod exchange;
mod page;
mod populations;
mod record;
mod samplers;
mod scene;
#[cfg(test)]
mod tests;
mod threads;

pub use page::page;
pub use record::{CaseRecord, LawRecord, VerificationReport};

use amc_verify::VerifyError;
use amc_verify::suite::{self, Case};

/// Every law on every instance: kernels, bridges, swaps, schemes, streams of the core, samplers of this crate.
///
/// # Errors
/// None for the instances of these crates, whose numbers are constants.
pub fn cases() -> Result<Vec<Case>, VerifyError> {
    let mut all = suite::cases()?;
    all.extend(samplers::cases());
    Ok(all)
}

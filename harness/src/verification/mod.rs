//! The statistical suite as `amc verify` runs it: the cases of [`amc_verify`] and those of the samplers.
//!
//! | file | holds |
//! |---|---|
//! | `page` | the same as a page to look at |
//! | `record` | what a run of the suite came to, for tables, JSON and the page |

mod page;
mod record;

pub use page::page;
pub use record::{CaseRecord, LawRecord, VerificationReport};

use amc_verify::VerifyError;
use amc_verify::suite::{self, Case};

/// Every law on every instance: kernels, bridges, swaps, schemes, streams of the core, samplers of this crate.
///
/// # Errors
/// None for the instances of these crates, whose numbers are constants.
pub fn cases() -> Result<Vec<Case>, VerifyError> {
    suite::cases()
}

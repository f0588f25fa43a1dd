//! Panics of a density, kernel or bridge as typed errors.
//!
//! The core never panics; what a user's own density does is not ours to say. Every piece of work that is
//! handed to a thread, one block of particles or ladders, runs in [`guarded`], so that a panic ends the run
//! as any other error does: the pass is abandoned, and what it had changed goes with it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::SamplerError;

/// Runs the work of one block that stands at, or goes to, this level.
pub(super) fn guarded<T>(
    level: usize,
    work: impl FnOnce() -> amc_core::error::Result<T>,
) -> Result<T, SamplerError> {
    // Whatever the work has left half done belongs to a state that the error makes unreachable: no sampler
    // returns after an error anything but the error.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(SamplerError::from),
        Err(payload) => {
            Err(SamplerError::Panicked { level, message: first_line(payload.as_ref()) })
        }
    }
}

/// The first line of a panic's message: messages of errors are one line.
fn first_line(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.and_then(|text| text.lines().next()).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::error::Error;

    /// Fails if a panic gets through, its level or message is lost, or results and errors are changed.
    #[test]
    fn panics_become_errors() {
        let found = guarded(3, || -> amc_core::error::Result<()> { panic!("no\nnumber: {}", 7) });
        let expected = SamplerError::Panicked { level: 3, message: "no".to_owned() };
        assert_eq!(found, Err(expected));
        let found = guarded(0, || -> amc_core::error::Result<()> { std::panic::panic_any(7_u8) });
        assert!(found.unwrap_err().to_string().contains("at level 0: no message"));
        assert_eq!(guarded(1, || Ok(5)), Ok(5));
        let error = Error::WeightsAllZero;
        assert_eq!(guarded(1, || Err::<(), _>(error)), Err(SamplerError::Core(error)));
    }
}

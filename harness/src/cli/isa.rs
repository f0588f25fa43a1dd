//! `AMC_ISA`: which vector instructions the kernels run on.
//!
//! It is an environment variable and not an option because the choice belongs to a machine or a
//! shell, and so that no subcommand has to hand it on.

use std::ffi::OsStr;
use std::sync::OnceLock;

use amc_core::simd::Instructions;

use crate::run::RunError;

/// The environment variable.
const VARIABLE: &str = "AMC_ISA";

/// Puts the instructions in force that the environment asks for, if it asks for some.
///
/// # Errors
/// A name that is none, or instructions that this processor lacks.
pub(super) fn choose() -> Result<(), RunError> {
    match std::env::var_os(VARIABLE) {
        // Shells set a variable to nothing where they mean to unset it.
        Some(value) if !value.is_empty() => force(&value),
        _ => Ok(()),
    }
}

fn force(value: &OsStr) -> Result<(), RunError> {
    let refuse = |why: &str| {
        let message =
            format!("{value:?} {why}; set it to one of {}, or unset it for the best", available());
        Err(RunError::Argument { name: VARIABLE, message })
    };
    match value.to_str().and_then(Instructions::from_name) {
        None => refuse("names no instructions"),
        Some(set) => set.force().or_else(|_| refuse("is not available here")),
    }
}

/// The sets that set it to one of, the fastest one last.
fn available() -> String {
    let sets = Instructions::ALL.into_iter().filter(|set| set.is_available());
    sets.map(Instructions::name).collect::<Vec<_>>().join(", ")
}

/// The version with the instructions in force, as `--version` prints it.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let (version, current) = (env!("CARGO_PKG_VERSION"), Instructions::current());
        format!("{version} (instructions: {current}; this processor: {})", available())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a refusal does not name variable, value and remedy.
    #[test]
    fn refusals_say_what_is_there() {
        let message = force(OsStr::new("sse9")).unwrap_err().to_string();
        for part in ["AMC_ISA", "\"sse9\"", "set it to one of portable"] {
            assert!(message.contains(part), "{message}");
        }
    }

    /// Fails if the version is not the package's, or does not say what is in force.
    #[test]
    fn version_names_the_instructions() {
        let current = Instructions::current().name();
        assert!(version().starts_with(concat!(env!("CARGO_PKG_VERSION"), " (instructions: ")));
        assert!(version().contains(&format!("instructions: {current};")));
        assert!(available().starts_with("portable"));
    }
}

//! Which vector instructions the kernels run on: found at import, or forced by `AMC_ISA`.

use amc_core::simd::Instructions;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The environment variable, as the program `amc` reads it.
const VARIABLE: &str = "AMC_ISA";

/// Puts the instructions in force that the environment asks for, if it asks for some.
pub(crate) fn choose() -> PyResult<()> {
    let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(());
    };
    let forced = value.to_str().and_then(Instructions::from_name).map(Instructions::force);
    match forced {
        Some(Ok(())) => Ok(()),
        _ => Err(PyImportError::new_err(format!(
            "{VARIABLE} = {value:?} is not available here; set it to one of {}, or unset it for the best",
            available().join(", ")
        ))),
    }
}

fn available() -> Vec<&'static str> {
    let sets = Instructions::ALL.into_iter().filter(|set| set.is_available());
    sets.map(Instructions::name).collect()
}

/// The vector instructions that the kernels run on.
///
/// They are chosen when the module is imported, by what the processor has: one wheel carries all of them, and no compiler
/// flag is involved. The environment variable ``AMC_ISA`` forces a set. ``"avx2"`` and ``"avx512"`` give the same bits,
/// ``"portable"`` differs in the last ones.
///
/// Returns
/// -------
/// str
///     ``"portable"``, ``"avx2"`` or ``"avx512"``.
///
/// Examples
/// --------
/// >>> import amc
/// >>> amc.instructions() in ("portable", "avx2", "avx512")
/// True
#[pyfunction]
pub(crate) fn instructions() -> &'static str {
    Instructions::current().name()
}

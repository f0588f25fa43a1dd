//! The module `amc._amc`: Python's skin over [`amc_harness::embed`].
//!
//! It translates memory ([`array`]), errors ([`error`]), settings and callables ([`anneal`]), and holds no sampler:
//!
//! | file | what lives there |
//! |---|---|
//! | `array.rs` | NumPy arrays in and out, without copies where their memory allows it |
//! | `error.rs` | errors of the engine as exceptions |
//! | `instructions.rs` | the vector instructions in force |
//! | `mixture/` | `Mixture`, `NoisedMixture` |
//! | `anneal/` | a run in a thread of its own, whose callables run in the thread that asked for it |
//! | `benchmark.rs` | the loop without Python that the overhead of a call is measured against |
//!
//! What is documented for users stands in `amc/_amc.pyi`, and as docstrings here.

mod anneal;
mod array;
mod benchmark;
mod error;
mod instructions;
mod mixture;

/// The compiled part of amc; import `amc` instead.
#[pyo3::pymodule(name = "_amc")]
mod module {
    #[pymodule_export]
    use super::anneal::run;
    #[pymodule_export]
    use super::benchmark::_benchmark;
    #[pymodule_export]
    use super::error::{ConfigError, SamplingError, TargetError};
    #[pymodule_export]
    use super::instructions::instructions;
    #[pymodule_export]
    use super::mixture::{Mixture, NoisedMixture};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::instructions::choose()?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

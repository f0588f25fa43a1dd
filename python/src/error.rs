//! Errors of the engine as Python's exceptions.

use std::io::ErrorKind;

use amc_harness::embed::{EmbedError, EmbedErrorKind};
use amc_harness::target::TargetError as FamilyError;
use pyo3::create_exception;
use pyo3::exceptions::{
    PyFileNotFoundError, PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;

create_exception!(
    amc,
    ConfigError,
    PyValueError,
    "A setting that is unknown, out of range, or does not go with the others; the message names it and the remedy."
);
create_exception!(
    amc,
    SamplingError,
    PyRuntimeError,
    "A run that could not go on: all weight lost, numbers that overflowed, or a defect of amc itself."
);
create_exception!(
    amc,
    TargetError,
    PyValueError,
    "A target that returned what cannot be used: another shape or type, or a number that is not finite."
);

/// The exception that stands for an error of the engine. What a callable raised is not among them: it is raised as itself.
#[cold]
pub(crate) fn exception(error: EmbedError) -> PyErr {
    let message = error.to_string();
    if let EmbedError::Mixture { .. } = error {
        return PyValueError::new_err(message);
    }
    match error.kind() {
        EmbedErrorKind::Shape | EmbedErrorKind::NotFinite => PyValueError::new_err(message),
        EmbedErrorKind::Config => ConfigError::new_err(message),
        EmbedErrorKind::Target => TargetError::new_err(message),
        EmbedErrorKind::Stopped => PyKeyboardInterrupt::new_err(()),
        _ => SamplingError::new_err(message),
    }
}

/// The same for the parameters of a family and for files of mixtures.
#[cold]
pub(crate) fn family_exception(error: FamilyError) -> PyErr {
    let message = error.to_string();
    match error {
        FamilyError::Unreadable { error, .. } if error.kind() == ErrorKind::NotFound => {
            PyFileNotFoundError::new_err(message)
        }
        FamilyError::Unreadable { .. } | FamilyError::Unwritable { .. } => {
            PyOSError::new_err(message)
        }
        _ => PyValueError::new_err(message),
    }
}

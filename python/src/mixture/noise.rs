//! The noise that a caller means: a time on a noise schedule.

use std::path::Path;

use amc_core::path::NoiseSchedule;
use amc_harness::config::{PathFamily, RunConfig};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use toml::{Table, Value};

use crate::error::ConfigError;

/// The schedule of a name, or of a dictionary with the keys that `[path]` of a configuration has: `schedule`, `beta_min` ..
/// It is read by the reader of configurations, whose defaults and messages therefore hold.
///
/// # Errors
/// `ConfigError` for what is unknown or out of range, `TypeError` for anything else than names and numbers.
pub(super) fn schedule(value: Option<&Bound<'_, PyAny>>) -> PyResult<NoiseSchedule> {
    let mut path = Table::new();
    path.insert("kind".into(), "diffusion".into());
    match value {
        None => {}
        Some(value) => match (value.cast::<PyString>(), value.cast::<PyDict>()) {
            (Ok(name), _) => {
                path.insert("schedule".into(), name.to_string().into());
            }
            (_, Ok(settings)) => {
                for (key, entry) in settings.iter() {
                    path.insert(key.extract()?, entry_value(&key, &entry)?);
                }
            }
            _ => {
                return Err(PyTypeError::new_err(format!(
                    "schedule = {} must be a name such as \"vp-linear\", or a dict such as {{\"schedule\": \"ve\", \"sigma_max\": 80.0}}",
                    value.repr()?
                )));
            }
        },
    }
    let mut table = Table::new();
    table.insert("path".into(), Value::Table(path));
    let config = RunConfig::from_toml(&table.to_string(), "schedule", Path::new("."), &[]);
    let config = config.map_err(|error| ConfigError::new_err(error.to_string()))?;
    let PathFamily::Diffusion { schedule, .. } = config.path.family else {
        return Err(ConfigError::new_err("schedule: only diffusion paths have one"));
    };
    schedule.to_core().map_err(|error| ConfigError::new_err(error.to_string()))
}

fn entry_value(key: &Bound<'_, PyAny>, entry: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(name) = entry.cast::<PyString>() {
        return Ok(Value::String(name.to_string()));
    }
    match entry.extract::<f64>() {
        Ok(number) => Ok(Value::Float(number)),
        Err(_) => Err(PyTypeError::new_err(format!(
            "schedule[{}] = {} must be a name or a number",
            key.repr()?,
            entry.repr()?
        ))),
    }
}

/// A time of a schedule.
///
/// # Errors
/// `ValueError` outside of `[0, 1]`.
pub(super) fn checked_time(t: f64) -> PyResult<f64> {
    if (0.0..=1.0).contains(&t) {
        return Ok(t);
    }
    Err(PyValueError::new_err(format!(
        "t = {t} must be in [0, 1]: 0 is the mixture itself, 1 the most noise"
    )))
}

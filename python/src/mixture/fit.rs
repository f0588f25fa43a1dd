//! `Mixture.fit`: expectation maximization in a thread of its own, while this one looks for signals.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, scope};
use std::time::Duration;

use amc_harness::fit::{
    CovarianceKind, Fit, FitError, FitOptions, FitWatcher, fit_mixture_watched,
};
use pyo3::exceptions::{PyTypeError, PyUserWarning, PyValueError};
use pyo3::prelude::*;

use crate::array::{Input, written};
use crate::error::SamplingError;

/// How long Ctrl-C may wait, and the end of a fit.
const SIGNALS: Duration = Duration::from_millis(2);

/// Numbers of components: one, or the range in which the lowest BIC decides.
pub(super) struct Components(usize, usize);

impl<'py> FromPyObject<'_, 'py> for Components {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(count) = value.extract::<usize>() {
            return Ok(Self(count, count));
        }
        match value.extract::<(usize, usize)>() {
            Ok((first, last)) => Ok(Self(first, last)),
            Err(_) => Err(PyTypeError::new_err(format!(
                "components = {} must be an int, or a pair (first, last) of which the lowest BIC decides",
                value.repr()?
            ))),
        }
    }
}

/// What is fitted, and how hard one tries.
pub(super) struct Options {
    pub(super) components: Components,
    pub(super) covariance: String,
    pub(super) seed: u64,
    pub(super) restarts: usize,
    pub(super) tolerance: f64,
    pub(super) max_iterations: usize,
    pub(super) floor: f64,
    pub(super) threads: usize,
}

impl Options {
    fn checked(&self) -> PyResult<FitOptions> {
        let kinds = [CovarianceKind::Isotropic, CovarianceKind::Diagonal, CovarianceKind::Full];
        let covariance = kinds.into_iter().find(|kind| kind.name() == self.covariance);
        let covariance = covariance.ok_or_else(|| {
            PyValueError::new_err(format!(
                "covariance = {:?} is not known; it must be \"isotropic\", \"diagonal\" or \"full\"",
                self.covariance
            ))
        })?;
        let Components(first, last) = self.components;
        Ok(FitOptions {
            components: first..=last,
            covariance,
            seed: self.seed,
            restarts: self.restarts,
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            floor: self.floor,
        })
    }
}

/// Ends a fit when it is told to.
struct Watcher<'a>(&'a AtomicBool);

impl FitWatcher for Watcher<'_> {
    fn wants_to_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Fits a mixture to samples `[N, d]`.
///
/// # Errors
/// `TypeError`, `ValueError` for samples and options that are none; `KeyboardInterrupt`.
pub(super) fn fit(py: Python<'_>, samples: &Bound<'_, PyAny>, options: &Options) -> PyResult<Fit> {
    let samples = Input::read(samples, "samples")?;
    let [_, dim] = *samples.shape() else {
        return Err(PyValueError::new_err(format!(
            "samples has shape {}; it must be [N, d], one sample a row",
            written(samples.shape())
        )));
    };
    let settings = options.checked()?;
    // A pool of its own: one that all calls share would be gone after a fork.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| PyValueError::new_err(format!("threads: {error}")))?;
    let (numbers, stop) = (samples.numbers(), AtomicBool::new(false));
    let outcome = scope(|scope| {
        let work = || {
            catch_unwind(AssertUnwindSafe(|| {
                pool.install(|| fit_mixture_watched(numbers, dim, &settings, &mut Watcher(&stop)))
            }))
        };
        let thread = Builder::new().name("amc-fit".to_owned()).spawn_scoped(scope, work)?;
        let mut signal = Ok(());
        while signal.is_ok() && !thread.is_finished() {
            py.detach(|| std::thread::sleep(SIGNALS));
            signal = py.check_signals();
        }
        stop.store(signal.is_err(), Ordering::Relaxed);
        let outcome = py.detach(|| thread.join());
        signal.map(|()| outcome)
    })?;
    match outcome {
        Ok(Ok(fit)) => warned(py, fit.map_err(refused)?),
        Ok(Err(_)) | Err(_) => {
            Err(SamplingError::new_err("a defect of amc, please report it: the fit panicked"))
        }
    }
}

fn refused(error: FitError) -> PyErr {
    match error {
        FitError::Core(error) => SamplingError::new_err(error.to_string()),
        // The engine counts from 1, as files do; Python counts from 0.
        FitError::NotFinite { row, column, value } => PyValueError::new_err(format!(
            "samples holds {value} at [{}, {}]; all must be finite",
            row - 1,
            column - 1
        )),
        error => PyValueError::new_err(error.to_string()),
    }
}

/// Tells what a user of the mixture should know.
fn warned(py: Python<'_>, fit: Fit) -> PyResult<Fit> {
    let components = fit.mixture.components();
    let mut notes = Vec::new();
    if !fit.converged {
        notes.push(format!(
            "the log-likelihood was still rising after {} iterations; raise max_iterations",
            fit.iterations
        ));
    }
    if fit.starved > 0 {
        notes.push(format!(
            "{} of {components} components have too few samples to determine their covariance; use fewer, or a simpler covariance",
            fit.starved
        ));
    }
    if fit.at_floor > 0 {
        notes.push(format!(
            "{} of {components} components have a variance at the floor; use fewer, or leave out flat directions",
            fit.at_floor
        ));
    }
    for note in notes {
        let note = CString::new(note).unwrap_or_default();
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), &note, 1)?;
    }
    Ok(fit)
}

//! `amc._amc.run`: a run of a sampler, which `amc.anneal` prepares and reads.
//!
//! ```text
//! the thread that called            a thread of this run            threads of its pool
//! ----------------------            --------------------            -------------------
//! serves requests  <--- questions ---------------------------------- the target of Python
//! shows progress   <--- events ----- Sampling::run (observer)
//! checks signals   ---- stop ------> wants_to_stop, answers that fail
//! ```
//!
//! Callables run in the thread that asked for the run, one at a time. So they see its context (`numpy.errstate`, context variables,
//! thread-local state), an exception has the caller's frames in its traceback, and Ctrl-C reaches them wherever they are; while
//! no callable runs the interpreter is free for other threads.

mod question;
mod settings;
mod target;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, scope};
use std::time::Duration;

use amc_harness::embed::{EmbedError, Sampled, Sampling};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::{matrix, vector};
use crate::error::{SamplingError, exception};
use question::{Event, Functions};
pub(crate) use settings::Settings;
use target::Questioning;
use watch::Watch;

/// How long Ctrl-C may wait while no callable runs.
const SIGNALS: Duration = Duration::from_millis(20);

/// Runs a sampler. `amc.anneal` is the documented way.
///
/// `target` is a `Mixture`, or a dict of functions; `progress` has the methods `begin(phase, length)` and `level_done(text)`.
#[pyfunction]
#[pyo3(signature = (target, settings, progress))]
pub(crate) fn run<'py>(
    py: Python<'py>,
    target: &Bound<'py, PyAny>,
    settings: Settings,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let sampled = match target.cast::<crate::mixture::Mixture>() {
        Ok(mixture) => {
            let parameters = mixture.get().parameters().clone();
            carry_out(py, None, progress, move |_| {
                Ok(settings.apply(Sampling::of_mixture(parameters)))
            })?
        }
        Err(_) => {
            let functions = Functions::of(target.cast::<PyDict>()?)?;
            carry_out(py, Some(&functions), progress, |questioning| {
                Ok(settings.apply(Sampling::of(questioning, settings.dim())))
            })?
        }
    };
    described(py, sampled)
}

/// Serves a run from this thread until it ends.
fn carry_out<'py>(
    py: Python<'py>,
    functions: Option<&Functions<'py>>,
    progress: Option<&Bound<'py, PyAny>>,
    set_up: impl for<'a> FnOnce(&'a Questioning) -> Result<Sampling<'a>, EmbedError> + Send,
) -> PyResult<Sampled> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, events) = channel();
    let offers = functions.map(Functions::offers).unwrap_or(amc_harness::embed::Derivatives::None);
    let questioning = Questioning::new(sender.clone(), Arc::clone(&stop), offers);
    let mut watch = Watch::new(sender.clone(), Arc::clone(&stop));
    scope(|scope| {
        let work = move || {
            // Nothing may unwind into Python; what the engine did not catch ends here.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                set_up(&questioning)?.watched_by(&mut watch).run()
            }));
            drop(sender.send(Event::Over));
            outcome
        };
        let thread = Builder::new().name("amc".to_owned()).spawn_scoped(scope, work)?;
        let served = serve(py, events, functions, progress);
        if served.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        // The receiver is gone, so questions fail at once instead of waiting.
        let outcome = py.detach(|| thread.join());
        served?;
        match outcome {
            Ok(Ok(sampled)) => sampled.map_err(exception),
            Ok(Err(panic)) | Err(panic) => Err(panicked(panic.as_ref())),
        }
    })
}

/// Answers questions, shows progress and looks for signals until the run is over.
///
/// # Errors
/// What a callable raised; `KeyboardInterrupt`.
fn serve<'py>(
    py: Python<'py>,
    mut events: Receiver<Event>,
    functions: Option<&Functions<'py>>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    loop {
        let event = match events.try_recv() {
            Ok(event) => Ok(event),
            // Handed in and out, because a receiver cannot be shared with the closure.
            Err(_) => {
                let (back, event) = py.detach(move || {
                    let event = events.recv_timeout(SIGNALS);
                    (events, event)
                });
                events = back;
                event
            }
        };
        py.check_signals()?;
        match event {
            Ok(Event::Question(question)) => {
                if let Some(functions) = functions {
                    question.answer(py, functions)?;
                }
            }
            Ok(Event::Begin { phase, length }) => {
                if let Some(progress) = progress {
                    progress.call_method1("begin", (phase, length))?;
                }
            }
            Ok(Event::Done(text)) => {
                if let Some(progress) = progress {
                    progress.call_method1("level_done", (text,))?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Event::Over) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// What `amc.anneal` makes its result of.
fn described(py: Python<'_>, sampled: Sampled) -> PyResult<Bound<'_, PyDict>> {
    let summary = serde_json::to_string(&sampled.summary);
    let summary = summary.map_err(|error| SamplingError::new_err(error.to_string()))?;
    let parts = PyDict::new(py);
    parts.set_item("positions", matrix(py, sampled.positions, sampled.dim)?)?;
    parts.set_item("log_weights", vector(py, sampled.log_weights))?;
    parts.set_item("weights", vector(py, sampled.weights))?;
    parts.set_item("summary", summary)?;
    parts.set_item("verdict", sampled.summary.verdict.to_string())?;
    parts.set_item("settings", sampled.settings)?;
    Ok(parts)
}

#[cold]
fn panicked(panic: &(dyn std::any::Any + Send)) -> PyErr {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    SamplingError::new_err(format!("a defect of amc, please report it: {message}"))
}

//! The loop without Python that the overhead of a call is measured against.

use std::hint::black_box;
use std::time::Instant;

use amc_harness::embed::{MixtureDensity, Points, PointsMut};
use pyo3::prelude::*;

use crate::array::{Input, Output};
use crate::error::exception;
use crate::mixture::Mixture;

/// Seconds of each of `calls` evaluations from Rust, on the same mixture and memory as a call from Python.
///
/// Scores are evaluated too where room for them is given. Hidden: for `benchmarks/overhead.py`.
#[pyfunction]
#[pyo3(signature = (mixture, x, log_densities, scores, calls))]
pub(crate) fn _benchmark<'py>(
    py: Python<'py>,
    mixture: &Bound<'py, Mixture>,
    x: &Bound<'py, PyAny>,
    log_densities: &Bound<'py, PyAny>,
    scores: Option<&Bound<'py, PyAny>>,
    calls: usize,
) -> PyResult<Vec<f64>> {
    let density: &MixtureDensity = mixture.get().density();
    let dim = density.dim();
    let x = Input::points(x, "x", dim)?;
    let mut values = Output::place(py, Some(log_densities), "log_densities", &x.shape()[..1])?;
    let mut room = match scores {
        Some(scores) => Some(Output::place(py, Some(scores), "scores", x.shape())?),
        None => None,
    };
    values.apart_from("log_densities", &x, "x")?;
    if let Some(room) = &room {
        room.apart_from("scores", &x, "x")?;
        room.apart_from_output("scores", &values, "log_densities")?;
    }
    let (points, values) = (x.numbers(), values.numbers());
    let mut room = room.as_mut().map(Output::numbers);
    let seconds = py.detach(|| {
        let mut seconds = Vec::with_capacity(calls);
        for _ in 0..calls {
            let start = Instant::now();
            let x = Points::rows(black_box(points), dim)?;
            match room.as_deref_mut() {
                None => density.log_densities(x, black_box(&mut *values))?,
                Some(room) => {
                    density.scores(x, black_box(&mut *values), PointsMut::rows(room, dim)?)?
                }
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(seconds)
    });
    seconds.map_err(exception)
}

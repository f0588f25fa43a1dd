//! The calls of a density, shared by `Mixture` and `NoisedMixture`: arrays in, the engine without the interpreter, arrays out.

use amc_harness::embed::{EmbedError, MixtureDensity, Points, PointsMut};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::array::{Input, Output};
use crate::error::exception;

/// An array that a caller may have passed.
pub(super) type Given<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// `log_density(x)`, `[N]`.
#[inline]
pub(super) fn log_density<'py>(
    py: Python<'py>,
    density: &MixtureDensity,
    x: &Bound<'py, PyAny>,
    out: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let dim = density.dim();
    let x = Input::points(x, "x", dim)?;
    let mut values = Output::place(py, out, "out", &x.shape()[..1])?;
    if out.is_some() {
        values.apart_from("out", &x, "x")?;
    }
    let (points, log_densities) = (x.numbers(), values.numbers());
    let done = py.detach(|| density.log_densities(Points::rows(points, dim)?, log_densities));
    done.map_err(exception)?;
    Ok(values.into_array())
}

/// `(log_density(x), score(x))`, `[N]` and `[N, d]`.
pub(super) fn log_density_and_score<'py>(
    py: Python<'py>,
    density: &MixtureDensity,
    x: &Bound<'py, PyAny>,
    out: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let dim = density.dim();
    let x = Input::points(x, "x", dim)?;
    let (first, second) = out.as_ref().map_or((None, None), |(a, b)| (Some(a), Some(b)));
    let mut values = Output::place(py, first, "out[0]", &x.shape()[..1])?;
    let mut scores = Output::place(py, second, "out[1]", x.shape())?;
    if out.is_some() {
        values.apart_from("out[0]", &x, "x")?;
        scores.apart_from("out[1]", &x, "x")?;
        scores.apart_from_output("out[1]", &values, "out[0]")?;
    }
    evaluate_scores(py, density, &x, values.numbers(), scores.numbers())?;
    Ok((values.into_array(), scores.into_array()))
}

/// `score(x)`, `[N, d]`.
pub(super) fn score<'py>(
    py: Python<'py>,
    density: &MixtureDensity,
    x: &Bound<'py, PyAny>,
    out: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = Input::points(x, "x", density.dim())?;
    let mut scores = Output::place(py, out, "out", x.shape())?;
    if out.is_some() {
        scores.apart_from("out", &x, "x")?;
    }
    let mut values = vec![0.0; x.shape()[0]];
    evaluate_scores(py, density, &x, &mut values, scores.numbers())?;
    Ok(scores.into_array())
}

#[inline]
fn evaluate_scores(
    py: Python<'_>,
    density: &MixtureDensity,
    x: &Input<'_>,
    log_densities: &mut [f64],
    scores: &mut [f64],
) -> PyResult<()> {
    let (dim, points) = (density.dim(), x.numbers());
    let done = py.detach(|| -> Result<(), EmbedError> {
        density.scores(Points::rows(points, dim)?, log_densities, PointsMut::rows(scores, dim)?)
    });
    done.map_err(exception)
}

/// `H(x) v` row by row, `[N, d]`.
pub(super) fn hessian_product<'py>(
    py: Python<'py>,
    density: &MixtureDensity,
    x: &Bound<'py, PyAny>,
    v: &Bound<'py, PyAny>,
    out: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let dim = density.dim();
    let x = Input::points(x, "x", dim)?;
    let v = Input::points(v, "v", dim)?;
    if x.shape() != v.shape() {
        return Err(PyValueError::new_err(format!(
            "v has {} rows and x has {}; each point takes one vector",
            v.shape()[0],
            x.shape()[0]
        )));
    }
    let mut products = Output::place(py, out, "out", x.shape())?;
    if out.is_some() {
        products.apart_from("out", &x, "x")?;
        products.apart_from("out", &v, "v")?;
    }
    let (points, vectors, room) = (x.numbers(), v.numbers(), products.numbers());
    let done = py.detach(|| -> Result<(), EmbedError> {
        let (points, vectors) = (Points::rows(points, dim)?, Points::rows(vectors, dim)?);
        density.hessian_products(points, vectors, PointsMut::rows(room, dim)?)
    });
    done.map_err(exception)?;
    Ok(products.into_array())
}

/// `n` exact samples, `[n, d]`.
pub(super) fn sample<'py>(
    py: Python<'py>,
    density: &MixtureDensity,
    n: usize,
    seed: u64,
    out: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let dim = density.dim();
    let mut samples = Output::place(py, out, "out", &[n, dim])?;
    let room = samples.numbers();
    let done = py.detach(|| density.sample(seed, PointsMut::rows(room, dim)?));
    done.map_err(exception)?;
    Ok(samples.into_array())
}

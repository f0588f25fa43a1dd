//! `amc.NoisedMixture`: a mixture at one level of noise, prepared once and evaluated many times.

use std::sync::Arc;

use amc_harness::embed::MixtureDensity;
use pyo3::prelude::*;

use super::evaluate::{self, Given};

/// A mixture to which noise has been added: the law of ``alpha X + sqrt(variance) eps``.
///
/// ``sum_k w_k N(alpha mu_k, alpha^2 Sigma_k + variance I)``, in closed form. Made by :meth:`Mixture.at` and
/// :meth:`Mixture.noised`. Its methods are those of :class:`Mixture` and have their rules about arrays; an object may be used from
/// several threads at once.
///
/// Attributes
/// ----------
/// alpha : float
///     What points of the mixture are multiplied by.
/// variance : float
///     Variance of the noise, per coordinate.
/// dim : int
///     Dimension ``d``.
///
/// Examples
/// --------
/// >>> import amc, numpy as np
/// >>> noised = amc.Mixture([1.0], [[2.0, -1.0]], 0.25).noised(alpha=0.5, variance=1.0)
/// >>> noised.log_density(np.zeros((1, 2))).round(6)
/// array([-2.486737])
#[pyclass(module = "amc", name = "NoisedMixture", frozen)]
pub(crate) struct NoisedMixture {
    density: Arc<MixtureDensity>,
}

impl NoisedMixture {
    pub(super) fn new(density: Arc<MixtureDensity>) -> Self {
        Self { density }
    }
}

#[pymethods]
impl NoisedMixture {
    /// What points of the mixture are multiplied by.
    #[getter]
    fn alpha(&self) -> f64 {
        self.density.level().alpha()
    }

    /// Variance of the noise, per coordinate.
    #[getter]
    fn variance(&self) -> f64 {
        self.density.level().variance()
    }

    /// Dimension ``d``.
    #[getter]
    fn dim(&self) -> usize {
        self.density.dim()
    }

    /// Log-densities of points, in nats; see :meth:`Mixture.log_density`.
    #[pyo3(signature = (x, *, out = None))]
    fn log_density<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        evaluate::log_density(py, &self.density, x, out)
    }

    /// Gradients of the log-density; see :meth:`Mixture.score`.
    #[pyo3(signature = (x, *, out = None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        evaluate::score(py, &self.density, x, out)
    }

    /// Both from one pass; see :meth:`Mixture.log_density_and_score`.
    #[pyo3(signature = (x, *, out = None))]
    fn log_density_and_score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        out: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        evaluate::log_density_and_score(py, &self.density, x, out)
    }

    /// Hessians of the log-density times vectors; see :meth:`Mixture.hessian_product`.
    #[pyo3(signature = (x, v, *, out = None))]
    fn hessian_product<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        v: &Bound<'py, PyAny>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        evaluate::hessian_product(py, &self.density, x, v, out)
    }

    /// Exact samples; see :meth:`Mixture.sample`.
    #[pyo3(signature = (n, seed, *, out = None))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        evaluate::sample(py, &self.density, n, seed, out)
    }

    fn __repr__(&self) -> String {
        let (components, dim) = (self.density.components(), self.density.dim());
        let (alpha, variance) = (self.alpha(), self.variance());
        format!(
            "<amc.NoisedMixture: {components} components in {dim} dimensions, alpha = {alpha}, variance = {variance}>"
        )
    }
}

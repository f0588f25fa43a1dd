//! `amc.Mixture`: a Gaussian mixture that owns its numbers, and what is asked of it.

mod evaluate;
mod fit;
mod noise;
mod noised;
mod parameters;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use amc_core::path::NoiseSchedule;
use amc_harness::embed::MixtureDensity;
use amc_harness::target::{
    Conditioning, Covariance, Gmm40, ManyModes, MixtureParameters, Standardize, TwoModes,
    load_mixture, standardize, write_mixture,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::array::{matrices, matrix, vector};
use crate::error::{exception, family_exception};
use evaluate::Given;
pub(crate) use noised::NoisedMixture;

/// A Gaussian mixture, ``gamma(x) = sum_k w_k N(x; mu_k, Sigma_k)``: its density, score, Hessian and exact samples.
///
/// Parameters
/// ----------
/// weights : array_like, shape (K,)
///     Weights of the components, not negative; they are divided by their sum.
/// means : array_like, shape (K, d)
///     Means of the components.
/// covariances : float or array_like
///     Variances (not standard deviations) or covariance matrices. The shape says which: a number or ``(K,)`` isotropic,
///     ``(d,)`` or ``(K, d)`` diagonal, ``(d, d)`` or ``(K, d, d)`` full; without the ``K`` shared by all components.
/// covariance : {"isotropic", "diagonal", "full"}, optional
///     The kind, needed only where the shape leaves a choice (``K = d``).
/// name : str, optional
///     For tables and files.
///
/// Attributes
/// ----------
/// weights : numpy.ndarray, shape (K,)
/// means : numpy.ndarray, shape (K, d)
/// covariances : float or numpy.ndarray
///     In the shape that was given; copies, as `weights` and `means` are.
/// covariance : str
///     The kind of covariance.
/// dim, components : int
///     ``d`` and ``K``.
/// name : str
///
/// Raises
/// ------
/// TypeError
///     For what holds no real numbers.
/// ValueError
///     For a wrong shape, numbers that are not finite, negative weights, variances that are not positive, matrices that are
///     not symmetric or not positive definite.
///
/// Notes
/// -----
/// A mixture cannot be changed, can be pickled and copied, and may be used from several threads at once: the interpreter's
/// lock is released while it computes. Every method takes points as ``(N, d)``. A C-contiguous ``float64`` array is read where it
/// lies; any other array of real numbers is converted with one copy.
///
/// Examples
/// --------
/// >>> import amc, numpy as np
/// >>> mixture = amc.Mixture([2.0, 1.0], [[-1.0, 0.0], [3.0, 0.5]], [[0.5, 1.0], [0.1, 0.2]], covariance="diagonal")
/// >>> mixture
/// <amc.Mixture 'mixture': 2 components in 2 dimensions, diagonal covariance>
/// >>> mixture.log_density(np.array([[0.0, 0.0], [3.0, 0.5]])).round(6)
/// array([-2.896769, -0.980478])
#[pyclass(module = "amc", name = "Mixture", frozen)]
pub(crate) struct Mixture {
    density: MixtureDensity,
    /// The last density at a time, for callers that ask for one time again and again.
    noised: Mutex<Option<Noised>>,
}

/// A density at a time.
#[derive(Clone)]
struct Noised {
    schedule: NoiseSchedule,
    t: f64,
    density: Arc<MixtureDensity>,
}

impl Mixture {
    /// Full covariances are decomposed here, which may take minutes: the interpreter is free meanwhile.
    fn of(py: Python<'_>, parameters: MixtureParameters) -> PyResult<Self> {
        let density = py.detach(|| MixtureDensity::new(parameters));
        Ok(Self { density: density.map_err(exception)?, noised: Mutex::new(None) })
    }

    /// The parameters, for a run.
    pub(crate) fn parameters(&self) -> &MixtureParameters {
        self.density.parameters()
    }

    /// The density, for the benchmark.
    pub(crate) fn density(&self) -> &MixtureDensity {
        &self.density
    }

    /// A member of a family, standardized or not.
    fn family(py: Python<'_>, parameters: MixtureParameters, how: Option<&str>) -> PyResult<Self> {
        let how = standardization(how.unwrap_or(Standardize::None.name()))?;
        let (parameters, _) = standardize(&parameters, how).map_err(family_exception)?;
        Self::of(py, parameters)
    }

    /// The noised mixture, where a time is given.
    fn noised_if(
        &self,
        py: Python<'_>,
        t: Option<f64>,
        schedule: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Arc<MixtureDensity>>> {
        t.map(|t| self.at_time(py, noise::schedule(schedule)?, t)).transpose()
    }

    /// The density at time `t` of `schedule`, from the last call if that was the same.
    fn at_time(
        &self,
        py: Python<'_>,
        schedule: NoiseSchedule,
        t: f64,
    ) -> PyResult<Arc<MixtureDensity>> {
        let t = noise::checked_time(t)?;
        let mut last = self.noised.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(noised) = last.take_if(|n| n.t == t && n.schedule == schedule) {
            return Ok(noised.density);
        }
        let parameters = self.density.parameters().clone();
        let density = py.detach(|| MixtureDensity::at(parameters, &schedule, t));
        let density = Arc::new(density.map_err(exception)?);
        let noised = Noised { schedule, t, density: Arc::clone(&density) };
        *self.noised.lock().unwrap_or_else(PoisonError::into_inner) = Some(noised);
        Ok(density)
    }
}

#[pymethods]
impl Mixture {
    #[new]
    #[pyo3(signature = (weights, means, covariances, *, covariance = None, name = None))]
    fn new(
        py: Python<'_>,
        weights: &Bound<'_, PyAny>,
        means: &Bound<'_, PyAny>,
        covariances: &Bound<'_, PyAny>,
        covariance: Option<&str>,
        name: Option<String>,
    ) -> PyResult<Self> {
        Self::of(py, parameters::parameters(weights, means, covariances, covariance, name)?)
    }

    /// Reads a mixture from a JSON file (the format of ``target.path`` in configurations).
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    /// standardize : {"none", "diagonal", "scalar"}, optional
    ///     Instead of what the file says: ``"diagonal"`` maps to mean 0 and variance 1 in every coordinate, ``"scalar"`` divides all
    ///     coordinates by one number.
    ///
    /// Returns
    /// -------
    /// Mixture
    ///
    /// Raises
    /// ------
    /// FileNotFoundError, OSError
    ///     For a file that is not there or cannot be read.
    /// ValueError
    ///     For a file that holds no mixture; the message names file, field and value.
    ///
    /// Examples
    /// --------
    /// >>> import amc, tempfile, pathlib
    /// >>> path = pathlib.Path(tempfile.mkdtemp()) / "mixture.json"
    /// >>> amc.Mixture([1.0], [[0.5]], 2.0).to_file(path)
    /// >>> amc.Mixture.from_file(path).covariances
    /// 2.0
    #[staticmethod]
    #[pyo3(signature = (path, *, standardize = None))]
    fn from_file(py: Python<'_>, path: PathBuf, standardize: Option<&str>) -> PyResult<Self> {
        let (parameters, asked) = load_mixture(&path).map_err(family_exception)?;
        Self::family(py, parameters, Some(standardize.unwrap_or(asked.name())))
    }

    /// Writes the mixture to a JSON file, every number exactly.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///
    /// Raises
    /// ------
    /// OSError
    ///     For a file that cannot be written.
    ///
    /// Examples
    /// --------
    /// See :meth:`from_file`.
    fn to_file(&self, path: PathBuf) -> PyResult<()> {
        write_mixture(&path, self.parameters(), Standardize::None).map_err(family_exception)
    }

    /// TwoModes(d, a): weights 2/3 and 1/3, means -a and +a in every coordinate, variance 0.05 [1]_.
    ///
    /// Parameters
    /// ----------
    /// dim : int
    ///     Dimension ``d``.
    /// separation : float
    ///     ``a``, greater than 0.
    /// conditioning : {"none", "medium", "hard"}
    ///     How unequal the variances inside a mode are: the same, or spread over factors of 10 or 100.
    /// rotate : bool
    ///     Rotate unequal variances by a random orthogonal matrix.
    /// seed : int
    ///     Of the rotation.
    /// standardize : {"none", "diagonal", "scalar"}
    ///     ``"diagonal"``, as in benchmarks, maps to mean 0 and variance 1 in every coordinate.
    ///
    /// Returns
    /// -------
    /// Mixture
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For a parameter out of range.
    ///
    /// References
    /// ----------
    /// .. [1] Grenioux et al., Improving the evaluation of samplers on multi-modal targets, arXiv 2504.08916.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> amc.Mixture.two_modes(16, 5.0, standardize="none").means[:, 0]
    /// array([-5.,  5.])
    #[staticmethod]
    #[pyo3(signature = (dim, separation, *, conditioning = "none", rotate = false, seed = 0, standardize = "diagonal"))]
    fn two_modes(
        py: Python<'_>,
        dim: usize,
        separation: f64,
        conditioning: &str,
        rotate: bool,
        seed: u64,
        standardize: &str,
    ) -> PyResult<Self> {
        let conditioning = Conditioning::from_name(conditioning).ok_or_else(|| {
            PyValueError::new_err(format!(
                "conditioning = {conditioning:?} is not known; it must be \"none\", \"medium\" or \"hard\""
            ))
        })?;
        let family = TwoModes { dim, a: separation, conditioning, rotate, seed };
        Self::family(py, family.parameters().map_err(family_exception)?, Some(standardize))
    }

    /// ManyModes(d, K): weights spread over a factor of 3, means uniform on [-K, K]^d, variance 0.5 [1]_.
    ///
    /// Parameters
    /// ----------
    /// dim : int
    ///     Dimension ``d``.
    /// components : int
    ///     ``K``.
    /// seed : int, optional
    ///     Draws the means. Without one, sizes that have published means use these: (8, 4), (8, 16), (8, 64), (32, 32), (64, 16).
    /// standardize : {"none", "diagonal", "scalar"}
    ///     As in :meth:`two_modes`.
    ///
    /// Returns
    /// -------
    /// Mixture
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For a parameter out of range.
    ///
    /// References
    /// ----------
    /// .. [1] Grenioux et al., Improving the evaluation of samplers on multi-modal targets, arXiv 2504.08916.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> amc.Mixture.many_modes(8, 16)
    /// <amc.Mixture 'many-modes-d8-k16': 16 components in 8 dimensions, diagonal covariance>
    #[staticmethod]
    #[pyo3(signature = (dim, components, *, seed = None, standardize = "diagonal"))]
    fn many_modes(
        py: Python<'_>,
        dim: usize,
        components: usize,
        seed: Option<u64>,
        standardize: &str,
    ) -> PyResult<Self> {
        let family = ManyModes { dim, components, seed: seed.unwrap_or(ManyModes::DEFAULT_SEED) };
        Self::family(py, family.parameters().map_err(family_exception)?, Some(standardize))
    }

    /// GMM40(d): 40 equal weights, means uniform on [-40, 40]^d, variance ``log(1 + e)``.
    ///
    /// (The mixture of that name in FAB takes this number as the standard deviation: its figures are not comparable.)
    ///
    /// Parameters
    /// ----------
    /// dim : int
    ///     Dimension ``d``.
    /// seed : int, optional
    ///     Draws the means. Without one, dimensions 2, 10, 50 and 128 use published means.
    /// standardize : {"none", "diagonal", "scalar"}
    ///     As in :meth:`two_modes`.
    ///
    /// Returns
    /// -------
    /// Mixture
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For a parameter out of range.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> amc.Mixture.gmm40(2, standardize="none").means[0].round(2)
    /// array([-0.3 , 21.46])
    #[staticmethod]
    #[pyo3(signature = (dim, *, seed = None, standardize = "diagonal"))]
    fn gmm40(py: Python<'_>, dim: usize, seed: Option<u64>, standardize: &str) -> PyResult<Self> {
        let family = Gmm40 { dim, seed: seed.unwrap_or(Gmm40::DEFAULT_SEED) };
        Self::family(py, family.parameters().map_err(family_exception)?, Some(standardize))
    }

    /// Fits a mixture to samples by expectation maximization [1]_, as a backbone for example.
    ///
    /// Parameters
    /// ----------
    /// samples : array_like, shape (N, d)
    ///     Samples of equal weight, one a row.
    /// components : int or tuple of int
    ///     How many, or ``(first, last)``: the number among these with the lowest Bayesian information criterion [2]_.
    /// covariance : {"diagonal", "isotropic", "full"}
    ///     Which covariances the components may have; each has its own.
    /// seed : int
    ///     Of the starts.
    /// restarts : int
    ///     Ascents from different starts, of which the best is taken.
    /// tolerance : float
    ///     An ascent ends when the mean log-likelihood of a sample gains less, in nats.
    /// max_iterations : int
    ///     Most iterations of an ascent.
    /// floor : float
    ///     Least variance of a component, relative to that of the samples.
    /// threads : int
    ///     0 for all cores. The result does not depend on it.
    ///
    /// Returns
    /// -------
    /// Mixture
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     For samples or options that are none, too few samples, or a coordinate without spread.
    /// KeyboardInterrupt
    ///     On Ctrl-C.
    ///
    /// Warns
    /// -----
    /// UserWarning
    ///     For a fit that did not converge, or components with too few samples.
    ///
    /// References
    /// ----------
    /// .. [1] Dempster, Laird, Rubin, Maximum likelihood from incomplete data via the EM algorithm, JRSS-B 39, 1977.
    /// .. [2] Schwarz, Estimating the dimension of a model, Ann. Stat. 6, 1978.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> samples = amc.Mixture([0.8, 0.2], [[-2.0], [3.0]], [0.25, 0.5], covariance="isotropic").sample(20_000, seed=1)
    /// >>> fitted = amc.Mixture.fit(samples, components=(1, 3))
    /// >>> fitted.components, sorted(fitted.means[:, 0].round(1).tolist())
    /// (2, [-2.0, 3.0])
    #[staticmethod]
    #[pyo3(signature = (
        samples, components, *, covariance = "diagonal", seed = 1, restarts = 4, tolerance = 1e-7, max_iterations = 1000,
        floor = 1e-6, threads = 0
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn fit(
        py: Python<'_>,
        samples: &Bound<'_, PyAny>,
        components: fit::Components,
        covariance: &str,
        seed: u64,
        restarts: usize,
        tolerance: f64,
        max_iterations: usize,
        floor: f64,
        threads: usize,
    ) -> PyResult<Self> {
        let covariance = covariance.to_owned();
        let options = fit::Options {
            components,
            covariance,
            seed,
            restarts,
            tolerance,
            max_iterations,
            floor,
            threads,
        };
        Self::of(py, fit::fit(py, samples, &options)?.mixture)
    }

    /// Log-densities ``log gamma(x)`` of points, in nats.
    ///
    /// Parameters
    /// ----------
    /// x : array_like, shape (N, d)
    ///     Points, one a row.
    /// t : float, optional
    ///     A time in [0, 1]: the density of the mixture noised up to there, ``sum_k w_k N(alpha_t mu_k, alpha_t^2 Sigma_k + v_t I)`` [1]_.
    ///     For many times or short calls prepare it once by :meth:`at`.
    /// schedule : str or dict, optional
    ///     Signal and noise at each time, as in :meth:`at`.
    /// out : numpy.ndarray, shape (N,), optional
    ///     Where to write: float64, C-contiguous, no memory shared with `x`.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray, shape (N,)
    ///     `out`, if it was given.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     For what holds no real numbers.
    /// ValueError
    ///     For a wrong shape, a point that is not finite (its row is named), or an `out` that cannot be written to.
    ///
    /// References
    /// ----------
    /// .. [1] Song et al., Score-based generative modeling through stochastic differential equations, ICLR 2021.
    ///
    /// Examples
    /// --------
    /// >>> import amc, numpy as np
    /// >>> mixture = amc.Mixture([0.7, 0.3], [[-2.0], [1.0]], 0.5)
    /// >>> x = np.array([[-2.0], [0.0]])
    /// >>> mixture.log_density(x).round(6)
    /// array([-0.928987, -2.666435])
    /// >>> mixture.log_density(x, t=0.5).round(6)
    /// array([-2.250982, -1.024737])
    #[pyo3(signature = (x, t = None, *, schedule = None, out = None))]
    fn log_density<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        t: Option<f64>,
        schedule: Option<&Bound<'py, PyAny>>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let noised = self.noised_if(py, t, schedule)?;
        evaluate::log_density(py, noised.as_deref().unwrap_or(&self.density), x, out)
    }

    /// Scores, the gradients of the log-density: ``sum_k r_k(x) Sigma_k^-1 (mu_k - x)``.
    ///
    /// Parameters
    /// ----------
    /// x : array_like, shape (N, d)
    /// t, schedule
    ///     As in :meth:`log_density`.
    /// out : numpy.ndarray, shape (N, d), optional
    ///     Where to write.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray, shape (N, d)
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As :meth:`log_density`.
    ///
    /// Examples
    /// --------
    /// >>> import amc, numpy as np
    /// >>> amc.Mixture([1.0], [[1.0, 2.0]], [[2.0, 0.5]]).score(np.zeros((1, 2)))
    /// array([[0.5, 4. ]])
    #[pyo3(signature = (x, t = None, *, schedule = None, out = None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        t: Option<f64>,
        schedule: Option<&Bound<'py, PyAny>>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let noised = self.noised_if(py, t, schedule)?;
        evaluate::score(py, noised.as_deref().unwrap_or(&self.density), x, out)
    }

    /// Log-densities and scores from one pass, at the price of the scores.
    ///
    /// Parameters
    /// ----------
    /// x : array_like, shape (N, d)
    /// t, schedule
    ///     As in :meth:`log_density`.
    /// out : tuple of numpy.ndarray, shapes (N,) and (N, d), optional
    ///     Where to write.
    ///
    /// Returns
    /// -------
    /// log_density : numpy.ndarray, shape (N,)
    /// score : numpy.ndarray, shape (N, d)
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As :meth:`log_density`.
    ///
    /// Examples
    /// --------
    /// >>> import amc, numpy as np
    /// >>> value, score = amc.Mixture([1.0], [[1.0, 2.0]], 1.0).log_density_and_score(np.zeros((1, 2)))
    /// >>> value.round(6), score
    /// (array([-4.337877]), array([[1., 2.]]))
    #[pyo3(signature = (x, t = None, *, schedule = None, out = None))]
    fn log_density_and_score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        t: Option<f64>,
        schedule: Option<&Bound<'py, PyAny>>,
        out: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let noised = self.noised_if(py, t, schedule)?;
        evaluate::log_density_and_score(py, noised.as_deref().unwrap_or(&self.density), x, out)
    }

    /// Hessians of the log-density times vectors, without forming a Hessian.
    ///
    /// Parameters
    /// ----------
    /// x : array_like, shape (N, d)
    ///     Points.
    /// v : array_like, shape (N, d)
    ///     A vector for each point.
    /// t, schedule
    ///     As in :meth:`log_density`.
    /// out : numpy.ndarray, shape (N, d), optional
    ///     Where to write.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray, shape (N, d)
    ///     ``H(x_i) v_i``.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     As :meth:`log_density`.
    ///
    /// Examples
    /// --------
    /// >>> import amc, numpy as np
    /// >>> mixture = amc.Mixture([1.0], [[1.0, 2.0]], [[2.0, 0.5]])
    /// >>> mixture.hessian_product(np.zeros((1, 2)), np.array([[1.0, 1.0]]))
    /// array([[-0.5, -2. ]])
    #[pyo3(signature = (x, v, t = None, *, schedule = None, out = None))]
    fn hessian_product<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        v: &Bound<'py, PyAny>,
        t: Option<f64>,
        schedule: Option<&Bound<'py, PyAny>>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let noised = self.noised_if(py, t, schedule)?;
        evaluate::hessian_product(py, noised.as_deref().unwrap_or(&self.density), x, v, out)
    }

    /// Exact, independent samples.
    ///
    /// Parameters
    /// ----------
    /// n : int
    ///     How many.
    /// seed : int
    ///     From 0 to 2^64 - 1. The same seed gives the same samples, on every machine with the same instructions.
    /// t, schedule
    ///     As in :meth:`log_density`.
    /// out : numpy.ndarray, shape (n, d), optional
    ///     Where to write.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray, shape (n, d)
    ///
    /// Raises
    /// ------
    /// OverflowError, TypeError, ValueError
    ///     For arguments that are no such numbers.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> samples = amc.Mixture([0.9, 0.1], [[-2.0], [2.0]], 0.01).sample(10_000, seed=1)
    /// >>> bool(abs((samples > 0).mean() - 0.1) < 0.01)
    /// True
    #[pyo3(signature = (n, seed, t = None, *, schedule = None, out = None))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
        t: Option<f64>,
        schedule: Option<&Bound<'py, PyAny>>,
        out: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let noised = self.noised_if(py, t, schedule)?;
        evaluate::sample(py, noised.as_deref().unwrap_or(&self.density), n, seed, out)
    }

    /// The mixture noised up to a time of a noise schedule, prepared for many evaluations [1]_.
    ///
    /// Parameters
    /// ----------
    /// t : float
    ///     In [0, 1]; 0 is the mixture itself.
    /// schedule : str or dict, optional
    ///     ``"vp-linear"`` (the default), ``"vp-cosine"`` or ``"ve"``; or a dict with the keys that ``[path]`` of a configuration
    ///     has: ``{"schedule": "vp-linear", "beta_min": 0.1, "beta_max": 20.0}``,
    ///     ``{"schedule": "ve", "sigma_min": 0.002, "sigma_max": 80.0, "shape": "geometric"}``.
    ///
    /// Returns
    /// -------
    /// NoisedMixture
    ///
    /// Raises
    /// ------
    /// ConfigError, TypeError
    ///     For a schedule that is none.
    /// ValueError
    ///     For a time outside of [0, 1].
    ///
    /// References
    /// ----------
    /// .. [1] Song et al., Score-based generative modeling through stochastic differential equations, ICLR 2021.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> noised = amc.Mixture([1.0], [[3.0]], 1.0).at(0.5, schedule="vp-cosine")
    /// >>> round(noised.alpha, 6), round(noised.variance, 6)
    /// (0.707107, 0.5)
    #[pyo3(signature = (t, schedule = None))]
    fn at(
        &self,
        py: Python<'_>,
        t: f64,
        schedule: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<NoisedMixture> {
        let schedule = noise::schedule(schedule)?;
        let density = self.at_time(py, schedule, t)?;
        Ok(NoisedMixture::new(density))
    }

    /// The law of ``alpha X + sqrt(variance) eps``, prepared for many evaluations.
    ///
    /// Parameters
    /// ----------
    /// alpha : float
    ///     What points are multiplied by; not negative.
    /// variance : float
    ///     Variance of the noise, per coordinate; not negative.
    ///
    /// Returns
    /// -------
    /// NoisedMixture
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For numbers out of range.
    ///
    /// Examples
    /// --------
    /// See :class:`NoisedMixture`.
    fn noised(&self, py: Python<'_>, alpha: f64, variance: f64) -> PyResult<NoisedMixture> {
        let parameters = self.parameters().clone();
        let density = py.detach(|| MixtureDensity::noised(parameters, alpha, variance));
        Ok(NoisedMixture::new(Arc::new(density.map_err(exception)?)))
    }

    /// The mixture after ``x -> (x - m)/s``, with its own mean ``m`` and standard deviations ``s``, in closed form.
    ///
    /// Parameters
    /// ----------
    /// how : {"diagonal", "scalar"}
    ///     A standard deviation for each coordinate, or one for all.
    ///
    /// Returns
    /// -------
    /// mixture : Mixture
    ///     Still normalized: its ``log Z`` is 0.
    /// shift : numpy.ndarray, shape (d,)
    ///     ``m``.
    /// scale : numpy.ndarray, shape (d,)
    ///     ``s``. Own coordinates are ``scale * x + shift``.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For another word, or moments that overflow.
    ///
    /// Examples
    /// --------
    /// >>> import amc
    /// >>> standard, shift, scale = amc.Mixture([1.0], [[3.0, 1.0]], [[4.0, 9.0]]).standardized()
    /// >>> standard.means, shift, scale
    /// (array([[0., 0.]]), array([3., 1.]), array([2., 3.]))
    #[pyo3(signature = (how = "diagonal"))]
    fn standardized<'py>(
        &self,
        py: Python<'py>,
        how: &str,
    ) -> PyResult<(Self, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let mapped = standardize(self.parameters(), standardization(how)?);
        let (parameters, map) = mapped.map_err(family_exception)?;
        Ok((Self::of(py, parameters)?, vector(py, map.shift), vector(py, map.scale)))
    }

    /// Weights of the components, ``(K,)``; they sum to 1. A copy.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        vector(py, self.parameters().weights.clone())
    }

    /// Means of the components, ``(K, d)``. A copy.
    #[getter]
    fn means<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        matrix(py, self.parameters().means.clone(), self.parameters().dim)
    }

    /// Variances or matrices in the shape that was given. A copy.
    #[getter]
    fn covariances<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let parameters = self.parameters();
        let (dim, shared) = (parameters.dim, parameters.shares_covariance());
        let entries = parameters.covariance.entries().to_vec();
        match &parameters.covariance {
            Covariance::Isotropic(variances) if shared => {
                Ok(variances[0].into_pyobject(py)?.into_any())
            }
            Covariance::Isotropic(_) => Ok(vector(py, entries)),
            Covariance::Diagonal(_) if shared => Ok(vector(py, entries)),
            Covariance::Diagonal(_) => matrix(py, entries, dim),
            Covariance::Full(_) if shared => matrix(py, entries, dim),
            Covariance::Full(_) => matrices(py, entries, dim),
        }
    }

    /// The kind of covariance: ``"isotropic"``, ``"diagonal"`` or ``"full"``.
    #[getter]
    fn covariance(&self) -> &'static str {
        self.parameters().covariance.kind()
    }

    /// Dimension ``d``.
    #[getter]
    fn dim(&self) -> usize {
        self.density.dim()
    }

    /// Number of components ``K``.
    #[getter]
    fn components(&self) -> usize {
        self.density.components()
    }

    /// The name.
    #[getter]
    fn name(&self) -> &str {
        &self.parameters().name
    }

    fn __repr__(&self) -> String {
        let (components, dim) = (self.density.components(), self.density.dim());
        let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        format!(
            "<amc.Mixture '{}': {} in {}, {} covariance>",
            self.name(),
            count(components, "component"),
            count(dim, "dimension"),
            self.covariance()
        )
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let (own, its) = (self.parameters(), other.get().parameters());
            (own.dim, &own.weights, &own.means, &own.covariance)
                == (its.dim, &its.weights, &its.means, &its.covariance)
        })
    }

    /// For pickle and copy: the arguments that make the same mixture.
    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let arguments = (self.weights(py), self.means(py)?, self.covariances(py)?);
        let keywords = PyDict::new(py);
        keywords.set_item("covariance", self.covariance())?;
        keywords.set_item("name", self.name())?;
        Ok((arguments.into_pyobject(py)?, keywords))
    }
}

/// The standardization of a name.
fn standardization(name: &str) -> PyResult<Standardize> {
    Standardize::from_name(name).ok_or_else(|| {
        PyValueError::new_err(format!(
            "standardize = {name:?} is not known; it must be \"none\", \"diagonal\" or \"scalar\""
        ))
    })
}

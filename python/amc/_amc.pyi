"""The compiled part of amc; import ``amc`` instead."""

from os import PathLike
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple, Union, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Schedule = Union[str, Mapping[str, Union[str, float]]]
Standardize = Literal["none", "diagonal", "scalar"]

__version__: str

class ConfigError(ValueError):
    """A setting that is unknown, out of range, or does not go with the others."""

class SamplingError(RuntimeError):
    """A run that could not go on."""

class TargetError(ValueError):
    """A target that returned what cannot be used."""

@final
class Mixture:
    """A Gaussian mixture: its density, score, Hessian and exact samples."""

    def __new__(
        cls,
        weights: ArrayLike,
        means: ArrayLike,
        covariances: ArrayLike,
        *,
        covariance: Optional[Literal["isotropic", "diagonal", "full"]] = None,
        name: Optional[str] = None,
    ) -> Mixture: ...
    @staticmethod
    def from_file(path: Union[str, PathLike[str]], *, standardize: Optional[Standardize] = None) -> Mixture:
        """Reads a mixture from a JSON file."""
    def to_file(self, path: Union[str, PathLike[str]]) -> None:
        """Writes the mixture to a JSON file."""
    @staticmethod
    def two_modes(
        dim: int,
        separation: float,
        *,
        conditioning: Literal["none", "medium", "hard"] = "none",
        rotate: bool = False,
        seed: int = 0,
        standardize: Standardize = "diagonal",
    ) -> Mixture:
        """TwoModes(d, a): weights 2/3 and 1/3, means -a and +a in every coordinate, variance 0.05."""
    @staticmethod
    def many_modes(
        dim: int, components: int, *, seed: Optional[int] = None, standardize: Standardize = "diagonal"
    ) -> Mixture:
        """ManyModes(d, K): weights spread over a factor of 3, means uniform on [-K, K]^d, variance 0.5."""
    @staticmethod
    def gmm40(dim: int, *, seed: Optional[int] = None, standardize: Standardize = "diagonal") -> Mixture:
        """GMM40(d): 40 equal weights, means uniform on [-40, 40]^d, variance log(1 + e)."""
    @staticmethod
    def fit(
        samples: ArrayLike,
        components: Union[int, Tuple[int, int]],
        *,
        covariance: Literal["isotropic", "diagonal", "full"] = "diagonal",
        seed: int = 1,
        restarts: int = 4,
        tolerance: float = 1e-7,
        max_iterations: int = 1000,
        floor: float = 1e-6,
        threads: int = 0,
    ) -> Mixture:
        """Fits a mixture to samples (N, d) by expectation maximization."""
    def log_density(
        self,
        x: ArrayLike,
        t: Optional[float] = None,
        *,
        schedule: Optional[Schedule] = None,
        out: Optional[Array] = None,
    ) -> Array:
        """Log-densities (N,) of points (N, d), in nats; those of the noised mixture with a time `t`."""
    def score(
        self,
        x: ArrayLike,
        t: Optional[float] = None,
        *,
        schedule: Optional[Schedule] = None,
        out: Optional[Array] = None,
    ) -> Array:
        """Gradients (N, d) of the log-density at points (N, d)."""
    def log_density_and_score(
        self,
        x: ArrayLike,
        t: Optional[float] = None,
        *,
        schedule: Optional[Schedule] = None,
        out: Optional[Tuple[Array, Array]] = None,
    ) -> Tuple[Array, Array]:
        """Log-densities (N,) and scores (N, d) from one pass."""
    def hessian_product(
        self,
        x: ArrayLike,
        v: ArrayLike,
        t: Optional[float] = None,
        *,
        schedule: Optional[Schedule] = None,
        out: Optional[Array] = None,
    ) -> Array:
        """Hessians of the log-density at points (N, d) times vectors (N, d)."""
    def sample(
        self,
        n: int,
        seed: int,
        t: Optional[float] = None,
        *,
        schedule: Optional[Schedule] = None,
        out: Optional[Array] = None,
    ) -> Array:
        """Exact, independent samples (n, d)."""
    def at(self, t: float, schedule: Optional[Schedule] = None) -> NoisedMixture:
        """The mixture noised up to a time of a noise schedule."""
    def noised(self, alpha: float, variance: float) -> NoisedMixture:
        """The law of alpha X + sqrt(variance) eps."""
    def standardized(self, how: Standardize = "diagonal") -> Tuple[Mixture, Array, Array]:
        """The mixture with mean 0 and variance 1, and the shift and scale (d,) of the map."""
    @property
    def weights(self) -> Array: ...
    @property
    def means(self) -> Array: ...
    @property
    def covariances(self) -> Union[float, Array]: ...
    @property
    def covariance(self) -> Literal["isotropic", "diagonal", "full"]: ...
    @property
    def dim(self) -> int: ...
    @property
    def components(self) -> int: ...
    @property
    def name(self) -> str: ...
    def __getnewargs_ex__(self) -> Tuple[Tuple[Any, ...], Dict[str, Any]]: ...

@final
class NoisedMixture:
    """A mixture at one level of noise; made by Mixture.at and Mixture.noised."""

    def log_density(self, x: ArrayLike, *, out: Optional[Array] = None) -> Array:
        """Log-densities (N,) of points (N, d), in nats."""
    def score(self, x: ArrayLike, *, out: Optional[Array] = None) -> Array:
        """Gradients (N, d) of the log-density at points (N, d)."""
    def log_density_and_score(
        self, x: ArrayLike, *, out: Optional[Tuple[Array, Array]] = None
    ) -> Tuple[Array, Array]:
        """Log-densities (N,) and scores (N, d) from one pass."""
    def hessian_product(self, x: ArrayLike, v: ArrayLike, *, out: Optional[Array] = None) -> Array:
        """Hessians of the log-density at points (N, d) times vectors (N, d)."""
    def sample(self, n: int, seed: int, *, out: Optional[Array] = None) -> Array:
        """Exact, independent samples (n, d)."""
    @property
    def alpha(self) -> float: ...
    @property
    def variance(self) -> float: ...
    @property
    def dim(self) -> int: ...

def instructions() -> Literal["portable", "avx2", "avx512"]:
    """The vector instructions that the kernels run on."""

def run(target: Any, settings: Mapping[str, Any], progress: Any) -> Dict[str, Any]:
    """Runs a sampler; amc.anneal is the documented way."""

def _benchmark(
    mixture: Mixture, x: Array, log_densities: Array, scores: Optional[Array], calls: int
) -> List[float]:
    """Seconds of evaluations from Rust on the same memory."""

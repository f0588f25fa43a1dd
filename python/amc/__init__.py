"""Annealed Monte Carlo: samples of multi-modal distributions, their normalizing constant, and a verdict on every run.

- :func:`anneal` samples a density of your own, or a mixture: AIS, SMC or replica exchange, along tempering and diffusion paths.
- :class:`Mixture` is a Gaussian mixture: density, score, Hessian, exact samples, noised versions, fits to samples.
- :class:`Result` is what a run leaves: weighted samples, ``log Z`` with its error, a verdict; :meth:`Result.to_arviz`.
- :func:`instructions` says which vector instructions are in use.

Examples
--------
>>> import amc, numpy as np
>>> def log_density(x):  # two wells of unequal depth, many points at once: [N, 1] -> [N]
...     return -10.0 * (x[:, 0] ** 2 - 1.0) ** 2 + 0.5 * x[:, 0]
>>> result = amc.anneal(log_density, dim=1, kernel="rwm", sampler={"kind": "smc", "particles": 2048}, progress=False)
>>> right = result.expectation(lambda x: x[:, 0] > 0)
>>> bool(abs(right - 0.73) < 0.05)
True
"""

from ._amc import (
    ConfigError,
    Mixture,
    NoisedMixture,
    SamplingError,
    TargetError,
    __version__,
    instructions,
)
from ._anneal import anneal
from ._result import Result

__all__ = [
    "ConfigError",
    "Mixture",
    "NoisedMixture",
    "Result",
    "SamplingError",
    "TargetError",
    "__version__",
    "anneal",
    "instructions",
]

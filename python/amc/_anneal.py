"""Runs of samplers."""

import json
import numbers
from typing import Any, Callable, Dict, Optional

from . import _amc, _progress, _settings
from ._result import Result
from ._settings import Section

_METHODS = ("log_density", "score", "log_density_and_score", "hessian_product")


def anneal(
    target: Any,
    dim: Optional[int] = None,
    *,
    path: Section = None,
    bridge: Section = None,
    kernel: Section = None,
    sampler: Section = None,
    logdet: Section = None,
    seed: int = 1,
    backbone: Optional[_amc.Mixture] = None,
    reference: Any = None,
    score: Optional[Callable[[Any], Any]] = None,
    hessian_product: Optional[Callable[[Any, Any], Any]] = None,
    finite_differences: Optional[float] = None,
    threads: int = 0,
    progress: Optional[bool] = None,
) -> Result:
    """Samples a density by annealing: importance sampling, sequential Monte Carlo or replica exchange.

    A path of densities leads from a reference, which is easy to sample, to the target. Particles are carried along it, weighted so
    that expectations under the target and its normalizing constant ``Z`` are estimated without bias [1]_ [2]_, or ladders of replicas
    exchange their states along it [3]_.

    Parameters
    ----------
    target : callable, object or Mixture
        What is sampled, known up to a constant factor:

        - a function ``f(x)`` from points ``(N, d)`` to log-densities ``(N,)``, natural logarithms, ``-inf`` where the density is zero;
        - an object with a method ``log_density`` of that kind, and perhaps ``score(x)`` ``(N, d)``, ``log_density_and_score(x)``, the pair
          of both, and ``hessian_product(x, v)`` ``(N, d)``;
        - a :class:`Mixture`, of which everything is known and compared with.

        ``N`` differs from call to call, up to 512. Functions are called in this thread, one call at a time.
    dim : int
        Dimension ``d``. Not needed for a mixture, an object with an attribute ``dim``, or with a `backbone`.
    path, bridge, kernel, sampler, logdet : str or dict, optional
        Names, or dicts with the keys of these sections in configuration files: ``path={"kind": "diffusion", "levels": 64}``,
        ``kernel="rwm"``, ``sampler={"kind": "smc", "particles": 4096}``. What is left out has the defaults of the program ``amc``,
        but for `path` without a `backbone`: that is a tempering path.
    seed : int
        From 0 to 2^64 - 1. One seed gives the same bits for any number of threads.
    backbone : Mixture, optional
        A mixture near the target, such as one fitted to samples. Its noised versions are the levels of the diffusion path to the
        target; its mean and variances are the reference of the tempering path.
    reference : tuple of float or array_like, optional
        ``(mean, scale)``, numbers or ``(d,)`` each: the Gaussian that a tempering path starts from, 0 and 1 by default. It should be
        wider than the target. Not together with `backbone`.
    score : callable, optional
        Gradients ``(N, d)`` of the log-density at points ``(N, d)``; MALA and HMC need them.
    hessian_product : callable, optional
        Hessians of the log-density at points ``(N, d)`` times vectors ``(N, d)``.
    finite_differences : float, optional
        Take what the target does not offer by central differences with this step, in units of the reference's standard deviation.
        (1e-4, say; ``2 d`` log-densities a score). Without it, what is missing is an error.
    threads : int
        Threads of the run, 0 for all cores. Functions in Python do not run in parallel, whatever is said here.
    progress : bool, optional
        Whether to show a bar; by default in notebooks and terminals.

    Returns
    -------
    Result

    Raises
    ------
    ConfigError
        For a setting that is unknown, out of range or does not go with the others; the message names it and what is allowed.
    TargetError
        For a function that returns another shape or type, NaN or ``+inf``.
    SamplingError
        For a run that cannot go on, for example because all particles lost their weight.
    TypeError, ValueError
        For arguments that are none.
    KeyboardInterrupt
        On Ctrl-C, within moments.
    Exception
        What a function raises comes out as it is, with its traceback.

    Notes
    -----
    Look at ``result.verdict``. Without exact samples of the target no run can vouch for modes that it never saw; the best verdict on a
    target of your own is therefore "unverified".

    References
    ----------
    .. [1] R. M. Neal, Annealed importance sampling, Stat. Comput. 11, 2001.
    .. [2] P. Del Moral, A. Doucet, A. Jasra, Sequential Monte Carlo samplers, JRSS-B 68, 2006.
    .. [3] S. Syed et al., Non-reversible parallel tempering, JRSS-B 84, 2022.

    Examples
    --------
    >>> import amc, numpy as np
    >>> def log_density(x):
    ...     return -0.5 * ((x - [1.0, -2.0]) ** 2 / [0.25, 4.0]).sum(axis=1)
    >>> def score(x):
    ...     return ([1.0, -2.0] - x) / [0.25, 4.0]
    >>> result = amc.anneal(log_density, dim=2, score=score, path={"kind": "tempering", "levels": 32}, kernel="mala",
    ...                     sampler={"kind": "smc", "particles": 2048}, reference=(0.0, 3.0), progress=False)
    >>> bool(abs(result.log_z - np.log(2 * np.pi * 0.5 * 2.0)) < 5 * result.log_z_std_error)
    True
    """
    sections = {"path": path, "bridge": bridge, "kernel": kernel, "sampler": sampler, "logdet": logdet}
    subject = target if isinstance(target, _amc.Mixture) else _functions(target, score, hessian_product)
    if subject is target and (score is not None or hessian_product is not None):
        raise ValueError("score and hessian_product: a mixture has its own; leave them out")
    if backbone is not None and not isinstance(backbone, _amc.Mixture):
        raise TypeError(f"backbone = {backbone!r} must be an amc.Mixture")
    dim = _dimension(target, dim, backbone)
    settings = {
        "dim": dim,
        "toml": _settings.to_toml(seed, sections),
        "backbone": backbone,
        "reference": _settings.reference_of(reference, dim),
        "finite_differences": _step(finite_differences),
        "threads": _count("threads", threads, least=0),
    }
    bar = _progress.bar(progress)
    try:
        parts = _amc.run(subject, settings, bar)
    finally:
        if bar is not None:
            bar.close()
    return Result(
        positions=parts["positions"],
        weights=parts["weights"],
        log_weights=parts["log_weights"],
        verdict=parts["verdict"],
        summary=json.loads(parts["summary"]),
        settings=parts["settings"],
    )


def _functions(target: Any, score: Any, hessian_product: Any) -> Dict[str, Optional[Callable[..., Any]]]:
    """The functions of a target, by name; what is passed by itself goes before what the target has."""
    functions = {name: getattr(target, name, None) for name in _METHODS}
    if functions["log_density"] is None:
        functions = dict.fromkeys(_METHODS)
        functions["log_density"] = target
        if not callable(target):
            raise TypeError(
                f"target = {target!r} must be a function f(x) of points [N, d], an object with a method log_density, or an amc.Mixture"
            )
    if score is not None:
        functions.update(score=score, log_density_and_score=None)
    if hessian_product is not None:
        functions["hessian_product"] = hessian_product
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(f"{name} = {function!r} must be callable")
    return functions


def _dimension(target: Any, dim: Any, backbone: Optional[_amc.Mixture]) -> int:
    """The dimension, from wherever it is known."""
    known = getattr(target, "dim", None)
    if not isinstance(known, numbers.Integral):
        known = backbone.dim if backbone is not None else None
    if dim is None:
        if known is None:
            raise TypeError("dim is missing: pass the number of coordinates of the target, dim=...")
        dim = known
    count = _count("dim", dim, least=1)
    if known is not None and count != known:
        whose = "target" if isinstance(getattr(target, "dim", None), numbers.Integral) else "backbone"
        raise ValueError(f"dim = {count}, but the {whose} has {known} coordinates; leave dim out, or correct it")
    return count


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} = {value!r} must be an int")
    if value < least:
        raise ValueError(f"{name} = {value!r} must be at least {least}")
    return int(value)


def _step(value: Any) -> Optional[float]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"finite_differences = {value!r} must be a step such as 1e-4")
    return float(value)

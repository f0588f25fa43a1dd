"""What a run leaves behind."""

import html
import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from . import _arviz
from ._settings import checked_seed


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Weighted samples of a target, and what the run found out about it.

    Attributes
    ----------
    positions : numpy.ndarray, shape (N, d)
        Samples in the target's own coordinates. Replica exchange leaves them round by round, and in each round ladder by ladder.
    weights : numpy.ndarray, shape (N,)
        Their weights, which sum to 1; equal for replica exchange.
    log_weights : numpy.ndarray, shape (N,)
        Logarithms of the weights.
    verdict : str
        What the run looks like: ``"healthy"``, ``"unverified: .."`` or ``"suspect: .."``. Reasons are in ``summary["verdict"]``.
    summary : dict
        Everything that ``summary.json`` of the program holds; what has no value is ``None``.
    settings : str
        The settings with every default written out, as TOML.

    Examples
    --------
    >>> import amc
    >>> result = amc.anneal(amc.Mixture.two_modes(4, 2.0), path={"levels": 32}, sampler={"particles": 512}, progress=False)
    >>> result.positions.shape, result.verdict
    ((512, 4), 'healthy')
    """

    positions: np.ndarray
    weights: np.ndarray
    log_weights: np.ndarray
    verdict: str
    summary: Dict[str, Any]
    settings: str

    @property
    def log_z(self) -> float:
        """Estimate of ``log Z``, the logarithm of the integral of the target's density."""
        return _number(self.summary["log_z"])

    @property
    def log_z_std_error(self) -> float:
        """Its standard error, estimated from the one run."""
        return _number(self.summary["log_z_std_error"])

    @property
    def ess(self) -> float:
        """Effective sample size of the weights as a fraction of ``N``, ``(sum w)^2 / (N sum w^2)``.

        It does not see that samples of SMC share ancestors, nor that those of replica exchange follow each other.
        """
        return float(1.0 / (np.square(self.weights).sum() * self.weights.size))

    @property
    def warnings(self) -> List[str]:
        """What a reader of the numbers should know besides the verdict."""
        return list(self.summary["warnings"])

    @property
    def chains(self) -> int:
        """Independent sequences that the samples come in: ladders of replica exchange; 1 for weighted particles."""
        return int(self.summary.get("ladders", 1))

    def expectation(self, f: Callable[[np.ndarray], Any]) -> Any:
        """The weighted mean of a function.

        Parameters
        ----------
        f : callable
            From samples ``(N, d)`` to values ``(N,)`` or ``(N, ..)``.

        Returns
        -------
        float or numpy.ndarray
            ``sum_i w_i f(x_i)``.

        Raises
        ------
        ValueError
            For a function that does not return a value for each sample.

        Examples
        --------
        >>> import amc, numpy as np
        >>> target = amc.Mixture([0.75, 0.25], [[-2.0], [2.0]], 0.1)
        >>> result = amc.anneal(target, sampler={"particles": 4096}, progress=False)
        >>> mean = result.expectation(lambda x: x)
        >>> mean.shape, bool(abs(mean[0] + 1.0) < 0.2)
        ((1,), True)
        """
        # A particle without weight may be anywhere.
        alive = self.weights > 0
        positions, weights = self.positions[alive], self.weights[alive]
        values = np.asarray(f(positions))
        if values.ndim == 0 or values.shape[0] != weights.size:
            raise ValueError(
                f"f returned an array of shape {values.shape} for {weights.size} samples; it must return one value a sample, ({weights.size}, ..)"
            )
        mean = np.tensordot(weights, values, axes=1)
        return mean if mean.ndim else mean.item()

    def resample(self, n: Optional[int] = None, seed: int = 0) -> np.ndarray:
        """Samples of equal weight, drawn from the weighted ones in random order (systematic resampling) [1]_.

        Parameters
        ----------
        n : int, optional
            How many; as many as there are, by default.
        seed : int
            Of the draws.

        Returns
        -------
        numpy.ndarray, shape (n, d)
            Samples of large weight occur several times.

        Raises
        ------
        TypeError, ValueError
            For a number or a seed that is none.

        References
        ----------
        .. [1] R. Douc, O. Cappe, E. Moulines, Comparison of resampling schemes for particle filtering, ISPA 2005.

        Examples
        --------
        >>> import amc
        >>> result = amc.anneal(amc.Mixture.two_modes(4, 2.0), path={"levels": 32}, sampler={"particles": 512}, progress=False)
        >>> result.resample(100, seed=3).shape
        (100, 4)
        """
        n = self.weights.size if n is None else n
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise TypeError(f"n = {n!r} must be an int")
        if n < 0:
            raise ValueError(f"n = {n!r} must not be negative")
        random = np.random.default_rng(checked_seed(seed))
        edges = np.cumsum(self.weights)
        points = (np.arange(n) + random.random()) * (edges[-1] / max(n, 1))
        # The last edge may be passed by rounding.
        chosen = np.minimum(np.searchsorted(edges, points, side="right"), np.flatnonzero(self.weights)[-1])
        return self.positions[random.permutation(chosen)]

    def to_arviz(self, var_name: str = "x", *, resample: bool = False, seed: int = 0) -> Any:
        """The samples as ArviZ takes them: ``InferenceData`` below ArviZ 1.0, an xarray ``DataTree`` from then on.

        Group ``posterior`` has the variable `var_name` ``(chain, draw, d)``, group ``sample_stats`` has ``log_weight`` ``(chain, draw)``.
        Attributes hold ``log_evidence``, ``log_evidence_std_error``, the verdict and the settings. Ladders of replica exchange are chains.

        ArviZ does not weight: summaries and plots of weighted samples are those of something else. So this refuses nothing, but warns, unless
        weights are equal or `resample` is set.

        Parameters
        ----------
        var_name : str
            Name of the variable.
        resample : bool
            Draw samples of equal weight first; as many as there are.
        seed : int
            Of these draws.

        Returns
        -------
        arviz.InferenceData or xarray.DataTree

        Raises
        ------
        ImportError
            Without ArviZ (``pip install 'amc[arviz]'``).

        Warns
        -----
        UserWarning
            For samples of unequal weight.

        Examples
        --------
        >>> import amc
        >>> result = amc.anneal(amc.Mixture.two_modes(4, 2.0), path={"levels": 32}, sampler={"particles": 512}, progress=False)
        >>> data = result.to_arviz(resample=True)  # doctest: +SKIP
        """
        return _arviz.convert(self, var_name, resample, seed)

    def _rows(self) -> List[Tuple[str, str]]:
        """What is shown of a result."""
        n, d = self.positions.shape
        rows = [
            ("samples", f"{n} in {d} dimension{'s' if d > 1 else ''}"),
            ("log Z", f"{self.log_z:.4f} ± {self.log_z_std_error:.4f}"),
            ("ESS/N", f"{self.ess:.3f}"),
            ("verdict", self.verdict),
        ]
        reasons = self.summary["verdict"]["reasons"]
        rows += [("", reason["message"]) for reason in reasons]
        rows += [("warning", warning) for warning in self.warnings]
        return rows

    def __repr__(self) -> str:
        lines = [f"  {name:8} {text}" if name else f"  {'':8}   {text}" for name, text in self._rows()]
        return "\n".join(["amc.Result", *lines])

    def _repr_html_(self) -> str:
        """For notebooks."""
        rows = (
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self._rows()
        )
        return f"<table><caption>amc.Result</caption>{''.join(rows)}</table>"


def _number(value: Optional[float]) -> float:
    """JSON has no NaN."""
    return math.nan if value is None else float(value)

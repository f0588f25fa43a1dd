"""Gaussian mixtures: reading the interchange format, and the parameters that all contenders are given."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KINDS = ("isotropic", "diagonal", "full")

# The key of each kind's parameters in the interchange format.
_PARAMETER = {"isotropic": "variance", "diagonal": "variances", "full": "matrix"}


@dataclass(frozen=True)
class Mixture:
    """Component `k` has weight `weights[k]`, mean `means[k]` and covariance `covariances[k]`.

    `covariances` is `[K]` variances (isotropic), `[K, d]` variances (diagonal) or `[K, d, d]` (full).
    """

    kind: str
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def components(self) -> int:
        """Their number, `K`."""
        return self.means.shape[0]

    @property
    def dim(self) -> int:
        """Number of coordinates, `d`."""
        return self.means.shape[1]

    def typical_points(self, count: int, seed: int) -> np.ndarray:
        """Points around the modes, `[count, d]`, a little off so that several components matter."""
        random = np.random.default_rng(seed)
        centres = 0.8 * self.means[random.integers(self.components, size=count)]
        return centres + random.standard_normal((count, self.dim))

    def to_json(self, name: str) -> str:
        """The mixture in the interchange format."""
        key = _PARAMETER[self.kind]
        document = {
            "name": name,
            "dim": self.dim,
            "weights": self.weights.tolist(),
            "means": self.means.tolist(),
            "covariances": [{"kind": self.kind, key: c.tolist()} for c in self.covariances],
            "standardize": "none",
            "origin": "benches/peers/programs/make_mixtures.py",
        }
        return json.dumps(document)


def random_mixture(kind: str, dim: int, components: int) -> Mixture:
    """Means `4 N(0, I)`, variances (or eigenvalues) in `[0.25, 1]`, weights within a factor of 3.

    Always the same one for the same arguments.
    """
    random = np.random.default_rng(1000 * dim + components)
    weights = random.random(components) + 0.5
    weights /= weights.sum()
    means = 4.0 * random.standard_normal((components, dim))
    if kind == "isotropic":
        covariances = random.uniform(0.25, 1.0, components)
    elif kind == "diagonal":
        covariances = random.uniform(0.25, 1.0, (components, dim))
    else:
        covariances = np.empty((components, dim, dim))
        for k in range(components):
            axes, _ = np.linalg.qr(random.standard_normal((dim, dim)))
            matrix = (axes * random.uniform(0.25, 1.0, dim)) @ axes.T
            covariances[k] = 0.5 * (matrix + matrix.T)
    return Mixture(kind, weights, means, covariances)


def read_mixture(path: Path) -> Mixture:
    """The mixture of a file, whose components must all be of one kind."""
    document = json.loads(path.read_text(encoding="utf-8"))
    weights = np.array(document["weights"])
    means = np.array(document["means"])
    if "covariances" in document:
        covariances = document["covariances"]
    else:
        covariances = [document["covariance"]] * len(weights)
    kinds = {covariance["kind"] for covariance in covariances}
    if len(kinds) != 1:
        raise SystemExit(f"{path}: components of different kinds ({', '.join(sorted(kinds))})")
    (kind,) = kinds
    parameters = np.array([covariance[_PARAMETER[kind]] for covariance in covariances])
    return Mixture(kind, weights / weights.sum(), means, parameters)

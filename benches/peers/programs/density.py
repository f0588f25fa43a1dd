"""Log-density and score of a Gaussian mixture at many points, written once for several libraries.

`xp` is NumPy, torch or jax.numpy. The quadratic forms are expanded so that almost all work is matrix
products: with precisions `P_k` and `P_k mu_k = linear[k]`,

    log w_k N(x; mu_k, S_k) = constant[k] + linear[k].x - x.P_k x / 2.

Positions are `[d, N]` or `[N, d]`, see `Layout`; logits are `[K, N]` or `[N, K]` accordingly.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from mixture import Mixture

# exp is 8 to 40 times slower in NumPy and torch where it underflows, so tuned peers clip its argument.
SMALLEST_EXPONENT = {"float64": -700.0, "float32": -80.0}


@dataclass(frozen=True)
class Layout:
    """Where the coordinates of a particle stand."""

    name: str
    coordinate_axis: int

    def shape(self, dim: int, particles: int) -> tuple[int, int]:
        """Of positions."""
        return (dim, particles) if self.coordinate_axis == 0 else (particles, dim)

    def from_rows(self, rows: np.ndarray) -> np.ndarray:
        """Positions from rows `[N, d]`."""
        return np.ascontiguousarray(rows.T if self.coordinate_axis == 0 else rows)

    def to_rows(self, positions: np.ndarray) -> np.ndarray:
        """Rows `[N, d]` from positions."""
        return positions.T if self.coordinate_axis == 0 else positions

    def per_particle(self, values: Any) -> Any:
        """`[N]` values, to be combined with positions or logits."""
        return values if self.coordinate_axis == 0 else values[:, None]

    def per_component(self, values: Any) -> Any:
        """`[K]` values, to be combined with logits."""
        return values[:, None] if self.coordinate_axis == 0 else values

    def times_matrix(self, xp: Any, matrix: Any, positions: Any) -> Any:
        """`matrix [m, d]` applied to every particle."""
        if self.coordinate_axis == 0:
            return xp.matmul(matrix, positions)
        return xp.matmul(positions, matrix.T)


STRUCTURE_OF_ARRAYS = Layout("structure of arrays", 0)
ARRAY_OF_STRUCTURES = Layout("array of structures", 1)
LAYOUTS = (STRUCTURE_OF_ARRAYS, ARRAY_OF_STRUCTURES)


class Basis(NamedTuple):
    """What all levels of a path share. `spread` holds variances, or eigenvalues for full covariances."""

    log_weights: Any
    means: Any
    spread: Any
    axes: Any


class Level(NamedTuple):
    """One density: `linear [K, d]`, `constant [K]`, and `quadratic`.

    That is `-P_k/2` as `[K]` (isotropic) or `[K, d]` (diagonal), and `P_k` as `[K d, d]` (full).
    """

    linear: Any
    quadratic: Any
    constant: Any


def basis_of(mixture: Mixture, to_array: Any) -> Basis:
    """The basis, in arrays that `to_array` makes from those of NumPy."""
    if mixture.kind == "full":
        spread, axes = np.linalg.eigh(mixture.covariances)
        axes = to_array(axes)
    else:
        spread, axes = mixture.covariances, None
    return Basis(
        to_array(np.log(mixture.weights)), to_array(mixture.means), to_array(spread), axes
    )


def level_of(xp: Any, basis: Basis, kind: str, alpha: Any, noise_variance: Any) -> Level:
    """The law of `alpha x + sqrt(noise_variance) z`; (1, 0) is the target itself."""
    components, dim = basis.means.shape
    means = alpha * basis.means
    spread = alpha * alpha * basis.spread + noise_variance
    constant = basis.log_weights - 0.5 * dim * math.log(2.0 * math.pi)
    if kind == "isotropic":
        linear = means / spread[:, None]
        quadratic = -0.5 / spread
        half_log_determinant = 0.5 * dim * xp.log(spread)
    elif kind == "diagonal":
        linear = means / spread
        quadratic = -0.5 / spread
        half_log_determinant = 0.5 * xp.sum(xp.log(spread), 1)
    else:
        precisions = xp.matmul(basis.axes / spread[:, None, :], xp.swapaxes(basis.axes, 1, 2))
        linear = xp.matmul(precisions, means[:, :, None])[:, :, 0]
        quadratic = precisions.reshape(components * dim, dim)
        half_log_determinant = 0.5 * xp.sum(xp.log(spread), 1)
    constant = constant - half_log_determinant - 0.5 * xp.sum(means * linear, 1)
    return Level(linear, quadratic, constant)


def log_density_and_score(
    xp: Any, level: Level, positions: Any, kind: str, layout: Layout
) -> tuple[Any, Any]:
    """`log p [N]` and its gradient, shaped like the positions."""
    axis = layout.coordinate_axis
    components, dim = level.linear.shape
    logits = layout.times_matrix(xp, level.linear, positions)
    logits = logits + layout.per_component(level.constant)
    images = None
    if kind == "isotropic":
        squares = layout.per_particle(xp.sum(positions * positions, axis))
        logits = logits + layout.per_component(level.quadratic) * squares
    elif kind == "diagonal":
        logits = logits + layout.times_matrix(xp, level.quadratic, positions * positions)
    elif axis == 0:
        images = xp.matmul(level.quadratic, positions).reshape(components, dim, -1)
        logits = logits - 0.5 * xp.sum(images * positions, 1)
    else:
        images = xp.matmul(positions, level.quadratic.T).reshape(-1, components, dim)
        logits = logits - 0.5 * xp.sum(images * positions[:, None, :], 2)

    largest = xp.amax(logits, axis)
    exponents = logits - layout.per_particle(largest)
    if xp.__name__ == "torch":
        exponents = xp.clamp(exponents, min=SMALLEST_EXPONENT[str(exponents.dtype).split(".")[-1]])
    shares = xp.exp(exponents)
    total = xp.sum(shares, axis)
    log_density = largest + xp.log(total)
    responsibilities = shares / layout.per_particle(total)

    score = layout.times_matrix(xp, level.linear.T, responsibilities)
    if kind == "isotropic":
        mean_quadratic = layout.times_matrix(xp, level.quadratic[None, :], responsibilities)
        score = score + 2.0 * positions * mean_quadratic
    elif kind == "diagonal":
        mean_quadratic = layout.times_matrix(xp, level.quadratic.T, responsibilities)
        score = score + 2.0 * positions * mean_quadratic
    elif axis == 0:
        score = score - xp.sum(responsibilities[:, None, :] * images, 0)
    else:
        score = score - xp.matmul(responsibilities[:, None, :], images)[:, 0, :]
    return log_density, score


def floor_power_of_two(number: int) -> int:
    """The largest power of two that is not above `number`, and at least 64."""
    return max(64, 1 << (max(number, 1).bit_length() - 1))


CACHE_BYTES = 4 << 20


def chunk_within_cache(kind: str, dim: int, components: int) -> int:
    """Particles a pass whose intermediate results take about 4 MiB, the best of a sweep.

    That is the `[K, d]` products of each particle (full), or its positions, score and logits.
    """
    numbers = components * dim if kind == "full" else 2 * dim + 2 * components
    return floor_power_of_two(CACHE_BYTES // (8 * numbers))

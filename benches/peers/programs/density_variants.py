"""The ways in which each library evaluates log-density and score of a mixture at `N` points.

Every function takes a mixture and rows `[N, d]` and returns variants, whose calls return log-densities
`[N]` and scores (or `None`, where the library has none), which `to_rows` turns into rows `[N, d]`.
"""

from collections.abc import Callable

import density
import density_numpy
import numpy as np
from density import LAYOUTS, STRUCTURE_OF_ARRAYS, Layout
from mixture import Mixture
from variant import Variant


def of_numpy(mixture: Mixture, rows: np.ndarray) -> list[Variant]:
    """Chunks of the size that fills the cache by the table, of half and of twice that."""
    level = density.level_of(np, density.basis_of(mixture, np.asarray), mixture.kind, 1.0, 0.0)
    positions = STRUCTURE_OF_ARRAYS.from_rows(rows)
    table = density.chunk_within_cache(mixture.kind, mixture.dim, mixture.components)

    def variant(chunk: int) -> Variant:
        def call() -> tuple:
            return density_numpy.log_density_and_score(level, positions, mixture.kind, chunk)

        return Variant(f"chunks of {chunk}", call, STRUCTURE_OF_ARRAYS.to_rows)

    chunks = {min(chunk, len(rows)) for chunk in (table // 2, table, 2 * table)}
    return [variant(chunk) for chunk in sorted(chunks)]


def of_jax(mixture: Mixture, rows: np.ndarray) -> list[Variant]:
    """Both layouts, compiled; one pass where XLA fuses, chunks for full covariances."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    basis = density.basis_of(mixture, jnp.asarray)
    level = density.level_of(jnp, basis, mixture.kind, 1.0, 0.0)
    particles = len(rows)
    chunk = particles
    if mixture.kind == "full":
        chunk = density.chunk_within_cache(mixture.kind, mixture.dim, mixture.components)
    if particles % chunk:
        chunk = particles

    def variant(layout: Layout) -> Variant:
        positions = jnp.asarray(layout.from_rows(rows))

        def evaluate(level: density.Level, part: jax.Array) -> tuple:
            return density.log_density_and_score(jnp, level, part, mixture.kind, layout)

        def whole(level: density.Level, positions: jax.Array) -> tuple:
            if chunk == particles:
                return evaluate(level, positions)
            parts = split(jnp, layout, positions, chunk)
            values, scores = jax.lax.map(lambda part: evaluate(level, part), parts)
            return values.reshape(particles), join(jnp, layout, scores)

        compiled = jax.jit(whole)

        def call() -> tuple:
            return jax.block_until_ready(compiled(level, positions))

        return Variant(f"{layout.name}, chunks of {chunk}", call, layout.to_rows)

    return [variant(layout) for layout in LAYOUTS]


def of_torch(mixture: Mixture, rows: np.ndarray) -> list[Variant]:
    """Both layouts, step by step."""
    return _of_torch(mixture, rows, LAYOUTS, compiled=False)


def of_compiled_torch(mixture: Mixture, rows: np.ndarray) -> list[Variant]:
    """Both layouts through `torch.compile`, which takes half a minute and a C++ compiler."""
    return _of_torch(mixture, rows, LAYOUTS, compiled=True)


def _of_torch(
    mixture: Mixture, rows: np.ndarray, layouts: tuple[Layout, ...], compiled: bool
) -> list[Variant]:
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    basis = density.basis_of(mixture, lambda array: torch.from_numpy(np.ascontiguousarray(array)))
    level = density.level_of(torch, basis, mixture.kind, 1.0, 0.0)
    particles = len(rows)
    if mixture.kind == "full":
        chunk = density.chunk_within_cache(mixture.kind, mixture.dim, mixture.components)
    else:
        chunk = particles if mixture.dim < 16 else 2048
    chunk = min(chunk, particles)

    def variant(layout: Layout) -> Variant:
        positions = torch.from_numpy(layout.from_rows(rows))
        axis = 1 - layout.coordinate_axis

        def evaluate(level: density.Level, part: torch.Tensor) -> tuple:
            return density.log_density_and_score(torch, level, part, mixture.kind, layout)

        step: Callable = torch.compile(evaluate, dynamic=False) if compiled else evaluate

        def call() -> tuple:
            if chunk == particles:
                return step(level, positions)
            values, scores = torch.empty(particles, dtype=positions.dtype), torch.empty_like(positions)
            for start in range(0, particles, chunk):
                count = min(chunk, particles - start)
                part = step(level, positions.narrow(axis, start, count))
                values[start : start + count] = part[0]
                scores.narrow(axis, start, count).copy_(part[1])
            return values, scores

        return Variant(f"{layout.name}, chunks of {chunk}", call, layout.to_rows)

    return [variant(layout) for layout in layouts]


def of_scikit_learn(mixture: Mixture, rows: np.ndarray) -> list[Variant]:
    """`GaussianMixture.score_samples`: the log-density alone, the library has no scores."""
    from sklearn.mixture import GaussianMixture
    from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

    covariance_type = {"isotropic": "spherical", "diagonal": "diag", "full": "full"}[mixture.kind]
    model = GaussianMixture(mixture.components, covariance_type=covariance_type)
    model.weights_, model.means_ = mixture.weights, mixture.means
    model.covariances_ = mixture.covariances
    model.precisions_cholesky_ = _compute_precision_cholesky(mixture.covariances, covariance_type)
    return [Variant("score_samples", lambda: (model.score_samples(rows), None))]


def split(xp, layout: Layout, values, chunk: int):
    """`[N]` or positions in chunks, the chunk's number first."""
    if values.ndim == 1 or layout.coordinate_axis == 1:
        return values.reshape(-1, chunk, *values.shape[1:])
    return xp.swapaxes(values.reshape(values.shape[0], -1, chunk), 0, 1)


def join(xp, layout: Layout, chunks):
    """The inverse of `split`."""
    if chunks.ndim == 2 or layout.coordinate_axis == 1:
        return chunks.reshape(-1, *chunks.shape[2:])
    return xp.swapaxes(chunks, 0, 1).reshape(chunks.shape[1], -1)


LIBRARIES = {
    "numpy": of_numpy,
    "jax": of_jax,
    "torch": of_torch,
    "torch-compiled": of_compiled_torch,
    "scikit-learn": of_scikit_learn,
}

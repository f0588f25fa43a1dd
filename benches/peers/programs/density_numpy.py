"""Log-density and score tuned for NumPy: chunks that stay in cache, passes in place, BLAS for products."""

import numpy as np
from density import SMALLEST_EXPONENT, Level


def log_density_and_score(
    level: Level, positions: np.ndarray, kind: str, chunk: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `density.log_density_and_score` for positions `[d, N]`, `chunk` particles at a time."""
    particles = positions.shape[1]
    log_density = np.empty(particles, positions.dtype)
    score = np.empty_like(positions)
    for start in range(0, particles, chunk):
        part = slice(start, start + chunk)
        log_density[part], score[:, part] = _chunk(level, positions[:, part], kind)
    return log_density, score


def _chunk(level: Level, positions: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    components, dim = level.linear.shape
    logits = level.linear @ positions
    logits += level.constant[:, None]
    images = None
    if kind == "isotropic":
        squares = np.einsum("dn,dn->n", positions, positions)
        logits += level.quadratic[:, None] * squares
    elif kind == "diagonal":
        logits += level.quadratic @ (positions * positions)
    else:
        images = (level.quadratic @ positions).reshape(components, dim, -1)
        for component in range(components):
            logits[component] -= 0.5 * np.einsum("dn,dn->n", images[component], positions)

    largest = logits.max(axis=0)
    logits -= largest
    np.maximum(logits, SMALLEST_EXPONENT[logits.dtype.name], out=logits)
    responsibilities = np.exp(logits, out=logits)
    total = responsibilities.sum(axis=0)
    log_density = largest + np.log(total)
    responsibilities /= total

    score = level.linear.T @ responsibilities
    if kind == "isotropic":
        score += positions * (2.0 * (level.quadratic @ responsibilities))
    elif kind == "diagonal":
        pull = (2.0 * level.quadratic).T @ responsibilities
        pull *= positions
        score += pull
    else:
        for component in range(components):
            images[component] *= responsibilities[component]
            score -= images[component]
    return log_density, score

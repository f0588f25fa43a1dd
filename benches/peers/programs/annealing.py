"""The steps of annealed samplers, written once over NumPy, torch or jax.numpy.

`evaluate` maps positions to `(log-density, score)` of the mixture at one level; a state is
`(positions, log-densities, scores)`, and only proposals are evaluated.
"""

from collections.abc import Callable
from typing import Any

from density import Layout

State = tuple[Any, Any, Any]


def mala_step(
    xp: Any,
    layout: Layout,
    evaluate: Callable,
    state: State,
    step_size: Any,
    normals: Any,
    log_uniforms: Any,
    beta: Any = None,
) -> tuple[State, Any]:
    """One Metropolis-adjusted Langevin step, proposing `N(x + h S, 2 h I)`; also says who accepted.

    With `beta` the density is `beta log p + (1 - beta) log N(0, I)`, along tempering; states keep the
    values of `p` itself, so that they are good at every level.
    """
    axis = layout.coordinate_axis

    def tempered(positions: Any, log_density: Any, score: Any) -> tuple[Any, Any]:
        if beta is None:
            return log_density, score
        squares = xp.sum(positions * positions, axis)
        return (
            beta * log_density - (0.5 * (1.0 - beta)) * squares,
            beta * score - (1.0 - beta) * positions,
        )

    positions, log_density, score = state
    here, drift = tempered(positions, log_density, score)
    proposed = positions + step_size * drift + (2.0 * step_size) ** 0.5 * normals
    proposed_log_density, proposed_score = evaluate(proposed)
    there, drift_back = tempered(proposed, proposed_log_density, proposed_score)
    way_back = positions - proposed - step_size * drift_back
    log_ratio = (
        there
        - here
        + 0.5 * xp.sum(normals * normals, axis)
        - xp.sum(way_back * way_back, axis) / (4.0 * step_size)
    )
    accepted = log_uniforms < log_ratio
    column = layout.per_particle(accepted)
    moved = (
        xp.where(column, proposed, positions),
        xp.where(accepted, proposed_log_density, log_density),
        xp.where(column, proposed_score, score),
    )
    return moved, accepted


def denoise_step(
    xp: Any, layout: Layout, evaluate: Callable, state: State, a: Any, v: Any, normals: Any
) -> tuple[State, Any]:
    """One DDPM step `N((x + v S)/a, v I)` to the cleaner level, with the log-weight it earns.

    That is `log p_s(y) - log p_t(x) + log N(x; a y, v I) - log N(y; (x + v S)/a, v I)`.
    """
    axis = layout.coordinate_axis
    positions, log_density, score = state
    cleaner = (positions + v * score) / a + v**0.5 * normals
    cleaner_log_density, cleaner_score = evaluate(cleaner)
    noise = positions - a * cleaner
    work = (
        cleaner_log_density
        - log_density
        - xp.sum(noise * noise, axis) / (2.0 * v)
        + 0.5 * xp.sum(normals * normals, axis)
    )
    return (cleaner, cleaner_log_density, cleaner_score), work

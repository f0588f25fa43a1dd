"""AIS around BlackJAX's MALA kernel, as a user of that library writes it.

The log-density is a function of one particle, mapped over particles, and scores are automatic
derivatives: the price of an interface that knows nothing about mixtures.
"""

import math

import blackjax
import density
import jax
import jax.numpy as jnp
from density import ARRAY_OF_STRUCTURES
from jax.scipy.special import logsumexp
from plan import LOG_2PI, Plan

jax.config.update("jax_enable_x64", True)


class Sampler:
    """A compiled run of a plan; `run(seed)` gives `log Z` and the acceptance rate."""

    description = "one particle at a time, mapped"

    def __init__(self, plan: Plan) -> None:
        if plan.algorithm != "ais":
            raise SystemExit("the peer with blackjax runs AIS only")
        self.plan = plan
        basis = density.basis_of(plan.mixture, jnp.asarray)
        self.level = density.level_of(jnp, basis, plan.mixture.kind, 1.0, 0.0)
        self._compiled = jax.jit(self._run).lower(jax.random.key(0)).compile()

    def run(self, seed: int) -> tuple[float, float]:
        """`log Z` and the acceptance rate of one run."""
        log_z, acceptance = jax.block_until_ready(self._compiled(jax.random.key(seed)))
        return float(log_z), float(acceptance)

    def _log_target(self, position: jax.Array) -> jax.Array:
        kind, layout = self.plan.mixture.kind, ARRAY_OF_STRUCTURES
        row = position[None, :]
        return density.log_density_and_score(jnp, self.level, row, kind, layout)[0][0]

    def _log_reference(self, position: jax.Array) -> jax.Array:
        return -0.5 * jnp.sum(position * position) - 0.5 * self.plan.dim * LOG_2PI

    def _run(self, key: jax.Array) -> tuple:
        plan = self.plan
        kernel = blackjax.mala.build_kernel()
        log_target, log_reference = jax.vmap(self._log_target), jax.vmap(self._log_reference)

        def level(carry, now):
            positions, log_weights = carry
            before, beta, step_size, key = now
            difference = log_target(positions) - log_reference(positions)
            log_weights = log_weights + (beta - before) * difference

            def tempered(position):
                target, reference = self._log_target(position), self._log_reference(position)
                return beta * target + (1.0 - beta) * reference

            def move(states, key):
                keys = jax.random.split(key, plan.particles)
                step = lambda key, state: kernel(key, state, tempered, step_size)  # noqa: E731
                states, info = jax.vmap(step)(keys, states)
                return states, jnp.mean(info.is_accepted.astype(jnp.float64))

            states = jax.vmap(lambda position: blackjax.mala.init(position, tempered))(positions)
            states, acceptances = jax.lax.scan(move, states, jax.random.split(key, plan.moves))
            return (states.position, log_weights), jnp.mean(acceptances)

        first_key, key = jax.random.split(key)
        positions = jax.random.normal(first_key, (plan.particles, plan.dim))
        beta, step_sizes = jnp.asarray(plan.beta), jnp.asarray(plan.step_sizes[1:])
        keys = jax.random.split(key, plan.steps)
        (_, log_weights), acceptances = jax.lax.scan(
            level,
            (positions, jnp.zeros(plan.particles)),
            (beta[:-1], beta[1:], step_sizes, keys),
        )
        return logsumexp(log_weights) - math.log(plan.particles), jnp.mean(acceptances)


def sampler(plan: Plan, _arguments) -> Sampler:
    """The sampler of a plan."""
    return Sampler(plan)

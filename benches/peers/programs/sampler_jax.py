"""Annealed samplers in JAX, compiled as a whole.

AIS runs a block of particles through all levels before the next block, so that a block stays in cache;
with several devices each takes its share of the blocks. SMC has to meet at every level.
"""

import math

import density
import jax
import jax.numpy as jnp
import numpy as np
from annealing import denoise_step, mala_step
from density import ARRAY_OF_STRUCTURES, STRUCTURE_OF_ARRAYS
from density_variants import join, split
from jax.scipy.special import logsumexp
from plan import LOG_2PI, Plan, block_of

jax.config.update("jax_enable_x64", True)


class Sampler:
    """A compiled run of a plan; `run(seed)` gives `log Z` and the acceptance rate."""

    def __init__(self, plan: Plan, normals: str, devices: int = 1) -> None:
        self.plan = plan
        self.kind = plan.mixture.kind
        self.layout = ARRAY_OF_STRUCTURES if plan.dim >= 32 else STRUCTURE_OF_ARRAYS
        self.block = block_of(plan, "jax", devices)
        self.blocks = plan.particles // self.block
        self.normal_type = jnp.dtype(normals)
        basis = density.basis_of(plan.mixture, jnp.asarray)
        if plan.algorithm == "ais":
            arguments = (density.level_of(jnp, basis, self.kind, 1.0, 0.0),)
            whole = self._ais(devices)
        else:
            arguments = (basis,)
            whole = self._smc
        key = jax.random.key(0)
        compiled = jax.jit(whole).lower(key, *arguments).compile()
        self._call = lambda seed: compiled(jax.random.key(seed), *arguments)
        self.description = f"{self.layout.name}, blocks of {self.block}"

    def run(self, seed: int) -> tuple[float, float]:
        """`log Z` and the acceptance rate of one run."""
        log_z, acceptance = jax.block_until_ready(self._call(seed))
        return float(log_z), float(acceptance)

    def _normals(self, key: jax.Array, particles: int) -> jax.Array:
        shape = self.layout.shape(self.plan.dim, particles)
        return jax.random.normal(key, shape, self.normal_type).astype(jnp.float64)

    def _log_uniforms(self, key: jax.Array, particles: int) -> jax.Array:
        # Never 0, whose logarithm would accept nothing but also compare as NaN elsewhere.
        uniforms = jax.random.uniform(key, (particles,), self.normal_type, minval=1e-12)
        return jnp.log(uniforms).astype(jnp.float64)

    def _evaluate(self, level: density.Level):
        return lambda positions: density.log_density_and_score(
            jnp, level, positions, self.kind, self.layout
        )

    def _squares(self, positions: jax.Array) -> jax.Array:
        return jnp.sum(positions * positions, self.layout.coordinate_axis)

    def _mix(self, key, evaluate, state, step_size, beta=None):
        """The kernel's moves at one level; also the mean acceptance."""

        def move(state, key):
            normal_key, uniform_key = jax.random.split(key)
            particles = state[1].shape[0]
            normals = self._normals(normal_key, particles)
            log_uniforms = self._log_uniforms(uniform_key, particles)
            state, accepted = mala_step(
                jnp, self.layout, evaluate, state, step_size, normals, log_uniforms, beta
            )
            return state, jnp.mean(accepted.astype(jnp.float64))

        state, acceptances = jax.lax.scan(move, state, jax.random.split(key, self.plan.moves))
        return state, jnp.mean(acceptances)

    # Annealed importance sampling.

    def _ais(self, devices: int):
        def blocks(keys: jax.Array, level: density.Level) -> tuple:
            return jax.lax.map(lambda key: self._ais_block(key, level), keys)

        share = blocks
        if devices > 1:
            spec = jax.sharding.PartitionSpec
            axis_types = (jax.sharding.AxisType.Auto,)
            mesh = jax.make_mesh((devices,), ("block",), axis_types=axis_types)
            share = jax.shard_map(
                blocks,
                mesh=mesh,
                in_specs=(spec("block"), spec()),
                out_specs=(spec("block"), spec("block")),
                check_vma=False,
            )

        def whole(key: jax.Array, level: density.Level) -> tuple:
            log_weights, acceptances = share(jax.random.split(key, self.blocks), level)
            log_z = logsumexp(log_weights) - math.log(self.plan.particles)
            return log_z, jnp.mean(acceptances)

        return whole

    def _ais_block(self, key: jax.Array, target: density.Level) -> tuple:
        evaluate = self._evaluate(target)
        first_key, key = jax.random.split(key)
        positions = self._normals(first_key, self.block)
        state = (positions, *evaluate(positions))

        def level(carry, now):
            state, log_weights = carry
            before, beta, step_size, key = now
            positions, log_density, _ = state
            log_reference = -0.5 * self._squares(positions) - 0.5 * self.plan.dim * LOG_2PI
            log_weights = log_weights + (beta - before) * (log_density - log_reference)
            state, acceptance = self._mix(key, evaluate, state, step_size, beta)
            return (state, log_weights), acceptance

        beta = jnp.asarray(self.plan.beta)
        step_sizes = jnp.asarray(self.plan.step_sizes[1:])
        keys = jax.random.split(key, self.plan.steps)
        start = (state, jnp.zeros(self.block))
        (_, log_weights), acceptances = jax.lax.scan(
            level, start, (beta[:-1], beta[1:], step_sizes, keys)
        )
        return log_weights, jnp.mean(acceptances)

    # Sequential Monte Carlo along the diffusion path.

    def _in_blocks(self, function, values):
        """Applies `function` to blocks of `[N]` arrays and positions, and joins the results."""
        if self.blocks == 1:
            return function(values)
        parts = jax.tree.map(lambda value: split(jnp, self.layout, value, self.block), values)
        results = jax.lax.map(function, parts)
        return jax.tree.map(lambda result: join(jnp, self.layout, result), results)

    def _smc(self, key: jax.Array, basis: density.Basis) -> tuple:
        plan = self.plan
        first_key, key = jax.random.split(key)
        positions = self._normals(first_key, plan.particles) * math.sqrt(plan.reference_variance)
        top = density.level_of(jnp, basis, self.kind, plan.alpha[0], plan.noise_variance[0])
        log_density, score = self._in_blocks(self._evaluate(top), positions)
        log_reference = -0.5 * self._squares(positions) / plan.reference_variance
        log_reference -= 0.5 * plan.dim * (LOG_2PI + math.log(plan.reference_variance))
        log_weights = log_density - log_reference
        log_z = logsumexp(log_weights) - math.log(plan.particles)
        start = ((positions, log_density, score), normalized(log_weights), log_z)

        a, v = plan.noising()
        constants = (plan.alpha[1:], plan.noise_variance[1:], a, v, plan.step_sizes[1:])
        keys = jax.random.split(key, plan.steps)

        def level(carry, now):
            return self._smc_level(basis, carry, now)

        (_, _, log_z), acceptances = jax.lax.scan(
            level, start, (*map(jnp.asarray, constants), keys)
        )
        return log_z, jnp.mean(acceptances)

    def _smc_level(self, basis: density.Basis, carry: tuple, now: tuple) -> tuple:
        state, log_weights, log_z = carry
        alpha, noise_variance, a, v, step_size, key = now
        bridge_key, resampling_key, kernel_key = jax.random.split(key, 3)
        evaluate = self._evaluate(
            density.level_of(jnp, basis, self.kind, alpha, noise_variance)
        )

        def denoise(part):
            state, normals = part
            return denoise_step(jnp, self.layout, evaluate, state, a, v, normals)

        normals = self._normals(bridge_key, self.plan.particles)
        state, work = self._in_blocks(denoise, (state, normals))
        log_weights = log_weights + work
        log_z = log_z + logsumexp(log_weights)
        log_weights = normalized(log_weights)
        effective = 1.0 / jnp.sum(jnp.exp(2.0 * log_weights))
        state, log_weights = jax.lax.cond(
            effective < 0.5 * self.plan.particles,
            lambda state, log_weights: self._resample(resampling_key, state, log_weights),
            lambda state, log_weights: (state, log_weights),
            state,
            log_weights,
        )
        if self.blocks == 1:
            state, acceptance = self._mix(kernel_key, evaluate, state, step_size)
        else:
            parts = jax.tree.map(lambda value: split(jnp, self.layout, value, self.block), state)
            keys = jax.random.split(kernel_key, self.blocks)
            parts, acceptance = jax.lax.map(
                lambda part: self._mix(part[0], evaluate, part[1], step_size), (keys, parts)
            )
            state = jax.tree.map(lambda result: join(jnp, self.layout, result), parts)
        return (state, log_weights, log_z), jnp.mean(acceptance)

    def _resample(self, key: jax.Array, state: tuple, log_weights: jax.Array) -> tuple:
        """Systematic resampling."""
        particles = self.plan.particles
        cumulated = jnp.cumsum(jnp.exp(log_weights))
        uniform = jax.random.uniform(key, (), jnp.float64)
        heights = (jnp.arange(particles) + uniform) / particles
        found = jnp.searchsorted(cumulated / cumulated[-1], heights)
        parents = jnp.minimum(found, particles - 1)
        positions, log_density, score = state
        axis = 1 - self.layout.coordinate_axis
        offspring = (
            positions.take(parents, axis),
            log_density[parents],
            score.take(parents, axis),
        )
        return offspring, jnp.full(particles, -math.log(particles))


def normalized(log_weights: jax.Array) -> jax.Array:
    """The same weights with sum 1."""
    return log_weights - logsumexp(log_weights)


def sampler(plan: Plan, arguments) -> Sampler:
    """The sampler that the command line asks for."""
    return Sampler(plan, np.dtype(arguments.normals).name, arguments.devices)

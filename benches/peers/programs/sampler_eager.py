"""Annealed samplers in NumPy and torch, one operation after the other or compiled step by step.

Blocks of particles keep the state in cache: in AIS a block runs through all levels before the next one.
"""

import math
from typing import Any

import density
import density_numpy
import numpy as np
from annealing import State, denoise_step, mala_step
from density import ARRAY_OF_STRUCTURES, STRUCTURE_OF_ARRAYS
from plan import LOG_2PI, Plan, block_of


class NumpyArrays:
    """What the sampler needs of NumPy."""

    def __init__(self, plan: Plan) -> None:
        self.xp: Any = np
        self.layout = STRUCTURE_OF_ARRAYS
        self.block = block_of(plan, "numpy")
        self.kind = plan.mixture.kind
        self.array = np.asarray
        self.scalar = float
        self.compiled = lambda function: function
        self.random = np.random.Generator(np.random.SFC64(0))

    def seed(self, seed: int) -> None:
        """Starts the random numbers of a run."""
        self.random = np.random.Generator(np.random.SFC64(seed))

    def normals(self, shape: tuple[int, int]) -> np.ndarray:
        """Standard normals."""
        return self.random.standard_normal(shape)

    def log_uniforms(self, particles: int) -> np.ndarray:
        """Logarithms of uniforms above 0."""
        return np.log1p(-self.random.random(particles))

    def uniform(self) -> float:
        """One uniform."""
        return self.random.random()

    def evaluate(self, level: density.Level, positions: np.ndarray) -> tuple:
        """Log-density and score at a block."""
        return density_numpy.log_density_and_score(level, positions, self.kind, self.block)

    def log_sum_exp(self, values: np.ndarray) -> float:
        """`log sum exp`."""
        largest = values.max()
        return float(largest + np.log(np.exp(values - largest).sum()))

    def take(self, values: np.ndarray, parents: np.ndarray) -> np.ndarray:
        """Particles by number, laid out anew."""
        return np.ascontiguousarray(values[..., parents])

    def concatenate(self, parts: list[np.ndarray]) -> np.ndarray:
        """`[N]` values of all blocks."""
        return np.concatenate(parts)


class TorchArrays:
    """What the sampler needs of torch."""

    def __init__(self, plan: Plan, normals: str, compiled: bool) -> None:
        import torch

        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self.xp: Any = torch
        self.block = block_of(plan, "torch")
        self.kind = plan.mixture.kind
        wide = self.kind == "full" and plan.dim >= 32
        self.layout = ARRAY_OF_STRUCTURES if wide else STRUCTURE_OF_ARRAYS
        self.normal_type = getattr(torch, normals)
        self.array = lambda array: torch.from_numpy(np.ascontiguousarray(array, np.float64))
        # Scalars as tensors, or every new value would be compiled anew.
        self.scalar = (lambda value: torch.tensor(value, dtype=torch.float64)) if compiled else float
        self.compiled = (
            (lambda function: torch.compile(function, dynamic=False))
            if compiled
            else (lambda function: function)
        )

    def seed(self, seed: int) -> None:
        """Starts the random numbers of a run."""
        self.xp.manual_seed(seed)

    def normals(self, shape: tuple[int, int]) -> Any:
        """Standard normals, drawn in the chosen precision."""
        return self.xp.randn(shape, dtype=self.normal_type).to(self.xp.float64)

    def log_uniforms(self, particles: int) -> Any:
        """Logarithms of uniforms above 0."""
        return self.xp.log1p(-self.xp.rand(particles, dtype=self.xp.float64))

    def uniform(self) -> float:
        """One uniform."""
        return float(self.xp.rand(()))

    def evaluate(self, level: density.Level, positions: Any) -> tuple:
        """Log-density and score at a block."""
        return density.log_density_and_score(self.xp, level, positions, self.kind, self.layout)

    def log_sum_exp(self, values: Any) -> float:
        """`log sum exp`."""
        return float(self.xp.logsumexp(values, 0))

    def take(self, values: Any, parents: np.ndarray) -> Any:
        """Particles by number."""
        axis = 1 - self.layout.coordinate_axis if values.ndim == 2 else 0
        return values.index_select(axis, self.xp.from_numpy(parents))

    def concatenate(self, parts: list[Any]) -> Any:
        """`[N]` values of all blocks."""
        return self.xp.cat(parts)


class Sampler:
    """A run of a plan; `run(seed)` gives `log Z` and the acceptance rate."""

    def __init__(self, plan: Plan, arrays: NumpyArrays | TorchArrays) -> None:
        self.plan = plan
        self.arrays = arrays
        self.description = f"{arrays.layout.name}, blocks of {arrays.block}"
        self.basis = density.basis_of(plan.mixture, arrays.array)
        xp, layout = arrays.xp, arrays.layout

        def mala(level, state, step_size, normals, log_uniforms, beta):
            evaluate = lambda positions: arrays.evaluate(level, positions)  # noqa: E731
            return mala_step(xp, layout, evaluate, state, step_size, normals, log_uniforms, beta)

        def denoise(level, state, a, v, normals):
            evaluate = lambda positions: arrays.evaluate(level, positions)  # noqa: E731
            return denoise_step(xp, layout, evaluate, state, a, v, normals)

        self._mala = arrays.compiled(mala)
        self._denoise = arrays.compiled(denoise)
        # Compiles what is to be compiled, by the first steps of a run.
        self.run(0, most_steps=2)

    def run(self, seed: int, most_steps: int | None = None) -> tuple[float, float]:
        """`log Z` and the acceptance rate of one run."""
        self.arrays.seed(seed)
        steps = min(self.plan.steps, most_steps or self.plan.steps)
        if self.plan.algorithm == "ais":
            return self._ais(steps)
        return self._smc(steps)

    def _normals(self, particles: int) -> Any:
        return self.arrays.normals(self.arrays.layout.shape(self.plan.dim, particles))

    def _squares(self, positions: Any) -> Any:
        return self.arrays.xp.sum(positions * positions, self.arrays.layout.coordinate_axis)

    def _level(self, number: int) -> density.Level:
        alpha, variance = self.plan.alpha[number], self.plan.noise_variance[number]
        return density.level_of(
            self.arrays.xp, self.basis, self.plan.mixture.kind, float(alpha), float(variance)
        )

    def _mix(self, level, state: State, step_size: Any, beta: Any = None) -> tuple[State, float]:
        """The kernel's moves of one block; also the number of acceptances."""
        accepted = 0.0
        particles = self.arrays.block
        for _ in range(self.plan.moves):
            normals = self._normals(particles)
            log_uniforms = self.arrays.log_uniforms(particles)
            state, moved = self._mala(level, state, step_size, normals, log_uniforms, beta)
            accepted += float(moved.sum())
        return state, accepted

    def _ais(self, steps: int) -> tuple[float, float]:
        plan, arrays = self.plan, self.arrays
        target = density.level_of(arrays.xp, self.basis, plan.mixture.kind, 1.0, 0.0)
        all_log_weights, accepted = [], 0.0
        for _ in range(plan.particles // arrays.block):
            positions = self._normals(arrays.block)
            state = (positions, *arrays.evaluate(target, positions))
            log_weights = 0.0
            for step in range(1, steps + 1):
                positions, log_density, _ = state
                log_reference = -0.5 * self._squares(positions) - 0.5 * plan.dim * LOG_2PI
                width = plan.beta[step] - plan.beta[step - 1]
                log_weights = log_weights + width * (log_density - log_reference)
                step_size, beta = map(arrays.scalar, (plan.step_sizes[step], plan.beta[step]))
                state, count = self._mix(target, state, step_size, beta)
                accepted += count
            all_log_weights.append(log_weights)
        log_z = arrays.log_sum_exp(arrays.concatenate(all_log_weights)) - math.log(plan.particles)
        return log_z, accepted / plan.proposals

    def _smc(self, steps: int) -> tuple[float, float]:
        plan, arrays = self.plan, self.arrays
        population, log_weights = self._reference_population()
        log_z = arrays.log_sum_exp(log_weights) - math.log(plan.particles)
        log_weights = log_weights - arrays.log_sum_exp(log_weights)
        a, v = plan.noising()
        accepted = 0.0
        for step in range(1, steps + 1):
            level = self._level(step)
            log_weights = log_weights + self._cross(level, population, a[step - 1], v[step - 1])
            log_sum = arrays.log_sum_exp(log_weights)
            log_z += log_sum
            log_weights = log_weights - log_sum
            weights = arrays.xp.exp(log_weights)
            if 1.0 / float((weights * weights).sum()) < 0.5 * plan.particles:
                parents = self._parents(np.asarray(weights))
                population = tuple(arrays.take(values, parents) for values in population)
                log_weights = 0.0 * log_weights - math.log(plan.particles)
            step_size = arrays.scalar(plan.step_sizes[step])
            for block in self._blocks():
                state = tuple(self._part(values, block) for values in population)
                state, count = self._mix(level, state, step_size)
                self._store(population, block, state)
                accepted += count
        return log_z, accepted / plan.proposals

    def _reference_population(self) -> tuple[State, Any]:
        """Draws of the reference, evaluated at the noisiest level, and their log-weights."""
        plan, xp = self.plan, self.arrays.xp
        positions = self._normals(plan.particles) * math.sqrt(plan.reference_variance)
        log_density = xp.empty(plan.particles, dtype=positions.dtype)
        population = (positions, log_density, xp.empty_like(positions))
        level = self._level(0)
        for block in self._blocks():
            part = self._part(positions, block)
            self._store(population, block, (part, *self.arrays.evaluate(level, part)))
        log_reference = -0.5 * self._squares(positions) / plan.reference_variance
        log_reference = log_reference - 0.5 * plan.dim * (
            LOG_2PI + math.log(plan.reference_variance)
        )
        return population, log_density - log_reference

    def _cross(self, level: density.Level, population: State, a: float, v: float) -> Any:
        """Takes all particles to a cleaner level, in place; their log-weights of that step."""
        arrays = self.arrays
        work = []
        a, v = arrays.scalar(float(a)), arrays.scalar(float(v))
        for block in self._blocks():
            state = tuple(self._part(values, block) for values in population)
            state, block_work = self._denoise(level, state, a, v, self._normals(arrays.block))
            self._store(population, block, state)
            work.append(block_work)
        return arrays.concatenate(work)

    def _parents(self, weights: np.ndarray) -> np.ndarray:
        """Systematic resampling."""
        particles = self.plan.particles
        cumulated = np.cumsum(weights)
        heights = (np.arange(particles) + self.arrays.uniform()) / particles
        return np.minimum(np.searchsorted(cumulated / cumulated[-1], heights), particles - 1)

    def _blocks(self) -> list[slice]:
        block = self.arrays.block
        return [slice(at, at + block) for at in range(0, self.plan.particles, block)]

    def _part(self, values: Any, block: slice) -> Any:
        by_columns = values.ndim == 2 and self.arrays.layout.coordinate_axis == 0
        return values[:, block] if by_columns else values[block]

    def _store(self, population: State, block: slice, state: State) -> None:
        for values, part in zip(population, state, strict=True):
            self._part(values, block)[:] = part


def sampler(plan: Plan, arguments) -> Sampler:
    """The sampler that the command line asks for."""
    if arguments.library == "numpy":
        if arguments.normals != "float64":
            raise SystemExit("numpy draws its normals in float64: float32 is no faster there")
        return Sampler(plan, NumpyArrays(plan))
    compiled = arguments.library == "torch-compiled"
    return Sampler(plan, TorchArrays(plan, arguments.normals, compiled))

"""Peer: independent standard normals into memory, as many as 4096 particles in 64 dimensions need.

Ready: mean and mean square of one batch. Each request is answered by nanoseconds a normal. Which
generator and which transform is the fastest is found by a trial.
"""

import argparse

import numpy as np
from channel import Channel
from timing import fastest
from variant import Variant, quickest

COUNT = 4096 * 64


def of_numpy(precision: str) -> list[Variant]:
    """Ziggurat, into an array that exists, from NumPy's fast generators."""
    batch = np.empty(COUNT, precision)

    def variant(generator: type) -> Variant:
        random = np.random.Generator(generator(1))
        call = lambda: random.standard_normal(out=batch, dtype=batch.dtype)  # noqa: E731
        return Variant(generator.__name__, call)

    return [variant(generator) for generator in (np.random.PCG64, np.random.SFC64)]


def of_torch(precision: str) -> list[Variant]:
    """Into a tensor that exists."""
    import torch

    torch.set_num_threads(1)
    batch = torch.empty(COUNT, dtype=getattr(torch, precision))
    return [Variant("normal_", lambda: batch.normal_().numpy())]


def of_jax(precision: str) -> list[Variant]:
    """Inverse error function and Box-Muller, on each of its generators."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    dtype = jnp.dtype(precision)

    def inverse(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (COUNT,), dtype)

    def box_muller(key: jax.Array) -> jax.Array:
        uniform = jax.random.uniform(key, (2, COUNT // 2), dtype)
        radius = jnp.sqrt(-2.0 * jnp.log1p(-uniform[0]))
        angle = 2.0 * jnp.pi * uniform[1]
        return jnp.concatenate([radius * jnp.cos(angle), radius * jnp.sin(angle)])

    def variant(generator: str, transform) -> Variant:
        key, draw = jax.random.key(1, impl=generator), jax.jit(transform)
        return Variant(f"{generator}, {transform.__name__}", lambda: draw(key).block_until_ready())

    generators = ("threefry2x32", "rbg", "unsafe_rbg")
    return [variant(g, transform) for g in generators for transform in (inverse, box_muller)]


LIBRARIES = {"numpy": of_numpy, "jax": of_jax, "torch": of_torch}


def main() -> None:
    """Serves measurements of one library in one precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--precision", choices=("float64", "float32"), default="float64")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a measurement (0.5)")
    arguments = parser.parse_args()
    channel = Channel()
    variant = quickest(LIBRARIES[arguments.library](arguments.precision))
    batch = np.asarray(variant.call(), np.float64)
    ready = {
        "variant": variant.name,
        "mean": float(batch.mean()),
        "mean_square": float(np.square(batch).mean()),
    }

    def measure(_request: dict) -> dict:
        timing = fastest(variant.call, arguments.seconds)
        return {"nanoseconds": 1e9 * timing.on_one_core / COUNT, "calls": timing.calls}

    channel.serve(ready, measure)


if __name__ == "__main__":
    main()

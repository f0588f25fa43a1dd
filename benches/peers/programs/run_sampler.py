"""Peer: a whole annealed run, AIS along tempering or SMC along the diffusion path, in double precision.

Ready: what was compiled, and how long that took. Each request `{"seed": n}` is answered by the time,
`log Z` and the acceptance rate of one run.
"""

import argparse
import importlib
import os
import time
from pathlib import Path

MODULES = {
    "numpy": "sampler_eager",
    "torch": "sampler_eager",
    "torch-compiled": "sampler_eager",
    "jax": "sampler_jax",
    "blackjax": "sampler_blackjax",
}


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=MODULES)
    parser.add_argument("--plan", type=Path, required=True, help="JSON, see plan.py")
    parser.add_argument("--normals", choices=("float64", "float32"), default="float64")
    parser.add_argument("--devices", type=int, default=1, help="jax, AIS: cores to share blocks")
    return parser.parse_args()


def main() -> None:
    """Serves runs of one library."""
    arguments = parsed()
    if arguments.devices > 1:
        if arguments.library != "jax":
            raise SystemExit("--devices is for jax")
        # Has to be said before jax is imported.
        flag = f"--xla_force_host_platform_device_count={arguments.devices}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()

    from channel import Channel
    from plan import read_plan
    from timing import timed

    channel = Channel()
    plan = read_plan(arguments.plan)
    start = time.perf_counter()
    sampler = importlib.import_module(MODULES[arguments.library]).sampler(plan, arguments)
    preparation = time.perf_counter() - start

    def measure(request: dict) -> dict:
        (log_z, acceptance), timing = timed(lambda: sampler.run(request["seed"]))
        seconds = timing.wall if arguments.devices > 1 else timing.on_one_core
        return {"seconds": seconds, "log_z": log_z, "acceptance_rate": acceptance}

    channel.serve({"variant": sampler.description, "preparation_seconds": preparation}, measure)


if __name__ == "__main__":
    main()

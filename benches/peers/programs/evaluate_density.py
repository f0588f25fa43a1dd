"""Peer: log-density and score of a mixture at many points, in double precision.

Ready: values at the check points. Each request is answered by seconds a call over all particles.
Run it on one core with one thread a library; `compare.py` sees to that.
"""

import argparse
from pathlib import Path

import numpy as np
from channel import Channel
from density_variants import LIBRARIES
from mixture import read_mixture
from timing import fastest
from variant import quickest


def main() -> None:
    """Serves measurements of one library on one mixture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--mixture", type=Path, required=True)
    parser.add_argument("--check-points", type=Path, required=True, help="CSV, one point a row")
    parser.add_argument("--particles", type=int, default=16384)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a measurement (0.5)")
    arguments = parser.parse_args()
    channel = Channel()

    mixture = read_mixture(arguments.mixture)
    check_points = np.loadtxt(arguments.check_points, delimiter=",", ndmin=2)
    checked = len(check_points)
    rows = mixture.typical_points(arguments.particles, seed=7)
    # Checked inside the very call that is timed.
    rows[:checked] = check_points
    variant = quickest(LIBRARIES[arguments.library](mixture, rows))
    values, scores = variant.call()
    ready = {"variant": variant.name, "log_density": np.asarray(values)[:checked].tolist()}
    if scores is not None:
        ready["score"] = np.asarray(variant.to_rows(scores))[:checked].tolist()

    def measure(_request: dict) -> dict:
        timing = fastest(variant.call, arguments.seconds)
        nanoseconds = 1e9 * timing.on_one_core / arguments.particles
        return {"nanoseconds": nanoseconds, "calls": timing.calls}

    channel.serve(ready, measure)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a call from Python costs beside the same call from Rust: one process, one mixture, the same memory.

    python3 python/benchmarks/overhead.py [--limit PERCENT] [--seconds S]

Calls of both kinds take turns in short runs, and the fastest run of each is compared: what else a machine does only adds. `new` lets
Python make the array of results, `out` writes into one that is there, as Rust does. With a limit the program fails where `out` is
beyond it from N = 4096 on.
"""

import argparse
import statistics
import sys
import time

import numpy as np

import amc
from amc import _amc

SIZES = [(2, 2), (16, 2), (64, 32)]
COUNTS = [8, 4096, 65536]


def measure(mixture, count, scores, budget):
    """Seconds of a call, the fastest: Rust, Python into `out`, Python with a new array."""
    x = mixture.sample(count, seed=1)
    values, room = np.empty(count), np.empty((count, mixture.dim)) if scores else None
    if scores:
        with_out = lambda: mixture.log_density_and_score(x, out=(values, room))
        with_new = lambda: mixture.log_density_and_score(x)
    else:
        with_out = lambda: mixture.log_density(x, out=values)
        with_new = lambda: mixture.log_density(x)
    clock = time.perf_counter
    for function in (with_out, with_new):
        function()
    one = statistics.median(_amc._benchmark(mixture, x, values, room, 5))
    calls = max(1, int(0.001 / one))
    times = {"rust": [], "out": [], "new": []}
    end = clock() + budget
    while clock() < end or len(times["rust"]) < 15:
        times["rust"].append(statistics.fmean(_amc._benchmark(mixture, x, values, room, calls)))
        for name, function in (("out", with_out), ("new", with_new)):
            start = clock()
            for _ in range(calls):
                function()
            times[name].append((clock() - start) / calls)
    return {name: min(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, help="fail beyond so many per cent, from N = 4096 on")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each row")
    arguments = parser.parse_args()
    print(f"instructions: {amc.instructions()}, NumPy {np.__version__}, Python {sys.version.split()[0]}")
    print(f"{'(d, K)':>9} {'N':>6} {'what':>12} {'Rust us':>10} {'out us':>10} {'new us':>10} {'out %':>7} {'new %':>7}")
    worst = 0.0
    for dim, components in SIZES:
        means = 3.0 * np.random.default_rng(1).normal(size=(components, dim))
        mixture = amc.Mixture(np.arange(1.0, components + 1), means, 0.5)
        for count in COUNTS:
            for scores in (False, True):
                times = measure(mixture, count, scores, arguments.seconds)
                percent = {name: 100.0 * (times[name] / times["rust"] - 1.0) for name in ("out", "new")}
                if count >= 4096:
                    worst = max(worst, percent["out"])
                what = "and score" if scores else "log-density"
                row = " ".join(f"{1e6 * times[name]:10.2f}" for name in ("rust", "out", "new"))
                print(f"{f'({dim}, {components})':>9} {count:6} {what:>12} {row} {percent['out']:7.2f} {percent['new']:7.2f}", flush=True)
    print(f"most, into `out`, from N = 4096 on: {worst:.2f} %")
    if arguments.limit is not None and worst > arguments.limit:
        sys.exit(f"beyond the limit of {arguments.limit} %")


if __name__ == "__main__":
    main()

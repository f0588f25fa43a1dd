#!/usr/bin/env python3
"""Measures how the time and the memory of `amc run` grow with N, d, K, levels and threads.

Every point is a run of the program in a process of its own, whose CPU time and peak memory the operating
system reports. Only the standard library is needed; `--plot` needs matplotlib too.
"""

import argparse
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

EPILOG = """\
sweeps (SMC along the diffusion path, one MALA step a level, no run from the other side):
  N        particles 1e3 .. 1e7, TwoModes (16, 5), 8 levels, second order
  d        TwoModes (d, 5), d = 2 .. 1024, N = 4096, 32 levels, second order and ddpm
  K        K modes scattered over a box, d = 16, K = 1 .. 1024, N = 4096, 16 levels, both bridges
  levels   16 .. 1024 levels, TwoModes (16, 5), N = 4096, second order
  threads  1 and 2 threads, TwoModes (16, 5), N = 1e5, 64 levels, second order
  memory   peak memory of 2^18 and 2^20 particles, with and without the run from the other side

columns:
  seconds      CPU seconds of the sampler (threads: wall), the least of all repetitions. The system knows the
               CPU time of the whole process; the sampler's part of it is taken to be its part of the wall
               time. On a busy machine this is far steadier than wall time.
  ns           the same in nanoseconds per particle and level, without the pilot's part, which is taken to be
               its part of the score evaluations
  all seconds  CPU seconds of the process: sampler, metrics, start
  peak         most memory the process held; B/N: that over N. No reading is below what this script held
               itself when it started the run, so B/N is left out where the peak is not well above that
  exponent     under each sweep: slope of log(ns x particles x levels) over the upper half of the sweep

examples:
  benches/scaling.py --quick                              a minute; no point beyond 1e5 particles
  benches/scaling.py --json scaling.json --plot scaling.svg
  benches/scaling.py --sweep d --sweep K                  some sweeps only
  benches/scaling.py --read scaling.json --plot scaling.svg   draws and prints what was measured before
"""

BRIDGES = ("second-order", "ddpm")
SWEEPS = ("N", "d", "K", "levels", "threads", "memory")

# A run that takes longer than this is not repeated: noise is a small part of it.
LONG_SECONDS = 10.0


class Failure(Exception):
    """What stops the program, said to its user."""


class Case:
    """One run: where it stands in its sweep, and its configuration."""

    def __init__(self, sweep, value, *, target, particles, levels, bridge="second-order", threads=1,
                 both_sides=False):
        self.sweep, self.value, self.bridge, self.threads = sweep, value, bridge, threads
        self.target, self.particles, self.levels = target, particles, levels
        self.both_sides = both_sides

    def toml(self):
        lines = ["seed = 1", "[target]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in self.target.items()]
        lines += ["[path]", f"levels = {self.levels}", "[bridge]", f'kind = "{self.bridge}"']
        lines += ["[kernel]", 'kind = "mala"', "steps = 1"]
        lines += ["[sampler]", 'kind = "smc"', f"particles = {self.particles}"]
        lines += [f"both_sides = {str(self.both_sides).lower()}"]
        return "\n".join(lines) + "\n"

    def label(self):
        if self.sweep == "memory":
            return f"N = {self.value}, " + ("both sides" if self.both_sides else "one side")
        return f"{self.sweep} = {self.value}"


def two_modes(dim):
    return {"kind": "two-modes", "dim": dim, "separation": 5.0}


def scattered_modes(folder, dim, components):
    """The file of a mixture of equal modes, uniform in a box that no number of modes fills."""
    generator = random.Random(components)
    mixture = {
        "name": f"scattered-d{dim}-k{components}",
        "dim": dim,
        "weights": [1.0 / components] * components,
        "means": [[generator.uniform(-4.0, 4.0) for _ in range(dim)] for _ in range(components)],
        "covariances": [{"kind": "isotropic", "variance": 0.5}] * components,
    }
    path = folder / f"{mixture['name']}.json"
    path.write_text(json.dumps(mixture), encoding="utf-8")
    return {"kind": "file", "path": str(path), "standardize": "diagonal"}


def powers(first, last, factor):
    values = []
    while first <= last:
        values.append(first)
        first *= factor
    return values


def cases(folder, quick, sweeps):
    """All runs, in the order in which they are made."""
    most = 10**5 if quick else 10**7
    step = 4 if quick else 2
    d16 = two_modes(16)
    made = {name: [] for name in SWEEPS}
    made["N"] = [Case("N", n, target=d16, particles=n, levels=8) for n in powers(10**3, most, 10)]
    for bridge in BRIDGES:
        made["d"] += [
            Case("d", d, target=two_modes(d), particles=4096, levels=32, bridge=bridge)
            for d in powers(2, 128 if quick else 1024, step)
        ]
        made["K"] += [
            Case("K", k, target=scattered_modes(folder, 16, k), particles=4096, levels=16, bridge=bridge)
            for k in powers(1, 64 if quick else 1024, step)
        ]
    made["levels"] = [
        Case("levels", levels, target=d16, particles=4096, levels=levels)
        for levels in powers(16, 256 if quick else 1024, step)
    ]
    particles = 2 * 10**4 if quick else 10**5
    made["threads"] = [
        Case("threads", threads, target=d16, particles=particles, levels=64, threads=threads)
        for threads in (1, 2)
    ]
    made["memory"] = [
        Case("memory", n, target=d16, particles=n, levels=8, both_sides=both)
        for n in ([2**16] if quick else [2**18, 2**20])
        for both in (False, True)
    ]
    return [case for name in SWEEPS if name in sweeps for case in made[name]]


def run_once(amc, case, folder):
    """Runs one case and returns what the run and the operating system say of it."""
    config = folder / "case.toml"
    config.write_text(case.toml(), encoding="utf-8")
    command = [str(amc), "run", str(config), "--json", "--quiet", "--threads", str(case.threads)]
    with open(folder / "out", "w+b") as out, open(folder / "err", "w+b") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        # wait4 alone gives the usage of this child; Popen must not wait for it too.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, complaint = out.read(), err.read().decode(errors="replace")
    if process.returncode != 0:
        raise Failure(f"{case.label()}: amc ended with {process.returncode}: {complaint.strip()}")
    return json.loads(text), usage


def peak_bytes(usage):
    # ru_maxrss counts kibibytes, except on macOS, where it counts bytes.
    return usage.ru_maxrss * (1 if platform.system() == "Darwin" else 1024)


def measure(amc, case, folder, repetitions):
    """The best of some repetitions of a case, as a flat record."""
    best = None
    for _ in range(repetitions):
        summary, usage = run_once(amc, case, folder)
        cpu = usage.ru_utime + usage.ru_stime
        wall, sampling = summary["seconds"], summary["sampling_seconds"]
        peak = peak_bytes(usage)
        scores = summary["evaluations"]["score"]
        production = (scores - summary["pilot_evaluations"]["score"]) / scores
        seconds = sampling if case.sweep == "threads" else cpu * sampling / wall
        record = {
            "sweep": case.sweep, "value": case.value, "bridge": case.bridge, "threads": case.threads,
            "both_sides": case.both_sides, "particles": case.particles, "dim": summary["dim"],
            "levels": case.levels, "seconds": seconds, "sampling_wall_seconds": sampling,
            "wall_seconds": wall, "cpu_seconds": cpu, "production_share": production,
            "peak_bytes": peak, "log_z": summary["log_z"],
            "log_z_std_error": summary["log_z_std_error"], "ess": summary["ess"],
            "instructions": summary["instructions"], "label": case.label(),
        }
        if best is None or record["seconds"] < best["seconds"]:
            peaks = record["peak_bytes"], best["peak_bytes"] if best else 0
            best = dict(record, peak_bytes=max(peaks))
        if wall > LONG_SECONDS:
            break
    return best


def nanoseconds(record):
    """Per particle and level, without the pilot."""
    work = record["particles"] * record["levels"]
    return 1e9 * record["seconds"] * record["production_share"] / work


def exponent(records):
    """Slope of log production time against log value over the upper half of a sweep."""
    upper = records[-max(3, (len(records) + 1) // 2):]
    if len(upper) < 3:
        return None
    x = [math.log(r["value"]) for r in upper]
    y = [math.log(nanoseconds(r) * r["particles"] * r["levels"]) for r in upper]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y))
    return covariance / sum((a - mean_x) ** 2 for a in x), upper[0]["value"]


def curves(results, sweep):
    """The records of a sweep, bridge by bridge."""
    records = [r for r in results["records"] if r["sweep"] == sweep]
    return {b: c for b in BRIDGES if (c := [r for r in records if r["bridge"] == b])}


def amount(value):
    """A number with about three digits."""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"


def table(results):
    """Markdown tables of everything that was measured."""
    lines = []
    for sweep in SWEEPS:
        for bridge, records in curves(results, sweep).items():
            lines += ["", f"**{sweep}**, {bridge}:", ""]
            lines += ["| | seconds | ns per particle and level | all seconds | peak, MB | B/N |"]
            lines += ["|---|---|---|---|---|---|"]
            for r in records:
                large = r["peak_bytes"] > 2 * results["floor_bytes"]
                per = amount(r["peak_bytes"] / r["particles"]) if large else ""
                # The run from the other side is not part of the particles and levels counted.
                time = "" if r["both_sides"] else amount(nanoseconds(r))
                lines.append(
                    f"| {r['label']} | {amount(r['seconds'])} | {time} "
                    f"| {amount(r['cpu_seconds'])} | {amount(r['peak_bytes'] / 1e6)} | {per} |"
                )
            fitted = exponent(records) if sweep not in ("threads", "memory") else None
            if fitted:
                lines += ["", f"exponent from {sweep} = {fitted[1]} on: {fitted[0]:.2f}"]
            if sweep == "threads" and len(records) == 2:
                speedup = records[0]["seconds"] / records[1]["seconds"]
                lines += ["", f"speed-up of two threads: {speedup:.2f}"]
    return "\n".join(lines[1:])


def plot(results, path):
    """Six panels: time and memory over N, threads, time per particle and level over d, K and levels."""
    try:
        import matplotlib
    except ImportError:
        raise Failure("--plot needs matplotlib: pip install matplotlib, or leave --plot out") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    # Equal runs give equal files.
    matplotlib.rcParams.update({"svg.hashsalt": "amc", "font.size": 9, "axes.grid": True,
                                "grid.alpha": 0.3, "axes.axisbelow": True})
    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6.2), layout="constrained")
    panels = dict(zip(("N", "memory", "threads", "d", "K", "levels"), axes.flat))
    colours = {"second-order": "#1f5fa8", "ddpm": "#d1672a"}

    def draw(panel, sweep, height, title, unit):
        panel.set(xscale="log", yscale="log", title=title, xlabel=sweep, ylabel=unit)
        if sweep != "N":
            panel.set_xscale("log", base=2)
            panel.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
            panel.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
            panel.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
            panel.yaxis.set_minor_formatter(ticker.NullFormatter())
        for bridge, records in curves(results, sweep).items():
            x, y = [r["value"] for r in records], [height(r) for r in records]
            panel.plot(x, y, "o-", ms=4, lw=1.4, color=colours[bridge], label=bridge)
        return panel

    def guide(panel, sweep, height, power, text, bridge="second-order"):
        """A dashed line of a known slope through the last point of a curve."""
        records = curves(results, sweep).get(bridge)
        if records:
            x = [records[len(records) // 2]["value"], records[-1]["value"]]
            last = height(records[-1])
            y = [last * (value / x[-1]) ** power for value in x]
            panel.plot(x, y, "--", lw=1, color="0.45", label=text, zorder=0)

    seconds, peak = (lambda r: r["seconds"]), (lambda r: r["peak_bytes"] / 1e6)
    draw(panels["N"], "N", seconds, "sampler over particles (pilot included)", "CPU seconds")
    guide(panels["N"], "N", seconds, 1, "proportional to N")
    draw(panels["memory"], "N", peak, "peak memory of the process, d = 16", "MB")
    guide(panels["memory"], "N", peak, 1, "proportional to N")
    per = "ns per particle and level"
    for sweep, title in (("d", "dimension (2 modes)"), ("K", "modes (d = 16)"), ("levels", "levels")):
        draw(panels[sweep], sweep, nanoseconds, f"time over {title}", per)
    guide(panels["d"], "d", nanoseconds, 1, "proportional to d")
    guide(panels["K"], "K", nanoseconds, 1, "proportional to K")
    low, high = panels["levels"].get_ylim()
    panels["levels"].set_ylim(low / 3, high * 3)
    records = [r for rs in curves(results, "threads").values() for r in rs]
    panels["threads"].bar([str(r["value"]) for r in records], [seconds(r) for r in records],
                          width=0.5, color=colours["second-order"])
    panels["threads"].set(title="sampler over threads", xlabel="threads", ylabel="wall seconds")
    panels["threads"].grid(axis="x", visible=False)
    for name, panel in panels.items():
        if not panel.has_data():
            panel.set_visible(False)
        elif name != "threads":
            panel.legend(frameon=False)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata, dpi=110)


def gather(arguments):
    """Runs all cases."""
    if not arguments.amc.is_file():
        raise Failure(f"{arguments.amc} is not there: cargo build --release, or name it with --amc")
    sweeps = arguments.sweep or list(SWEEPS)
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A run that holds next to nothing shows the least that can be read.
        smallest = Case("floor", 8, target=two_modes(16), particles=8, levels=8)
        floor = peak_bytes(run_once(arguments.amc, smallest, folder)[1])
        todo = cases(folder, arguments.quick, sweeps)
        for number, case in enumerate(todo, 1):
            repetitions = 1 if case.sweep == "memory" else arguments.repeat
            record = measure(arguments.amc, case, folder, repetitions)
            records.append(record)
            print(
                f"[{number}/{len(todo)}] {case.label()}, {case.bridge}: "
                f"{amount(nanoseconds(record))} ns, {amount(record['peak_bytes'] / 1e6)} MB",
                file=sys.stderr, flush=True,
            )
    version = subprocess.run([arguments.amc, "--version"], capture_output=True, text=True, check=True)
    return {
        "version": version.stdout.strip(), "system": platform.system(), "machine": platform.machine(),
        "cores": os.cpu_count(), "floor_bytes": floor, "records": records,
    }


def arguments_of(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer of them")
    parser.add_argument("--sweep", action="append", choices=SWEEPS, help="only this one; repeatable")
    parser.add_argument("--repeat", type=int, default=3, metavar="R",
                        help=f"repetitions of runs below {LONG_SECONDS:.0f} s (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing, read a file of --json")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw it (or .png, .pdf)")
    parser.add_argument("--amc", type=Path, metavar="PATH", default=REPOSITORY / "target/release/amc",
                        help="the program (target/release/amc)")
    arguments = parser.parse_args(argv)
    if arguments.repeat < 1:
        parser.error("--repeat must be at least 1")
    return arguments


def main(argv=None):
    arguments = arguments_of(argv)
    try:
        if arguments.read:
            results = json.loads(arguments.read.read_text(encoding="utf-8"))
        else:
            results = gather(arguments)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(table(results))
        if arguments.plot:
            plot(results, arguments.plot)
    except (Failure, OSError) as failure:
        print(f"scaling.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

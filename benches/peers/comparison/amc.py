"""The project's own program, and where the numbers stand in what it prints.

Everything that depends on the form of its output is in this file.
"""

import json
import math
import os
import subprocess
from pathlib import Path

from .failure import Failure, last_lines
from .machine import pinned, say

REPOSITORY = Path(__file__).resolve().parents[3]


def built(path: Path | None) -> "Amc":
    """The program at `path`, or the repository's own, built if need be."""
    if path is not None:
        if not path.is_file():
            raise Failure(f"--amc {path}: there is no such file")
        return Amc(path.resolve())
    say("cargo build --release --bin amc")
    command = ["cargo", "build", "--release", "--bin", "amc"]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, stdout=2, check=False)
    except FileNotFoundError:
        raise Failure("cargo was not found; install Rust, or give a built program by --amc") from None
    if done.returncode != 0:
        raise Failure("cargo build failed, see above")
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return Amc((REPOSITORY / target / "release" / "amc").resolve())


class Amc:
    """The program `amc`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def version(self) -> str:
        """What it says of itself."""
        return self._output(["--version"], 1).strip()

    def can(self, subcommand: str) -> bool:
        """Whether it has this subcommand."""
        command = [str(self.path), subcommand, "--help"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def evaluate(self, mixture: Path, points: Path) -> list[dict]:
        """`log_density` and `score` at each row of `points`."""
        files = ["--mixture", str(mixture), "--points", str(points)]
        return self._json(["eval", *files, "--quantity", "log-density,score"], 1)["results"]

    def bench_mixture(self, mixture: Path, particles: int) -> dict:
        """One measurement of log-density and score, on one core."""
        arguments = ["--mixture", str(mixture), "--particles", str(particles), "--json"]
        return self._json(["bench", *arguments], 1)

    def bench(self, part: str) -> dict:
        """One measurement of the kernels of a part (`mixture`, `normals`), on one core."""
        return self._json(["bench", "--only", part, "--json"], 1)

    def run(self, configuration: Path, seed: int, threads: int = 1, **changes: object) -> dict:
        """The summary of a run; `changes` are `section__key=value`."""
        arguments = ["run", str(configuration), "--json", "--quiet"]
        arguments += ["--threads", str(threads), "--seed", str(seed)]
        for name, value in changes.items():
            arguments += ["--set", f"{name.replace('__', '.')}={value}"]
        return self._json(arguments, threads)

    def _json(self, arguments: list[str], threads: int) -> dict:
        output = self._output(arguments, threads)
        try:
            return json.loads(output)
        except json.JSONDecodeError as error:
            shown = " ".join(arguments)
            raise Failure(f"amc {shown} did not print JSON: {error}") from None

    def _output(self, arguments: list[str], threads: int) -> str:
        done = subprocess.run(
            [str(self.path), *arguments],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=pinned(threads) if os.name == "posix" else None,
        )
        if done.returncode != 0:
            shown = " ".join(arguments)
            raise Failure(
                f"amc {shown} failed (exit code {done.returncode}):\n{last_lines(done.stderr)}"
            )
        return done.stdout


def density_nanoseconds(bench: dict) -> float:
    """Of `Amc.bench_mixture`: a particle's log-density and score."""
    return _field(bench, "mixture", "ns_per_particle")


def density_limit(bench: dict) -> float | None:
    """Of `Amc.bench_mixture`: what the machine's ceilings allow."""
    return bench["mixture"].get("limit_ns")


def density_agrees(bench: dict) -> bool:
    """Of `Amc.bench_mixture`: whether the fast and the plain evaluation agree, if it says."""
    return bench["mixture"].get("agree", True) is not False


def dense_nanoseconds(bench: dict, kind: str, dim: int, components: int) -> float | None:
    """Of `Amc.bench("mixture")`: the same where no component can be skipped, if it has that size."""
    wanted = {"name": "log_density_and_score", "kind": kind, "d": dim, "k": components}
    for kernel in _field(bench, "kernels"):
        if wanted.items() <= kernel.items():
            return kernel["ns"]
    return None


def normal_nanoseconds(bench: dict) -> float:
    """Of `Amc.bench("normals")`: one standard normal."""
    for kernel in _field(bench, "kernels"):
        if kernel["name"] == "normals":
            return kernel["ns"]
    raise Failure("amc bench --json has no kernel named normals")


def sampling_seconds(summary: dict) -> float:
    """Wall time of pilot and sampler, without metrics and files."""
    return _field(summary, "sampling_seconds")


def log_z(summary: dict) -> tuple[float, float]:
    """`log Z` and the standard error that the run reports."""
    error = summary["log_z_std_error"]
    return _field(summary, "log_z"), math.nan if error is None else error


def acceptance_rate(summary: dict) -> float:
    """Mean over levels and moves."""
    return _field(summary, "acceptance_rate")


def times(summary: dict) -> list[float]:
    """Times of the levels, from the reference down to the target."""
    return _field(summary, "times")[::-1]


def step_sizes(summary: dict) -> list[float]:
    """Step sizes of the kernel, from the level below the reference down to the target."""
    levels = sorted(_field(summary, "levels"), key=lambda level: -level["level"])
    return [level["step_size"] for level in levels]


def score_evaluations(summary: dict) -> tuple[int, int]:
    """Scores that the run evaluated, and the pilot's share of them."""
    all_parts = _field(summary, "evaluations", "score")
    return all_parts, _field(summary, "pilot_evaluations", "score")


def _field(document: dict, *path: str):
    value = document
    for key in path:
        if not isinstance(value, dict) or value.get(key) is None:
            raise Failure(f"amc's output has no {'.'.join(path)}: is this program of this repository?")
        value = value[key]
    return value

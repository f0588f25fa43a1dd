"""Log-density and score of a mixture at many points, on one core in double precision."""

import contextlib
import math

from . import amc as of_amc
from .machine import say
from .row import Row
from .setting import Problem, Setting
from .turns import in_turns, least

PROBLEMS = [
    *(Problem("isotropic", d, k) for d, k in ((2, 2), (16, 2), (32, 16), (64, 32), (128, 64))),
    *(Problem("diagonal", d, k) for d, k in ((16, 2), (64, 32))),
    *(Problem("full", d, k) for d, k in ((16, 2), (64, 32))),
]
TINY_PROBLEMS = [Problem("isotropic", 2, 2), Problem("diagonal", 16, 2), Problem("full", 4, 3)]

LIBRARIES = ("numpy", "jax", "torch", "torch-compiled", "scikit-learn")
# It has no scores: shown, but doing less work it cannot be the best peer.
LOG_DENSITY_ONLY = "scikit-learn"

# Relative to the value, or to 1 where that is smaller: the expanded quadratic forms of the peers cancel.
TOLERANCE = 1e-9


def problems(tiny: bool) -> list[Problem]:
    """The mixtures that are measured."""
    return TINY_PROBLEMS if tiny else PROBLEMS


def rows(setting: Setting) -> list[Row]:
    """One row a mixture."""
    say("densities: amc bench, where no component can be skipped")
    dense = setting.amc.bench("mixture")
    return [_row(setting, problem, dense) for problem in problems(setting.tiny)]


def _row(setting: Setting, problem: Problem, dense: dict) -> Row:
    row = Row("log-density + score", str(problem), "ns / particle")
    files = ["--mixture", setting.mixture(problem), "--check-points", setting.points(problem)]
    sizes = ["--particles", setting.particles, "--seconds", setting.seconds]
    expected = setting.amc.evaluate(setting.mixture(problem), setting.points(problem))
    with contextlib.ExitStack() as running:
        contenders = {
            "amc": lambda _: setting.amc.bench_mixture(setting.mixture(problem), setting.particles)
        }
        for name in setting.peers(*LIBRARIES):
            say(f"densities, {problem}: starting {name}")
            peer = setting.start("evaluate_density", name, *files, *sizes)
            running.enter_context(peer)
            row.variants[name] = peer.ready["variant"]
            row.disagreements += _disagreements(name, peer.ready, expected)
            contenders[name] = lambda _, peer=peer: peer.measure()
        answers = in_turns(f"densities, {problem}", contenders, setting.rounds, setting.patience)
    own = answers.pop("amc")
    row.amc = min(map(of_amc.density_nanoseconds, own))
    sizes = (problem.kind, problem.dim, problem.components)
    row.amc_plain = of_amc.dense_nanoseconds(dense, *sizes)
    row.limit = of_amc.density_limit(own[0])
    if not all(map(of_amc.density_agrees, own)):
        row.disagreements.append("amc bench: its own evaluations disagree")
    row.peers = {name: least(answer, "nanoseconds") for name, answer in answers.items()}
    row.only_shown = setting.peers(LOG_DENSITY_ONLY)
    return row


def _disagreements(name: str, ready: dict, expected: list[dict]) -> list[str]:
    """Which of a peer's quantities differ from those of `amc eval`."""
    found = []
    for quantity in ("log_density", "score"):
        if quantity in ready:
            pairs = zip(ready[quantity], (point[quantity] for point in expected), strict=True)
            error = max(_relative_error(value, truth) for value, truth in pairs)
            if not error <= TOLERANCE:
                found.append(f"{name}: {quantity} differs by {error:.1e}")
    return found


def _relative_error(value: float | list[float], truth: float | list[float]) -> float:
    """Largest difference, relative to the largest true entry."""
    values, truths = (v if isinstance(v, list) else [v] for v in (value, truth))
    if not all(map(math.isfinite, values)):
        return math.inf
    scale = max(1.0, *map(abs, truths))
    return max(abs(v - t) for v, t in zip(values, truths, strict=True)) / scale

"""The annealed runs: as a configuration of `amc`, and as a plan for the peers."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from . import amc as of_amc
from .setting import Problem, Setting

MOVES = 8
# `beta_min = beta_max`: alpha_t = exp(-BETA t / 2), so that peers need one line for the schedule.
BETA = 8.0
# The cleanest noisy level: noise of variance 1e-2 against component variances from 0.25.
T_MIN = 0.00125


@dataclass(frozen=True)
class Algorithm:
    """`ais` along tempering, or `smc` along the diffusion path."""

    name: str
    title: str
    levels: int
    # By how much the project wants to be faster than the best peer, by dimension.
    wanted: dict[int, float]


AIS = Algorithm("ais", "AIS, tempering", 128, {16: 6.0, 64: 4.0})
SMC = Algorithm("smc", "SMC, diffusion", 64, {16: 6.0, 64: 4.0})
TINY_LEVELS = 8


def levels_of(algorithm: Algorithm, setting: Setting) -> int:
    """Annealing steps."""
    return TINY_LEVELS if setting.tiny else algorithm.levels


def write_configuration(algorithm: Algorithm, problem: Problem, setting: Setting) -> Path:
    """Writes `amc`'s configuration beside the mixture."""
    levels = levels_of(algorithm, setting)
    if algorithm is AIS:
        path = f'kind = "tempering"\nlevels = {levels}\nspacing = "uniform"'
        bridge = 'kind = "identity"'
    else:
        path = (
            f'kind = "diffusion"\nlevels = {levels}\nspacing = "log-snr"\n'
            f'schedule = "vp-linear"\nbeta_min = {BETA}\nbeta_max = {BETA}\nt_min = {T_MIN}'
        )
        bridge = 'kind = "ddpm"\nvariance = "noise"'
    text = f"""\
[target]
kind = "file"
path = "{setting.mixture(problem).name}"
standardize = "none"

[path]
{path}

[bridge]
{bridge}

[kernel]
kind = "mala"
steps = {MOVES}
adapt = "frozen"

[sampler]
kind = "{algorithm.name}"
particles = {setting.run_particles}
both_sides = false
"""
    if algorithm is SMC:
        text += 'resampling = "systematic"\ness_threshold = 0.5\n'
    file = setting.folder / f"{algorithm.name}-{problem.name}.toml"
    file.write_text(text, encoding="utf-8")
    return file


def write_plan(
    algorithm: Algorithm, problem: Problem, setting: Setting, summary: dict
) -> Path:
    """Writes what `programs/plan.py` reads, with times and step sizes of a run of `amc`."""
    times = of_amc.times(summary)
    first = [1.0]  # No kernel runs at the reference.
    plan = {
        "algorithm": algorithm.name,
        "mixture": setting.mixture(problem).name,
        "particles": setting.run_particles,
        "moves": MOVES,
        "step_sizes": first + of_amc.step_sizes(summary),
    }
    if algorithm is AIS:
        plan["beta"] = [1.0 - time for time in times]
    else:
        plan["alpha"] = [math.exp(-0.5 * BETA * time) for time in times]
        plan["noise_variance"] = [-math.expm1(-BETA * time) for time in times]
    file = setting.folder / f"{algorithm.name}-{problem.name}.plan.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return file

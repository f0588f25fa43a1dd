"""Whole annealed runs on one core in double precision, and whether they find the same."""

import contextlib
import statistics
from pathlib import Path

from . import amc as of_amc
from .configuration import AIS, SMC, Algorithm, write_configuration, write_plan
from .machine import say
from .row import Row
from .setting import Problem, Setting
from .turns import in_turns, least

PROBLEMS = [Problem("diagonal", 16, 2), Problem("diagonal", 64, 32)]
TINY_PROBLEMS = [Problem("diagonal", 4, 3)]

# Repetitions share one pilot, so the difference between these and one run is runs without a pilot.
REPETITIONS = 3

# Log Z is compared by its mean over the rounds; its spread is judged from all runs of both contenders,
# or from what amc reports, whichever is larger, for weights have heavy tails.
LOG_Z_STANDARD_ERRORS = 5.0
# The same step sizes at the same levels: nothing but noise of 1e-3 separates the acceptance rates.
ACCEPTANCE_TOLERANCE = 0.01
TINY_ACCEPTANCE_TOLERANCE = 0.02

SINGLE = " (float32 normals)"


def problems(tiny: bool) -> list[Problem]:
    """The mixtures that are sampled."""
    return TINY_PROBLEMS if tiny else PROBLEMS


def ais_rows(setting: Setting) -> list[Row]:
    """AIS along tempering: for each mixture a row with double, and one with single precision normals."""
    peers = ("numpy", "jax", "torch", "torch-compiled", "blackjax")
    return [row for problem in problems(setting.tiny) for row in _rows(setting, AIS, problem, peers)]


def smc_rows(setting: Setting) -> list[Row]:
    """SMC along the diffusion path, likewise."""
    peers = ("numpy", "jax", "torch", "torch-compiled")
    return [row for problem in problems(setting.tiny) for row in _rows(setting, SMC, problem, peers)]


def _rows(
    setting: Setting, algorithm: Algorithm, problem: Problem, libraries: tuple[str, ...]
) -> list[Row]:
    title = f"{algorithm.title}, {problem}"
    double = Row(algorithm.title, str(problem), "s", wanted=algorithm.wanted.get(problem.dim))
    single = Row(algorithm.title, f"{problem}{SINGLE}", "s")
    configuration = write_configuration(algorithm, problem, setting)
    say(f"{title}: amc tunes the step sizes")
    tuned = setting.amc.run(configuration, seed=1)
    plan = write_plan(algorithm, problem, setting, tuned)
    contenders = {
        "amc": lambda number: _of_amc(setting, configuration, number, 1),
        "amc repeated": lambda number: _of_amc(setting, configuration, number, REPETITIONS),
    }
    owners: dict[str, tuple[Row, str]] = {}
    with contextlib.ExitStack() as running:
        for name, normals in _cast(setting, libraries):
            row = double if normals == "float64" else single
            say(f"{title}: starting {name}, {normals} normals")
            peer = setting.start("run_sampler", name, "--plan", plan, "--normals", normals)
            running.enter_context(peer)
            contender = f"{name}, {normals}"
            row.variants[name] = peer.ready["variant"]
            owners[contender] = (row, name)
            contenders[contender] = lambda number, peer=peer: peer.measure(seed=number)
        answers = in_turns(title, contenders, setting.run_rounds, setting.patience)

    once, repeated = least(answers["amc"], "seconds"), least(answers["amc repeated"], "seconds")
    without_pilot = (repeated - once) / (REPETITIONS - 1)
    for row in (double, single):
        row.amc, row.amc_plain = once, without_pilot
    acceptance = of_amc.acceptance_rate(tuned)
    tolerance = TINY_ACCEPTANCE_TOLERANCE if setting.tiny else ACCEPTANCE_TOLERANCE
    for contender, (row, name) in owners.items():
        row.peers[name] = least(answers[contender], "seconds")
        row.disagreements += _disagreement_on_log_z(name, answers[contender], answers["amc"])
        found = statistics.mean(answer["acceptance_rate"] for answer in answers[contender])
        if not abs(found - acceptance) <= tolerance:
            row.disagreements.append(f"{name}: accepts {found:.4f}, amc {acceptance:.4f}")
    all_scores, pilot_scores = of_amc.score_evaluations(tuned)
    double.details = {
        "answers": answers,
        "amc_acceptance_rate": acceptance,
        "amc_scores": all_scores,
        "amc_pilot_scores": pilot_scores,
    }
    return [double, single] if single.peers else [double]


def _cast(setting: Setting, libraries: tuple[str, ...]) -> list[tuple[str, str]]:
    """Who takes part: every library, and again with single precision normals where that is faster."""
    double = [(name, "float64") for name in setting.peers(*libraries)]
    single = [(name, "float32") for name in setting.peers("jax", "torch")]
    return double + single


def _of_amc(setting: Setting, configuration: Path, seed: int, repetitions: int) -> dict:
    summary = setting.amc.run(configuration, seed, sampler__repetitions=repetitions)
    log_z, error = of_amc.log_z(summary)
    return {"seconds": of_amc.sampling_seconds(summary), "log_z": log_z, "error": error}


def _disagreement_on_log_z(name: str, peer: list[dict], own: list[dict]) -> list[str]:
    theirs, ours = ([answer["log_z"] for answer in answers] for answers in (peer, own))
    centre_of_theirs, centre_of_ours = statistics.mean(theirs), statistics.mean(ours)
    squares = [(v - centre_of_theirs) ** 2 for v in theirs]
    squares += [(v - centre_of_ours) ** 2 for v in ours]
    freedom = max(1, len(squares) - 2)
    reported = max(answer["error"] for answer in own)
    deviation = max((sum(squares) / freedom) ** 0.5, reported)
    tolerance = LOG_Z_STANDARD_ERRORS * deviation * (1 / len(theirs) + 1 / len(ours)) ** 0.5
    if abs(centre_of_theirs - centre_of_ours) <= tolerance:
        return []
    difference = f"{centre_of_theirs:.3f}, amc {centre_of_ours:.3f}"
    return [f"{name}: log Z is {difference} (allowed difference {tolerance:.3f})"]

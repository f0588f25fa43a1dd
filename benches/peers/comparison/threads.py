"""Parallel efficiency: what one core takes, over twice what two take."""

import contextlib

from . import amc as of_amc
from .configuration import AIS, write_configuration, write_plan
from .failure import Failure
from .machine import cores, say
from .row import Row
from .runs import problems
from .setting import Problem, Setting
from .turns import in_turns, least

WANTED = 0.9


def rows(setting: Setting) -> list[Row]:
    """One row a mixture, on AIS along tempering."""
    if len(cores(2)) < 2:
        raise Failure("--only threads needs two cores that this process may choose")
    return [_row(setting, problem) for problem in problems(setting.tiny)]


def _row(setting: Setting, problem: Problem) -> Row:
    title = f"threads, {problem}"
    row = Row("efficiency, 2 cores", f"AIS, {problem}", "T1 / (2 T2)")
    row.wanted, row.wanted_of_amc = WANTED, True
    configuration = write_configuration(AIS, problem, setting)
    plan = write_plan(AIS, problem, setting, setting.amc.run(configuration, seed=1))

    def of_program(threads: int):
        def measure(number: int) -> dict:
            summary = setting.amc.run(configuration, number, threads)
            return {"seconds": of_amc.sampling_seconds(summary)}

        return measure

    contenders = {f"amc, {threads}": of_program(threads) for threads in (1, 2)}
    libraries = setting.peers("jax")
    with contextlib.ExitStack() as running:
        for name in libraries:
            for threads in (1, 2):
                say(f"{title}: starting {name} on {threads}")
                arguments = [name, "--plan", plan, "--devices", threads]
                peer = setting.start("run_sampler", *arguments, threads=threads)
                running.enter_context(peer)
                contenders[f"{name}, {threads}"] = (
                    lambda number, peer=peer: peer.measure(seed=number)
                )
        answers = in_turns(title, contenders, setting.run_rounds, setting.patience)
    efficiency = {
        name: least(answers[f"{name}, 1"], "seconds") / (2.0 * least(answers[f"{name}, 2"], "seconds"))
        for name in ("amc", *libraries)
    }
    row.amc = efficiency.pop("amc")
    row.peers = efficiency
    row.details = {"answers": answers}
    return row

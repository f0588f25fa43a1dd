"""Standard normals, on one core."""

import contextlib
import math

from . import amc as of_amc
from .machine import say
from .row import Row
from .setting import Setting
from .turns import in_turns, least

# Of the batch that a peer shows; its size is 4096 x 64.
COUNT = 4096 * 64
STANDARD_ERRORS = 6.0


def rows(setting: Setting) -> list[Row]:
    """A row for each precision; `amc` draws in double precision and stands in both."""
    double = Row("normals", "float64", "ns / normal")
    single = Row("normals", "float32 (amc float64)", "ns / normal")
    with contextlib.ExitStack() as running:
        contenders = {"amc": lambda _: setting.amc.bench("normals")}
        owners: dict[str, tuple[Row, str]] = {}
        for row, precision in ((double, "float64"), (single, "float32")):
            for name in setting.peers("numpy", "jax", "torch"):
                say(f"normals: starting {name}, {precision}")
                arguments = [name, "--precision", precision, "--seconds", setting.seconds]
                peer = running.enter_context(setting.start("draw_normals", *arguments))
                row.variants[name] = peer.ready["variant"]
                row.disagreements += _disagreements(name, peer.ready)
                contender = f"{name}, {precision}"
                owners[contender] = (row, name)
                contenders[contender] = lambda _, peer=peer: peer.measure()
        answers = in_turns("normals", contenders, setting.rounds, setting.patience)
    double.amc = single.amc = min(map(of_amc.normal_nanoseconds, answers["amc"]))
    for contender, (row, name) in owners.items():
        row.peers[name] = least(answers[contender], "nanoseconds")
    double.details = {"bench": answers["amc"][-1]}
    return [double, single]


def _disagreements(name: str, ready: dict) -> list[str]:
    """Moments of a batch that are not those of a standard normal."""
    errors = {
        "mean": abs(ready["mean"]) * math.sqrt(COUNT),
        "mean_square": abs(ready["mean_square"] - 1.0) * math.sqrt(COUNT / 2.0),
    }
    return [
        f"{name}: {moment} is {error:.1f} standard errors off"
        for moment, error in errors.items()
        if not error <= STANDARD_ERRORS
    ]

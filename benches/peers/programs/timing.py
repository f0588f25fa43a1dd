"""How long a call takes, on a machine that may not be idle.

With one thread the processor time of the process is what the call would take on an idle core; wall
time also counts being descheduled. A peer is credited with the smaller of the two, so other load can
only make the project's own program, which is timed by the wall, look worse.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The least of several calls, in seconds."""

    wall: float
    processor: float
    calls: int

    @property
    def on_one_core(self) -> float:
        """What an idle core would take."""
        return min(self.wall, self.processor)


def timed(call: Callable[[], object]) -> tuple[object, Timing]:
    """The result of one call, and how long it took."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, Timing(time.perf_counter() - wall, time.process_time() - processor, 1)


def fastest(call: Callable[[], object], seconds: float, least: int = 3, most: int = 400) -> Timing:
    """The fastest of at least `least` calls, repeated for so many seconds."""
    call()
    walls, processors = [], []
    start = time.perf_counter()
    while len(walls) < least or (time.perf_counter() - start < seconds and len(walls) < most):
        _, timing = timed(call)
        walls.append(timing.wall)
        processors.append(timing.processor)
    return Timing(min(walls), min(processors), len(walls))

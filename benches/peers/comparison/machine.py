"""The machine: which cores a program may use, and how busy the machine is with other things."""

import os
import sys
import time
from collections.abc import Callable


def say(message: str) -> None:
    """Progress, on standard error."""
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)


def cores(count: int) -> list[int]:
    """So many cores of those that are allowed, from the last one down: interrupts prefer the first."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-count:]


def pinned(count: int) -> Callable[[], None] | None:
    """What a child process does before it starts, so that it stays on `count` cores."""
    chosen = cores(count)
    return (lambda: os.sched_setaffinity(0, chosen)) if chosen else None


def thread_environment(threads: int) -> dict[str, str]:
    """The environment, with the number of threads that numerical libraries look for in it."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | {name: str(threads) for name in names}


BUSY_CORES = 0.15


def wait_until_quiet(patience: float) -> bool:
    """Waits until other programs use little of the machine, at most so many seconds.

    Says whether it got quiet; without patience it does not look.
    """
    if patience <= 0.0:
        return True
    end = time.monotonic() + patience
    while (busy := _busy_cores(0.3)) is not None and busy > BUSY_CORES:
        if time.monotonic() >= end:
            return False
    return True


def _busy_cores(interval: float) -> float | None:
    """Cores in use over an interval in which this program sleeps; `None` where that is not known."""
    before, start = _busy_seconds(), time.monotonic()
    if before is None:
        return None
    time.sleep(interval)
    return (_busy_seconds() - before) / (time.monotonic() - start)


def _busy_seconds() -> float | None:
    """Processor time of the whole machine since it started, without idling."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
    except OSError:
        return None
    idle, waiting = ticks[3], ticks[4]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")

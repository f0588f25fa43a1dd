"""Ways of doing the same work: which one is fastest depends on sizes and machine, so a trial decides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from timing import fastest


@dataclass(frozen=True)
class Variant:
    """One way: `call` does the work, and returns when it is done."""

    name: str
    call: Callable[[], Any]
    # Turns scores as the call returns them into rows; apart, for transposing may cost as much.
    to_rows: Callable[[Any], Any] = lambda scores: scores


TRIAL_SECONDS = 0.15


def quickest(variants: list[Variant]) -> Variant:
    """The variant that a short trial finds to be the fastest."""
    if len(variants) == 1:
        variants[0].call()
        return variants[0]
    times = [fastest(variant.call, TRIAL_SECONDS).on_one_core for variant in variants]
    return variants[times.index(min(times))]

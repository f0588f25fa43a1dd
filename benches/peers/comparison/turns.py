"""Measuring contenders in turns: what the machine does meanwhile then happens to all of them alike."""

from collections.abc import Callable

from .machine import say, wait_until_quiet


def in_turns(
    title: str, contenders: dict[str, Callable[[int], dict]], rounds: int, patience: float
) -> dict[str, list[dict]]:
    """Asks every contender once a round; it is told the number of the round, from 1.

    Each round starts with another contender, so that none always follows the same one.
    """
    answers: dict[str, list[dict]] = {name: [] for name in contenders}
    names = list(contenders)
    disturbed = 0
    for number in range(rounds):
        shift = number % len(names)
        say(f"{title}: round {number + 1} of {rounds}")
        for name in names[shift:] + names[:shift]:
            disturbed += not wait_until_quiet(patience)
            answers[name].append(contenders[name](number + 1))
    if disturbed:
        say(f"{title}: the machine was busy at the start of {disturbed} measurements")
    return answers


def least(answers: list[dict], key: str) -> float:
    """The smallest value over the rounds: what disturbed it the least."""
    return min(answer[key] for answer in answers)

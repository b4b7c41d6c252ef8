"""Waits for a condition, for a limited time."""

import time
from collections.abc import Callable

_SELDOM = 0.5


def seldom(question: Callable[[], bool]) -> Callable[[], bool]:
    """Return `question` for a loop that is quicker than the answer is worth: it is asked twice a second, and its answer repeated.

    For what costs more than the loop's own attempt, as asking Docker whether a server's container still runs.
    """
    asked, answer = -_SELDOM, False

    def ask() -> bool:
        nonlocal asked, answer
        now = time.monotonic()
        if now - asked >= _SELDOM:
            answer, asked = question(), now
        return answer

    return ask


def wait_until(condition: Callable[[], bool], *, seconds: float, interval: float = 0.05) -> bool:
    """Call `condition` every `interval` seconds, and at the end, until it is true; returns whether it was within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(interval, left))
    return True

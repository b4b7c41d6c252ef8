"""Waits for a condition, for a limited time."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, seconds: float, interval: float = 0.05) -> bool:
    """Call `condition` every `interval` seconds, and at the end, until it is true; returns whether it was within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(interval, left))
    return True

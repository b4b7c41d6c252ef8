"""Waits for a condition, for a limited time."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, seconds: float, interval: float = 0.05) -> bool:
    """Call `condition` every `interval` seconds until it is true; returns False when it was not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True

"""Lets one at a time on this machine write copies into a further repository, or delete from it: others wait."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from backups import durations
from backups.errors import LifeboatError
from backups.machine import locks

_INTERVAL = 0.5
"""Seconds between two attempts to get the lock."""

log = logging.getLogger(__name__)


class Busy(LifeboatError):
    """Another one on this machine copies to the repository, or prunes it."""


def alone(
    state: Path, name: str, patience: timedelta, still_wanted: Callable[[], None] = lambda: None
) -> AbstractContextManager[None]:
    """Hold the further repository of that name on this machine; raises Busy when another still does after `patience`.

    still_wanted: raises once nobody waits any more
    """
    deadline = time.monotonic() + patience.total_seconds()
    announced = ""

    def busy(holder: str) -> None:
        nonlocal announced
        still_wanted()
        if time.monotonic() >= deadline:
            raise Busy(
                f"the repository {name} is being copied to, or pruned, on this machine ({holder}), still after "
                f"{durations.describe(patience)}",
                hint="what is missing there is copied the next time; or: lifeboat copy",
            )
        if announced != holder:
            log.info("waiting for %s, which copies to the repository %s, or prunes it", holder, name)
            announced = holder
        time.sleep(min(_INTERVAL, max(0.0, deadline - time.monotonic())))

    return locks.once_free(state / "locks" / "repositories" / f"{name}.lock", busy)

"""Pulls a service's log again and again, and keeps it in the repository, so that a disaster costs seconds instead of a day.

What is pulled is on this machine's disk at once (`spool.py`), and in the repository with the next save (`piece.py`). Whatever
comes between, it goes on by itself where it stood; where the log does not go on there, it waits for the next backup.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backups.errors import ChainBroken, LifeboatError
from backups.follow import standing
from backups.follow.follower import Follower, require_log
from backups.follow.spool import Spool
from backups.machine import locks
from backups.machine.runs import Run
from backups.repository.repository import Repository
from backups.services.base import Service


@dataclass(frozen=True)
class Pace:
    """How often, in seconds: `pull` the log is pulled, `save` what was pulled is saved, `retry` the source is asked again."""

    pull: float = 2.0
    save: float = 30.0
    retry: float = 5.0


_PACE = Pace()


def follow(
    service: Service,
    repository: Repository,
    run: Run,
    state: Path,
    *,
    pace: Pace = _PACE,
    seconds: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Follow the log of a service, for `seconds`, or until this is interrupted; what was pulled by then is saved.

    A source or a repository that does not answer is asked again. Raises LifeboatError when another follower of the service is at
    work on this machine, or when there is nothing to follow.
    """
    require_log(service)
    ends = None if seconds is None else monotonic() + seconds
    below = standing.directory(state, service.name)
    with locks.at_once(
        state / "locks" / f"follow-{service.name}.lock",
        f"the log of {service.name} is being followed on this machine already",
        hint="one follower is enough; nothing was changed",
    ):
        follower = Follower(
            service, repository, run, Spool(standing.spool(state, service.name)), lambda now: standing.note(below, now)
        )
        follower.take_stock()
        due = monotonic() + pace.save
        try:
            while ends is None or monotonic() < ends:
                run.raise_if_cancelled()
                wait = pace.pull
                try:
                    follower.pull()
                except ChainBroken as broken:
                    follower.stand_still(_broken(service.name, broken))
                    wait = pace.retry
                except LifeboatError as fault:
                    follower.stand_still(fault)
                    wait = pace.retry
                if monotonic() >= due:
                    try:
                        follower.take_stock()
                    except LifeboatError as fault:
                        follower.stand_still(fault)
                    due = monotonic() + pace.save
                sleep(wait if ends is None else max(0.0, min(wait, ends - monotonic())))
        finally:
            follower.save()


def _broken(name: str, broken: ChainBroken) -> LifeboatError:
    return LifeboatError(
        f"its log does not go on where it was followed to: {broken.message}; what was committed since is in no backup",
        hint=f"take a backup, from which it is followed on: lifeboat backup {name}",
    )

"""Puts the drills that are due in order: what has waited longest for its proof first, and of what is equally urgent the longest.

A pure function of evidence and objectives. How urgent a service is, is counted in whole days: what one verification has proven
is equally urgent at the next one. Of that the longest first makes the whole shortest, since short ones fill the gaps at its end;
the shortest first leaves the fewest out where time does not suffice for all. `sequence.py` chooses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil, inf

from backups.config.settings import FIRST, Objectives
from verification.fleet.work import Due

WEEK = timedelta(days=7)
"""From one verification of everything to the next."""
_DAY = timedelta(days=1)


def order(
    due: Iterable[Due], objectives: Objectives, now: datetime, *, every: timedelta = WEEK, shortest: bool = False
) -> list[Due]:
    """Order drills by urgency; within equally urgent ones the longest first, or the shortest; the rest by name.

    every: from this verification to the next one
    """

    def key(each: Due) -> tuple[float, float, tuple[str, ...]]:
        seconds = each.seconds if shortest else -each.seconds
        return -urgency(each, objectives, now, every), seconds, (each.service, each.selection, each.repository, each.backup or "")

    return sorted(due, key=key)


def with_firsts(due: Sequence[Due], repository: str = FIRST) -> list[Due]:
    """Mark the further drills of each service: the first is what was drilled longest ago, else the shorter one.

    repository: the one that services are proven by; a drill from another one is the first of a service without any from there
    """
    firsts: dict[str, int] = {}
    for at, each in sorted(enumerate(due), key=lambda one: (one[1].repository != repository, _age(one[1])), reverse=True):
        firsts[each.service] = at
    return [replace(each, further=firsts[each.service] != at) for at, each in enumerate(due)]


def _age(due: Due) -> tuple[float, float, str, str]:
    return due.drilled_at.timestamp() if due.drilled_at else -inf, due.seconds, due.selection, due.backup or ""


def urgency(due: Due, objectives: Objectives, now: datetime, every: timedelta = WEEK) -> float:
    """Count the days by which the service's proof would be too old at the next verification, were it passed over now.

    0 or less: it would still be young enough. Infinite: it was never tried. A service whose last drill failed counts as if it had
    been passed over once. No more than that: else services that fail every time would take all the time there is, and the others
    starve. A further drill of a service counts by itself, and as if it were done: the service has its proof by the first one.
    """
    once = every / _DAY
    if due.further:
        return _late(due.drilled_at or now - every, objectives, now, every) - once
    if due.tried_at is None:
        return inf
    return _late(due.tried_at, objectives, now, every) + once * due.failed


def _late(tried_at: datetime, objectives: Objectives, now: datetime, every: timedelta) -> int:
    return ceil((now + every - tried_at - objectives.proof) / _DAY)

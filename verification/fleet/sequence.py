"""Chooses the order of the drills for the machines and the window that there are.

One order serves two ends: no service waits too long for its proof, and the whole is over soon. Urgency alone can end late; the
longest first alone leaves out most services where the window is too short for all. Here each does what it is good for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from backups.config.settings import Objectives
from verification.fleet.machines import pool_of
from verification.fleet.order import WEEK, order
from verification.fleet.timetable import timetable
from verification.fleet.work import Due, Machine, Slot

_LONG = 0.1
"""The share of the shortest possible verification that a drill takes which begins first, whatever its urgency.

What ends last began when no machine was idle: so the whole is longer than the shortest possible one by that drill at most.
"""


def sequence(
    due: Iterable[Due],
    machines: Sequence[Machine],
    objectives: Objectives,
    starts: datetime,
    *,
    until: datetime | None = None,
    repositories: Mapping[str, int] | None = None,
    every: timedelta = WEEK,
    running: Sequence[Slot] = (),
) -> list[Due]:
    """Order the drills for a verification that starts then, on these machines, which may be at something already.

    Where all of them are reached: by urgency, but first what is so long that it would end the whole late if it began late.
    Where the window is too short for that: by urgency alone, of equally urgent ones the longest first, or the shortest where
    that reaches more. What is not reached is more urgent the next time.

    When a machine dies, or is back, what still waits is to be ordered again: what four have time for may be too much for three.
    """
    longest = order(due, objectives, starts, every=every)
    together = _long_first(longest, machines)

    def late(way: Sequence[Due]) -> int:
        table = timetable(way, machines, starts, until=until, repositories=repositories, running=running)
        return sum(each.for_time for each in table.not_reached)

    if until is None or not late(together):
        return together
    shortest = order(longest, objectives, starts, every=every, shortest=True)
    return shortest if late(shortest) < late(longest) else longest


def best(due: Iterable[Due], machines: Sequence[Machine]) -> dict[str, float]:
    """Return by pool the seconds that no order goes below: of the longest drill, or of all, shared by what runs at once."""
    seconds: dict[str, list[float]] = {}
    for each in due:
        seconds.setdefault(pool_of(each), []).append(each.seconds)
    at_once = Counter[str]()
    for machine in machines:
        at_once[pool_of(machine)] += machine.at_once
    return {pool: max(*every, sum(every) / max(1, at_once[pool])) for pool, every in seconds.items()}


def _long_first(ordered: Sequence[Due], machines: Sequence[Machine]) -> list[Due]:
    least = best(ordered, machines)
    return sorted(ordered, key=lambda each: -each.seconds if each.seconds > _LONG * least[pool_of(each)] else 0.0)

"""Chooses which short drills are sent to a machine in one run: its process begins once, and does them one after another.

To begin a process takes seconds, which a drill of a few seconds is not worth. Pure: clocks are arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from verification.fleet.ahead import Held
from verification.fleet.machines import pool_of
from verification.fleet.timetable import choose
from verification.fleet.work import Due, Machine

_LONGEST = timedelta(minutes=1)
"""So long the drills of one run are expected to take together, where there is more than one."""


def one_more(
    slot: Held,
    waiting: Sequence[Due],
    machines: Sequence[Machine],
    held: Sequence[Held],
    now: datetime,
    *,
    until: datetime | None,
    repositories: Mapping[str, int],
    fits: Callable[[Due, Machine], str | None],
) -> Due | None:
    """Choose one more drill for the last run of a slot, which is about to be sent; None where that is to have no more.

    It is the one that would be next there in any case, if it was timed before, fetches from the same repository, and ends before
    all the machines of the pool could be done: so no order is changed, and nobody waits for the last run.
    """
    run = slot.behind or [slot.due, *slot.fellows]
    machine = next((each for each in machines if each.name == slot.machine), None)
    if machine is None or not all(each.measured for each in run):
        return None
    others = [each.taken(now) for each in held if each is not slot]
    alike = [each for each in waiting if each.repository == slot.due.repository]
    then = max(slot.idle_at, now)
    found = choose(alike, [machine], others, then, until=until, repositories=repositories, fits=fits)
    if found is None or not found.due.measured:
        return None
    short = sum(each.seconds for each in (*run, found.due)) <= _LONGEST.total_seconds()
    return found.due if short and (found.ends - now).total_seconds() <= _share(machine, waiting, machines, held, now) else None


def _share(machine: Machine, waiting: Sequence[Due], machines: Sequence[Machine], held: Sequence[Held], now: datetime) -> float:
    """Return the seconds after which the machines of a pool were done with all that waits, were it shared among them evenly."""
    pool = pool_of(machine)
    work = sum(each.seconds for each in waiting if pool_of(each) == pool)
    busy: list[float] = []
    for each in machines:
        if pool_of(each) == pool:
            there = [max(0.0, (slot.idle_at - now).total_seconds()) for slot in held if slot.machine == each.name]
            busy += [*there, *[0.0] * (each.at_once - len(there))]
    busy.sort()
    # Those that are busy for longer than that take nothing of it.
    levels = ((work + sum(busy[:number])) / number for number in range(1, len(busy) + 1))
    return next(level for level, after in zip(levels, [*busy[1:], float("inf")], strict=True) if level <= after)

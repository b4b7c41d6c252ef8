"""Shares drills among machines: on paper for a whole verification, and one at a time while one runs, by the same rule.

The rule: whenever a machine is free, it begins the first drill in order that fits. One that waits for room on a busy machine is
overtaken only by what is done before that room is free. Pure: clocks are arguments.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from backups import durations
from verification.fleet.machines import nowhere, pool_of, unfit
from verification.fleet.work import Due, Machine, NotReached, Slot, Timetable


def timetable(
    ordered: Sequence[Due],
    machines: Sequence[Machine],
    starts: datetime,
    *,
    until: datetime | None = None,
    repositories: Mapping[str, int] | None = None,
    running: Sequence[Slot] = (),
) -> Timetable:
    """Lay the drills out on the machines, in this order: each once in a slot, or not reached, with the reason.

    until: when the window closes, None for never; repositories: how many drills may fetch from one at the same time
    running: what the machines are at already, which is in no slot
    """
    reasons = {id(each): nowhere(each, machines) for each in ordered}
    waiting = {id(each): each for each in ordered if reasons[id(each)] is None}
    slots: list[Slot] = []
    busy = [slot for slot in running if slot.ends > starts]
    now = starts
    while True:
        while slot := choose(waiting.values(), machines, busy, now, until=until, repositories=repositories):
            del waiting[id(slot.due)]
            busy.append(slot)
            slots.append(slot)
        if not busy:
            break
        now = min(slot.ends for slot in busy)
        busy = [slot for slot in busy if slot.ends > now]
    late = [_no_time(each, starts, until) for each in waiting.values()]
    return Timetable(slots, [*(NotReached(each, why) for each in ordered if (why := reasons[id(each)])), *late])


def choose(
    waiting: Collection[Due],
    machines: Sequence[Machine],
    running: Sequence[Slot],
    now: datetime,
    *,
    until: datetime | None = None,
    repositories: Mapping[str, int] | None = None,
    fits: Callable[[Due, Machine], str | None] = unfit,
) -> Slot | None:
    """Choose the drill that begins now, and its machine; None while nothing can: call again when a machine or a drill is new.

    waiting: in order. running: what the machines do, with the times at which each is expected to end
    fits: says why a machine cannot run a drill however idle it is, None where it can
    """
    if not waiting:
        return None
    there: dict[str, list[Due]] = {each.name: [] for each in machines}
    for slot in running:
        there.setdefault(slot.machine, []).append(slot.due)
    rooms = {each.name: _Room(each, there[each.name]) for each in machines}
    fetching = Counter(slot.due.repository for slot in running)
    holding: dict[str, tuple[str, datetime]] = {}
    idle = {pool_of(each) for each in machines if rooms[each.name].slots > 0}
    for due in waiting if idle else ():
        pool, ends = pool_of(due), now + timedelta(seconds=due.seconds)
        if pool not in idle or (until and ends > until) or _too_many(due, fetching, repositories or {}):
            continue
        able = [each for each in machines if fits(due, each) is None]
        held, room_at = holding.get(pool, ("", now))
        here = [each for each in able if rooms[each.name].has(due) and (each.name != held or ends <= room_at)]
        if here:
            # The smallest that can: larger ones stay free for what needs them.
            chosen = min(here, key=lambda each: (each.memory, each.disk, -rooms[each.name].slots, each.name))
            return Slot(due, chosen.name, now, ends)
        if able and not held:
            room_at, machine = min(_when(due, each, running, now) for each in able)
            if until is None or room_at + timedelta(seconds=due.seconds) <= until:
                holding[pool] = machine, room_at
    return None


class _Room:
    """What is free on a machine: slots for drills, and bytes of memory and disk."""

    def __init__(self, machine: Machine, there: Sequence[Due]) -> None:
        self.slots = machine.at_once - len(there)
        self.memory = machine.memory - sum(each.memory for each in there)
        self.disk = machine.disk - sum(each.disk for each in there)

    def has(self, due: Due) -> bool:
        return self.slots > 0 and due.memory <= self.memory and due.disk <= self.disk


def _when(due: Due, machine: Machine, running: Sequence[Slot], now: datetime) -> tuple[datetime, str]:
    """Return when a machine that is large enough will have room for a drill, and its name."""
    there = [slot for slot in running if slot.machine == machine.name]
    for at in sorted({slot.ends for slot in there if slot.ends > now}):
        if _Room(machine, [slot.due for slot in there if slot.ends > at]).has(due):
            return at, machine.name
    return now, machine.name


def _too_many(due: Due, fetching: Mapping[str, int], repositories: Mapping[str, int]) -> bool:
    limit = repositories.get(due.repository)
    return limit is not None and fetching[due.repository] >= limit


def _no_time(due: Due, starts: datetime, until: datetime | None) -> NotReached:
    takes = f"takes {durations.describe(due.seconds)}"
    window = until - starts if until else timedelta.max
    if due.seconds > window.total_seconds():
        return NotReached(due, f"{takes}, and the window has {durations.describe(window)}")
    return NotReached(due, f"{takes}, and would not end within the window of {durations.describe(window)}", for_time=True)

"""Chooses which drill is sent to a machine ahead, behind what it still runs, and what of that goes elsewhere after all.

To begin one takes seconds: a process, what it imports. That is done while the one before it runs; both are given the same slot of
the machine, which one at a time has. Pure: clocks are arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from verification.fleet.timetable import choose
from verification.fleet.work import Due, Machine, Slot

_EARLY = timedelta(minutes=2)
"""A drill is sent ahead when the one before it is expected to end so soon: until then another machine may be free for it."""
_SOON = timedelta(seconds=15)
"""For one that begins so soon no process is started elsewhere."""
_OVERDUE = timedelta(minutes=1)
"""A drill that takes longer than was reckoned is expected to end so soon."""


@dataclass(frozen=True)
class Held:
    """A slot of a machine: the drill that has it since `begun`, and what was sent there after it.

    fellows: drills that follow in the same run. behind: those of another run, whose process waits for the slot
    """

    machine: str
    number: int
    due: Due
    begun: datetime
    fellows: Sequence[Due] = ()
    behind: Sequence[Due] = ()

    @property
    def ends(self) -> datetime:
        """When the run that has it was reckoned to end."""
        return self.begun + timedelta(seconds=sum(each.seconds for each in (self.due, *self.fellows)))

    @property
    def idle_at(self) -> datetime:
        """When nothing that was sent was reckoned to be left to do."""
        return self.ends + timedelta(seconds=sum(each.seconds for each in self.behind))

    def taken(self, now: datetime) -> Slot:
        """Write it for a timetable: one of them runs at a time, so it has room for the largest."""
        every, due = [self.due, *self.fellows, *self.behind], self.due
        if len(every) > 1:
            due = replace(due, memory=max(each.memory for each in every), disk=max(each.disk for each in every))
        ends = max(self.ends, now + _OVERDUE) + (self.idle_at - self.ends)
        return Slot(due, self.machine, self.begun, ends)


def next_there(
    waiting: Sequence[Due],
    machines: Sequence[Machine],
    held: Sequence[Held],
    now: datetime,
    *,
    until: datetime | None,
    repositories: Mapping[str, int],
    fits: Callable[[Due, Machine], str | None],
) -> tuple[Due, Held] | None:
    """Choose a drill that waits to be sent behind one that is about to end, as if that had ended; None where there is none.

    Both fetch from the same repository, so that none has more to do than it may.
    """
    for slot in sorted(held, key=lambda each: each.ends):
        machine = next((each for each in machines if each.name == slot.machine), None)
        if machine is None or slot.behind or not -_OVERDUE <= slot.ends - now <= _EARLY:
            continue
        alike = [each for each in waiting if each.repository == slot.due.repository]
        if not alike:
            continue
        others = [each.taken(now) for each in held if each is not slot]
        then = max(slot.ends, now)
        found = choose(alike, [machine], others, then, until=until, repositories=repositories, fits=fits)
        if found:
            return found.due, slot
    return None


def elsewhere(
    machines: Sequence[Machine],
    held: Sequence[Held],
    now: datetime,
    *,
    idle: bool,
    until: datetime | None,
    repositories: Mapping[str, int],
    fits: Callable[[Due, Machine], str | None],
) -> list[Due]:
    """Return what has not begun behind a drill that goes on for too long, or does not end soon, while a machine has room for it.

    All of it where that drill is overdue, for nobody knows when it ends; the last one alone where a machine is idle.
    idle: whether nothing else waits for that room
    """
    for slot in held:
        late = now - slot.ends
        unbegun = [*slot.fellows, *slot.behind]
        if not unbegun:
            continue
        last_begins = slot.idle_at - timedelta(seconds=unbegun[-1].seconds)
        if late > _OVERDUE or (idle and abs(now - last_begins) > _SOON):
            others = [each.taken(now) if each is not slot else replace(each, fellows=(), behind=()).taken(now) for each in held]
            found = choose(unbegun[::-1], machines, others, now, until=until, repositories=repositories, fits=fits)
            if found:
                return unbegun if late > _OVERDUE else [found.due]
    return []

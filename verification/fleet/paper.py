"""Lays a verification out on paper before anything runs: when it ends, on which machines, and what would be late or not reached.

Pure: it is made of weighed drills, machines and a clock that is an argument. Next file: `flows/commands/plan.py`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups.config.settings import FIRST, Objectives
from backups.errors import LifeboatError
from verification.fleet.machines import one_more, pool_of
from verification.fleet.order import WEEK
from verification.fleet.sequence import sequence
from verification.fleet.timetable import timetable
from verification.fleet.work import Due, Machine, NotReached, Timetable


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlannedDrill(_Shape):
    """A drill on a machine. measured: whether past drills say how long it takes, else it is reckoned from its bytes.

    also: what else chose the same backup
    """

    service: str
    selection: str
    also: tuple[str, ...] = ()
    backup: str | None
    repository: str
    machine: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    measured: bool


class Missed(_Shape):
    """A drill that is not reached, and why. for_time: only since the window is too short for all."""

    service: str
    selection: str
    also: tuple[str, ...] = ()
    backup: str | None
    repository: str
    why: str
    for_time: bool


class Burden(_Shape):
    """What a machine does. busy_seconds: its drills' all told; ends_at: when its last drill does, None without any."""

    machine: str
    pool: str
    at_once: int
    drills: int
    busy_seconds: float
    ends_at: AwareDatetime | None


class LateProof(_Shape):
    """A service whose proof would grow older than objectives.proof, and how old. None: it would still have none.

    next: whether that is its age at the verification after this one, since it is not reached; else when it is renewed
    """

    service: str
    age_seconds: float | None
    next: bool


class OneMore(_Shape):
    """What one machine more, like the largest of that pool, would change. reached: how many more drills."""

    pool: str
    machines: int
    ends_at: AwareDatetime
    reached: int


class Paper(_Shape):
    """A verification on paper. until: when its window closes, None for never; ends_at: None where nothing is drilled.

    one_more: one machine more in the pool that ends last; None where that changes nothing
    """

    starts_at: AwareDatetime
    until: AwareDatetime | None
    ends_at: AwareDatetime | None
    proof_seconds: float
    machines: tuple[Burden, ...]
    drills: tuple[PlannedDrill, ...]
    not_reached: tuple[Missed, ...]
    late: tuple[LateProof, ...]
    one_more: OneMore | None

    @property
    def well(self) -> bool:
        """Whether every drill is reached, and every proof stays as young as it shall be."""
        return not self.not_reached and not self.late


def paper(
    due: Sequence[tuple[Due, LifeboatError | None]],
    machines: Sequence[Machine],
    objectives: Objectives,
    starts: datetime,
    *,
    window: timedelta | None = None,
    repositories: Mapping[str, int] | None = None,
    every: timedelta = WEEK,
    first: str = FIRST,
) -> Paper:
    """Lay out these drills, each with the fault for which it cannot begin, if there is one. window: None for no end.

    repositories: how many drills may fetch from one at the same time; first: the name of the one that services are proven by
    """
    until = None if window is None else starts + window
    able = [each for each, fault in due if fault is None]

    def laid(there: Sequence[Machine]) -> Timetable:
        ordered = sequence(able, there, objectives, starts, until=until, repositories=repositories, every=every)
        return timetable(ordered, there, starts, until=until, repositories=repositories)

    table = laid(machines)
    missed = [NotReached(each, fault.message) for each, fault in due if fault] + list(table.not_reached)
    table = Timetable(table.slots, missed)
    return Paper(
        starts_at=starts,
        until=until,
        ends_at=table.ends,
        proof_seconds=objectives.proof.total_seconds(),
        machines=tuple(_burden(each, table) for each in machines),
        drills=tuple(
            PlannedDrill(
                service=slot.due.service,
                selection=slot.due.selection,
                also=tuple(slot.due.also),
                backup=slot.due.backup,
                repository=slot.due.repository,
                machine=slot.machine,
                starts_at=slot.starts,
                ends_at=slot.ends,
                measured=slot.due.measured,
            )
            for slot in table.slots
        ),
        not_reached=tuple(
            Missed(
                service=each.due.service,
                selection=each.due.selection,
                also=tuple(each.due.also),
                backup=each.due.backup,
                repository=each.due.repository,
                why=each.why,
                for_time=each.for_time,
            )
            for each in missed
        ),
        late=tuple(_late([each for each, _ in due], table, objectives, (starts, starts + every), first)),
        one_more=_one_more(table, machines, laid),
    )


def _burden(machine: Machine, table: Timetable) -> Burden:
    slots = [slot for slot in table.slots if slot.machine == machine.name]
    return Burden(
        machine=machine.name,
        pool=pool_of(machine),
        at_once=machine.at_once,
        drills=len(slots),
        busy_seconds=sum(slot.due.seconds for slot in slots),
        ends_at=max((slot.ends for slot in slots), default=None),
    )


def _late(
    due: Sequence[Due], table: Timetable, objectives: Objectives, when: tuple[datetime, datetime], first: str
) -> list[LateProof]:
    """Find the services whose proof would grow too old by this timetable, the oldest first. when: its start, and the next one.

    Evidence is kept at the end of a verification, for all its drills. One that is too old already and is renewed now, is not late
    by this timetable. A drill from a further repository renews no proof of the first.
    """
    starts, following = when
    reached = {slot.due.service for slot in table.slots if slot.due.repository == first}
    found = []
    for service, proven_at in {each.service: each.proven_at for each in due}.items():
        at = (table.ends or starts) if service in reached else following
        already = service in reached and (proven_at is None or starts - proven_at > objectives.proof)
        if not already and (proven_at is None or at - proven_at > objectives.proof):
            age = None if proven_at is None else (at - proven_at).total_seconds()
            found.append(LateProof(service=service, age_seconds=age, next=service not in reached))
    return sorted(found, key=lambda each: (each.age_seconds is not None, -(each.age_seconds or 0.0), each.service))


def _one_more(table: Timetable, machines: Sequence[Machine], laid: Callable[[Sequence[Machine]], Timetable]) -> OneMore | None:
    """Lay the drills out on one machine more, in the pool that ends last, or of which most is not reached for want of time."""
    if not table.slots:
        return None
    late = Counter(pool_of(each.due) for each in table.not_reached if each.for_time)
    pool = max(late, key=lambda name: (late[name], name)) if late else pool_of(max(table.slots, key=lambda slot: slot.ends).due)
    there = [each for each in machines if pool_of(each) == pool]
    more = laid([*machines, one_more(there)])
    ends = more.ends
    if ends is None or (ends == table.ends and len(more.slots) == len(table.slots)):
        return None
    return OneMore(pool=pool, machines=len(there) + 1, ends_at=ends, reached=len(more.slots) - len(table.slots))

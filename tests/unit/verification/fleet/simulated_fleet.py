"""Verifications of many services on machines that die, with a clock that is an argument, and what must hold in each of them.

The world knows how long a drill really takes; the plan knows what evidence says. A rule that is broken raises Broken.
"""

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from backups.config.settings import Objectives
from verification.fleet.machines import nowhere, unfit
from verification.fleet.order import WEEK, with_firsts
from verification.fleet.sequence import sequence
from verification.fleet.timetable import choose
from verification.fleet.work import Due, Machine, Slot, Timetable

MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)
OBJECTIVES = Objectives()
GIB = 2**30
SILENCE = timedelta(seconds=90)
"""After so long without a word a machine is known to be gone."""
Sequencer = Callable[..., list[Due]]


class Broken(AssertionError):
    """A rule that does not hold; its first word names it."""


@dataclass(frozen=True)
class Outage:
    """A machine dies, and all that runs on it; `back` None: for good."""

    machine: str
    at: datetime
    back: datetime | None = None


@dataclass
class Outcome:
    """What came of a verification: results (each a drill and when it ended), and what was not reached; tries: every attempt."""

    results: list[Slot] = field(default_factory=list)
    not_reached: list[Due] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)

    @property
    def ends(self) -> datetime:
        return max(slot.ends for slot in self.results)


def machines(number: int, at_once: int = 1) -> list[Machine]:
    return [Machine(f"m{each:02}", memory=64 * GIB, disk=1024 * GIB, at_once=at_once) for each in range(number)]


def services(number: int, chance: random.Random, spread: float = 1.2, late: float = 0.0) -> list[Due]:
    """Make drills whose times are spread as measured ones are: most take two minutes, a few an hour.

    late: the share of the services that were passed over the week before
    """
    return [
        Due(
            f"s{each:04}",
            "latest",
            seconds=chance.lognormvariate(math.log(120), spread),
            tried_at=(at := MONDAY - timedelta(days=13.7 if chance.random() < late else 6.7)),
            proven_at=at,
            memory=4 * GIB,
            disk=GIB,
        )
        for each in range(number)
    ]


def run(
    due: Sequence[Due],
    every: Sequence[Machine],
    *,
    starts: datetime = MONDAY,
    until: datetime | None = None,
    repositories: Mapping[str, int] | None = None,
    outages: Sequence[Outage] = (),
    really: Mapping[str, float] | None = None,
    sequencer: Sequencer = sequence,
) -> Outcome:
    """Run a verification as a coordinator does: it asks `choose` whenever something has changed. Raises Broken.

    really: by drill the seconds that it takes, where that is not what the evidence says
    """
    outcome = Outcome()
    alive, known = {each.name for each in every}, {each.name for each in every}
    running: list[Slot] = []
    numbers = count()
    events: list[tuple[datetime, int, str, Slot | Outage | str]] = []
    lost: list[Slot] = []

    def at(time: datetime, kind: str, what: Slot | Outage | str) -> None:
        heapq.heappush(events, (time, next(numbers), kind, what))

    def arranged(waiting: Sequence[Due], now: datetime) -> list[Due]:
        there = [each for each in every if each.name in known]
        more = {"until": until, "repositories": repositories, "running": running}
        return sequencer(waiting, there, OBJECTIVES, now, **more) if there else list(waiting)

    for outage in outages:
        at(outage.at, "dies", outage)
        if outage.back:
            at(outage.back, "back", outage)
    outcome.not_reached = [each for each in due if nowhere(each, every)]
    waiting, now = arranged([each for each in due if not nowhere(each, every)], starts), starts
    while True:
        there = [each for each in every if each.name in known]
        while slot := choose(waiting, there, running, now, until=until, repositories=repositories):
            waiting = [each for each in waiting if each is not slot.due]
            running.append(slot)
            outcome.tries[slot.due.title] += 1
            if slot.machine in alive:
                took = (really or {}).get(slot.due.title, slot.due.seconds)
                at(now + timedelta(seconds=took), "done", slot)
            else:
                lost.append(slot)
            require_limits(running, every, until, repositories or {})
        if not events:
            break
        now, _, kind, what = heapq.heappop(events)
        if kind == "done" and any(each is what for each in running) and not any(each is what for each in lost):
            assert isinstance(what, Slot)
            running = [each for each in running if each is not what]
            outcome.results.append(replace(what, ends=now))
        elif isinstance(what, Outage):
            if kind == "dies":
                alive.discard(what.machine)
                lost += [each for each in running if each.machine == what.machine]
                at(now + SILENCE, "noticed", what.machine)
            else:
                alive.add(what.machine)
                at(now, "noticed", what.machine)
        elif kind == "noticed":
            # Either its silence is known, or it is back and says that it has nothing.
            (known.add if what in alive else known.discard)(str(what))
            gone = [each for each in running if each.machine == what and any(each is other for other in lost)]
            running = [each for each in running if not any(each is other for other in gone)]
            waiting = arranged([*(each.due for each in gone), *waiting], now)
    outcome.not_reached += [*waiting, *(slot.due for slot in running)]
    require_each_once(due, [slot.due for slot in outcome.results], outcome.not_reached)
    return outcome


def require_each_once(due: Sequence[Due], reached: Sequence[Due], not_reached: Sequence[Due]) -> None:
    """Raise Broken unless every due drill is in exactly one of the two, once."""
    counted = Counter(map(id, [*reached, *not_reached]))
    if len(counted) != len(due) or set(counted) != set(map(id, due)) or set(counted.values()) - {1}:
        raise Broken(f"once: of {len(due)} due drills {len(reached)} are reached and {len(not_reached)} not")


def require_limits(
    running: Sequence[Slot], every: Sequence[Machine], until: datetime | None, repositories: Mapping[str, int]
) -> None:
    """Raise Broken where more runs at the same time than a machine or a repository allows, or something where it must not."""
    for machine in every:
        there = [slot.due for slot in running if slot.machine == machine.name]
        if len(there) > machine.at_once:
            raise Broken(f"slots: {len(there)} drills on {machine}")
        if sum(each.memory for each in there) > machine.memory or sum(each.disk for each in there) > machine.disk:
            raise Broken(f"room: {there} on {machine}")
        if wrong := [why for each in there if (why := unfit(each, machine))]:
            raise Broken(f"unfit: {wrong[0]}")
    fetching = Counter(slot.due.repository for slot in running)
    if any(fetching[name] > most for name, most in repositories.items()):
        raise Broken(f"repository: {fetching}")
    if until and any(slot.ends > until for slot in running):
        raise Broken(f"window: {running[-1]} after {until}")


def require_whole(
    due: Sequence[Due],
    table: Timetable,
    every: Sequence[Machine],
    until: datetime | None = None,
    repositories: Mapping[str, int] | None = None,
) -> None:
    """Raise Broken unless a timetable holds every due drill once, and keeps all limits at every moment."""
    require_each_once(due, [slot.due for slot in table.slots], [each.due for each in table.not_reached])
    for moment in {slot.starts for slot in table.slots}:
        there = [slot for slot in table.slots if slot.starts <= moment < slot.ends or slot.starts == moment]
        require_limits(there, every, until, repositories or {})


@dataclass
class Weeks:
    """Mondays one after another: what each leaves as evidence is what the next one is ordered by.

    failing: services whose drill fails every time. passed: by drill and by service, how many Mondays in a row it was passed over
    at most; reached: how many services were drilled on each
    """

    due: list[Due]
    machines: Sequence[Machine]
    window: timedelta | None = None
    failing: frozenset[str] = frozenset()
    sequencer: Sequencer = sequence
    passed: Counter[str] = field(default_factory=Counter)
    reached: list[int] = field(default_factory=list)
    oldest: timedelta = timedelta()
    """The oldest that a proof was when it was renewed."""
    _in_a_row: Counter[str] = field(default_factory=Counter)

    def live(self, number: int, chance: random.Random, outages: int = 0) -> "Weeks":
        """Run so many Mondays, on each of which so many machines die for a while; times are 20 % off at most."""
        for week in range(number):
            starts = MONDAY + week * WEEK
            really = {each.title: each.seconds * chance.uniform(0.8, 1.2) for each in self.due}
            until = starts + self.window if self.window else None
            outcome = run(
                self.due,
                self.machines,
                starts=starts,
                until=until,
                outages=[self._outage(starts, chance) for _ in range(outages)],
                really=really,
                sequencer=self.sequencer,
            )
            self._keep(outcome)
        return self

    def _outage(self, starts: datetime, chance: random.Random) -> Outage:
        at = starts + timedelta(seconds=chance.uniform(0, 7200))
        return Outage(chance.choice(self.machines).name, at, at + timedelta(seconds=chance.uniform(10, 7200)))

    def _keep(self, outcome: Outcome) -> None:
        drills = {slot.due.title for slot in outcome.results}
        names = {slot.due.service for slot in outcome.results}
        self.reached.append(len(names))
        for each in {*(each.title for each in self.due), *(each.service for each in self.due)}:
            self._in_a_row[each] = 0 if each in names | drills else self._in_a_row[each] + 1
            self.passed[each] = max(self.passed[each], self._in_a_row[each])
        ends = outcome.ends
        renewed = [each.proven_at for each in self.due if each.service in names and each.proven_at]
        self.oldest = max([self.oldest, *(ends - at for at in renewed)])
        self.due = with_firsts([self._after(each, ends, names, drills) for each in self.due])

    def _after(self, each: Due, at: datetime, names: set[str], drills: set[str]) -> Due:
        if each.service not in names:
            return each
        failed = each.service in self.failing
        drilled_at = at if each.title in drills else each.drilled_at
        return replace(each, tried_at=at, drilled_at=drilled_at, failed=failed, proven_at=each.proven_at if failed else at)

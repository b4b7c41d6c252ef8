"""Keeps the account of one verification on a fleet: every drill is in it once, wherever it stands.

It is pure, and clocks are arguments. What happens is told to it: which machines are heard, what was refused, lost, or came back.
Which drill goes to which machine, `timetable.choose` decides, as on paper; which one is sent there ahead, `ahead.py`; which short
ones are sent in one run, `several.py`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from itertools import count

from backups import durations, plural
from verification.fleet.ahead import Held, elsewhere, next_there
from verification.fleet.machines import nowhere, unfit
from verification.fleet.several import one_more
from verification.fleet.timetable import choose
from verification.fleet.work import Due, Machine, Slot

ATTEMPTS = 3
"""At one drill, on whichever machines."""

Arrange = Callable[[Sequence[Due], Sequence[Machine], datetime, Sequence[Slot]], Sequence[Due]]


class Standing(Enum):
    """Where a drill stands."""

    WAITING = "waiting"
    OUT = "out"
    DONE = "done"
    GIVEN_UP = "given up"
    NOT_REACHED = "not reached"


_SETTLED = {Standing.DONE, Standing.GIVEN_UP, Standing.NOT_REACHED}


@dataclass
class Line:
    """One drill. machine, slot, since: where it is out, and since when; begun: since when it has that slot for itself.

    place: the how manieth it was to be sent; run: the place of the first one that was sent in the same run
    why: what went wrong with each attempt, or why there is none any more
    """

    due: Due
    standing: Standing = Standing.WAITING
    machine: str | None = None
    slot: int | None = None
    since: datetime | None = None
    begun: datetime | None = None
    place: int = 0
    run: int = 0
    attempts: int = 0
    why: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    ended: bool = False


@dataclass
class Desk:
    """The account. Drills are known by their number in `due`, where those come first that are to run first.

    machines: those that are configured. repositories: how many drills may fetch from one at the same time, by name
    until: when the window ends, None for never
    patience: how long machines that are not heard are waited for, where no other one can run what waits
    arrange: orders what waits anew when a machine is heard that was not, or not heard any more: it takes these drills, the
    machines that are heard, the time, and what they are at. None: the order stays
    """

    due: Sequence[Due]
    machines: Sequence[Machine]
    begun: datetime
    repositories: Mapping[str, int] = field(default_factory=dict)
    until: datetime | None = None
    patience: timedelta = timedelta(minutes=5)
    arrange: Arrange | None = None
    lines: list[Line] = field(init=False)
    _order: list[int] = field(init=False)
    _there: list[Machine] = field(default_factory=list, init=False)
    _heard: dict[str, datetime] = field(default_factory=dict, init=False)
    _places: Iterator[int] = field(default_factory=count, init=False)

    def __post_init__(self) -> None:
        self.lines = [Line(each) for each in self.due]
        self._order = list(range(len(self.lines)))
        for line in self.lines:
            if why := nowhere(line.due, self.machines):
                self._close(line, Standing.NOT_REACHED, why)

    @property
    def settled(self) -> bool:
        """Whether nothing waits, and nothing is out."""
        return all(line.standing in _SETTLED for line in self.lines)

    @property
    def out(self) -> list[int]:
        """The drills that are with a machine."""
        return [number for number, line in enumerate(self.lines) if line.standing is Standing.OUT]

    def assign(self, heard: Collection[str], now: datetime) -> list[tuple[list[int], str]]:
        """Give the machines that are heard what they have room for; returns the drills of each run and its machine: they are out.

        What has waited too long for a machine, or cannot begin within the window, is not reached from now on.
        """
        self._heard |= dict.fromkeys(heard, now)
        there = [machine for machine in self.machines if machine.name in heard]
        if there and there != self._there:
            self._arrange(there, now)
        given: list[tuple[list[int], str]] = []
        while (chosen := self._choose(there, now)) is not None:
            number, machine = chosen
            self._give([number], machine, self._free(machine), now)
            given.append(([number], machine))
        for run, _ in given:
            self._fill(run, there, now)
        while (ahead := self._choose_ahead(there, now)) is not None:
            number, held = ahead
            self._give([number], held.machine, held.number, now)
            given.append(([number], held.machine))
            self._fill(given[-1][0], there, now)
        self._close_what_waits_in_vain(now)
        return given

    def recalled(self, heard: Collection[str], now: datetime) -> list[int]:
        """Return what was sent ahead, has not begun, and could begin on another machine now: it is to be unsent."""
        there = [machine for machine in self.machines if machine.name in heard]
        idle = self._choose(there, now) is None
        numbers = {id(self.lines[number].due): number for number in self.out}
        found = elsewhere(
            there, self._held(now), now, idle=idle, until=self.until, repositories=self.repositories, fits=self._fitting()
        )
        return [numbers[id(due)] for due in found]

    def is_behind(self, number: int) -> bool:
        """Whether a drill that is out waits for another one to end."""
        line = self.lines[number]
        before = (each for each in self._there_now() if (each.machine, each.slot) == (line.machine, line.slot))
        return line.standing is Standing.OUT and not line.begun and any(each.place < line.place for each in before)

    def adopt(self, numbers: Sequence[int], machine: str, slot: int, now: datetime) -> None:
        """Take over the drills of a run that this verification had sent to a machine before it was itself begun again."""
        self._give([each for each in numbers if self.lines[each].standing is Standing.WAITING], machine, slot, now)

    def ended(self, number: int) -> None:
        """Note that a drill that is out has ended, whatever came of it: its machine has room again."""
        self.lines[number].ended = True

    def unsent(self, number: int) -> bool:
        """Take a drill back that could not be sent, or has not begun: that was no attempt. Returns whether it was out."""
        if line := self._back(number):
            line.attempts -= 1
        return line is not None

    def refused(self, number: int, why: str) -> None:
        """Take a drill back that its machine does not run: it goes elsewhere, and that was no attempt."""
        machine = self.lines[number].machine
        if (line := self._back(number)) and machine:
            line.attempts -= 1
            line.refused.add(machine)
            line.why.append(f"{machine} refused it: {why}")
            if all(self._fits(line, each) for each in self.machines):
                self._close(line, Standing.NOT_REACHED, f"no machine of its pool {line.due.pool or 'verification'} can run it")

    def lost(self, number: int, why: str) -> bool:
        """Take a drill back that came to nothing; it is tried again, elsewhere where there is another machine for it.

        Returns whether it is.
        """
        machine = self.lines[number].machine
        line = self._back(number)
        if line is None or machine is None:
            return False
        line.why.append(f"{machine}: {why}")
        if line.attempts >= ATTEMPTS:
            self._close(line, Standing.GIVEN_UP, f"given up after {plural.count(ATTEMPTS, 'attempt')}")
            return False
        if self.has_others(number, machine):
            line.refused.add(machine)
        return True

    def has_others(self, number: int, machine: str) -> bool:
        """Whether a machine beside this one is configured that could run a drill, and has not failed at it."""
        line = self.lines[number]
        return any(each.name != machine and self._fits(line, each) is None for each in self.machines)

    def stopped(self, number: int, why: str) -> None:
        """Close a drill that is out, and is not tried again."""
        if self.lines[number].standing is Standing.OUT:
            self._close(self.lines[number], Standing.GIVEN_UP, why)

    def came(self, number: int) -> bool:
        """Note that a result is there; returns whether it counts, which only a drill's first one does."""
        counts = self.lines[number].standing is not Standing.DONE
        self.lines[number].standing = Standing.DONE
        return counts

    def close(self, why: str) -> None:
        """Close whatever is not settled: nobody goes on with it."""
        for line in self.lines:
            if line.standing not in _SETTLED:
                self._close(line, Standing.GIVEN_UP if line.attempts else Standing.NOT_REACHED, why)

    def _arrange(self, there: list[Machine], now: datetime) -> None:
        self._there = there
        if self.arrange is None:
            return
        numbers = {id(self.lines[number].due): number for number in self._order}
        waiting = [self.lines[number].due for number in self._order if self.lines[number].standing is Standing.WAITING]
        first = [numbers[id(due)] for due in self.arrange(waiting, there, now, self._running(now))]
        # What is out and comes back, comes before what has not been tried.
        arranged = set(first)
        self._order = [number for number in self._order if number not in arranged] + first

    def _choose(self, there: Sequence[Machine], now: datetime) -> tuple[int, str] | None:
        waiting = self._waiting()
        due = [self.lines[number].due for number in waiting.values()]
        limits = self.repositories
        slot = choose(due, there, self._running(now), now, until=self.until, repositories=limits, fits=self._fitting())
        return (waiting[id(slot.due)], slot.machine) if slot else None

    def _choose_ahead(self, there: Sequence[Machine], now: datetime) -> tuple[int, Held] | None:
        waiting = self._waiting()
        due = [self.lines[number].due for number in waiting.values()]
        limits = self.repositories
        found = next_there(due, there, self._held(now), now, until=self.until, repositories=limits, fits=self._fitting())
        return (waiting[id(found[0])], found[1]) if found else None

    def _waiting(self) -> dict[int, int]:
        """Return the numbers of the drills that wait, in order, by their `due`."""
        return {id(self.lines[number].due): number for number in self._order if self.lines[number].standing is Standing.WAITING}

    def _fitting(self) -> Callable[[Due, Machine], str | None]:
        refused = {id(line.due): line.refused for line in self.lines}
        return lambda due, machine: "refused" if machine.name in refused[id(due)] else unfit(due, machine)

    def _fill(self, run: list[int], there: Sequence[Machine], now: datetime) -> None:
        """Give a run that is about to be sent more short drills. One that came to nothing once is sent alone."""
        first = self.lines[run[0]]
        limits, fits = self.repositories, self._fitting()
        while first.attempts == 1:
            waiting, held = self._waiting(), self._held(now)
            due = [self.lines[number].due for number in waiting.values()]
            slot = next(each for each in held if (each.machine, each.number) == (first.machine, first.slot))
            more = one_more(slot, due, there, held, now, until=self.until, repositories=limits, fits=fits)
            if more is None or self.lines[waiting[id(more)]].attempts:
                return
            self._give([waiting[id(more)]], slot.machine, slot.number, now, run=first.run)
            run.append(waiting[id(more)])

    def _give(self, numbers: Sequence[int], machine: str, slot: int, now: datetime, run: int | None = None) -> None:
        for number in numbers:
            line = self.lines[number]
            line.standing, line.machine, line.slot, line.since = Standing.OUT, machine, slot, now
            line.place = next(self._places)
            run = line.place if run is None else run
            line.run = run
            line.attempts += 1
        self._held(now)

    def _free(self, machine: str) -> int:
        """Return the first slot of a machine that nothing has."""
        taken = {line.slot for line in self._there_now() if line.machine == machine}
        return next(slot for slot in count() if slot not in taken)

    def _there_now(self) -> list[Line]:
        """Return what has a slot of a machine, or waits for one there."""
        return [line for line in self.lines if line.standing is Standing.OUT and not line.ended]

    def _held(self, now: datetime) -> list[Held]:
        """Return the slots that are taken. Of those who wait, the first to be sent has one from now on where nobody else has."""
        slots: dict[tuple[str, int], list[Line]] = {}
        for line in sorted(self._there_now(), key=lambda each: (each.begun is None, each.place)):
            slots.setdefault((line.machine or "", line.slot or 0), []).append(line)
        for first, *_ in slots.values():
            first.begun = first.begun or now
        return [
            Held(
                machine,
                slot,
                first.due,
                first.begun or now,
                fellows=[each.due for each in behind if each.run == first.run],
                behind=[each.due for each in behind if each.run != first.run],
            )
            for (machine, slot), (first, *behind) in slots.items()
        ]

    def _running(self, now: datetime) -> list[Slot]:
        return [each.taken(now) for each in self._held(now)]

    def _fits(self, line: Line, machine: Machine) -> str | None:
        return "refused" if machine.name in line.refused else unfit(line.due, machine)

    def _back(self, number: int) -> Line | None:
        line = self.lines[number]
        if line.standing is not Standing.OUT:
            return None
        line.standing, line.machine, line.slot, line.ended = Standing.WAITING, None, None, False
        line.since = line.begun = None
        return line

    def _close(self, line: Line, standing: Standing, why: str) -> None:
        line.standing = standing
        line.why.insert(0, why)

    def _close_what_waits_in_vain(self, now: datetime) -> None:
        """Close what the window has no room for any more, and what waits for machines alone that are silent for too long."""
        for line in self.lines:
            if line.standing is not Standing.WAITING:
                continue
            if self.until and now + timedelta(seconds=line.due.seconds) > self.until:
                takes = durations.describe(line.due.seconds)
                self._close(
                    line, Standing.NOT_REACHED, f"it takes {takes}, and the window ends at {self.until:%Y-%m-%d %H:%M %Z}"
                )
                continue
            able = [machine.name for machine in self.machines if self._fits(line, machine) is None]
            silent = now - max(self._heard.get(name, self.begun) for name in able)
            if silent > self.patience:
                there = f"no worker of {', '.join(able)} was heard, or began what it was sent"
                self._close(line, Standing.NOT_REACHED, f"{there}, for {durations.describe(silent)}")

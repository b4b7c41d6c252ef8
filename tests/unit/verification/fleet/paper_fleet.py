"""A fleet on paper: machines that die and come back, a scheduler that carries tickets, a repository that holds results; a clock to turn."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from backups.errors import Transient
from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from verification.drill.plan import Planned
from verification.evidence.evidence import BackupPart, DrillResult
from verification.fleet import results
from verification.fleet.alive import Alive
from verification.fleet.coordinate import Coordinator
from verification.fleet.desk import Desk
from verification.fleet.post import Seen, Sent, Worker
from verification.fleet.results import Collector
from verification.fleet.ticket import Ticket
from verification.fleet.work import Due, Machine

MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)
ID = "ab" * 16
GIB = 2**30


class Killed(BaseException):
    """The coordinator's process was killed: it does nothing more."""


@dataclass
class Run:
    """Tickets on their way. begun: when the one at `at` began; ends: when, while it drills. gone: its process is no more, unheard.

    recalled: the marks of those that were taken back
    """

    tickets: Sequence[Ticket]
    state: str = "waiting"
    words: str = ""
    begun: datetime | None = None
    ends: datetime | None = None
    beat: datetime | None = None
    gone: bool = False
    since: datetime = MONDAY
    at: int = 0
    recalled: set[str] = field(default_factory=set)

    @property
    def ticket(self) -> Ticket:
        """The one that it is at, or was last."""
        return self.tickets[min(self.at, len(self.tickets) - 1)]

    @property
    def services(self) -> list[str]:
        return [each.service for each in self.tickets]

    @property
    def has_process(self) -> bool:
        return self.state in ("running", "silently running") and not self.gone and (self.begun is None or self.ends is not None)


@dataclass
class Shelf:
    """The part of a repository that results are kept in."""

    kept: dict[str, tuple[Snapshot, bytes]] = field(default_factory=dict)
    away: bool = False

    def save(self, directory: Path, *, host: str, tags: Sequence[str], at: datetime) -> str:
        return self.put((directory / "result.json").read_bytes(), tags, at)

    def put(self, content: bytes, tags: Sequence[str], at: datetime) -> str:
        snapshot = f"{len(self.kept):064x}"
        self.kept[snapshot] = Snapshot(snapshot, at, tuple(tags)), content
        return snapshot

    def snapshots(self, *tags: str) -> list[Snapshot]:
        if self.away:
            raise Transient("the repository does not answer")
        return [each for each, _ in self.kept.values() if set(tags) & set(each.tags)]

    def read(self, snapshot: str, path: str) -> bytes:
        return self.kept[snapshot][1]

    def forget(self, snapshots: Sequence[str]) -> None:
        for each in snapshots:
            del self.kept[each]


@dataclass
class World:
    """Everything but the coordinator.

    dead: when each machine is silent, from and to; lost: whether what ran there is gone, or goes on unheard
    processes: how many a worker starts for each drill that runs at once (its --limit); begins: how long one takes to be able to drill
    refuses, breaks, cannot: (machine, service) whose drills are refused, whose runs fail, whose results are could-not-run
    """

    machines: Sequence[Machine]
    seconds: Mapping[str, float]
    now: datetime = MONDAY
    dead: Sequence[tuple[str, datetime, datetime, bool]] = ()
    refuses: Collection[tuple[str, str]] = ()
    breaks: Collection[tuple[str, str]] = ()
    cannot: Collection[tuple[str, str]] = ()
    shelf: Shelf = field(default_factory=Shelf)
    offsite: Shelf | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    step: timedelta = timedelta(seconds=10)
    away: bool = False
    cancelled: list[str] = field(default_factory=list)
    processes: int = 2
    begins: timedelta = timedelta(0)
    killed: bool = False
    begun: list[tuple[Ticket, datetime]] = field(default_factory=list)
    """Every drill that began, and when."""

    def turn(self) -> None:
        """Let time go on, and let machines do what they do meanwhile."""
        self.now += self.step
        for run in self.runs.values():
            machine = next(each for each in self.machines if each.name == run.ticket.machine)
            death = self._death(machine.name)
            if death and death[3]:
                # Nobody reports that it is gone.
                run.gone = run.gone or run.has_process
                run.ends = None
                continue
            # Its worker starts the process; that one waits until it has the slot for itself.
            if run.state == "waiting" and not death and self._processes(machine.name) < self.processes * machine.at_once:
                run.state, run.since = "running", self.now
            if (
                run.has_process
                and not run.begun
                and self.now - run.since >= self.begins
                and not self._drilling(machine.name, run.ticket.slot)
            ):
                self._begin(run, self.now)
            if run.state == "running" and run.has_process and not death:
                run.beat = self.now
            while run.state in ("running", "silently running") and run.ends and run.ends <= self.now:
                self._end(run, machine.name, told=not death and run.state == "running")

    def _begin(self, run: Run, now: datetime) -> None:
        """Begin the next of its tickets that was not taken back; what is taken for dead begins no more."""
        while run.at < len(run.tickets) and (run.ticket.mark in run.recalled or (run.begun and run.state != "running")):
            run.at += 1
        run.begun = now
        more = run.at < len(run.tickets)
        run.ends = now + timedelta(seconds=self.seconds[run.ticket.service]) if more else None
        if more:
            self.begun.append((run.ticket, now))

    def _end(self, run: Run, machine: str, *, told: bool) -> None:
        pair, ended = (machine, run.ticket.service), run.ends or self.now
        run.ends = None
        if pair in self.refuses:
            run.state, run.words = "refused", "needs 96 GiB of memory, it has 64 GiB"
        elif pair in self.breaks:
            run.state, run.words = "failed", "the repository cannot be opened from here"
        else:
            verdict = "could-not-run" if pair in self.cannot else "verified"
            # As `carry.py` does.
            kept = self.offsite if self.offsite and run.ticket.repository == "offsite" and self.shelf.away else self.shelf
            results.deliver(result(run.ticket, verdict), run.ticket, cast("Any", kept), self.now)
            run.at += 1
            self._begin(run, ended)
            if not run.ends:
                run.state = "done" if told else run.state

    def _death(self, name: str) -> tuple[str, datetime, datetime, bool] | None:
        return next((each for each in self.dead if each[0] == name and each[1] <= self.now < each[2]), None)

    def _processes(self, name: str) -> int:
        """Also at what was taken for dead, and is not: a worker counts its processes."""
        return sum(run.has_process for run in self.runs.values() if run.ticket.machine == name)

    def _drilling(self, name: str, slot: int) -> bool:
        return any((each.machine, each.slot) == (name, slot) for each in self.drilling())

    def drilling(self) -> list[Ticket]:
        """What drills now, on whichever machine."""
        return [run.ticket for run in self.runs.values() if run.has_process and run.begun]

    def workers(self) -> Mapping[str, Worker]:
        self._ask()
        return {
            each.name: Worker(self._beat(each.name), timedelta(seconds=30)) for each in self.machines if self._beat(each.name)
        }

    def _beat(self, name: str) -> datetime | None:
        death = self._death(name)
        return death[1] if death else self.now

    def send(self, tickets: Sequence[Ticket]) -> str:
        self._ask()
        self.runs[str(len(self.runs))] = Run(tickets)
        return str(len(self.runs) - 1)

    def look(self, runs: Collection[str]) -> Mapping[str, Seen]:
        self._ask()
        return {each: Seen(cast("Any", self.runs[each].state), self.runs[each].words, self.runs[each].beat) for each in runs}

    def cancel(self, run: str, why: str, *, dead: bool = False) -> None:
        if self.killed:
            return
        self.cancelled.append(run)
        # What is taken for dead hears nothing of it.
        if self.runs[run].state in ("waiting", "running"):
            self.runs[run].state = "silently running" if dead and self.runs[run].state == "running" else "stopped"

    def recall(self, run: str, marks: Collection[str]) -> None:
        self._ask()
        self.runs[run].recalled |= set(marks)

    def sent(self) -> Mapping[str, Sent]:
        self._ask()
        return {name: Sent(run.tickets, run.recalled) for name, run in self.runs.items()}

    def _ask(self) -> None:
        if self.away:
            raise Transient("the Prefect server does not answer")


def result(ticket: Ticket, verdict: str = "verified", **changes: Any) -> DrillResult:
    """What a machine makes of a ticket."""
    backup = BackupPart(id=ticket.backups[-1], kind="full", chain=ticket.backups, taken_at=MONDAY, bytes=1)
    reasons = () if verdict == "verified" else ("no image",)
    values = {"service": ticket.service, "type": "toy", "selection": ticket.selection, "verdict": verdict, "started_at": MONDAY}
    return DrillResult(**{**values, "also": ticket.also, "backup": backup, "reasons": reasons, **changes})


def planned(service: str) -> Planned:
    identifier = f"{service}-20261123T000000Z"
    record = BackupRecord.model_construct(
        snapshot="s", id=identifier, service=service, type="toy", kind="full", chain=identifier, sequence=0, taken_at=MONDAY,
        size=1, standalone=False,
    )  # fmt: skip
    return Planned(service, "toy", "latest", (record,))


def coordinator(world: World, due: Sequence[Due], *, until: datetime | None = None, **changes: Any) -> Coordinator:
    """One that begins now; with the same world, another one goes on where it was killed."""
    desk = Desk(due, world.machines, world.now, changes.pop("repositories", {}), until)
    first = changes.pop("first", "first")
    collector = Collector(ID, cast("Any", {first: world.shelf, **({"offsite": world.offsite} if world.offsite else {})}))
    drills = [
        replace(
            planned(each.service), repository="offsite" if each.repository == "offsite" else None, also=cast("Any", each.also)
        )
        for each in due
    ]
    return Coordinator(ID, drills, desk, world, collector, Alive(timedelta(seconds=90)), **changes)


def finished(one: Coordinator, world: World, *, pause: Callable[[], None] | None = None) -> list[DrillResult]:
    """Run it to its end, which must come."""
    end = world.now + timedelta(days=2)

    def turn() -> None:
        world.turn()
        if pause:
            pause()
        assert world.now < end, [(line.due.title, line.standing) for line in one.desk.lines]

    return one.run(lambda: world.now, turn)


def due(service: str, seconds: float = 60, **changes: Any) -> Due:
    return Due(service, "latest", seconds, **changes)


def counted(world: World) -> int:
    return sum(json.loads(content)["result"]["verdict"] == "verified" for _, content in world.shelf.kept.values())


THREE = [Machine(f"m{number}", 64 * GIB, 64 * GIB) for number in range(3)]
NINE = [f"s{number}" for number in range(9)]


def world(**changes: Any) -> World:
    return World(changes.pop("machines", THREE), dict.fromkeys(NINE, 60.0), **changes)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)

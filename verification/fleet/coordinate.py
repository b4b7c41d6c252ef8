"""Has the drills of one verification run by the machines of a fleet, and collects one result of each.

It keeps nothing on disk: begun again with the same id, it finds what it had sent and what has come of it. Which scheduler carries
the tickets is none of its business (`Post`); the account is `desk.py`.
"""

import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backups import durations, plural
from backups.errors import ConfigError, LifeboatError
from backups.services.base import Point
from verification.drill.outcome import could_not_begin
from verification.drill.plan import Planned
from verification.evidence.evidence import DrillResult
from verification.fleet.alive import Alive
from verification.fleet.desk import Desk, Standing
from verification.fleet.post import Post, Seen
from verification.fleet.results import Collector
from verification.fleet.ticket import Ticket, written

log = logging.getLogger(__name__)

_AWAY = timedelta(minutes=10)
"""How long the scheduler, or a repository with results, is waited for."""


@dataclass
class Coordinator:
    """One verification on a fleet.

    drills: what is planned, by its number at the desk. at: the moment that was asked for. alive: which machines and drills are
    """

    verification: str
    drills: Sequence[Planned]
    desk: Desk
    post: Post
    collector: Collector
    alive: Alive
    at: datetime | Point | None = None
    results: dict[int, DrillResult] = field(default_factory=dict)
    _tickets: dict[str, Ticket] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _runs: dict[int, str] = field(default_factory=dict)
    _marks: dict[int, str] = field(default_factory=dict)
    _spare: dict[int, DrillResult] = field(default_factory=dict)
    _given_up: list[str] = field(default_factory=list)
    """Runs that were taken for dead."""
    _away: datetime | None = None
    _held: set[int] = field(default_factory=set)
    """Drills that have ended, and whose results may lie where nobody can read now."""
    _taken_up: bool = False
    _begun: bool = False

    def run(self, now: Callable[[], datetime], pause: Callable[[], None]) -> list[DrillResult]:
        """Go on until every drill is settled; returns their results, in order. pause: waits a moment between two looks.

        An interrupt cancels what runs, then is raised.
        """
        try:
            while not self.desk.settled:
                self._in_touch(now())
                if self._away and now() - self._away > _AWAY:
                    self.desk.close(f"the scheduler or the repository was away for {durations.describe(_AWAY)}")
                    self._cancel_all("nobody collects its result any more")
                elif not self.desk.settled:
                    pause()
        except BaseException:
            self._cancel_all("the verification was ended")
            raise
        with contextlib.suppress(LifeboatError):
            # What was not dead then, and is now, is not left as running for ever.
            for run, seen in self.post.look(self._given_up).items():
                if not seen.over:
                    self.post.cancel(run, "its drill is over", dead=True)
        return [self._result(number, now()) for number in range(len(self.drills))]

    def _in_touch(self, now: datetime) -> None:
        """Look once; what cannot be asked now is asked again the next time."""
        try:
            if not self._taken_up:
                self._take_up(now)
                self._taken_up = self._begun = True
            self._look(now)
        except ConfigError:
            # Nobody waits for what does not pass.
            raise
        except LifeboatError as fault:
            if self._away is None:
                log.warning("%s; what runs on machines goes on, and is looked for again", fault.message)
                self._away = now
        else:
            self._away = None

    def _take_up(self, now: datetime) -> None:
        """Find what was sent, and what has come of it: before this verification was begun again, or before an answer was lost."""
        sent = self.post.sent()
        if not sent:
            return
        known = {self._written(number, "0" * 32, "any").drill: number for number in range(len(self.drills))}
        mine = {run: ticket for run, ticket in sent.items() if ticket.drill in known}
        self._tickets |= {ticket.mark: ticket for ticket in mine.values()}
        self._numbers |= {ticket.mark: known[ticket.drill] for ticket in mine.values()}
        for mark, result in self.collector.collect(self._tickets, self.collector.first):
            self._take(mark, result)
        self._collect(now, self.collector.repositories)
        if not self._begun:
            came = len(self.results)
            log.info("this verification goes on: %s had been sent, %s came back", plural.count(len(sent), "drill"), came)
        for run, seen in self.post.look(list(sent)).items():
            if seen.state not in ("waiting", "running") or run in self._runs.values():
                continue
            number = known.get(sent[run].drill)
            if number is None or self.desk.lines[number].standing is not Standing.WAITING:
                self.post.cancel(run, "another result counts")
            else:
                self.desk.adopt(number, sent[run].machine, sent[run].slot, now)
                self.alive.known.add(sent[run].machine)
                self._runs[number], self._marks[number] = run, sent[run].mark

    def _look(self, now: datetime) -> None:
        self.alive.look(self.post.workers(), now)
        seen = self.post.look(list(self._runs.values()))
        ended = {number: why for number, run in self._runs.items() if (why := self._why_ended(number, seen.get(run), now))}
        for number in ended:
            if (run := seen.get(self._runs[number])) and run.over:
                self.desk.ended(number)
        # Before the results are read: that takes a second, and no machine shall be idle meanwhile.
        self._assign(now)
        if ended:
            self._collect_of(ended, seen, now)
            for number, why in ended.items():
                if number in self._held:
                    continue
                machine = self.desk.lines[number].machine or ""
                run = seen.get(self._runs.get(number, ""))
                if self._settle(number, run, why):
                    self.alive.died(machine, run, now)
            self._assign(now)
        self._cancel_what_is_late(seen, now)

    def _why_ended(self, number: int, seen: Seen | None, now: datetime) -> str | None:
        line = self.desk.lines[number]
        return self.alive.why_ended(self._runs[number], seen, line.machine or "", now - (line.since or now))

    def _assign(self, now: datetime) -> None:
        """Send what the machines have room for that are alive, and what is to begin there next."""
        alive = self.alive.sound(now)
        for number in self.desk.recalled(alive, now):
            self.post.cancel(self._runs[number], "another machine has room for it")
            del self._runs[number]
            self.desk.unsent(number)
        given = self.desk.assign(alive, now)
        if any(self.desk.lines[number].attempts > 1 for number, _ in given):
            # What was taken for dead may have come to its end all the same.
            self._collect(now, [self.collector.first])
        self._send([(number, machine) for number, machine in given if number not in self.results])

    def _settle(self, number: int, seen: Seen | None, why: str) -> bool:
        """Take back what came to nothing; returns whether it is taken for dead. What a result was collected of, is not out."""
        run = self._runs.pop(number, None)
        if run is None or self.desk.lines[number].standing is not Standing.OUT:
            return False
        title, machine = self.desk.due[number].title, self.desk.lines[number].machine
        dead = not (seen and seen.over)
        if dead:
            self._given_up.append(run)
            # Were it alive after all, its result would come second, and would not count.
            with contextlib.suppress(LifeboatError):
                self.post.cancel(run, why, dead=True)
        if seen and seen.state == "refused":
            log.warning("%s: %s does not run it: %s", title, machine, why)
            self.desk.refused(number, why)
        elif seen and seen.state == "stopped":
            log.warning("%s: its run on %s was cancelled", title, machine)
            self.desk.stopped(number, f"its run on {machine} was cancelled")
        else:
            # One that waited for another one to end had not begun: that its machine died says nothing of it.
            again = self.desk.unsent(number) if dead and self.desk.is_behind(number) else self.desk.lost(number, why)
            log.warning("%s on %s: %s; %s", title, machine, why, "it is run again" if again else "it is given up")
        return dead

    def _collect_of(self, ended: Collection[int], seen: Mapping[str, Seen], now: datetime) -> None:
        """Collect the results of drills that have ended; hold those whose result may lie where nobody can read now."""
        first, unread = self.collector.first, self.collector.unread
        if set(ended) - self._held or first in unread:
            self._collect(now, [first])
        done = [number for number in ended if (run := self._runs.get(number)) and run in seen and seen[run].state == "done"]
        fetched = {number: self.drills[number].further or first for number in done}
        self._collect(now, sorted(set(fetched.values()) - {first}))
        self._held = {
            number
            for number, name in fetched.items()
            if number in self._runs and any(now - unread[each] <= _AWAY for each in (first, name) if each in unread)
        }

    def _collect(self, now: datetime, names: Iterable[str]) -> None:
        for mark, result in self.collector.of_what_answers(self._tickets, names, now):
            self._take(mark, result)

    def _take(self, mark: str, result: DrillResult) -> None:
        number, machine = self._numbers[mark], self._tickets[mark].machine
        title = self.desk.due[number].title
        if number in self.results:
            first = self.results[number].machine
            log.warning("%s: a second result, of %s, is not counted: that of %s came before", title, machine, first)
        elif self._goes_elsewhere(number, mark, machine, result):
            log.warning("%s: could not run on %s, and is tried on another machine", title, machine)
        else:
            self._count(number, mark, result)

    def _goes_elsewhere(self, number: int, mark: str, machine: str, result: DrillResult) -> bool:
        """Try what could not run on a machine on another one: its Docker, disk or images may be at fault, not the backup."""
        if result.verdict != "could-not-run" or not self.desk.has_others(number, machine):
            return False
        self._spare[number] = result
        if self._marks.get(number) != mark:
            # It came late, or before this verification was begun again: another attempt is under way, or comes.
            return True
        self._runs.pop(number, None)
        return self.desk.lost(number, "; ".join(result.reasons) or result.verdict)

    def _count(self, number: int, mark: str, result: DrillResult) -> None:
        run = self._runs.pop(number, None)
        if run and self._marks.get(number) != mark:
            with contextlib.suppress(LifeboatError):
                self.post.cancel(run, "another result counts")
        self.desk.came(number)
        self.results[number] = result
        log.info("%s: %s, on %s", self.desk.due[number].title, result.words, result.machine)

    def _send(self, given: Sequence[tuple[int, str]]) -> None:
        """Send drills to their machines; what cannot be sent waits again."""
        for at, (number, machine) in enumerate(given):
            slot = self.desk.lines[number].slot or 0
            ticket = self._written(number, secrets.token_hex(16), machine, slot)
            self._tickets[ticket.mark], self._numbers[ticket.mark] = ticket, number
            try:
                self._runs[number] = self.post.send(ticket)
            except LifeboatError:
                for unsent, _ in given[at:]:
                    self.desk.unsent(unsent)
                # It may have been sent all the same, and only the answer was lost.
                self._taken_up = False
                raise
            self._marks[number] = ticket.mark
            log.info("%s: sent to %s", ticket.title, machine)

    def _written(self, number: int, mark: str, machine: str, slot: int = 0) -> Ticket:
        planned, due = self.drills[number], self.desk.due[number]
        return written(planned, due, self.at, verification=self.verification, mark=mark, machine=machine, slot=slot)

    def _cancel_what_is_late(self, seen: Mapping[str, Seen], now: datetime) -> None:
        """Take back what no machine has begun when the window ends."""
        if self.desk.until is None or now < self.desk.until:
            return
        for number, run in list(self._runs.items()):
            if run in seen and (seen[run].state == "waiting" or self.desk.is_behind(number)):
                self.post.cancel(run, "the window has ended")
                del self._runs[number]
                self.desk.unsent(number)

    def _cancel_all(self, why: str) -> None:
        for run in self._runs.values():
            with contextlib.suppress(Exception):
                self.post.cancel(run, why)

    def _result(self, number: int, now: datetime) -> DrillResult:
        """Return a drill's result; of one that has none, why not."""
        if number in self.results:
            return self.results[number]
        line = self.desk.lines[number]
        if number in self._spare:
            spare = self._spare[number]
            return spare.model_copy(update={"reasons": tuple(dict.fromkeys((*spare.reasons, *line.why)))})
        reached = line.standing is not Standing.NOT_REACHED
        why = "; ".join(line.why)
        fault = LifeboatError(
            why if reached else f"not reached: {why}", hint="`lifeboat plan` says what the machines have time for"
        )
        log.warning("%s: %s", line.due.title, fault.message)
        return could_not_begin(self.drills[number], fault, now).model_copy(update={"reached": reached})

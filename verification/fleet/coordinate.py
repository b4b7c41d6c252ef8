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
from backups.config.settings import FIRST
from backups.errors import ConfigError, LifeboatError
from backups.services.base import Point
from verification.drill.outcome import could_not_begin
from verification.drill.plan import Planned
from verification.evidence.evidence import DrillResult
from verification.fleet.desk import Desk, Standing
from verification.fleet.post import Post, Seen, Worker
from verification.fleet.pulse import Pulse
from verification.fleet.results import Collector
from verification.fleet.ticket import Ticket, written

log = logging.getLogger(__name__)

BEAT = timedelta(seconds=30)
"""How often a drill that runs is heard; Prefect allows no less."""
_MISSED = 3
"""Beats in a row after which a machine or a drill is taken for dead."""
_UNHEARD = timedelta(hours=24)
"""A drill whose worker has it give no heartbeats is waited for so long, for it may have died with its machine."""
_AWAY = timedelta(minutes=10)
"""How long the scheduler, or a repository with results, is waited for."""


@dataclass
class Coordinator:
    """One verification on a fleet.

    drills: what is planned, by its number at the desk. at: the moment that was asked for
    silence: after so long without a word of a machine or of a drill it is taken for dead, or after three beats if that is longer
    """

    verification: str
    drills: Sequence[Planned]
    desk: Desk
    post: Post
    collector: Collector
    silence: timedelta
    at: datetime | Point | None = None
    results: dict[int, DrillResult] = field(default_factory=dict)
    _tickets: dict[str, Ticket] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _runs: dict[int, str] = field(default_factory=dict)
    _marks: dict[int, str] = field(default_factory=dict)
    _spare: dict[int, DrillResult] = field(default_factory=dict)
    _pulse: Pulse = field(default_factory=Pulse)
    _doubted: dict[str, object] = field(default_factory=dict)
    """The last beat of each machine whose drill has died: it gets another one when it was heard again."""
    _known: set[str] = field(default_factory=set)
    """The machines that were heard, or have drills of before this was begun again: only their silence says that they are dead."""
    _deaf: dict[str, datetime] = field(default_factory=dict)
    """When each machine that is heard was found to begin nothing of what is sent to it."""
    _haunted: set[str] = field(default_factory=set)
    """The machines where a drill was taken for dead, which may be alive after all: what is sent there may wait behind it."""
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
                if not self._is_over(seen):
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
                self.desk.adopt(number, sent[run].machine, now)
                self._known.add(sent[run].machine)
                self._runs[number], self._marks[number] = run, sent[run].mark

    def _look(self, now: datetime) -> None:
        workers = self.post.workers()
        self._pulse.look(now)
        # One that was dead before this began is not waited for; of one that was alive its own silence decides.
        self._known |= {name for name, each in workers.items() if each.online}
        heard = {
            name
            for name, each in workers.items()
            if self._pulse.silent(name, each.beat) <= max(self.silence, _MISSED * each.every) and name in self._known
        }
        seen = self.post.look(list(self._runs.values()))
        ended = {number: why for number, run in self._runs.items() if (why := self._why_ended(number, seen.get(run), heard, now))}
        for number in ended:
            if self._is_over(seen.get(self._runs[number])):
                self.desk.ended(number)
        # Before the results are read: that takes a second, and no machine shall be idle meanwhile.
        self._assign(workers, heard, now)
        if ended:
            self._collect_of(ended, seen, now)
            for number, why in ended.items():
                if number in self._held:
                    continue
                machine = self.desk.lines[number].machine or ""
                run = seen.get(self._runs.get(number, ""))
                dead = self._settle(number, run, why)
                if dead and machine in workers:
                    self._doubted[machine] = workers[machine].beat
                    if run and not run.taken and machine in heard:
                        self._deaf[machine] = now
                    elif run and run.taken:
                        self._haunted.add(machine)
            self._assign(workers, heard, now)
        self._cancel_what_is_late(seen, now)

    @staticmethod
    def _is_over(seen: Seen | None) -> bool:
        return seen is not None and seen.state not in ("waiting", "running")

    def _assign(self, workers: Mapping[str, Worker], heard: Collection[str], now: datetime) -> None:
        """Send what the machines have room for that are heard, and whose last drill has not just died."""
        sound = {
            each
            for each in heard
            if (each not in self._doubted or self._doubted[each] != workers[each].beat)
            and (each not in self._deaf or now - self._deaf[each] > _AWAY)
        }
        given = self.desk.assign(sound, now)
        if any(self.desk.lines[number].attempts > 1 for number, _ in given):
            # What was taken for dead may have come to its end all the same.
            self._collect(now, [self.collector.first])
        self._send([(number, machine) for number, machine in given if number not in self.results])

    def _why_ended(self, number: int, seen: Seen | None, heard: Collection[str], now: datetime) -> str | None:
        """Say why nothing more is to be expected of a run; None while it goes on."""
        machine = self.desk.lines[number].machine or ""
        if seen is None:
            return "its run is gone"
        if self._is_over(seen):
            return seen.words or {"done": "it ended without a result"}.get(seen.state, seen.state)
        if machine not in heard:
            return "no word of its worker: the machine is taken for dead"
        since = self.desk.lines[number].since or now
        return self._why_dead(self._runs[number], seen, machine, now - since)

    def _why_dead(self, run: str, seen: Seen, machine: str, age: timedelta) -> str | None:
        """Say why a run that goes on, on a machine that is heard, is taken for dead; None while it is not."""
        if seen.beat is None:
            if age <= _UNHEARD:
                return None
            return f"it gives no heartbeats, and was not done within {durations.describe(_UNHEARD)}: it is taken for dead"
        if not seen.taken and machine in self._haunted:
            return None
        silent = self._pulse.silent(run, seen.beat)
        if silent <= max(self.silence, _MISSED * BEAT):
            return None
        if not seen.taken:
            return f"{machine} has begun nothing for {durations.describe(silent)}: does its worker take from its work queue?"
        return f"no word of the drill for {durations.describe(silent)}: it is taken for dead"

    def _settle(self, number: int, seen: Seen | None, why: str) -> bool:
        """Take back what came to nothing; returns whether it is taken for dead. What a result was collected of, is not out."""
        run = self._runs.pop(number, None)
        if run is None or self.desk.lines[number].standing is not Standing.OUT:
            return False
        title, machine = self.desk.due[number].title, self.desk.lines[number].machine
        dead = not self._is_over(seen)
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
            again = self.desk.lost(number, why)
            log.warning("%s on %s: %s; %s", title, machine, why, "it is run again" if again else "it is given up")
        return dead

    def _collect_of(self, ended: Collection[int], seen: Mapping[str, Seen], now: datetime) -> None:
        """Collect the results of drills that have ended; hold those whose result may lie where nobody can read now."""
        first, unread = self.collector.first, self.collector.unread
        if set(ended) - self._held or first in unread:
            self._collect(now, [first])
        done = [number for number in ended if (run := self._runs.get(number)) and run in seen and seen[run].state == "done"]
        named = {number: self._tickets[self._marks[number]].repository for number in done}
        fetched = {number: first if name in {None, FIRST} else name for number, name in named.items()}
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
            ticket = self._written(number, secrets.token_hex(16), machine)
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

    def _written(self, number: int, mark: str, machine: str) -> Ticket:
        planned, due = self.drills[number], self.desk.due[number]
        return written(planned, due, self.at, verification=self.verification, mark=mark, machine=machine)

    def _cancel_what_is_late(self, seen: Mapping[str, Seen], now: datetime) -> None:
        """Take back what no machine has begun when the window ends."""
        if self.desk.until is None or now < self.desk.until:
            return
        for number, run in list(self._runs.items()):
            if run in seen and seen[run].state == "waiting":
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

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
        mine = [ticket for each in sent.values() for ticket in each.tickets if ticket.drill in known]
        self._tickets |= {ticket.mark: ticket for ticket in mine}
        self._numbers |= {ticket.mark: known[ticket.drill] for ticket in mine}
        for mark, result in self.collector.collect(self._tickets, self.collector.first):
            self._take(mark, result)
        self._collect(now, self.collector.repositories)
        if not self._begun:
            came, count = len(self.results), sum(len(each.tickets) for each in sent.values())
            log.info("this verification goes on: %s had been sent, %s came back", plural.count(count, "drill"), came)
        for run, seen in self.post.look(list(sent)).items():
            if seen.state in ("waiting", "running") and run not in self._runs.values():
                self._adopt(run, [each for each in sent[run].tickets if each.mark not in sent[run].recalled], known, now)

    def _adopt(self, run: str, tickets: Sequence[Ticket], known: Mapping[str, int], now: datetime) -> None:
        """Wait for a run that goes on, as far as it is at what has no result."""
        numbers = {each.mark: known[each.drill] for each in tickets if each.drill in known}
        wanted = {mark: number for mark, number in numbers.items() if self.desk.lines[number].standing is Standing.WAITING}
        if not wanted:
            self.post.cancel(run, "another result counts")
            return
        if others := [each.mark for each in tickets if each.mark not in wanted]:
            self.post.recall(run, others)
        self.desk.adopt(list(wanted.values()), tickets[0].machine, tickets[0].slot, now)
        self.alive.known.add(tickets[0].machine)
        self._runs |= dict.fromkeys(wanted.values(), run)
        self._marks |= {number: mark for mark, number in wanted.items()}

    def _look(self, now: datetime) -> None:
        self.alive.look(self.post.workers(), now)
        seen = self.post.look(set(self._runs.values()))
        ended = {number: why for number, run in self._runs.items() if (why := self._why_ended(number, seen.get(run), now))}
        ran = dict(self._runs)
        for number in ended:
            if (run := seen.get(self._runs[number])) and run.over:
                self.desk.ended(number)
        # Before the results are read: that takes a second, and no machine shall be idle meanwhile.
        self._assign(now)
        if ended:
            self._collect_of(ended, seen, now)
            self._settle_all({number: why for number, why in ended.items() if number not in self._held}, ran, seen, now)
            self._assign(now)
        self._cancel_what_is_late(seen, now)

    def _settle_all(self, ended: Mapping[int, str], ran: Mapping[int, str], seen: Mapping[str, Seen], now: datetime) -> None:
        """Take back what has ended without a result. ran: the run that each was in."""
        left = [number for number in ended if self._runs.get(number) == ran[number]]
        # They are done one after another: what has ended a run, or a machine, has ended the first one that has no result.
        firsts = {ran[number]: number for number in reversed(left)}
        behind = {number for number in left if self.desk.is_behind(number)}
        for number in left:
            run, machine = seen.get(ran[number]), self.desk.lines[number].machine or ""
            first = firsts[ran[number]] == number
            over = run is not None and run.over
            begun = (first and (over or number not in behind)) or (run is not None and run.state == "done")
            self._settle(number, run, ended[number], begun=begun)
            if first and not over:
                self.alive.died(machine, run, now)
                self._give_up(ran[number], ended[number])

    def _why_ended(self, number: int, seen: Seen | None, now: datetime) -> str | None:
        line = self.desk.lines[number]
        return self.alive.why_ended(self._runs[number], seen, line.machine or "", now - (line.since or now))

    def _assign(self, now: datetime) -> None:
        """Send what the machines have room for that are alive, and what is to begin there next."""
        alive = self.alive.sound(now)
        for number in self._unbegun(lambda: self.desk.recalled(alive, now), now):
            self._withdraw(number, "another machine has room for it")
            self.desk.unsent(number)
        given = self.desk.assign(alive, now)
        if any(self.desk.lines[number].attempts > 1 for numbers, _ in given for number in numbers):
            # What was taken for dead may have come to its end all the same.
            self._collect(now, [self.collector.first])
        self._send([([each for each in numbers if each not in self.results], machine) for numbers, machine in given])

    def _unbegun(self, choose: Callable[[], Sequence[int]], now: datetime) -> Sequence[int]:
        """Return the chosen drills, which have not begun; of a run of several that is known when their results are read."""
        chosen = choose()
        if any(self._has_fellows(number) for number in chosen):
            self._collect(now, [self.collector.first])
            chosen = choose()
        return chosen

    def _settle(self, number: int, seen: Seen | None, why: str, *, begun: bool) -> None:
        """Take back a drill whose run has come to nothing, or is taken for dead. begun: whether it may have begun."""
        del self._runs[number]
        title, machine = self.desk.due[number].title, self.desk.lines[number].machine
        if odd := self.collector.odd.get(self._marks.get(number, "")):
            why = f"its result is not counted: {odd}"
        if seen and seen.state == "stopped":
            log.warning("%s: its run on %s was cancelled", title, machine)
            self.desk.stopped(number, f"its run on {machine} was cancelled")
        elif begun and seen and seen.state == "refused":
            log.warning("%s: %s does not run it: %s", title, machine, why)
            self.desk.refused(number, why)
        elif begun:
            again = self.desk.lost(number, why)
            log.warning("%s on %s: %s; %s", title, machine, why, "it is run again" if again else "it is given up")
        else:
            log.info("%s: it had not begun on %s, and is sent again", title, machine)
            self.desk.unsent(number)

    def _give_up(self, run: str, why: str) -> None:
        """Tell the scheduler of a run that is taken for dead. Were it alive after all, its results would come second."""
        self._given_up.append(run)
        with contextlib.suppress(LifeboatError):
            self.post.cancel(run, why, dead=True)

    def _has_fellows(self, number: int) -> bool:
        """Whether the run of a drill has others of which no result is there."""
        return list(self._runs.values()).count(self._runs.get(number, "")) > 1

    def _withdraw(self, number: int, why: str) -> None:
        """End a drill that is out, and nothing else of its run."""
        run = self._runs[number]
        if self._has_fellows(number):
            self.post.recall(run, [self._marks[number]])
        else:
            self.post.cancel(run, why)
        del self._runs[number]

    def _collect_of(self, ended: Collection[int], seen: Mapping[str, Seen], now: datetime) -> None:
        """Collect the results of drills that have ended; hold those whose result may lie where nobody can read now."""
        first, unread = self.collector.first, self.collector.unread
        # However a run of several ends, of some of its drills there may be results.
        several = {number for number in ended if self._has_fellows(number)}
        if set(ended) - self._held or first in unread:
            self._collect(now, [first])
        done = [
            number
            for number in ended
            if (run := self._runs.get(number)) and ((run in seen and seen[run].state == "done") or number in several)
        ]
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
        if number in self._runs and self._marks.get(number) != mark:
            with contextlib.suppress(LifeboatError):
                self._withdraw(number, "another result counts")
        self._runs.pop(number, None)
        self.desk.came(number)
        self.results[number] = result
        log.info("%s: %s, on %s", self.desk.due[number].title, result.words, result.machine)

    def _send(self, given: Sequence[tuple[Sequence[int], str]]) -> None:
        """Send drills to their machines, a run each; what cannot be sent waits again."""
        for at, (numbers, machine) in enumerate(given):
            if not numbers:
                continue
            slot = self.desk.lines[numbers[0]].slot or 0
            tickets = [self._written(number, secrets.token_hex(16), machine, slot) for number in numbers]
            self._tickets |= {each.mark: each for each in tickets}
            self._numbers |= {each.mark: number for each, number in zip(tickets, numbers, strict=True)}
            try:
                run = self.post.send(tickets)
            except LifeboatError:
                for unsent in [number for others, _ in given[at:] for number in others]:
                    self.desk.unsent(unsent)
                # It may have been sent all the same, and only the answer was lost.
                self._taken_up = False
                raise
            self._runs |= dict.fromkeys(numbers, run)
            self._marks |= {number: each.mark for each, number in zip(tickets, numbers, strict=True)}
            log.info("%s: sent to %s", "; ".join(each.title for each in tickets), machine)

    def _written(self, number: int, mark: str, machine: str, slot: int = 0) -> Ticket:
        planned, due = self.drills[number], self.desk.due[number]
        return written(planned, due, self.at, verification=self.verification, mark=mark, machine=machine, slot=slot)

    def _cancel_what_is_late(self, seen: Mapping[str, Seen], now: datetime) -> None:
        """Take back what no machine has begun when the window ends."""
        if self.desk.until is None or now < self.desk.until:
            return

        def unbegun() -> list[int]:
            return [
                number
                for number, run in self._runs.items()
                if run in seen and (seen[run].state == "waiting" or self.desk.is_behind(number))
            ]

        for number in self._unbegun(unbegun, now):
            self._withdraw(number, "the window has ended")
            self.desk.unsent(number)

    def _cancel_all(self, why: str) -> None:
        for run in set(self._runs.values()):
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

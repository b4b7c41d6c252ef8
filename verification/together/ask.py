"""Asks the copies what their sources were asked, as the restored Grafana asks them, or each of them itself."""

import ipaddress
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from backups.errors import LifeboatError
from backups.machine import parallel
from backups.panels import asking
from backups.panels.asking import ask_all
from backups.panels.compare import compared
from backups.panels.question import Answer, Asker, NotAsked, Question
from backups.services.panelled import PanelledCopy
from backups.services.standing import Stands
from verification.evidence.together import WRONG
from verification.together import accounts, count
from verification.together.company import Back, Company
from verification.together.count import Counted, Judged

_ANSWERED = ("answered", "empty")
"""Outcomes at the source of which a copy can be asked to do the same."""


@dataclass(frozen=True)
class Found:
    """What came of asking. faults: of the copy that shows dashboards, a sentence each; notes: how it was asked, likewise."""

    judged: tuple[Judged, ...]
    counted: Counted
    way: Literal["grafana", "direct"]
    words: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether anything that answered at the source does not answer equally."""
        return bool(self.faults) or any(each.outcome in WRONG for each in self.judged)


@dataclass
class _Asking:
    """One service's questions on their way."""

    those: Company
    back: Back
    until: float
    monotonic: Callable[[], float]
    notes: list[str] = field(default_factory=list)

    @property
    def by_grafana(self) -> bool:
        """Whether they go through the restored Grafana: a real one, or the stand-in where the source's answers came so."""
        panels = self.back.side.panels
        return self.those.shows is not None and (not self.those.standin or bool(panels and panels.asked == "grafana"))

    def judge(self) -> list[Judged]:
        """Ask them, and compare."""
        panels = self.back.side.panels
        questions = panels.questions if panels else ()
        then = {answer.question: answer for answer in (panels.answers if panels else ())}
        missing = [question for question in questions if question.id not in then]
        found = [
            Judged(question, _unknown(question), None, "not-asked", "the backup has no answer to it") for question in missing
        ]
        wanted: list[Question] = []
        for question in questions:
            if question.id not in then:
                continue
            if then[question.id].outcome not in _ANSWERED:
                comparison = compared(then[question.id], None)
                found.append(Judged(question, then[question.id], None, comparison.outcome, comparison.why))
            elif why := self.cannot(question):
                found.append(Judged(question, then[question.id], None, "cannot-be-asked", why))
            else:
                wanted.append(question)
        for question, answer in self.ask(wanted):
            if answer.outcome == "not-asked" and answer.why == asking.NO_TIME:
                found.append(Judged(question, then[question.id], None, "cannot-be-asked", answer.why))
                continue
            comparison = compared(then[question.id], answer)
            found.append(Judged(question, then[question.id], answer, comparison.outcome, comparison.why))
        return found

    def cannot(self, question: Question) -> str | None:
        """Say why a question cannot be put to the copy; None where it can."""
        panels, service = self.back.side.panels, self.back.side.service
        if self.back.fault or self.back.copy is None:
            return f"the copy of {service} did not come back"
        if not self.by_grafana:
            if panels and panels.asked == "grafana":
                return "it was answered through Grafana, and none stands before the copies"
            return None if isinstance(self.back.copy, PanelledCopy) else f"the copy of {service} answers no panels"
        source = question.organisation, question.source
        if why := self.those.places.beyond.get(source):
            return why
        boards = self.those.boards
        if boards and not any((each.organisation, each.uid) == source for each in boards.sources):
            return f"its data source {source[1]} is no longer in the dashboards' backup, which is newer than the questions"
        return None

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[Question, Answer]]:
        """Ask one after the other."""
        if not questions:
            return
        with self._asker() as asker:
            answers = ask_all(asker, questions, self.until, self.monotonic)
        yield from ((question, answers[question.id]) for question in questions)

    def _asker(self) -> AbstractContextManager[Asker]:
        shows, copy = self.those.shows, self.back.copy
        if self.by_grafana and shows is not None:
            self._let_in()
            return shows.through()
        if isinstance(copy, PanelledCopy):
            return copy.asker(self.those.sources(self.back.side.service))
        raise AssertionError("such questions are sorted out before")

    def _let_in(self) -> None:
        """Have the restored Grafana come from where its accounts let it in."""
        copy, service, pod = self.back.copy, self.back.side.service, self.those.pod
        place = self.those.places.of.get(service)
        if not isinstance(copy, Stands) or pod is None or place is None:
            return
        shower = _shower(self.those)
        for user in dict.fromkeys(source.user for source in self.those.sources(service) if source.user):
            hosts = copy.admits(user)
            way = accounts.way(user, hosts, shower)
            if way is None:
                told = ", ".join(hosts) or "nowhere: there is no such account"
                self.notes.append(f"{service}: no address is known from which {user} is let in; it may come from {told}")
                continue
            whence = f", coming from {way.source}" if way.source else ", whence that account lets in anybody"
            self.notes.append(f"{service}: Grafana logs in as {way.account}{whence}")
            for address in place.addresses if way.source else ():
                pod.come_from(str(way.source), address)


def ask(those: Company, *, until: float, monotonic: Callable[[], float] = time.monotonic) -> Found:
    """Ask everything that the backups hold questions of, the services side by side, each question after the other.

    until: when it has to end, by that clock. Never raises for what a copy answers, or does not.
    """
    askings = [_Asking(those, back, until, monotonic) for back in those.copies.values() if back.side.panels is not None]
    judged: list[Judged] = []
    outcomes = parallel.side_by_side(lambda each: each.judge(), askings, at_once=max(1, len(askings)))
    for each, outcome in zip(askings, outcomes, strict=True):
        if isinstance(outcome, LifeboatError):
            judged += [_unanswered(each, question, outcome) for question in _questions(each.back)]
        else:
            judged += outcome
    unopened, faults = _shown(those, judged)
    through = any(each.by_grafana for each in askings)
    return Found(
        tuple(judged),
        count.counted(judged, _not_asked(those), _every(those), unopened),
        "grafana" if through else "direct",
        _words(those, through=through),
        tuple(faults),
        tuple(note for each in askings for note in each.notes),
    )


def _questions(back: Back) -> Sequence[Question]:
    return back.side.panels.questions if back.side.panels else ()


def _unanswered(each: _Asking, question: Question, fault: LifeboatError) -> Judged:
    panels = each.back.side.panels
    then = next((answer for answer in (panels.answers if panels else ()) if answer.question == question.id), _unknown(question))
    comparison = compared(then, None, fault.message)
    return Judged(question, then, None, comparison.outcome, comparison.why)


def _unknown(question: Question) -> Answer:
    return Answer(question=question.id, outcome="not-asked")


def _not_asked(those: Company) -> tuple[NotAsked, ...]:
    """What was not asked of any service: the newest backup says it of all."""
    every = [back.side for back in those.copies.values() if back.side.panels]
    newest = max(every, key=lambda side: side.backup.taken_at, default=None)
    return newest.panels.not_asked if newest and newest.panels else ()


def _every(those: Company) -> Iterator[count.Thing]:
    """What asks in the restored dashboards; `count` takes away what was asked, or told apart."""
    from backups.panels.walk import asking as every

    for one in every(those.boards) if those.boards else ():
        yield one.organisation, one.dashboard, one.title, one.panel


def _shown(those: Company, judged: Sequence[Judged]) -> tuple[dict[tuple[int, str], str], list[str]]:
    """Have the copy that shows dashboards give out those that were asked, and compare its data sources."""
    shows = those.shows
    if shows is None:
        return {}, []
    asked = {(each.question.organisation, each.question.dashboard) for each in judged if each.question.dashboard}
    try:
        found = dict(shows.unopened(asked))
        altered = shows.altered()
    except LifeboatError as fault:
        return {}, [f"the restored {those.shower} does not give out its dashboards: {fault.message}"]
    faults = [f"{name} is not as it was restored, after the start of {those.shower}" for name in altered]
    titles = {(each.question.organisation, each.question.dashboard): each.question.title for each in judged}
    return found, [*(f"dashboard {titles[key]} ({key[1]}) does not open: {why}" for key, why in found.items()), *faults]


def _words(those: Company, *, through: bool) -> str:
    if through:
        stand = ", a stand-in that is not the real server" if those.standin else ""
        return f"asked through the restored Grafana{stand}, whose data sources are as they were restored"
    why = (
        "the restored Grafana is a stand-in, which is not the real server"
        if those.standin
        else "no restored Grafana stands before them"
    )
    return f"asked of each copy itself, as the sources were, with the conversions that Grafana would make: {why}"


def _shower(those: Company) -> tuple[str, ...]:
    """Return the address, and the name where that is known, of the source of the dashboards."""
    host = those.shower_host.lower().rstrip(".")
    if not host:
        return ()
    if address := those.places.names.get(host):
        return address, host
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        return ()

"""Asks one service's copy its questions, through the restored Grafana or itself, and compares the answers with the source's."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from backups.panels.asking import NO_TIME, ask_all
from backups.panels.boards import DataSource
from backups.panels.compare import compared
from backups.panels.question import FORM, Answer, Asker, Question
from backups.services.panelled import PanelledCopy
from backups.services.standing import Stands
from verification.together import accounts
from verification.together.company import Back, Company
from verification.together.count import Judged

_ANSWERED = ("answered", "empty")
"""Outcomes at the source of which a copy can be asked to do the same."""


@dataclass
class Asking:
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
        found = [Judged(question, unknown(question), None, "not-asked", "the backup has no answer to it") for question in missing]
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
            if answer.outcome == "not-asked" and answer.why == NO_TIME:
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
        if panels and panels.form != FORM:
            return f"its answer was kept in form {panels.form}, by another Lifeboat; this one compares those of form {FORM}"
        if not self.by_grafana:
            if panels and panels.asked == "grafana":
                return "it was answered through Grafana, and none stands before the copies"
            if not isinstance(self.back.copy, PanelledCopy):
                return f"the copy of {service} answers no panels"
            return None if self._source(question) else f"its data source {question.source} was not kept with the question"
        return self._out_of_reach(question)

    def _out_of_reach(self, question: Question) -> str | None:
        """Say why the restored Grafana does not reach a question's data source; None where it should."""
        source = question.organisation, question.source
        if why := self.those.places.beyond.get(source):
            return why
        known = {(each.organisation, each.uid): each for each in (self.those.boards.sources if self.those.boards else ())}
        if source not in known:
            return f"its data source {source[1]} is no longer in the dashboards' backup, which is newer than the questions"
        if known[source] != self._source(question):
            return f"its data source {source[1]} was changed after the question was asked, and before the dashboards' backup"
        return None

    def _source(self, question: Question) -> DataSource | None:
        """Return a question's data source, as it was when it was asked."""
        every = self.those.sources(self.back.side.service)
        return next((each for each in every if (each.organisation, each.uid) == (question.organisation, question.source)), None)

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
            for address in place.addresses:
                if way.source and _version(way.source) == _version(address):
                    pod.come_from(way.source, address)


def unknown(question: Question) -> Answer:
    """Return what stands for an answer that a backup does not hold."""
    return Answer(question=question.id, outcome="not-asked")


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


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

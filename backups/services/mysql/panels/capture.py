"""Asks what dashboards ask inside a capture: in the witness's own snapshot, or through the source's Grafana around it.

In the snapshot every question is asked twice, the second time under another clock of the session: what differs then (NOW(),
RAND()) is not fixed, and no copy can be held to it. Through a Grafana it is asked before the instant and after it, and what can
be asked directly in the snapshot, too: a number that went up and down again was the same to Grafana twice, and is another in
the copy. Whatever goes wrong here is told as a limit, and never fails the backup.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymysql.err

from backups import plural
from backups.errors import LifeboatError
from backups.panels import asking
from backups.panels.compare import not_asked, settled
from backups.panels.grafana import is_expression
from backups.panels.question import Answer, Asker, Question, Way
from backups.panels.sql import fit
from backups.services.base import Job, PanelsJob
from backups.services.mysql.panels import standing
from backups.services.mysql.panels.asker import SAVEPOINT, MySQLAsker
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.text import one_line
from backups.services.panelled import keep

_SHIFT = timedelta(days=400, hours=7, minutes=13, seconds=17)
"""Between the clocks of both askings: another year, month, day, weekday, hour, minute and second."""
_AS_LIFEBOAT = (
    "what dashboards are answered was asked as Lifeboat's own account, which may read everything: what Grafana's account may not "
    "read is not told"
)
_UNEXPECTED = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError, OSError)


class PanelsCapture:
    """Asks the questions of one capture: `before`, then `inside` the snapshot, then `keep`. Without questions it does nothing.

    settings: the source's global variables that its sessions begin with
    """

    def __init__(self, panels: PanelsJob | None, settings: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._panels = panels
        self._settings = settings
        self._say = say
        self._first: Mapping[str, Answer] = {}
        self._fault: str | None = None
        self._left = panels.seconds if panels else 0.0
        mode = settings.get("sql_mode", "")
        told = (_told_before(question, mode) for question in panels.questions) if panels else ()
        self._answers = {answer.question: answer for answer in told if answer}

    @classmethod
    def of(cls, job: Job, variables: Mapping[str, str]) -> "PanelsCapture":
        """Return that of a job. variables: the source's global ones, as `SHOW GLOBAL VARIABLES` prints them"""
        return cls(job.panels, standing.answering(variables), job.say)

    def before(self) -> None:
        """Ask through the source's Grafana, where it may be asked, before the witness's instant."""
        if self._panels and self._panels.through:
            self._told("through Grafana")
            self._first = self._ask(self._panels.through, self._open, self._left / 3)

    def inside(self, session: Session) -> None:
        """Ask in the witness's snapshot, which `session` has open: twice, or once where Grafana is asked."""
        if not self._panels:
            return
        self._told("in the snapshot")
        try:
            now = float(rows(session, "SELECT UNIX_TIMESTAMP(NOW(6))")[0][0])
            standing.as_grafana(session, self._settings)
            asker = MySQLAsker(session, self._panels.sources, self._settings, *SAVEPOINT)
            if self._panels.through:
                self._hold_to(self._ask(asker, [each for each in self._open if self._first_of(each)], self._left / 2))
                return
            self._first = self._ask(asker, self._open, self._left / 2)
            self._shift_clock(session, now)
            self._settle(asker)
        except pymysql.err.Error as error:
            self._failed(one_line(str(error), 200))

    def impossible(self, why: str) -> None:
        """Take note that there is no snapshot to ask in."""
        if self._panels and not self._panels.through:
            self._failed(why)

    def keep(self, directory: Path) -> list[str]:
        """Ask Grafana again, where it is asked, and write all answers into a directory; returns the limits, a sentence each."""
        if not self._panels:
            return []
        if self._panels.through:
            self._settle(self._panels.through)
        why = self._fault or "it was not asked"
        answers = [self._answers.get(question.id) or not_asked(question, why) for question in self._panels.questions]
        way: Way = self._panels.through.way if self._panels.through else "direct"
        try:
            limits = keep(self._panels, way, answers, directory)
        except (LifeboatError, *_UNEXPECTED) as error:
            return [f"what dashboards are answered could not be kept: {one_line(str(error), 200)}"]
        direct = way == "direct" and any(answer.outcome == "answered" for answer in answers)
        return [*limits, *([_AS_LIFEBOAT] if direct else [])]

    @property
    def _open(self) -> list[Question]:
        """The questions that have no answer yet."""
        return [question for question in self._panels.questions if question.id not in self._answers] if self._panels else []

    def _first_of(self, question: Question) -> Answer | None:
        """What Grafana answered at first, to what the server itself can be asked; None where that is no answer."""
        first = self._first.get(question.id)
        direct = question.resource is None and not is_expression(question)
        return first if direct and first and first.outcome in ("answered", "empty") else None

    def _hold_to(self, inside: Mapping[str, Answer]) -> None:
        """Hold Grafana's answers to the snapshot's, where there is one: others are not fixed, as if Grafana had given them."""
        for question in self._open:
            first, now = self._first_of(question), inside.get(question.id)
            if first and now and now.outcome in ("answered", "empty"):
                both = settled(first, now)
                if both.outcome == "not-fixed":
                    why = f"{both.why}: first through Grafana, then itself, in the snapshot"
                    self._answers[question.id] = both.model_copy(update={"why": why})

    def _shift_clock(self, session: Session, now: float) -> None:
        """Give the session another clock. Where the server allows none, what asks for it is told by its words alone."""
        with suppress(pymysql.err.MySQLError):
            rows(session, "SET SESSION timestamp = %s", [now + _SHIFT.total_seconds()])

    def _settle(self, asker: Asker) -> None:
        """Ask the second time, and keep one answer of each."""
        first = [question for question in self._open if question.id in self._first]
        second = self._ask(asker, asking.asked(first, self._first), self._left)
        self._answers |= {answer.question: answer for answer in asking.settle(first, self._first, second)}
        self._moved()

    def _moved(self) -> None:
        """Take what is computed from an answer that is not fixed as not fixed either."""
        questions = self._panels.questions if self._panels else ()
        found = {each.question for each in self._answers.values() if each.outcome == "not-fixed"}
        moved = [_data(question, question.query) for question in questions if question.id in found]
        for question in questions:
            if question.id not in found and any(_data(question, query) in moved for query in question.beside):
                why = "it is computed from an answer that is not fixed"
                self._answers[question.id] = Answer(question=question.id, outcome="not-fixed", why=why)

    def _ask(self, asker: Asker, questions: Sequence[Question], seconds: float) -> Mapping[str, Answer]:
        began = time.monotonic()
        try:
            return asking.ask_all(asker, questions, began + seconds)
        except _UNEXPECTED as error:
            self._failed(f"{type(error).__name__}: {one_line(str(error), 200)}")
            return {}
        finally:
            self._left = max(0.0, self._left - (time.monotonic() - began))

    def _told(self, how: str) -> None:
        self._say(f"asking what dashboards ask {how}: {plural.count(len(self._open), 'question')}")

    def _failed(self, why: str) -> None:
        self._say(f"warning: dashboards' questions could not all be asked: {why}")
        self._fault = self._fault or why


def _data(question: Question, query: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of a question decides the answer."""
    return question.organisation, question.start, question.end, query


def _told_before(question: Question, mode: str) -> Answer | None:
    """Return the answer of a question that is not asked, or that no copy can be held to, by its words alone. mode: `sql_mode`"""
    for query in (question.query, *question.beside):
        sql = query.get("rawSql")
        if not isinstance(sql, str):
            continue
        if why := fit.unfit(sql, mode):
            return not_asked(question, f"it is not asked: {why}")
        if name := fit.moves(sql):
            return Answer(question=question.id, outcome="not-fixed", why=f"it asks for {name}, which is another each time")
    return None

"""Asks what dashboards ask inside a capture, in the witness's own snapshot, and then again through the source's Grafana.

In the snapshot every question is asked twice, the second time under another clock of the session: what differs then (RAND() in a
view) is not fixed, and no copy can be held to it. Where Grafana may be asked, it is, afterwards: what it answers otherwise has
changed meanwhile, and is not fixed either. It is asked only what the server has answered in time, since a query that Grafana has
given up goes on at the server. Whatever goes wrong here is told as a limit, and never fails the backup.
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


class PanelsCapture:
    """Asks the questions of one capture: `inside` the snapshot, then `keep`. Without questions it does nothing.

    settings: the source's global variables that its sessions begin with
    """

    def __init__(self, panels: PanelsJob | None, settings: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._panels = panels
        self._settings = settings
        self._say = say
        self._fault: str | None = None
        self._left = panels.seconds if panels else 0.0
        mode = settings.get("sql_mode", "")
        told = (_told_before(question, mode) for question in panels.questions) if panels else ()
        self._answers = {answer.question: answer for answer in told if answer}

    @classmethod
    def of(cls, job: Job, variables: Mapping[str, str]) -> "PanelsCapture":
        """Return that of a job. variables: the source's global ones, as `SHOW GLOBAL VARIABLES` prints them"""
        return cls(job.panels, standing.answering(variables), job.say)

    def inside(self, session: Session) -> None:
        """Ask in the witness's snapshot, which `session` has open, twice."""
        if not self._panels:
            return
        asked = [question for question in self._open if not is_expression(question)]
        self._told(asked, "in the snapshot")
        try:
            now = float(rows(session, "SELECT UNIX_TIMESTAMP(NOW(6))")[0][0])
            standing.as_grafana(session, self._settings)
            asker = MySQLAsker(session, self._panels.sources, self._settings, *SAVEPOINT)
            askings = 3 if self._panels.through else 2
            first = self._ask(asker, asked, self._left / askings)
            self._shift_clock(session, now)
            answered = [question for question in asked if question.id in first]
            second = self._ask(asker, asking.asked(answered, first), self._left / (askings - 1))
            self._answers |= {answer.question: answer for answer in asking.settle(answered, first, second)}
        except Exception as error:  # noqa: BLE001 - whatever a dashboard holds must not cost the backup
            self._failed(_words(error))

    def impossible(self, why: str) -> None:
        """Take note that there is no snapshot to ask in."""
        if self._panels:
            self._failed(why)

    def keep(self, directory: Path) -> list[str]:
        """Ask Grafana, where it may be asked, and write all answers into a directory; returns the limits, a sentence each."""
        if not self._panels:
            return []
        try:
            return self._kept(self._panels, directory)
        except Exception as error:  # noqa: BLE001 - as above
            return [f"what dashboards are answered could not be kept: {_words(error)}"]

    def _kept(self, panels: PanelsJob, directory: Path) -> list[str]:
        if panels.through:
            self._through(panels.through)
        why = self._fault or "it was not asked"
        answers = [self._answers.get(question.id) or not_asked(question, why) for question in panels.questions]
        way: Way = panels.through.way if panels.through else "direct"
        limits = keep(panels, way, answers, directory)
        direct = way == "direct" and any(answer.outcome == "answered" for answer in answers)
        return [*limits, *([_AS_LIFEBOAT] if direct else [])]

    @property
    def _open(self) -> list[Question]:
        """The questions that have no answer yet."""
        return [question for question in self._panels.questions if question.id not in self._answers] if self._panels else []

    def _shift_clock(self, session: Session, now: float) -> None:
        """Give the session another clock. Where the server allows none, what asks for it is told by its words alone."""
        with suppress(pymysql.err.MySQLError):
            rows(session, "SET SESSION timestamp = %s", [now + _SHIFT.total_seconds()])

    def _through(self, grafana: Asker) -> None:
        """Ask Grafana what the server itself has answered, and before that what Grafana computes from it."""
        questions = self._panels.questions if self._panels else ()
        computed = [question for question in self._open if is_expression(question)]
        wanted = [question for question in computed if self._unsettled(question) is None]
        answered = asking.asked([question for question in questions if question.id in self._answers], self._answers)
        self._told([*wanted, *answered], "through Grafana")
        now = self._ask(grafana, [*wanted, *answered], self._left)
        for question in answered:
            if found := now.get(question.id):
                both = settled(self._answers[question.id], found)
                same = both is self._answers[question.id]
                # What Grafana's account may not read, its dashboards do not show.
                self._answers[question.id] = found if same or found.outcome == "error" else both
        for question in computed:
            if why := self._unsettled(question):
                self._answers[question.id] = why
            elif question.id in now:
                self._answers[question.id] = now[question.id]

    def _unsettled(self, computed: Question) -> Answer | None:
        """What there is to say of an expression, one of whose queries of this server has no answer that a copy can be held to."""
        questions = self._panels.questions if self._panels else ()
        for query in computed.beside:
            data = next((each for each in questions if _data(each, each.query) == _data(computed, query)), None)
            answer = self._answers.get(data.id) if data else None
            if answer is not None and answer.outcome == "not-fixed":
                why = "it is computed from an answer that is not fixed"
                return Answer(question=computed.id, outcome="not-fixed", why=why)
            if "rawSql" in query and (answer is None or answer.outcome == "not-asked"):
                why = (answer.why if answer else None) or self._fault or "there is no question of it"
                return not_asked(computed, f"it is computed from a query that is not asked: {why}")
        return None

    def _ask(self, asker: Asker, questions: Sequence[Question], seconds: float) -> Mapping[str, Answer]:
        began = time.monotonic()
        try:
            return asking.ask_all(asker, questions, began + seconds, odd=asking.ODD)
        finally:
            self._left = max(0.0, self._left - (time.monotonic() - began))

    def _told(self, questions: Sequence[Question], how: str) -> None:
        self._say(f"asking what dashboards ask {how}: {plural.count(len(questions), 'question')}")

    def _failed(self, why: str) -> None:
        self._say(f"warning: dashboards' questions could not all be asked: {why}")
        self._fault = self._fault or why


def _words(error: Exception) -> str:
    known = isinstance(error, LifeboatError | pymysql.err.Error)
    return one_line(str(error) if known else f"{type(error).__name__}: {error}", 200)


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

"""Asks what dashboards ask inside a capture: in the witness's own snapshot, or through the source's Grafana around it.

In the snapshot every question is asked twice, the second time under another clock of the session: what differs then (NOW(),
RAND()) is not fixed, and no copy can be held to it. Through a Grafana it is asked before the instant and after it. Whatever
goes wrong here is told as a limit, and never fails the backup.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pymysql.err

from backups import plural
from backups.errors import LifeboatError
from backups.panels import asking
from backups.panels.compare import not_asked
from backups.panels.question import Answer, Asker, Question, Way
from backups.panels.sql import fit
from backups.services.base import Job, PanelsJob
from backups.services.mysql.panels import standing
from backups.services.mysql.panels.asker import MySQLAsker
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.text import one_line
from backups.services.panelled import keep

_SHIFT = timedelta(days=400, hours=7, minutes=13, seconds=17)
"""Between the clocks of both askings: another year, month, day, weekday, hour, minute and second."""
_AS_LIFEBOAT = (
    "what dashboards are answered was asked as Lifeboat's own account, which may read everything: what Grafana's account may not "
    "read is not told"
)
_UNEXPECTED = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, OSError)


class PanelsCapture:
    """Asks the questions of one capture: `before`, then `inside` the snapshot, then `keep`."""

    def __init__(self, panels: PanelsJob, settings: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._panels = panels
        self._settings = settings
        self._say = say
        self._answers: dict[str, Answer] = {}
        self._first: Mapping[str, Answer] = {}
        self._faults: list[str] = []
        self._left = panels.seconds
        shifted = panels.through is None
        for question in panels.questions:
            if answer := _told_before(question, shifted=shifted):
                self._answers[question.id] = answer

    @classmethod
    def of(cls, job: Job, variables: Mapping[str, str]) -> "PanelsCapture | None":
        """Return it where the job has questions. variables: the source's global ones, as `SHOW GLOBAL VARIABLES` prints them"""
        return cls(job.panels, standing.answering(variables), job.say) if job.panels and job.panels.questions else None

    def before(self) -> None:
        """Ask through the source's Grafana, where there is one, before the witness's instant."""
        if self._panels.through is not None:
            self._say(f"asking what dashboards ask: {plural.count(len(self._open), 'question')}, through Grafana")
            self._first = self._ask(self._panels.through, self._open, self._left / 2)

    def inside(self, session: Session) -> None:
        """Ask in the witness's snapshot, which `session` has open, twice; nothing to do where Grafana is asked."""
        if self._panels.through is not None:
            return
        self._say(f"asking what dashboards ask: {plural.count(len(self._open), 'question')}, in the snapshot")
        try:
            now = float(rows(session, "SELECT UNIX_TIMESTAMP(NOW(6))")[0][0])
            standing.as_grafana(session, self._settings)
            # A savepoint gives the tables back that a question has read: DDL on them need not wait.
            asker = MySQLAsker(session, self._panels.sources, self._settings, "SAVEPOINT panels", "ROLLBACK TO SAVEPOINT panels")
            self._first = self._ask(asker, self._open, self._left / 2)
            rows(session, "SET SESSION timestamp = %s", [now + _SHIFT.total_seconds()])
            self._settle(asker)
        except pymysql.err.Error as error:
            self._fault(one_line(str(error), 200))

    def keep(self, directory: Path) -> list[str]:
        """Ask Grafana again, where it is asked, and write all answers into a directory; returns the limits, a sentence each."""
        if self._panels.through is not None:
            self._settle(self._panels.through)
        why = self._faults[0] if self._faults else "it was not asked"
        answers = [self._answers.get(question.id) or not_asked(question, why) for question in self._panels.questions]
        try:
            limits = keep(self._panels, self._way, answers, directory)
        except (LifeboatError, *_UNEXPECTED) as error:
            limits = [f"what dashboards are answered could not be kept: {one_line(str(error), 200)}"]
        direct = self._way == "direct" and any(answer.outcome == "answered" for answer in answers)
        return [*limits, *([_AS_LIFEBOAT] if direct else [])]

    @property
    def _way(self) -> Way:
        return "direct" if self._panels.through is None else self._panels.through.way

    @property
    def _open(self) -> list[Question]:
        return [question for question in self._panels.questions if question.id not in self._answers]

    def _settle(self, asker: Asker) -> None:
        """Ask the second time, and keep one answer of each."""
        first = [question for question in self._open if question.id in self._first]
        second = self._ask(asker, asking.asked(first, self._first), self._left)
        self._answers |= {answer.question: answer for answer in asking.settle(first, self._first, second)}

    def _ask(self, asker: Asker, questions: Sequence[Question], seconds: float) -> Mapping[str, Answer]:
        began = time.monotonic()
        try:
            return asking.ask_all(asker, questions, began + seconds)
        except _UNEXPECTED as error:
            self._fault(f"{type(error).__name__}: {one_line(str(error), 200)}")
            return {}
        finally:
            self._left = max(0.0, self._left - (time.monotonic() - began))

    def _fault(self, why: str) -> None:
        self._say(f"warning: dashboards' questions could not all be asked: {why}")
        self._faults.append(why)


def _told_before(question: Question, *, shifted: bool) -> Answer | None:
    """Return the answer of a question that is not asked, or that no copy can be held to, by its words alone."""
    for query in (question.query, *question.beside):
        sql = query.get("rawSql")
        if not isinstance(sql, str):
            continue
        if why := fit.unfit(sql):
            return not_asked(question, f"it is not asked: {why}")
        if name := fit.moves(sql, shifted=shifted):
            return Answer(question=question.id, outcome="not-fixed", why=f"it asks for {name}, which is another each time")
    return None

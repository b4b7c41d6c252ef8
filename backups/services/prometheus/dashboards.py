"""Asks a source what dashboards ask of it, before and after its snapshot, and keeps the answers in the backup.

Questions are about the past, as long ago as everything is written: both askings give the same, and so does the snapshot, unless
the question itself is not fixed. Nothing that goes wrong here fails a backup: it is one of its limits.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backups import plural
from backups.errors import LifeboatError
from backups.foreign import shown
from backups.panels import asking
from backups.panels.boards import DataSource
from backups.panels.compare import not_asked
from backups.panels.grafana import COPY_BYTES, COPY_SECONDS
from backups.panels.question import Answer, Asker, Question
from backups.services.base import Job, PanelsJob
from backups.services.panelled import keep
from backups.services.prometheus.api import Api
from backups.services.prometheus.asking import PrometheusAsker
from backups.services.prometheus.horizon import Horizon

ELSEWHERE = "the source answers also with what others hold (remote_read), which no copy has"


@dataclass(frozen=True)
class Asked:
    """The first asking of all questions: whom, what was answered, and how many of the job's seconds are left."""

    job: PanelsJob
    asker: Asker
    answers: Mapping[str, Answer]
    seconds: float


@contextmanager
def asker(api: Api, sources: Sequence[DataSource], *, of_copy: bool = False) -> Iterator[PrometheusAsker]:
    """An asker of a server, as long as its API may be called. of_copy: it may be slower than the source."""
    yield PrometheusAsker(api, sources, *((COPY_SECONDS, COPY_BYTES) if of_copy else ()))


def before(api: Api, job: Job, past: Horizon, clock: Callable[[], float] = time.monotonic) -> Asked | str | None:
    """Ask for the first time; None where the site has no questions. past: up to when all is written, and is here.

    Never raises: whatever goes wrong is returned, as a text.
    """
    try:
        return _before(api, job, past, clock)
    except Exception as error:  # noqa: BLE001 - whatever a dashboard holds must not cost the backup
        return _told(error)


def after(asked: Asked | str | None, directory: Path, clock: Callable[[], float] = time.monotonic) -> list[str]:
    """Ask again, keep what both askings gave, and return the limits of the backup, a line each. Never raises."""
    try:
        why = asked if isinstance(asked, str) else None
        limits = _after(asked, directory, clock) if isinstance(asked, Asked) else []
    except Exception as error:  # noqa: BLE001 - as above
        why, limits = _told(error), []
    return [f"what dashboards are answered is not in this backup: {why}"] if why else limits


def _told(error: Exception) -> str:
    return error.message if isinstance(error, LifeboatError) else f"{type(error).__name__}: {shown(str(error), 200)}"


def _before(api: Api, job: Job, past: Horizon, clock: Callable[[], float]) -> Asked | None:
    if job.panels is None:
        return None
    panels, began, until = job.panels, clock(), api.clock() - past.margin
    whom = panels.through or PrometheusAsker(api, panels.sources)
    late = {question.id: _too_new(question, until) for question in panels.questions if question.end > until * 1000}
    if past.elsewhere:
        late = {question.id: not_asked(question, ELSEWHERE) for question in panels.questions}
    others = [question for question in panels.questions if question.id not in late]
    how = "through Grafana" if panels.through else "directly"
    job.say(f"asking what dashboards ask {how}: {plural.count(len(others), 'question')}")
    # Half of the time, so that there is as much for the second asking.
    answers = asking.ask_all(whom, others, began + panels.seconds / 2, clock, odd=asking.ODD)
    return Asked(panels, whom, answers | late, panels.seconds - (clock() - began))


def _after(asked: Asked, directory: Path, clock: Callable[[], float]) -> list[str]:
    questions = asked.job.questions
    again = asking.ask_all(asked.asker, asking.asked(questions, asked.answers), clock() + asked.seconds, clock, odd=asking.ODD)
    return keep(asked.job, asked.asker.way, asking.settle(questions, asked.answers, again), directory)


def _too_new(question: Question, until: float) -> Answer:
    newer = question.end / 1000 - until
    return not_asked(question, f"its window ends {newer:.0f} s after the instant up to which the source is complete")

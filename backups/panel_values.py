"""Finds the values of dashboards' variables before a capture, by asking a Grafana or the live services."""

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace

from backups.errors import LifeboatError
from backups.panels import choose
from backups.panels.boards import Boards, DataSource
from backups.panels.choose import Circumstances
from backups.panels.dashboards.shape import Json
from backups.panels.question import Asker, Question
from backups.services.panelled import Panelled

log = logging.getLogger(__name__)

_ROUNDS = 8
"""A variable may need another one, and that one a third; deeper ones get no value."""
_NO_TIME: Json = {"status": 0, "error": "there was no time for it before the capture"}


class Askers:
    """Whoever is asked for a variable's values: the Grafana, as long as it lets us; else the services themselves."""

    def __init__(
        self,
        stack: ExitStack,
        services: Mapping[str, object],
        sources: Callable[[str], tuple[DataSource, ...]],
        through: Asker | None,
    ) -> None:
        self._stack = stack
        self._services = services
        self._sources = sources
        self._direct: dict[str, Asker | LifeboatError] = {}
        self._heard = False
        self.through = through

    def ask(self, question: Question) -> Json:
        """What is answered. Raises LifeboatError. A Grafana that has answered nothing yet, and does not, is not asked again.

        SQL is never asked through a Grafana: what one has given up goes on at the server.
        """
        if self.through is not None and "rawSql" not in question.query:
            try:
                reply = self.through.ask(question)
            except LifeboatError as error:
                if self._heard:
                    raise
                log.warning("the Grafana is not asked, its data sources are, directly: %s", error.message)
                self.through = None
            else:
                self._heard = True
                return reply
        asker = self._asker(question.service)
        if isinstance(asker, LifeboatError):
            raise asker
        return asker.ask(question)

    def _asker(self, name: str) -> Asker | LifeboatError:
        if name not in self._direct:
            service = self._services[name]
            assert isinstance(service, Panelled)  # noqa: S101 - as `who_answers` has it
            try:
                self._direct[name] = self._stack.enter_context(service.asker(self._sources(name)))
            except LifeboatError as error:
                self._direct[name] = error
        return self._direct[name]


def values(boards: Boards, given: Circumstances, askers: Askers, until: float, clock: Callable[[], float]) -> dict[str, Json]:
    """Ask for the variables' values until `clock` says `until`, those first that need no other; what two dashboards ask once."""
    replies: dict[str, Json] = {}
    known: dict[str, Json] = {}
    for _ in range(_ROUNDS):
        questions = choose.lookups(boards, replace(given, replies=replies))
        for question in questions:
            key = question.model_dump_json(include={"organisation", "service", "start", "end", "query", "resource"})
            if key not in known:
                known[key] = _reply(question, askers) if clock() < until and len(known) < given.most else _NO_TIME
            replies[question.id] = known[key]
        if not questions:
            break
    return replies


def _reply(question: Question, askers: Askers) -> Json:
    try:
        return askers.ask(question)
    except LifeboatError as error:
        return {"status": 0, "error": error.message}

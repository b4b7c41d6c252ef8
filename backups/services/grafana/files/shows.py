"""Looks whether a restored Grafana gives out its dashboards and data sources as they were restored, and asks through it."""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from typing import Any

from backups.panels.question import Asker, Question, Way
from backups.services.grafana.client import Client
from backups.services.grafana.files import answers, deep
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.objects import read
from backups.witness import Fact, Value

_OWN = "is_prunable"
"""The column of a data source that a copy changes itself before its start."""


class Inside:
    """Asks by another asker, each time inside the network of the copy; see `Asker`."""

    def __init__(self, asker: Asker, reached: Callable[[], AbstractContextManager[str]]) -> None:
        self._asker = asker
        self._reached = reached

    @property
    def way(self) -> Way:
        """Who is asked."""
        return self._asker.way

    def ask(self, question: Question) -> dict[str, Any]:
        """See `Asker`."""
        with self._reached():
            return self._asker.ask(question)


def unopened(url: str, database: Database, dashboards: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return which of these dashboards, by organisation and uid, the server does not give out as the database has them, and why.

    One that this database does not hold is none that it must give out; one that is nested too deep to be compared is left out.
    """
    objects, who = read(database), answers.readers(database)
    nested = deep.look(database, objects)
    found: dict[tuple[int, str], str] = {}
    for one in objects.dashboards:
        key = (one.organisation, one.uid)
        if key not in dashboards or one.organisation not in who or not objects.served(one) or key in nested.dashboards:
            continue
        wanted = _json(answers.expected_dashboard(one))
        client = Client.behind_proxy(url, who).within(one.organisation)
        answer = _json(answers.dashboard(client, one.organisation, one.uid, one.version))
        if answer != wanted:
            refused = isinstance(answer, str) and not _is_digest(answer)
            found[key] = f"the restored Grafana answers {answer}" if refused else "the restored Grafana gives out another one"
    return found


def altered(before: Database, now: Database) -> list[str]:
    """Name the data sources whose rows are not, in every column but the one that a copy sets itself, what they were before."""
    rows = [
        {row["id"]: {name: value for name, value in row.items() if name != _OWN} for row in database.rows("data_source")}
        for database in (before, now)
    ]
    return [
        f"data source {(rows[0].get(number) or rows[1][number]).get('name')}"
        for number in sorted(rows[0].keys() | rows[1].keys())
        if rows[0].get(number) != rows[1].get(number)
    ]


def _json(facts: Iterable[Fact]) -> Value:
    return next((fact.value for fact in facts if fact.metric == "json over http"), None)


def _is_digest(text: str) -> bool:
    return len(text) >= 32 and all(letter in "0123456789abcdef" for letter in text)

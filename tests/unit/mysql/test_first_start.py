"""A started MySQL is asked for the rows of the witness: a table that is gone or lacks rows is found, what was not counted is said."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql.err
import pytest

from backups.errors import LifeboatError
from backups.places.local.place import LocalPlace
from backups.services.base import Asked
from backups.services.mysql import first_start
from backups.services.mysql.first_start import RowsStay
from backups.services.mysql.settings import MySQLSettings
from backups.witness import Fact

SETTINGS = MySQLSettings.model_validate({"type": "mysql", "image": "m", "host": "db", "port": 3307, "password": "p"})
WITNESS = (Fact("a.one", "rows", 5), Fact("a.two", "rows", 0), Fact("mysql.user", "rows", 7), Fact("a.one", "fingerprint", "x"))


def ask(
    monkeypatch: pytest.MonkeyPatch,
    held: dict[str, Any],
    *,
    address: str | None = "172.17.0.9",
    witness: Any = WITNESS,
    scheduler: str | None = None,
) -> Asked:
    """Ask a server that has these numbers of rows; an exception is raised by the count. scheduler: where it has events, whether they run."""
    seen: list[MySQLSettings] = []

    @contextmanager
    def looking(settings: MySQLSettings) -> Iterator[None]:
        seen.append(settings)
        if "refused" in held:
            raise LifeboatError(held["refused"])
        yield

    def count(_: Any, table: str, __: float) -> int | None:
        found: int | Exception | None = held.get(table)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(first_start, "looking", looking)
    monkeypatch.setattr(first_start, "_count", count)
    monkeypatch.setattr(first_start, "rows", lambda *_: [(scheduler,)])
    asked = RowsStay(witness, events=scheduler is not None).ask(LocalPlace(Path("/nowhere")), address, SETTINGS)
    where = [(settings.host, settings.port) for settings in seen]
    assert where == ([] if not witness else [(address, 3306) if address else ("db", 3307)])
    return asked


@pytest.mark.parametrize(
    ("held", "wrong"),
    [
        ({"a.one": 5, "a.two": 0}, []),
        ({"a.one": 4, "a.two": 0}, ["a.one"]),
        ({"a.one": 6, "a.two": 0}, ["a.one"]),
        ({"a.one": 5}, ["a.two"]),
        ({"a.one": 5, "a.two": 1}, ["a.two"]),
    ],
)
def test_every_table_has_the_rows_that_the_witness_counted(
    monkeypatch: pytest.MonkeyPatch, held: dict[str, Any], wrong: list[str]
) -> None:
    asked = ask(monkeypatch, held)
    assert [check.subject for check in asked.checks if not check.passed] == wrong
    assert len(asked.checks) == 2
    assert asked.unasked == ["the values in its rows, which were compared before, in the sandbox"]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"refused": "access denied"}, "its tables, as user lifeboat: access denied"),
        ({"a.two": 0, "a.one": pymysql.err.OperationalError(3024, "took too long")}, "the rows of 1 table: 3024 took too long"),
    ],
)
def test_what_could_not_be_counted_is_said(monkeypatch: pytest.MonkeyPatch, held: dict[str, Any], words: str) -> None:
    asked = ask(monkeypatch, held)
    assert all(check.passed for check in asked.checks)
    assert asked.unasked == [words]


def test_no_time_left_and_no_witness_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, {}, witness=()).unasked == ["its tables: no witness is of this moment"]
    monkeypatch.setattr(first_start, "_SECONDS", 0.0)
    assert ask(monkeypatch, {"a.one": 5}, address=None).unasked[0] == "the rows of 2 tables, for want of time"


@pytest.mark.parametrize(
    ("scheduler", "wrong", "unasked"),
    [("ON", ["a.two"], ["the rows of a.one, which an event may have changed since the start"]), ("OFF", ["a.one", "a.two"], [])],
)
def test_what_an_event_may_have_changed_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, scheduler: str, wrong: list[str], unasked: list[str]
) -> None:
    """A table that is gone is one all the same."""
    asked = ask(monkeypatch, {"a.one": 6}, scheduler=scheduler)
    assert sorted(check.subject for check in asked.checks if not check.passed) == wrong
    assert asked.unasked == [*unasked, "the values in its rows, which were compared before, in the sandbox"]


def test_what_an_event_may_have_changed_is_said_also_when_the_server_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was counted, and nothing is said of its count: neither equal nor asked."""
    gone = pymysql.err.OperationalError(2013, "lost connection")
    asked = ask(monkeypatch, {"a.two": 3, "a.one": gone}, scheduler="ON")
    assert asked.checks == []
    assert asked.unasked == [
        "the rows of a.two, which an event may have changed since the start",
        "the rows of 1 table: 2013 lost connection",
    ]

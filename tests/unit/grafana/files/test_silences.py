"""Silences are read as the Alertmanager writes them, and asked of the restored server as long as they last."""

import base64
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.services.grafana.client import Client
from backups.services.grafana.files import muted, silences
from backups.services.grafana.files.database import opened
from backups.witness import Fact
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving
from tests.conftest import FIELD_DATA
from tests.servers.silences import silence, written

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
NAME = "3b0d6b0e-7889-49de-a725-4b2c8e02e729"
OTHER = "3b0d6b0e-7889-49de-a725-4b2c8e02e730"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    build(tmp_path / "grafana.db", layout="resource")
    return tmp_path / "grafana.db"


def keep(path: Path, value: object, organisation: int = 1) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM kv_store WHERE namespace = 'alertmanager'")
        connection.execute(
            "INSERT INTO kv_store (org_id, namespace, key, value, created, updated) VALUES (?, 'alertmanager', 'silences', ?, '', '')",
            (organisation, value),
        )


def stated(path: Path) -> list[Fact]:
    with opened(path) as database:
        return list(silences.facts(database))


def test_each_silence_is_a_fact_whatever_their_order(path: Path) -> None:
    records = silence(NAME, NOW), silence(OTHER, NOW)
    keep(path, written(*records))
    first = stated(path)
    keep(path, written(*reversed(records)))

    assert stated(path) == first
    assert [(fact.subject, fact.metric) for fact in first] == [
        ("org 1", "silences"),
        (f"org 1 silence {NAME}", "record"),
        (f"org 1 silence {OTHER}", "record"),
    ]
    keep(path, written(silence(NAME, NOW, "another"), silence(OTHER, NOW)))
    assert [fact.subject for fact, before in zip(stated(path), first, strict=True) if fact != before] == [f"org 1 silence {NAME}"]


@pytest.mark.parametrize(
    "value",
    ["no base64!", "", 7, "AAAA", base64.b64encode(b"\x05abc").decode(), written(silence(NAME, NOW))[:-8], "/////w=="],
    ids=["no base64", "nothing", "a number", "zeros", "cut", "cut within", "no end"],
)
def test_what_is_written_otherwise_is_compared_whole(path: Path, value: object) -> None:
    keep(path, value)

    assert [(fact.subject, fact.metric) for fact in stated(path)] in (
        [("org 1 silences", "content")],
        [("org 1", "silences")],
    )
    assert (len(stated(path)), stated(path)[0].value == 0) == (1, value == "")


@pytest.mark.field
@pytest.mark.parametrize("name", ["lived-in-11.0.0", "lived-in-12.4.3"])
def test_silences_of_real_servers_are_read(name: str) -> None:
    with opened(FIELD_DATA / "grafana" / "db" / f"{name}.db") as database:
        (only,) = silences.every(database)

    assert (only.organisation, only.until.year > 2026, len(only.name)) == (1, True, 36)


@pytest.mark.parametrize(
    ("lasts", "served", "value"),
    [
        (timedelta(days=9), True, "yes"),
        (timedelta(days=9), False, "no"),
        (timedelta(days=-9), False, "yes"),
        (timedelta(seconds=30), False, "yes"),
    ],
    ids=["kept", "gone", "over", "ends just now"],
)
def test_the_server_is_asked_for_those_that_last(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasts: timedelta, served: bool, value: str
) -> None:
    monkeypatch.setattr(muted, "_SECONDS", 0.1)
    keep(path, written(silence(NAME, NOW + lasts)))
    runs_on = tmp_path / "server"
    runs_on.mkdir()
    (runs_on / "grafana.db").write_bytes(path.read_bytes())
    if not served:
        keep(runs_on / "grafana.db", "")
    with serving(runs_on, GF_AUTH_PROXY_ENABLED="true") as url, opened(path) as database:
        client = Client.behind_proxy(url, {1: "admin"}).within(1)
        observed = list(muted.observed(database, client, 1, NOW))
        expected = list(muted.expected(database, {1}))

    assert [fact.value for fact in observed] == [value]
    assert (observed == expected) == (value == "yes")


def test_a_refusal_is_no_silence(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muted, "_SECONDS", 0.1)
    keep(path, written(silence(NAME, NOW + timedelta(days=9))))
    with serving(tmp_path, GF_AUTH_PROXY_ENABLED="true") as url, opened(path) as kept:
        client = Client.behind_proxy(url, {1: "nobody here"}).within(1)
        assert [fact.value for fact in muted.observed(kept, client, 1, NOW)] == ["HTTP 401"]

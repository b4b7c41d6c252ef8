"""A Grafana is backed up while it runs, and comes back equal."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backups.machine.wait import wait_until
from backups.services.grafana import server
from backups.services.grafana.client import Client
from backups.services.grafana.files import age, answers, objects, secrets, witness
from backups.services.grafana.files.database import opened
from backups.services.grafana.files.secrets import DEFAULT_KEY
from backups.services.grafana.service import GrafanaService
from backups.witness import compare
from deployments.grafana_standin import edits
from tests.conftest import FIELD_DATA
from tests.integration.grafana.conftest import Harness
from tests.servers.grafana import SECRET_KEY, GrafanaFactory, GrafanaServer

pytestmark = pytest.mark.docker


def _nest(database: Path, table: str, column: str) -> None:
    """Make one dashboard a text as anybody who may edit can save it, nested 1200 levels deep."""
    with closing(sqlite3.connect(database)) as connection, connection:
        text = f"CAST({column} AS TEXT)"
        chosen = f"SELECT rowid FROM {table} WHERE {text} LIKE '%\"panels\"%' LIMIT 1"
        deep = f'{{"x": {"[" * 1200 + "]" * 1200}, '
        statement = f"UPDATE {table} SET {column} = CAST(? || substr({text}, 2) AS BLOB) WHERE rowid = ({chosen})"
        assert connection.execute(statement, (deep,)).rowcount == 1


@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_a_copy_is_equal_in_every_fact(harness: Harness, grafana_factory: GrafanaFactory, layout: str) -> None:
    """Both layouts, in WAL mode: what the database said at the source, the restored database and its server say again."""
    source = grafana_factory(layout=layout, wal=True)
    table, column = ("dashboard", "data") if layout == "dashboard" else ("resource", "value")
    _nest(source.data / "grafana.db", table, column)
    captured, data = harness.capture(source.settings())
    assert any("nested deeper than" in line for line in captured.details["limits"])

    checks = harness.drill(harness.fetched(source.settings(), captured, data))

    assert [check for check in checks if not check.passed] == []
    assert len(checks) == len(captured.witness) > 150
    assert sum(check.metric.endswith("over http") for check in checks) > 40


def test_a_capture_says_what_it_holds(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Version, plugins, configuration and provisioning files travel along; plugin files do not, nor does a secret in a fact."""
    captured, data = harness.capture(grafana_source.settings())

    assert captured.source_version == "12.4.1"
    assert captured.details["plugins"] == [{"id": "agama-clock-panel", "version": "2.1.0"}]
    assert captured.details["configuration"] is True
    assert captured.details["layout"] == "resource"
    assert sorted(path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()) == [
        "config/grafana.ini",
        "config/provisioning/datasources/agama.yaml",
        "environment.json",
        "grafana.db",
    ]
    text = "\n".join(f"{fact.subject} {fact.metric} {fact.value}" for fact in captured.witness)
    assert SECRET_KEY not in text
    assert "of-the-database" not in text
    limits = "\n".join(captured.details["limits"])
    assert "the files of plugins, to be installed again: agama-clock-panel 2.1.0" in limits
    assert "not compared" not in limits
    assert "secret_key opens" not in " ".join(harness.lines)


def test_a_writer_that_never_stops_does_not_tear_the_copy(harness: Harness, grafana_factory: GrafanaFactory) -> None:
    """Dashboards are saved as fast as the database lets them, in WAL mode, while it is copied: witness and copy are of one instant."""
    source = grafana_factory(layout="resource", wal=True)
    stop, saved = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            edits.add_dashboard(source.database, f"written-{len(saved)}", f"Number {len(saved)}")
            saved.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wait_until(lambda: len(saved) > 5, seconds=120)
        captured, data = harness.capture(source.settings())
        during = len(saved)
    finally:
        stop.set()
        writer.join()

    checks = harness.drill(harness.fetched(source.settings(), captured, data))

    assert [check for check in checks if not check.passed] == []
    written = [check for check in checks if check.subject.startswith("org 1 dashboard written-") and check.metric == "json"]
    assert 5 < len(written) <= during + 1


@pytest.mark.field
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("app-sizer-9.0.0", ""),
        ("2025-1A-T09-ES09-G05-11.6.0", ""),
        ("openresty-api-gateway-lab-12.4.1", ""),
        ("lived-in-12.4.3", "k7Qxgsrc"),
    ],
)
def test_real_databases_come_back_equal(
    harness: Harness, grafana_factory: GrafanaFactory, monkeypatch: pytest.MonkeyPatch, name: str, key: str
) -> None:
    """Databases that real Grafanas of versions 9, 11 and 12.4 left behind; the key that opens their secrets is mostly the default."""
    # The stand-in says that it is 12.4, and serves older databases as they are: no real server does.
    monkeypatch.setattr(age, "MARKS", age.MARKS[:1])
    source = grafana_factory(database=FIELD_DATA / "grafana" / "db" / f"{name}.db")
    (source.configuration / "grafana.ini").write_text(f"[security]\nsecret_key = {key}\n")
    captured, data = harness.capture(source.settings())

    checks = harness.drill(harness.fetched(source.settings(), captured, data))

    assert [check for check in checks if not check.passed] == []
    (number,) = (check.observed for check in checks if check.metric == "opened by the backup's secret_key")
    assert number in {"2 of 2", "3 of 3", "4 of 4", "16 of 16"}
    assert captured.details["partial"] == []


def test_a_backup_of_an_earlier_lifeboat_still_comes_back_equal(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Its witness is of the first form, and its manifest says nothing of what came from outside."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    with opened(data / "grafana.db") as database:
        found = objects.read(database)
        facts = [
            *witness.facts(database, found, exact=False),
            *secrets.facts(database, [SECRET_KEY], exact=False),
            *answers.expected(database, found, muting=False),
        ]
    earlier = replace(captured, witness=facts, details={"plugins": [], "configuration": True, "layout": "resource"})

    checks = harness.drill(harness.fetched(settings, earlier, data))

    assert [check for check in checks if not check.passed] == []
    assert len(checks) == len(facts)
    damaged = harness.drill(harness.fetched(settings, earlier, data), lambda path: edits.delete_rows(path, "api_key", "1 = 1"))
    assert [check.subject for check in damaged if not check.passed] == ["org 1 token robot-token"]


def test_a_copy_starts_disarmed(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Its configuration has the source's key and toggles, not its mail server; nothing is provisioned, evaluated or sent."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
        connection.execute("UPDATE data_source SET is_prunable = 1")
        row = connection.execute("SELECT value FROM resource WHERE name = 'agama-overview' AND namespace = 'default'").fetchone()
        mark = '"grafana.app/managedBy":"classic-file-provisioning","grafana.app/managerId":"team files","grafana.app/createdBy"'
        value = row[0].decode().replace('"grafana.app/createdBy"', mark, 1)
        connection.execute(
            "UPDATE resource SET value = ? WHERE name = 'agama-overview' AND namespace = 'default'", (value.encode(),)
        )

    with harness.copy(harness.fetched(settings, captured, data)) as (copy, sandbox):
        copy.assemble()
        copy.start()
        ini = (sandbox.directory / "grafana" / "lifeboat.ini").read_text()
        providers = (sandbox.directory / "grafana" / "lifeboat-provisioning" / "dashboards" / "lifeboat.yaml").read_text()
        with closing(sqlite3.connect(sandbox.directory / "grafana" / "grafana.db")) as connection:
            prunable = connection.execute("SELECT sum(is_prunable) FROM data_source").fetchone()[0]
        owner = (sandbox.directory / "grafana" / "grafana.db").stat().st_uid

    assert f'secret_key = """{SECRET_KEY}"""' in ini
    assert 'enable = """provisioning"""' in ini
    assert "mail.example.org" not in ini
    assert "https" not in ini
    assert "name: team files" in providers
    assert prunable == 0
    assert owner == 472
    assert server.ENVIRONMENT["GF_UNIFIED_ALERTING_EXECUTE_ALERTS"] == "false"


def test_a_source_that_is_down_is_backed_up_all_the_same(harness: Harness, grafana_factory: GrafanaFactory) -> None:
    """The database is what counts, and it is never more at rest; the version is not known then, and the operator is told."""
    source = grafana_factory(layout="dashboard")
    settings = source.settings(place=f"local:{source.data}", url="http://127.0.0.1:9")
    source.stop()

    captured, data = harness.capture(settings)

    assert captured.source_version == "unknown"
    assert any("does not answer" in line and "backed up all the same" in line for line in harness.lines)
    assert [check for check in harness.drill(harness.fetched(settings, captured, data)) if not check.passed] == []


def test_a_key_that_is_not_in_the_backup_is_told(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Without config_place the secrets of this source cannot be opened: the capture says so, with both numbers, and the cause."""
    captured, _ = harness.capture(grafana_source.settings(config_place=None))

    assert any("7 of 7 secrets cannot be opened" in line and "give config_place" in line for line in harness.lines)
    limits = "\n".join(captured.details["limits"])
    assert "7 of 7 secrets cannot be opened: the default secret_key does not open them" in limits
    assert captured.details["partial"] == ["7 of 7 secrets cannot be opened"]
    assert "no config_place: grafana.ini and provisioning files are not backed up" in limits
    assert captured.details["configuration"] is False
    assert DEFAULT_KEY != SECRET_KEY


def test_a_key_in_a_file_of_the_container_comes_along(harness: Harness, grafana_factory: GrafanaFactory) -> None:
    """`$__file{…}`, as the documentation has it: the backup notes the key, its copy starts, and a restore says what to make again."""
    source = grafana_factory()
    (source.configuration / "grafana.ini").write_text("[security]\nsecret_key = $__file{/var/lib/grafana/key}\n")
    (source.data / "key").write_text(f"{SECRET_KEY}\n")
    settings = source.settings()
    captured, data = harness.capture(settings)
    fetched = harness.fetched(settings, captured, data)

    assert captured.details["partial"] == []
    assert any("the file /var/lib/grafana/key, which has the secret_key" in limit for limit in captured.details["limits"])
    assert SECRET_KEY not in fetched.manifest.model_dump_json()
    with harness.copy(fetched) as (copy, sandbox):
        copy.assemble()
        copy.start()
        copy.first_answer()
        assert [check for check in compare(fetched.manifest.witness, copy.observe()) if not check.passed] == []
        assert "$__file" not in (sandbox.directory / "grafana" / "lifeboat.ini").read_text()
        delivery = copy.settle()
        assert delivery.configuration is not None
        key = delivery.configuration / "lifeboat-secret-key"
        assert (key.read_text(), key.stat().st_mode & 0o777) == (SECRET_KEY, 0o600)
        assert any("make the file /var/lib/grafana/key of it" in note for note in delivery.notes)


def test_the_source_is_left_as_it_was(harness: Harness, grafana_source: GrafanaServer) -> None:
    """A capture reads: the source's files and answers are the same after it."""
    before = {path: path.stat().st_size for path in grafana_source.data.rglob("*")}
    harness.capture(grafana_source.settings())

    assert {path: path.stat().st_size for path in grafana_source.data.rglob("*")} == before
    assert Client(grafana_source.url).health().ok


def test_a_chain_wants_its_last_backup_only(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Every backup holds the whole database, so an incremental's chain brings back its end alone."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    manifest = harness.fetched(settings, captured, Path(data)).manifest
    service = GrafanaService("grafana", settings, harness.run.docker)

    assert service.wanted([manifest, manifest, manifest]) == [[], [], None]

"""The witness: equal copies state equal facts, and whatever is lost or changed is named."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backups.places.local.place import LocalPlace
from backups.services.grafana.files import answers, objects, secrets, witness
from backups.services.grafana.files.database import opened
from backups.witness import Check, Fact, compare
from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout, build
from tests.conftest import FIELD_DATA

Damage = Callable[[Path], object]
REAL = ["app-sizer-9.0.0", "2025-1A-T09-ES09-G05-11.6.0", "openresty-api-gateway-lab-12.4.1"]
LIVED_IN = ["lived-in-11.0.0", "lived-in-12.4.3"]


def stated(path: Path, *, exact: bool = True) -> list[Fact]:
    """Everything that a capture states of a database."""
    with opened(path) as database:
        found = objects.read(database)
        sealed = secrets.facts(database, [secrets.DEFAULT_KEY], exact=exact)
        return [*witness.facts(database, found, exact=exact), *sealed, *answers.expected(database, found)]


def failed(before: list[Fact], path: Path) -> list[Check]:
    """The checks that tell a damaged database from what it was."""
    return [check for check in compare(before, stated(path)) if not check.passed]


def execute(statement: str) -> Damage:
    """Damage by one statement, which must change something."""

    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            assert connection.execute(statement).rowcount > 0

    return damage


@pytest.fixture(params=["dashboard", "resource"])
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[Layout, Path]:
    """One database of each layout, to be copied."""
    directory = tmp_path_factory.mktemp("built")
    paths: dict[Layout, Path] = {"dashboard": directory / "dashboard.db", "resource": directory / "resource.db"}
    for layout, path in paths.items():
        build(path, layout=layout)
    return paths


@pytest.fixture
def database(tmp_path: Path, layout: Layout, built: dict[Layout, Path]) -> Path:
    return shutil.copyfile(built[layout], tmp_path / "grafana.db")


@pytest.fixture(scope="module")
def both(built: dict[Layout, Path]) -> dict[Layout, list[Fact]]:
    """What a capture states of each."""
    return {layout: stated(path) for layout, path in built.items()}


@pytest.fixture
def before(both: dict[Layout, list[Fact]], layout: Layout) -> list[Fact]:
    """What a capture states of the database before it is changed."""
    return both[layout]


@pytest.mark.parametrize("wal", [False, True])
def test_a_copy_states_what_the_source_stated(tmp_path: Path, layout: Layout, wal: bool) -> None:
    """Through SQLite's online backup, also out of a WAL that a writer holds open with changes not yet in the main file."""
    source = tmp_path / "grafana.db"
    build(source, layout=layout, wal=wal)
    with closing(sqlite3.connect(source)) as writer:
        writer.execute("UPDATE org SET name = 'renamed, and still in the log' WHERE id = 2")
        writer.commit()
        LocalPlace(tmp_path).fetch_sqlite("grafana.db", tmp_path / "first.db", seconds=5)
        LocalPlace(tmp_path).fetch_sqlite("grafana.db", tmp_path / "second.db", seconds=5)
        LocalPlace(tmp_path).fetch_sqlite("second.db", tmp_path / "third.db", seconds=5)

    facts = stated(tmp_path / "first.db")

    assert failed(facts, tmp_path / "third.db") == []
    with closing(sqlite3.connect(tmp_path / "third.db")) as copy:
        assert copy.execute("SELECT name FROM org WHERE id = 2").fetchone() == ("renamed, and still in the log",)


@pytest.mark.long
@pytest.mark.field
@pytest.mark.parametrize("name", [*REAL, *LIVED_IN])
def test_copies_of_real_databases_state_the_same(tmp_path: Path, name: str) -> None:
    """Versions 9, 11 and 12.4, in both forms of the witness; no fact is stated twice."""
    (tmp_path / "grafana.db").write_bytes((FIELD_DATA / "grafana" / "db" / f"{name}.db").read_bytes())
    facts = stated(tmp_path / "grafana.db")
    LocalPlace(tmp_path).fetch_sqlite("grafana.db", tmp_path / "copy.db", seconds=5)

    assert failed(facts, tmp_path / "copy.db") == []
    old = stated(tmp_path / "grafana.db", exact=False)
    assert [check for check in compare(old, stated(tmp_path / "copy.db", exact=False)) if not check.passed] == []


@pytest.mark.field
def test_real_dashboards_are_found_in_either_layout() -> None:
    """4 in the tables of 11.6, 9 in the resources of 12.4.1: a check that reads one place only would find none in the other."""
    found = {}
    for name in REAL:
        with opened(FIELD_DATA / "grafana" / "db" / f"{name}.db") as database:
            read = objects.read(database)
            found[name] = (len(read.dashboards), {one.layout for one in read.dashboards}, read.unified)
    assert found == {
        "app-sizer-9.0.0": (1, {"table"}, False),
        "2025-1A-T09-ES09-G05-11.6.0": (4, {"table"}, False),
        "openresty-api-gateway-lab-12.4.1": (9, {"resource"}, True),
    }


@pytest.mark.parametrize(
    ("damage", "subject", "metrics"),
    [
        (lambda path: edits.delete_dashboard(path, "welcome"), "org 1 dashboard welcome", {"json", "title", "json over http"}),
        (
            lambda path: edits.change_panel(path, "agama-overview", 1, title="another"),
            "org 1 dashboard agama-overview",
            {"json", "saved versions", "json over http"},
        ),
        (execute("DELETE FROM data_source WHERE uid = 'agama-mysql'"), "org 1 data source agama-mysql", {"name", "settings"}),
        (
            execute("DELETE FROM data_source WHERE uid = 'agama-mysql'"),
            "org 1 dashboard agama-orders",
            {"missing"},
        ),
        (execute("UPDATE data_source SET url = 'x' WHERE uid = 'agama-mysql'"), "org 1 data source agama-mysql", {"settings"}),
        (
            execute("UPDATE data_source SET secure_json_data = '{}' WHERE uid = 'agama-mysql'"),
            "org 1 data source agama-mysql",
            {"secret keys", "sealed secrets", "secret keys over http"},
        ),
        (execute("DELETE FROM library_element"), "org 1", {"library panels"}),
        (execute("UPDATE library_element SET model = '{}'"), "org 1 library panel {library}", {"json", "json over http"}),
        (execute("DELETE FROM user WHERE login = 'editor'"), "user editor", {"record"}),
        (execute("UPDATE user SET password = 'x' WHERE login = 'editor'"), "user editor", {"record"}),
        (execute("UPDATE user SET is_disabled = 1 WHERE login = 'sa-1-robot'"), "service account sa-1-robot", {"record"}),
        (execute("UPDATE org_user SET role = 'Admin' WHERE user_id = 2"), "org 1 member editor", {"role"}),
        (execute("DELETE FROM api_key"), "org 1 token robot-token", {"record"}),
        (execute("DELETE FROM team_member WHERE user_id = 2"), "org 1 team Operators member editor", {"membership"}),
        (execute("UPDATE alert_rule SET data = replace(data, '10', '11')"), "org 1 alert rule agama-failed", {"definition"}),
        (execute("UPDATE alert_rule SET is_paused = 1 - is_paused"), "org 1 alert rule agama-failed", {"definition over http"}),
        (execute("DELETE FROM alert_rule"), "org 1", {"alert rules"}),
        (execute("DELETE FROM alert_configuration WHERE org_id = 1"), "org 1", {"notification policies", "contact points"}),
        (execute("DELETE FROM data_keys"), "secrets", {"missing", "opened by the backup's secret_key"}),
        (execute("DELETE FROM permission"), "org 1 role managed:users:2:permissions", {"permissions"}),
        (execute("DELETE FROM preferences"), "org 1 preferences of everybody", {"record"}),
        (execute("DELETE FROM playlist_item WHERE `order` = 2"), "org 1 playlist on-the-wall", {"content"}),
        (execute("DELETE FROM annotation WHERE id = 2"), "table annotation", {"rows", "every value"}),
        (execute("UPDATE annotation SET text = 'x' WHERE id = 2"), "table annotation", {"every value"}),
        (execute("DELETE FROM dashboard_snapshot"), "org 1 snapshot 1", {"record"}),
        (execute("DELETE FROM org WHERE id = 2"), "grafana", {"organisations"}),
    ],
)
def test_what_is_lost_or_changed_is_named(
    database: Path, before: list[Fact], damage: Damage, subject: str, metrics: set[str]
) -> None:
    if "{library}" in subject:
        library = next(fact.subject for fact in before if " library panel " in fact.subject)
        subject = library
    damage(database)

    found = {check.metric for check in failed(before, database) if check.subject == subject}

    assert metrics <= found, failed(before, database)


def test_one_changed_query_changes_one_dashboard_only(database: Path, before: list[Fact]) -> None:
    """A panel's query of a dashboard of the other organisation: nobody else is accused."""
    table = "resource" if _unified(database) else "dashboard"
    column, where = ("value", "namespace = 'org-2'") if table == "resource" else ("data", "org_id = 2 AND is_folder = 0")
    execute(f"UPDATE {table} SET {column} = CAST(replace(CAST({column} AS TEXT), '\"up\"', '\"down\"') AS BLOB) WHERE {where}")(
        database
    )

    assert {(check.subject, check.metric) for check in failed(before, database)} == {
        ("org 2 dashboard agama-overview", "json"),
        ("org 2 dashboard agama-overview", "json over http"),
        (f"table {table}", "every value"),
        *([("org 2 dashboard agama-overview", "stored object")] if table == "resource" else []),
    }


def test_a_moved_folder_is_named(database: Path, before: list[Fact]) -> None:
    """Its title and contents are as before; only its parent differs."""
    if _unified(database):
        old, new = '"grafana.app/folder":"agama-details"', '"grafana.app/folder":"monitoring"'
        statement = (
            f"UPDATE resource SET value = CAST(replace(CAST(value AS TEXT), '{old}', '{new}') AS BLOB) WHERE name = 'agama-deep'"
        )
    else:
        statement = "UPDATE folder SET parent_uid = 'monitoring' WHERE uid = 'agama-deep'"
    execute(statement)(database)

    found = failed(before, database)

    assert {(check.subject, check.metric, check.expected, check.observed) for check in found if "parent" in check.metric} == {
        ("org 1 folder agama-deep", "parent", "agama-details", "monitoring"),
        ("org 1 folder agama-deep", "parent over http", "agama-details", "monitoring"),
    }
    assert {check.subject for check in found} <= {"org 1 folder agama-deep", "table resource", "table folder"}


def test_a_lost_folder_is_missed_by_what_is_in_it(database: Path, before: list[Fact]) -> None:
    """The dashboards that it held say which folder they miss."""
    if _unified(database):
        execute("DELETE FROM resource WHERE name = 'monitoring' AND resource = 'folders'")(database)
    else:
        execute("DELETE FROM folder WHERE uid = 'monitoring'")(database)
        execute("DELETE FROM dashboard WHERE uid = 'monitoring' AND is_folder = 1")(database)

    found = failed(before, database)

    assert any(check.metric == "missing" and check.observed == "folder monitoring" for check in found)
    assert any(check.subject == "org 1 folder monitoring" and check.observed is None for check in found)


def test_a_witness_of_the_first_form_is_compared_in_that_form(database: Path) -> None:
    """Backups that an earlier Lifeboat took: sessions, visits, locks, caches, a new data key and seeded roles were no part of it."""
    before = stated(database, exact=False)
    for statement in (
        "UPDATE user SET last_seen_at = '2030-01-01 00:00:00', updated = '2030-01-01 00:00:00'",
        "INSERT INTO kv_store (org_id, namespace, key, value, created, updated) VALUES (0, 'infra.usagestats', 'last_sent', 'x', '', '')",
        "INSERT INTO data_keys (name, active, scope, provider, encrypted_data, created, updated) VALUES ('new', 1, 'root', 'p', 'x', '', '')",
        "INSERT INTO role (name, version, org_id, uid, created, updated) VALUES ('fixed:reports:reader', 1, 0, 'f', '', '')",
        "INSERT INTO migration_log (migration_id, sql, success, error, timestamp) VALUES ('m', '', 1, '', '')",
        "UPDATE server_lock SET version = version + 1",
    ):
        execute(statement)(database)

    assert not witness.is_exact(before)
    assert [check for check in compare(before, stated(database, exact=False)) if not check.passed] == []
    execute("DELETE FROM user WHERE login = 'editor'")(database)
    found = [check for check in compare(before, stated(database, exact=False)) if not check.passed]
    assert ("user editor", "record") in {(check.subject, check.metric) for check in found}


def test_a_dashboard_in_both_layouts_is_compared_in_both(tmp_path: Path) -> None:
    """In the middle of a migration the old table's copy counts too, and the server serves the resource."""
    database = tmp_path / "grafana.db"
    build(database, layout="resource")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO dashboard (version, slug, title, data, org_id, created, updated, folder_id, is_folder, uid)"
            " VALUES (1, 's', 'Old', '{\"title\": \"Old\"}', 1, '', '', 0, 0, 'welcome')"
        )
    before = stated(database)
    execute("UPDATE dashboard SET data = '{}' WHERE uid = 'welcome'")(database)

    assert {(check.subject, check.metric) for check in failed(before, database)} == {
        ("org 1 dashboard welcome (table)", "json"),
        ("table dashboard", "every value"),
    }


def _unified(path: Path) -> bool:
    with opened(path) as database:
        return objects.read(database).unified

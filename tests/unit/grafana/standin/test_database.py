"""The builder's databases are like Grafana's own: same tables, same places, readable secrets, one content for one call."""

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.sealing import DEFAULT_SECRET_KEY, decrypt, unseal
from deployments.grafana_standin.server import passwords
from deployments.grafana_standin.server.storage import ResourceStore, Store, TableStore, opened
from tests.conftest import FIELD_DATA

LAYOUTS: tuple[Layout, ...] = ("dashboard", "resource")
CLASSIC = {
    "agama-overview",
    "agama-orders",
    "agama-clients",
    "agama-documents",
    "prometheus-health",
    "availability",
    "old-rows",
    "welcome",
}
REAL = {"dashboard": "2025-1A-T09-ES09-G05-11.6.0.db", "resource": "openresty-api-gateway-lab-12.4.1.db"}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def path(tmp_path: Path, layout: Layout) -> Path:
    build(tmp_path / "grafana.db", layout=layout)
    return tmp_path / "grafana.db"


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def stored(path: Path, org_id: int = 1) -> dict[str, dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        store: Store = opened(connection)
        return {board.uid: board.spec for board in store.dashboards(org_id)}


def test_each_layout_keeps_dashboards_where_its_versions_do(path: Path, layout: Layout) -> None:
    in_tables = rows(path, "SELECT count(*) FROM dashboard")[0][0]
    in_resources = rows(path, "SELECT count(*) FROM resource WHERE `group` = 'dashboard.grafana.app'")[0][0]
    assert (in_tables > 0, in_resources > 0) == (layout == "dashboard", layout == "resource")
    with closing(sqlite3.connect(path)) as connection:
        assert isinstance(opened(connection), TableStore if layout == "dashboard" else ResourceStore)


def test_both_layouts_hold_the_same_dashboards_and_the_new_one_a_version_2_dashboard_too(path: Path, layout: Layout) -> None:
    found = stored(path)
    assert set(found) == CLASSIC | ({"agama-live"} if layout == "resource" else set())
    assert "rows" in found["old-rows"]
    assert "panels" not in found["old-rows"]
    assert stored(path, 2)["agama-overview"]["title"] == "Overview of the other organisation"


def test_a_saved_dashboard_has_its_numbers_inside_only_in_the_old_tables(path: Path, layout: Layout) -> None:
    welcome = stored(path)["welcome"]
    assert {"id", "uid", "version"} & set(welcome) == ({"id", "uid", "version"} if layout == "dashboard" else set())
    if layout == "dashboard":
        assert rows(path, "SELECT version FROM dashboard WHERE uid = 'welcome' AND org_id = 1") == [(2,)]
        assert welcome["version"] == 2


def test_the_database_is_sound_and_built_the_same_each_time(path: Path, layout: Layout, tmp_path: Path) -> None:
    build(tmp_path / "again.db", layout=layout)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(tmp_path / "again.db")) as other:
        assert list(one.iterdump()) == list(other.iterdump())


def test_a_database_that_exists_is_not_touched(path: Path, layout: Layout) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        build(path, layout=layout)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("wal", "mode"), [(False, "delete"), (True, "wal")])
def test_the_journal_is_the_asked_one(tmp_path: Path, layout: Layout, wal: bool, mode: str) -> None:
    build(tmp_path / "other.db", layout=layout, wal=wal)
    assert rows(tmp_path / "other.db", "PRAGMA journal_mode") == [(mode,)]


def test_passwords_are_grafanas_hashes(path: Path) -> None:
    ((password, salt),) = rows(path, "SELECT password, salt FROM user WHERE login = 'admin'")
    assert len(password) == 100
    assert passwords.matches("admin", salt, password)
    assert not passwords.matches("Admin", salt, password)


def test_secrets_open_with_the_right_key_and_only_with_it(tmp_path: Path, layout: Layout) -> None:
    path = tmp_path / "own-key.db"
    build(path, layout=layout, secret_key="a key of our own")
    ((name, wrapped),) = rows(path, "SELECT name, encrypted_data FROM data_keys")
    ((value,),) = rows(path, "SELECT value FROM secrets WHERE namespace = 'Agama'")
    sealed = base64.b64decode(value)
    assert json.loads(unseal(sealed, {name: decrypt(wrapped, b"a key of our own")})) == {"password": "of-the-database"}
    assert b"of-the-database" not in unseal(sealed, {name: decrypt(wrapped, DEFAULT_SECRET_KEY.encode())})


def test_no_secret_is_written_in_the_clear(path: Path) -> None:
    content = path.read_bytes()
    for secret in (b"of-the-database", b"of-the-hook", b"xoxb-of-the-channel"):
        assert secret not in content


def named(value: Any, key: str) -> list[Any]:
    """Every value under this key, at any depth."""
    if isinstance(value, dict):
        return [one for name, inner in value.items() for one in ([inner] if name == key else []) + named(inner, key)]
    return [one for inner in value for one in named(inner, key)] if isinstance(value, list) else []


def test_every_reference_resolves(path: Path) -> None:
    boards = list(stored(path).values())
    panels = {panel["uid"] for panel in named(boards, "libraryPanel")}
    assert panels == {uid for (uid,) in rows(path, "SELECT uid FROM library_element")} - {"nobody-uses-this"}
    sources = {source["uid"] for source in named(boards, "datasource") if isinstance(source, dict) and "uid" in source}
    known = {uid for (uid,) in rows(path, "SELECT uid FROM data_source")}
    assert known <= sources <= known | {"-- Grafana --", "-- Mixed --", "${source}"}
    folders = {"agama", "agama-details", "agama-deep", "monitoring"}
    assert {uid for (uid,) in rows(path, "SELECT namespace_uid FROM alert_rule")} <= folders
    assert {uid for (uid,) in rows(path, "SELECT folder_uid FROM library_element")} <= folders | {""}


def test_edits_change_what_they_name_and_nothing_else(path: Path) -> None:
    before = stored(path)
    edits.add_folder(path, "new-folder", "New", parent_uid="agama")
    edits.add_dashboard(path, "new", "New", folder_uid="new-folder")
    edits.change_panel(path, "agama-orders", 3, title="Largest of all")  # inside a collapsed row
    edits.delete_dashboard(path, "availability")
    after = stored(path)
    assert set(after) == set(before) - {"availability"} | {"new"}
    assert "Largest of all" in json.dumps(after["agama-orders"])
    assert all(after[uid] == before[uid] for uid in set(before) - {"availability", "agama-orders"})
    with pytest.raises(KeyError):
        edits.delete_dashboard(path, "availability")
    with pytest.raises(KeyError):
        edits.change_panel(path, "agama-orders", 99, title="nowhere")
    assert edits.delete_rows(path, "alert_rule", "uid = 'agama-down'") == 1


def test_a_save_is_one_more_version_in_the_history(path: Path, layout: Layout) -> None:
    edits.change_panel(path, "welcome", 1, title="Hello")
    history = (
        "SELECT version FROM dashboard_version JOIN dashboard ON dashboard.id = dashboard_id WHERE uid = 'welcome' ORDER BY 1"
        if layout == "dashboard"
        else "SELECT generation FROM resource_history WHERE name = 'welcome' ORDER BY resource_version"
    )
    sql = history.replace("SELECT version", "SELECT dashboard_version.version")
    assert rows(path, sql) == [(1,), (2,), (3,)]


@pytest.mark.field
def test_tables_and_columns_are_those_of_a_real_database(path: Path, layout: Layout) -> None:
    """Every column of ours is one of theirs with the same type; what they lack, a version later than theirs added."""
    later = {"message", "keep_firing_for", "missing_series_evals_to_resolve", "home_dashboard_uid", "dashboard_uid", "external_uid",
             "is_provisioned", "uid", "fired_at", "annotations", "evaluation_duration_ns", "last_error", "last_result", "generation", "key_path"}  # fmt: skip
    real = f"file:{FIELD_DATA / 'grafana' / 'db' / REAL[layout]}?immutable=1"
    with closing(sqlite3.connect(path)) as ours, closing(sqlite3.connect(real, uri=True)) as theirs:
        tables = [
            name for (name,) in ours.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'")
        ]
        assert len(tables) > 35
        for table in tables:
            columns = {(row[1], row[2]) for row in theirs.execute(f'PRAGMA table_info("{table}")')}
            missing = {(row[1], row[2]) for row in ours.execute(f'PRAGMA table_info("{table}")')} - columns
            assert columns, f"no real database of this layout has the table {table}"
            assert not missing or (layout == "dashboard" and {name for name, _ in missing} <= later), f"{table}: {missing}"


@pytest.mark.field
@pytest.mark.parametrize("name", ["app-sizer-9.0.0.db", *REAL.values()])
def test_real_secrets_open_by_the_scheme_that_the_builder_writes(name: str) -> None:
    """The default secret_key opens the data keys and the secrets of databases that a real Grafana wrote."""
    with closing(sqlite3.connect(f"file:{FIELD_DATA / 'grafana' / 'db' / name}?immutable=1", uri=True)) as connection:
        keys = {
            key: decrypt(wrapped, DEFAULT_SECRET_KEY.encode())
            for key, wrapped in connection.execute("SELECT name, encrypted_data FROM data_keys")
        }
        secrets = [value for (value,) in connection.execute("SELECT value FROM secrets")]
    assert {len(key) for key in keys.values()} == {16}
    assert secrets
    for value in secrets:
        assert isinstance(json.loads(unseal(base64.b64decode(value + "=" * (-len(value) % 4)), keys)), dict)

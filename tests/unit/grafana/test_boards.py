"""What asks is read out of either kind of a Grafana's backup, and out of a database in any state without a traceback."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backups.errors import Damaged
from backups.panels.boards import Boards
from backups.panels.walk import asking
from backups.services.grafana.api import boards as by_api
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects, write
from backups.services.grafana.files import boards as by_files

PANEL = {"id": 1, "title": "Open", "targets": [{"refId": "A", "expr": "up"}]}
RULE = [{"refId": "A", "datasourceUid": "p", "model": {"expr": "up"}}]


def database(file: Path, tables: dict[str, list[dict[str, Any]]]) -> Path:
    with closing(sqlite3.connect(file)) as connection, connection:
        for name, rows in tables.items():
            columns = list(rows[0])
            connection.execute(f"CREATE TABLE {name} ({', '.join(json.dumps(each) for each in columns)})")
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [tuple(row.values()) for row in rows])
    return file.parent


def tables(stored: Any) -> dict[str, list[dict[str, Any]]]:
    dashboard = {
        "id": 1, "org_id": 1, "uid": "d1", "title": "Orders", "data": stored, "is_folder": 0, "folder_id": 0, "folder_uid": "f",
        "api_version": "", "deleted": None,
    }  # fmt: skip
    return {
        "org": [{"id": 1}],
        "dashboard": [dashboard, dashboard | {"id": 2, "uid": "gone", "deleted": "2026-11-01 00:00:00"}],
        "folder": [{"org_id": 1, "uid": "f", "title": "Shop", "parent_uid": None}],
        "data_source": [
            {"org_id": 1, "uid": "p", "name": "P", "type": "prometheus", "url": "http://a", "is_default": 1, "user": "", "database": "",
             "json_data": '{"timeInterval": "5s"}', "secure_json_data": '{"password": "c2VhbGVk"}'},
            {"org_id": 1, "uid": "m", "name": "M", "type": "mysql", "url": "h:3306", "is_default": 0, "user": "u", "database": "",
             "json_data": '{"database": "shop"}', "secure_json_data": None},
        ],
        "library_element": [
            {"org_id": 1, "uid": "l", "name": "L", "folder_id": 0, "folder_uid": "", "model": json.dumps(PANEL)}
        ],
        "alert_rule": [
            {"org_id": 1, "uid": "r", "title": "Late", "namespace_uid": "f", "data": json.dumps(RULE), "annotations": "", "labels": "",
             "notification_settings": "", "record": "", "metadata": ""}
        ],
    }  # fmt: skip


def expect(found: Boards) -> None:
    assert [(one.uid, one.title, one.layout) for one in found.boards] == [("d1", "Orders", "classic")]
    assert [(one.uid, one.database, one.default, dict(one.settings)) for one in found.sources] == [
        ("m", "shop", False, {"database": "shop"}),
        ("p", "", True, {"timeInterval": "5s"}),
    ]
    assert [one.model["title"] for one in found.library] == ["Open"]
    assert [(one.title, one.folder, list(one.data)) for one in found.rules] == [("Late", "Shop", RULE)]
    assert [one.panel for one in asking(found)] == ["panel 1 Open", "alert rule Late"]


def test_a_database_of_rows(tmp_path: Path) -> None:
    data = database(tmp_path / "grafana.db", tables(json.dumps({"panels": [PANEL]})))
    expect(by_files.boards(data, "b"))


def test_a_database_of_objects_has_both_layouts(tmp_path: Path) -> None:
    def row(name: str, version: str, spec: dict[str, Any], action: int = 1) -> dict[str, Any]:
        value = {"apiVersion": f"dashboard.grafana.app/{version}", "spec": spec, "metadata": {}}
        return {
            "namespace": "default", "group": "dashboard.grafana.app", "resource": "dashboards", "name": name, "action": action,
            "value": json.dumps(value), "folder": "",
        }  # fmt: skip

    second = {"title": "Two", "elements": {"e": {"kind": "Panel", "spec": {"id": 7, "title": "E"}}}}
    rows = [row("a", "v0alpha1", {"title": "One", "panels": [PANEL]}), row("b", "v2beta1", second), row("c", "v1", {}, action=3)]
    log = [{"migration_id": "folders and dashboards", "success": 1}]
    data = database(tmp_path / "grafana.db", {"resource": rows, "unifiedstorage_migration_log": log})
    found = by_files.boards(data, "b")
    assert [(one.uid, one.title, one.layout) for one in found.boards] == [("a", "One", "classic"), ("b", "Two", "v2")]
    assert [one.panel for one in asking(found)] == ["panel 1 Open", "panel 7 E"]


def test_objects_that_the_api_gave(tmp_path: Path) -> None:
    objects = Objects()
    objects.bodies.update(
        {
            Key(1, kinds.ORGANISATION, "Main"): {"name": "Main"},
            Key(1, kinds.FOLDER, "f"): {"title": "Shop"},
            Key(1, kinds.DASHBOARD, "d1"): {"apiVersion": "", "spec": {"title": "Orders", "panels": [PANEL]}},
            Key(1, kinds.LIBRARY_PANEL, "l"): {"name": "L", "model": PANEL},
            Key(1, kinds.DATA_SOURCE, "p"): {
                "name": "P",
                "isDefault": True,
                "jsonData": {"timeInterval": "5s"},
                "url": "http://a",
            },
            Key(1, kinds.DATA_SOURCE, "m"): {"name": "M", "jsonData": {"database": "shop"}},
            Key(1, kinds.RULE_GROUP, "f/g"): {"folderUid": "f", "rules": [{"uid": "r", "title": "Late", "data": RULE}, 7]},
            Key(1, kinds.PLAYLIST, "x"): {"title": "never read"},
        }
    )
    write(objects, tmp_path)
    paths = [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.json")]
    kept = [path for path in paths if by_api.is_read(path)]
    assert sorted(set(paths) - set(kept)) == ["objects/org-1/playlist/x.json"]
    found = by_api.boards(tmp_path, "b")
    assert [one.title for one in found.rules] == ["Late", ""]
    expect(Boards(found.sources, found.boards, found.library, found.rules[:1]))


def test_a_backup_without_a_database_or_with_a_strange_one_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"grafana\.db is not in backup b"):
        by_files.boards(tmp_path, "b")
    (tmp_path / "grafana.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    with pytest.raises(Damaged, match="cannot be read"):
        by_files.boards(tmp_path, "b")
    (tmp_path / "grafana.db").unlink()
    with pytest.raises(Damaged, match="its table data_source has no column"):
        by_files.boards(database(tmp_path / "grafana.db", {"data_source": [{"id": 1}]}), "b")


_VALUE = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8) | st.binary(max_size=8)


@settings(max_examples=12, phases=[Phase.generate])
@given(st.data())
def test_rows_that_hold_anything_are_read_without_a_traceback(data: st.DataObject) -> None:
    import tempfile

    held = {
        name: [{column: data.draw(st.just(value) | _VALUE) for column, value in row.items()} for row in rows]
        for name, rows in tables('{"panels": [1]}').items()
    }
    with tempfile.TemporaryDirectory() as directory:
        try:
            found = by_files.boards(database(Path(directory) / "grafana.db", held), "b")
        except Damaged:
            return
        asking(found)

"""An upgraded database is compared in the columns that there were: on a lived-in one of 11.0.0, given what 12.4.3 has more."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from backups.services.grafana.files import narrowed, objects, witness
from backups.services.grafana.files.database import Database, opened
from backups.services.grafana.files.narrowed import Narrowed
from backups.services.grafana.upgrades import planned
from backups.services.upgraded import Sorted, sort_out
from backups.witness import compare
from tests.conftest import FIELD_DATA

RECORDED = FIELD_DATA / "grafana" / "db"


def migrate(database: Path, newer: Path) -> int:
    """Give a database the tables and columns that one of a newer version has more, as its server does; returns how many."""
    with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(newer)) as new, old:
        there = {table: columns(old, table) for table in Database(old).tables()}
        added = 0
        for table in Database(new).tables():
            if table not in there:
                (sql,) = new.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [table]).fetchone()
                old.execute(sql)
                added += 1
            for name, kind in columns(new, table).items() if table in there else ():
                if name not in there[table]:
                    old.execute(f'ALTER TABLE "{table}" ADD COLUMN "{name}" {kind} DEFAULT 0')
                    added += 1
        old.execute(
            "INSERT INTO migration_log (migration_id, sql, success, error, timestamp) VALUES ('x', '', 1, '', '2026-11-30')"
        )
        return added


def columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    return {row[1]: row[2] for row in connection.execute(f'PRAGMA table_info("{table}")')}


def changed(before: Path, after: Path) -> list[Sorted]:
    """What is told of an upgrade from 11.0.0 to 12.4.3 between these two."""
    made = planned("11.0.0", "12.4.3", "next")
    assert made
    with opened(before) as database:
        stated = witness.facts(database, objects.read(database))
    with opened(after) as database:
        found = Narrowed(database, narrowed.columns(before))
        return sort_out(compare(stated, witness.facts(found, objects.read(found))), made)


@pytest.mark.long
@pytest.mark.field
def test_a_lived_in_database(tmp_path: Path) -> None:
    """Some hundred tables and columns more are expected; what people made that goes, or is another, is looked at."""
    before = shutil.copyfile(RECORDED / "lived-in-11.0.0.db", tmp_path / "before.db")
    after = shutil.copyfile(before, tmp_path / "after.db")
    assert migrate(after, RECORDED / "lived-in-12.4.3.db") > 50
    found = changed(before, after)
    assert found
    assert [(each.check.subject, each.check.metric) for each in found if each.change is None] == []
    assert ("database", "definitions") in {(each.check.subject, each.check.metric) for each in found}
    for statement, subject in (
        ("DELETE FROM star", "table star"),
        (
            "UPDATE dashboard SET title = title || '!' WHERE id = (SELECT min(id) FROM dashboard WHERE is_folder = 0)",
            "table dashboard",
        ),
        ("UPDATE alert_rule SET title = 'x' WHERE id = (SELECT min(id) FROM alert_rule)", "table alert_rule"),
        ("UPDATE user SET is_admin = 1 - is_admin", "table user"),
        ("DELETE FROM data_source WHERE id = (SELECT min(id) FROM data_source)", "table data_source"),
        ("DROP TABLE annotation", "table annotation"),
    ):
        spoilt = shutil.copyfile(after, tmp_path / "spoilt.db")
        with closing(sqlite3.connect(spoilt)) as connection, connection:
            connection.execute(statement)
        named = {each.check.subject for each in changed(before, spoilt) if each.change is None}
        assert subject in named, (statement, named)


def built(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in (
            "CREATE TABLE data_source (id INTEGER PRIMARY KEY, name TEXT, is_prunable INTEGER)",
            "INSERT INTO data_source VALUES (1, 'a', 1), (2, 'b', 0)",
            *statements,
        ):
            connection.execute(statement)
    return path


@pytest.mark.parametrize(
    ("statements", "same"),
    [
        ((), True),
        (("ALTER TABLE data_source ADD COLUMN colour TEXT DEFAULT 'red'",), True),
        (("UPDATE data_source SET name = 'c' WHERE id = 1",), False),
        (("ALTER TABLE data_source ADD COLUMN colour TEXT", "DELETE FROM data_source WHERE id = 2"), False),
        (("ALTER TABLE data_source DROP COLUMN name",), False),
    ],
)
def test_a_column_more_is_no_change_of_a_row(tmp_path: Path, statements: Sequence[str], same: bool) -> None:
    before, after = built(tmp_path / "before.db"), built(tmp_path / "after.db", *statements)
    with opened(before) as one, opened(after) as other:
        shown = Narrowed(other, narrowed.columns(before))
        assert (one.content("data_source") == shown.content("data_source")) is same
        assert (one.rows("data_source") == shown.rows("data_source")) is same
        assert not shown.has("data_source", "colour")
        assert shown.rows("nothing") == []


def test_a_new_table_is_all_there(tmp_path: Path) -> None:
    before, after = built(tmp_path / "before.db"), built(tmp_path / "after.db", "CREATE TABLE n (x)", "INSERT INTO n VALUES (1)")
    with opened(after) as database:
        shown = Narrowed(database, narrowed.columns(before))
        assert shown.rows("n") == [{"x": 1}]
        assert shown.has("n", "x")
        assert shown.content("n") == database.content("n")


def test_the_mark_that_a_copy_takes_is_given_back(tmp_path: Path) -> None:
    before, after = built(tmp_path / "before.db"), built(tmp_path / "after.db", "UPDATE data_source SET is_prunable = 0")
    narrowed.armed(after, before)
    with opened(before) as one, opened(after) as other:
        assert one.content("data_source") == other.content("data_source")

"""Every table is compared, every row, every value: whatever is taken out of a database or changed in it differs."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backups.services.grafana.files import answers, objects, sealed, tables, witness
from backups.services.grafana.files.database import Database, opened
from backups.witness import Fact, compare
from deployments.grafana_standin.database import Layout, build
from tests.conftest import FIELD_DATA

FIELD = (
    "2025-1A-T09-ES09-G05-11.6.0",
    "app-sizer-9.0.0",
    "lived-in-11.0.0",
    "lived-in-12.4.3",
    "openresty-api-gateway-lab-12.4.1",
)

OTHERS = (None, 0, "", b"", "x", 0.5)
"""Values that a column is set to, unless it has that one: those that are easily taken for one another are among them."""


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def damages(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    """Do each damage to the table in turn, and undo it after: its last row gone, and each column of it changed to each other value.

    A row's values are changed in a table of that row and two more: every row is hashed by itself, and the hash of hundreds, for each
    value anew, would say no more. Whether every row is counted, the row that is gone from the whole table says.
    """
    last = connection.execute(f'SELECT max(rowid) FROM "{table}"').fetchone()[0]
    with undone(connection, table):
        connection.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (last,))
        yield "a row gone"
    row = f'SELECT * FROM "{table}" WHERE rowid = {last}'
    before = connection.execute(row).fetchone()
    with undone(connection, table):
        connection.execute(f'DELETE FROM "{table}" WHERE rowid NOT IN (SELECT rowid FROM "{table}" ORDER BY rowid DESC LIMIT 3)')
        yield SHORTENED
        for column in [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]:
            for value in OTHERS:
                with undone(connection, column), contextlib.suppress(sqlite3.IntegrityError):
                    connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, last))
                    after = connection.execute(row).fetchone()
                    # A column's affinity may have made of the value what was there before.
                    if after is None or not all(map(same, before, after)):
                        yield f"{column} = {value!r}"


SHORTENED = "the table is shortened"
"""No damage: what follows is compared with it."""


@contextlib.contextmanager
def undone(connection: sqlite3.Connection, name: str) -> Iterator[None]:
    connection.execute(f'SAVEPOINT "{name}"')
    try:
        yield
    finally:
        connection.execute(f'ROLLBACK TO "{name}"')
        connection.execute(f'RELEASE "{name}"')


class Remembered(Database):
    """Hashes again the one table that is said to be damaged; of all others it knows the hash, of which many are for each damage."""

    damaged = ""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._known: dict[str, tuple[int, str]] = {}

    def content(self, table: str) -> tuple[int, str]:
        if table == self.damaged:
            return super().content(table)
        if table not in self._known:
            self._known[table] = super().content(table)
        return self._known[table]


def unnoticed(path: Path) -> tuple[int, list[str]]:
    """How many damages were tried, and which of them the comparison does not see."""
    tried, missed = 0, []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(path.read_bytes())
        database = Database(connection)
        for table in database.every_table():
            whole = before = database.content(table)
            if before[0]:
                for words in damages(connection, table):
                    found = database.content(table)
                    if words == SHORTENED:
                        before = found
                        continue
                    tried += 1
                    if found == before:
                        missed.append(f"{table}: {words}")
            assert database.content(table) == whole, "the damage was not undone"
    return tried, missed


@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_every_damage_to_a_built_database_is_noticed(tmp_path: Path, layout: Layout) -> None:
    build(tmp_path / "grafana.db", layout=layout)

    tried, missed = unnoticed(tmp_path / "grafana.db")

    assert (tried > 500, missed) == (True, [])


@pytest.mark.long
@pytest.mark.field
@pytest.mark.parametrize("name", FIELD)
def test_every_damage_to_a_real_database_is_noticed(tmp_path: Path, name: str) -> None:
    path = shutil.copyfile(FIELD_DATA / "grafana" / "db" / f"{name}.db", tmp_path / "grafana.db")

    tried, missed = unnoticed(path)

    assert (tried > 500, missed) == (True, [])


@pytest.mark.long
@pytest.mark.parametrize("value", ["x", None, 7, "[5]"])
def test_what_is_damaged_is_compared_all_the_same(tmp_path: Path, value: object) -> None:
    """Text where numbers belong, nothing where something has to be, JSON of another shape: a difference, and no fault of ours."""
    path = tmp_path / "grafana.db"
    build(path, layout="resource")
    before, seen = facts(path), 0
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(path.read_bytes())
        named = Remembered(connection)
        assert witness.facts(named, objects.read(named)) == before
        columns = [(table, row[1]) for table in named.tables() for row in connection.execute(f'PRAGMA table_info("{table}")')]
        for number, (table, column) in enumerate(columns):
            # Each value for a quarter of the columns by turns, and all for those that say whose a row is.
            if number % 4 != ["x", None, 7, "[5]"].index(value) and column not in (
                "id",
                "org_id",
                "uid",
                "user_id",
                "data",
                "value",
            ):
                continue
            connection.execute("BEGIN")
            named.damaged = table
            with contextlib.suppress(sqlite3.IntegrityError):
                if connection.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,)).rowcount:
                    found = objects.read(named)
                    after = [*witness.facts(named, found), *answers.expected(named, found)]
                    list(sealed.everything(named))
                    seen += any(not check.passed for check in compare(before, after))
            connection.execute("ROLLBACK")

    assert seen > 20


def test_no_table_is_left_out_without_a_reason(tmp_path: Path) -> None:
    """Also not one of a version to come, and not SQLite's own."""
    build(tmp_path / "grafana.db", layout="resource")
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection, connection:
        connection.execute("CREATE TABLE brand_new (id INTEGER)")
        every = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    compared = {fact.subject.removeprefix("table ") for fact in facts(tmp_path / "grafana.db") if fact.metric == "every value"}

    assert "brand_new" in compared
    assert "sqlite_sequence" in compared
    assert every - compared == tables.LEFT_OUT.keys()
    assert all(tables.LEFT_OUT.values())


def test_a_definition_that_is_gone_is_noticed(tmp_path: Path) -> None:
    """An index that kept names apart: no row tells of it."""
    build(tmp_path / "grafana.db", layout="resource")
    before = facts(tmp_path / "grafana.db")
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection, connection:
        name = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchone()[0]
        connection.execute(f'DROP INDEX "{name}"')

    assert differing(before, tmp_path / "grafana.db") == {("database", "definitions")}


PEOPLES = [
    # R20 to R25 of the field cases: what a real server does not put back, and who is named.
    ("DELETE FROM builtin_role WHERE role_id IN (SELECT id FROM role WHERE name LIKE 'managed:%')", "role managed:", "given to"),
    ("DELETE FROM kv_store WHERE namespace = 'alertmanager' AND key = 'silences' AND org_id = 1", "silence ", "record"),
    (
        "UPDATE resource SET value = CAST(replace(CAST(value AS TEXT), 'createdBy', 'created') AS BLOB)",
        "dashboard ",
        "stored object",
    ),
    (
        "UPDATE resource SET value = CAST(replace(CAST(value AS TEXT), '\"description\"', '\"d\"') AS BLOB)",
        "folder ",
        "stored object",
    ),
    ("UPDATE resource_history SET value = CAST('{}' AS BLOB)", "dashboard ", "saved before"),
    ("UPDATE alert_rule SET data = replace(data, 'queryType', 'qaeryType')", "alert rule ", "definition"),
    ("DELETE FROM signing_key", "table signing_key", "every value"),
    ("DELETE FROM user_auth_token", "table user_auth_token", "every value"),
    ("DELETE FROM resource_version", "table resource_version", "every value"),
]


@pytest.mark.long
@pytest.mark.field
@pytest.mark.parametrize(("statement", "subject", "metric"), PEOPLES)
def test_what_people_made_is_named(tmp_path: Path, statement: str, subject: str, metric: str) -> None:
    path = shutil.copyfile(FIELD_DATA / "grafana" / "db" / "lived-in-12.4.3.db", tmp_path / "grafana.db")
    before = facts(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0

    found = differing(before, path)

    assert any(subject in named and what == metric for named, what in found), found


def facts(path: Path) -> list[Fact]:
    with opened(path) as database:
        return witness.facts(database, objects.read(database))


def differing(before: list[Fact], path: Path) -> set[tuple[str, str]]:
    return {(check.subject, check.metric) for check in compare(before, facts(path)) if not check.passed}

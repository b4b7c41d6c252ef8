"""Between which versions a database was written, and that one whose columns are not those that are read is refused in clear words."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.services.base import Job
from backups.services.grafana.files import age, answers, configuration, deep, in_force, objects, secrets, witness
from backups.services.grafana.files.age import MARKS, Age
from backups.services.grafana.files.database import Database, opened
from backups.services.grafana.files.living import NotLiving
from deployments.grafana_standin.database import build
from tests.conftest import FIELD_DATA

DATABASES = FIELD_DATA / "grafana" / "db"
READ = [
    ("app-sizer-9.0.0.db", Age((8, 0), (11, 0))),
    ("lived-in-11.0.0.db", Age((9, 0), (11, 6))),
    ("2025-1A-T09-ES09-G05-11.6.0.db", Age((11, 0), (12, 4))),
    ("openresty-api-gateway-lab-12.4.1.db", Age((11, 6))),
    ("lived-in-12.4.3.db", Age((11, 6))),
]


@pytest.mark.field
@pytest.mark.parametrize(("name", "expected"), READ)
def test_databases_of_real_servers_tell_their_age(name: str, expected: Age) -> None:
    version = name.removesuffix(".db").rpartition("-")[2]
    with opened(DATABASES / name) as database:
        found = age.of(database)
        assert found == expected
        assert (found.fits(version), age.fault(database)) == (True, None)
        age.require(database, version, name)
        for other, _ in READ:
            written = other.removesuffix(".db").rpartition("-")[2]
            if found.too_new(written):
                with pytest.raises(NotLiving, match=f"the server that answers is {written}"):
                    age.require(database, written, name)


@pytest.mark.parametrize(
    ("version", "new", "old"),
    [
        ("11.6.0", True, False),
        ("12.4.3+security-01", True, False),
        ("11.5.9", False, False),
        ("11.0.0", False, False),
        ("9.1.0-beta1", False, False),
        ("9.0.9", False, True),
        ("8.5.27", False, True),
        ("v12.1", True, False),
        ("unknown", False, False),
        ("", False, False),
        (None, False, False),
        ("main", False, False),
    ],
)
def test_which_servers_fit(version: str | None, new: bool, old: bool) -> None:
    found = Age((9, 0), (11, 6))

    assert (found.too_new(version), found.too_old(version)) == (new, old)
    assert str(found) == "newer than 9.0 and older than 11.6"


def database(tables: dict[str, list[str]]) -> Database:
    connection = sqlite3.connect(":memory:")
    for table, columns in tables.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    return Database(connection)


@pytest.mark.parametrize("known", range(len(MARKS) + 1))
def test_each_mark_alone_tells(known: int) -> None:
    """A later version may drop a column: one of a version's marks is enough."""
    tables: dict[str, list[str]] = {}
    for _, marks in MARKS[:known]:
        table, column = random.Random(known).choice(marks)
        tables.setdefault(table, []).append(column)

    found = age.of(database(tables))

    assert found == Age(MARKS[known - 2][0] if known > 1 else None, MARKS[known][0] if known < len(MARKS) else None)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"t": ["a"]}, "it lacks the tables migration_log, org, dashboard or resource"),
        ({"migration_log": ["id"], "org": ["id"]}, "it lacks the tables dashboard or resource"),
        (
            {"migration_log": ["id"], "org": ["id"], "dashboard": ["id", "is_folder"], "data_source": ["id"]},
            "older than 8.0: it lacks data_source.uid",
        ),
        ({"migration_log": ["id"], "org": ["id"], "dashboard": ["id"], "data_source": ["uid"]}, "it lacks dashboard.is_folder"),
        ({"migration_log": ["id"], "org": ["id"], "resource": ["id"]}, None),
    ],
)
def test_what_is_no_database_of_ours_is_said(tables: dict[str, list[str]], words: str | None) -> None:
    said = age.fault(database(tables))

    assert (said is None) if words is None else (said is not None and words in said)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    directory, found = tmp_path_factory.mktemp("ages"), {}
    for layout in ("dashboard", "resource"):
        build(directory / layout, layout=layout)  # type: ignore[arg-type]
        with closing(sqlite3.connect(directory / layout, isolation_level=None)) as connection:
            for table, _ in list(columns(connection)):
                connection.execute(f'DELETE FROM "{table}" WHERE rowid NOT IN (SELECT rowid FROM "{table}" LIMIT 2)')
            connection.execute("VACUUM")
            found[layout] = connection.serialize()
    return found


def columns(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        if connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]:
            yield table, [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


def read_all(found: Database) -> None:
    """Everything that a backup and a drill read of a database."""
    read, force = objects.read(found), in_force.InForce()
    witness.facts(found, read)
    secrets.judge(found, secrets.keys(force))
    list(answers.expected(found, read, answers.without_alerting(force, read.organisations), muting=True))
    list(deep.look(found, read).limits())
    configuration._providers(found)


def without(written: bytes, table: str, column: str) -> LifeboatError | None:
    """Read a database whose table lacks this column; what it is refused with."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(written)
        names = next(names for found, names in columns(connection) if found == table)
        kept = ", ".join(f'"{other}"' for other in names if other != column)
        connection.execute(f'CREATE TABLE lifeboat_kept AS SELECT {kept} FROM "{table}"')
        connection.execute(f'DROP TABLE "{table}"')
        connection.execute(f'ALTER TABLE lifeboat_kept RENAME TO "{table}"')
        try:
            read_all(Database(connection))
        except LifeboatError as error:
            return error
    return None


@pytest.mark.long
def test_a_missing_column_is_named_whichever_it_is(built: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column that the readers name is taken away once: it is read without it, or refused in words that name it."""
    # What keys open is no matter here, and deriving them takes half of the time.
    monkeypatch.setattr("hashlib.pbkdf2_hmac", lambda *_, **__: bytes(32))
    code = "".join(path.read_text() for path in (Path(age.__file__).parent).glob("*.py"))
    pairs: dict[tuple[str, str], str] = {}
    for layout, written in built.items():
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(written)
            for table, names in list(columns(connection)):
                pairs |= {(table, name): layout for name in names if f'["{name}"]' in code and len(names) > 1}
    refused = {pair: error for pair, layout in pairs.items() if (error := without(built[layout], *pair))}

    assert [pair for pair, error in refused.items() if f"its table {pair[0]} has no column {pair[1]}" not in error.message] == []
    assert len(refused) > 80
    assert ("data_source", "uid") in refused


def job(*versions: str) -> Job:
    """A job whose chain has backups of these versions, a day apart."""
    manifests = [
        SimpleNamespace(source=SimpleNamespace(version=version), taken_at=datetime(2026, 1, day, tzinfo=UTC))
        for day, version in enumerate(versions, 1)
    ]
    return cast("Job", SimpleNamespace(chain=manifests[:-1], before=manifests[-1] if manifests else None))


@pytest.mark.parametrize(
    ("versions", "expected"),
    [((), None), (("unknown",), None), (("12.4.3", "unknown"), "12.4"), (("12.4.3", "11.0.0"), "11.0"), (("11.6.0",), "11.6")],
)
def test_an_earlier_backup_knows_the_version(
    tmp_path: Path, built: dict[str, bytes], versions: Any, expected: str | None
) -> None:
    (tmp_path / "grafana.db").write_bytes(built["resource"])
    with opened(tmp_path / "grafana.db") as found:
        words = age.words(found, job(*versions))

    assert age.version_before(job(*versions)) == expected
    assert "newer than 11.6" in words
    assert (expected is None) or f"the backup before it says {expected}" in words

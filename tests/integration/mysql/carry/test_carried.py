"""What the log says of a table equals what a scan finds, in whatever history; what it does not tell is scanned, and said why."""

import contextlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql.err
import pytest

from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import foreign_keys
from backups.services.mysql.carry.decide import Known
from backups.services.mysql.carry.expected import Value, expected
from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, connect_socket, rows
from backups.services.mysql.witness import catalogue, sessions, witness
from backups.services.mysql.witness.definitions import subject, table_definition
from tests.integration.mysql.carry.histories import TYPES, History
from tests.servers.mysql import MySQLServer, StartMySQL

SECRET = "5e" * 32
FORM = Form(json_values="typed", row_secret=SECRET)
HISTORIES = int(os.environ.get("LIFEBOAT_TEST_HISTORIES", "60"))
FIRST = int(os.environ.get("LIFEBOAT_TEST_FIRST_HISTORY", "0"))


@pytest.fixture(scope="module")
def source(mysql_session_servers: StartMySQL) -> MySQLServer:
    return mysql_session_servers()


@pytest.fixture(scope="module")
def throw_away(mysql_session_servers: StartMySQL) -> MySQLServer:
    return mysql_session_servers("--max-allowed-packet=1G", binlog=False)


class Measured:
    """Tables of one database as a witness states them, and where the log stands then."""

    def __init__(self, server: MySQLServer, *databases: str) -> None:
        def opened() -> Session:
            return connect_socket(server.directory / "mysqld.sock", "root", "")

        with sessions.sessions(opened, 1) as (session,):
            rows(session, "START TRANSACTION READ ONLY")
            found = catalogue.read(session)
            self.tables = [table for table in found.tables if table.schema in databases]
            self.definitions = {
                fact.subject: str(fact.value) for fact in (table_definition(session, table) for table in self.tables)
            }
            mine = catalogue.Catalogue(tuple(self.tables), (), frozenset())
            facts = {(fact.subject, fact.metric): fact.value for fact in witness.data_of([session], mine, opened, FORM)}
            self.values = {
                about: (facts[about, "rows"], facts[about, "fingerprint"])
                for about in (subject(table.schema, table.name) for table in self.tables)
            }
            self.cascades = foreign_keys.unlogged_cascades(session)

    def known(self) -> dict[str, Known]:
        return {
            about: Known(int(str(rows)), str(value), self.definitions[about], "a") for about, (rows, value) in self.values.items()
        }


def log_since(server: MySQLServer, begin: tuple[str, int], directory: Path) -> list[Piece]:
    """The log from a position on, as pieces that are pulled."""
    server.sql("FLUSH BINARY LOGS")
    names = [name for (name, *_) in server.rows("SHOW BINARY LOGS")]
    pieces = []
    for name in names[names.index(begin[0]) : -1]:
        content = server.binary_log(name)
        start = begin[1] if name == begin[0] else 0
        path = directory / f"{name}@{start}"
        path.write_bytes(content[start:])
        pieces.append(Piece(name, start, path))
    return pieces


def position(server: MySQLServer) -> tuple[str, int]:
    file, offset, *_ = server.rows("SHOW BINARY LOG STATUS")[0]
    return str(file), int(offset)


@contextmanager
def emptied(server: MySQLServer) -> Iterator[Session]:
    with connect_socket(server.directory / "mysqld.sock", "root", "") as session:
        yield session
        rows(session, "DROP DATABASE IF EXISTS lifeboat")


def run(server: MySQLServer, database: str, statements: list[str]) -> None:
    with server.connect(database) as session, session.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        for statement in statements:
            # Not each is possible: what was not has changed nothing.
            impossible = (pymysql.err.IntegrityError, pymysql.err.OperationalError, pymysql.err.DataError)
            with contextlib.suppress(*impossible) if not statement.startswith("CREATE TABLE") else contextlib.nullcontext():
                cursor.execute(statement)


def test_every_type_is_carried(source: MySQLServer, throw_away: MySQLServer, tmp_path: Path) -> None:
    r = random.Random(1)
    source.sql("CREATE DATABASE every")
    try:
        names = {}
        for number, (kind, value) in enumerate(TYPES.items()):
            names[f"every.t{number}"] = kind
            run(source, "every", [f"CREATE TABLE t{number} (id INT PRIMARY KEY, a {kind}, b {kind} NOT NULL)"])
            run(source, "every", [f"INSERT INTO t{number} VALUES ({at}, {value(r)}, {value(r)})" for at in range(6)])
        before, begin = Measured(source, "every"), position(source)
        for number, value in enumerate(TYPES.values()):
            changes = [
                f"INSERT INTO t{number} VALUES (7, NULL, {value(r)})",
                f"UPDATE t{number} SET a = {value(r)}, id = id + 100",
            ]
            run(source, "every", [*changes, f"DELETE FROM t{number} WHERE id = 102"])
        now, pieces = Measured(source, "every"), log_since(source, begin, tmp_path)
        found = expected(now.tables, now.definitions, before.known(), pieces, {}, lambda: emptied(throw_away), FORM)
        print(throw_away.container.logs(5))
        reasons = {names[about]: value for about, value in found.items() if isinstance(value, str)}
        assert not reasons
        assert {about: value.counted for about, value in found.items() if isinstance(value, Value)} == now.values
        assert all(isinstance(value, Value) and value.through_log for value in found.values())
    finally:
        source.sql("DROP DATABASE every")


def test_carried_equals_scanned_in_every_history(source: MySQLServer, throw_away: MySQLServer, tmp_path: Path) -> None:
    histories = [History.make(seed, f"h{seed}") for seed in range(FIRST, FIRST + HISTORIES)]
    try:
        for each in histories:
            source.sql(
                f"CREATE DATABASE {each.database}",
                f"CREATE TABLE {each.database}.noted (id INT PRIMARY KEY, n INT)",
                f"INSERT INTO {each.database}.noted VALUES (1, 0)",
            )
            run(source, each.database, each.before)
        databases = [each.database for each in histories]
        before, begin = Measured(source, *databases), position(source)
        for each in histories:
            run(source, each.database, each.after)
        now, pieces = Measured(source, *databases), log_since(source, begin, tmp_path)
        reasons: dict[str, int] = {}
        carried = kept = 0
        found = expected(now.tables, now.definitions, before.known(), pieces, now.cascades, lambda: emptied(throw_away), FORM)
        wrong = {}
        for about, value in found.items():
            if isinstance(value, str):
                reasons[value] = reasons.get(value, 0) + 1
                continue
            carried, kept = carried + value.through_log, kept + (not value.through_log)
            if value.counted != now.values[about]:
                wrong[about] = (value, now.values[about])
        print(f"{carried} carried, {kept} kept, scanned: {reasons}")
        assert not wrong
        assert found.keys() == now.values.keys()
        # Most of what could change was carried: else nothing of this would have been tried.
        assert carried > HISTORIES / 2
        assert not [reason for reason in reasons if reason.startswith("the throw-away server")]
    finally:
        for each in histories:
            source.sql(f"DROP DATABASE IF EXISTS {each.database}")

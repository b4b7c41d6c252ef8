"""Two servers whose histories are carried: one that is changed, and one that hashes what its log holds."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql.err

from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import foreign_keys
from backups.services.mysql.carry.decide import Known
from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, connect_socket, rows
from backups.services.mysql.witness import catalogue, data, sessions
from backups.services.mysql.witness.definitions import subject, table_definition
from tests.servers.mysql import MySQLServer

FORM = Form(json_values="typed", row_secret="5e" * 32, keyless_form="sums")


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
            facts = {(fact.subject, fact.metric): fact.value for fact in data.data_of([session], mine, opened, FORM)}
            self.values = {
                about: (facts[about, "rows"], facts[about, "fingerprint"])
                for about in (subject(table.schema, table.name) for table in self.tables)
            }
            self.cascades = foreign_keys.unlogged_cascades(session)

    def known(self) -> dict[str, Known]:
        return {
            about: Known(int(str(rows)), str(value), self.definitions[about], "a", sums=True)
            for about, (rows, value) in self.values.items()
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

"""Hashes images of rows on a throw-away server, by the very statement that scans the table at the source."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pymysql.err

from backups.errors import LifeboatError
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import images
from backups.services.mysql.carry.images import SCHEMA, table_name
from backups.services.mysql.carry.stretch import Name
from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.looking import fix
from backups.services.mysql.text import one_line, without_statement
from backups.services.mysql.witness import fingerprint, sessions
from backups.services.mysql.witness.catalogue import Table


@dataclass(frozen=True)
class Hashed:
    """The images of one table: how many there were, and the XOR of their hashes in hexadecimal digits."""

    images: int
    xor: str


def hashed(
    session: Session,
    tables: Iterable[Table],
    pieces: Iterable[Piece],
    form: Form,
    go_on: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Name, Hashed | str]]:
    """Yield for each table what its images in the log come to, or why they could not be hashed.

    session: of an empty server of the source's version that logs nothing, on which all may be done. The tables must have been
    found to be carryable. go_on: called between two statements; what it raises passes
    Raises pymysql's errors when the server is gone.
    """
    numbered = dict(enumerate(tables, start=1))
    _prepare(session, form)
    faults = {number: fault for number, table in numbered.items() if (fault := _create(session, number, table))}
    wanted: Mapping[Name, int] = {
        (table.schema, table.name): number for number, table in numbered.items() if number not in faults
    }
    for number, statement in images.statements(pieces, wanted):
        go_on()
        if number not in faults and (fault := _tried(session, statement)):
            faults[number] = fault
    for number, table in numbered.items():
        go_on()
        yield (table.schema, table.name), faults.get(number) or _hash(session, number, table, form)


def _prepare(session: Session, form: Form) -> None:
    fix(session)
    if form.row_secret:
        fingerprint.keep_secret(session, form.row_secret)
    rows(session, f"CREATE DATABASE IF NOT EXISTS {SCHEMA}")
    (version,) = rows(session, "SELECT @@version")[0]
    rows(session, images.description(str(version)))


def _create(session: Session, number: int, table: Table) -> str | None:
    """Make a table of the same columns, without anything else: keys, defaults, expressions, partitions. Says why it cannot be."""
    columns = ", ".join(f"{quoted(column.name)} {column.declared} NULL" for column in table.columns)
    # MyISAM takes rows of any number of columns, as fast as they come, and nothing of them has to be kept.
    return _tried(session, f"CREATE TABLE {SCHEMA}.{table_name(number)} ({columns}) ENGINE=MyISAM")


def _hash(session: Session, number: int, table: Table, form: Form) -> Hashed | str:
    statement = fingerprint.query(
        SCHEMA,
        table_name(number),
        table.columns,
        keyed=True,
        typed_json=form.json_values == "typed",
        secret=form.row_secret is not None,
    )
    try:
        count, xor = fingerprint.value(sessions.rows_without_warnings(session, statement)[0])
        rows(session, f"DROP TABLE {SCHEMA}.{table_name(number)}")
    except (pymysql.err.ProgrammingError, pymysql.err.InternalError, pymysql.err.DataError, LifeboatError) as error:
        return _why(error)
    return Hashed(count, xor)


def _tried(session: Session, statement: str) -> str | None:
    """Run a statement; returns why the server does not take it. Raises pymysql's error when the server is gone."""
    try:
        with session.cursor() as cursor:
            cursor.execute(statement)
    except pymysql.err.MySQLError as error:
        if isinstance(error, pymysql.err.InterfaceError) or not session.open:
            raise
        return _why(error)
    return None


def _why(error: Exception) -> str:
    said = error.message if isinstance(error, LifeboatError) else " ".join(str(part) for part in error.args)
    return f"the throw-away server does not take its rows: {one_line(without_statement(said))[:200]}"

"""Hashes images of rows on a throw-away server, by the very statement that scans the table at the source."""

from collections.abc import Callable, Iterable, Iterator

import pymysql.err

from backups.errors import LifeboatError
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.carry import images
from backups.services.mysql.carry.images import SCHEMA, Places, table_name
from backups.services.mysql.carry.stretch import Name
from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.looking import fix
from backups.services.mysql.text import one_line, without_statement
from backups.services.mysql.witness import fingerprint, sessions
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.data import Counted

Hashed = tuple[Counted, ...]
"""Of a table's images how many there were, and what their hashes come to: of one with a key all of them; of one without those
before a change, and those after it."""


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
    _prepare(session, form)
    placed: dict[Name, tuple[Table, Places]] = {}
    of: dict[int, Name] = {}
    faults: dict[Name, str] = {}
    for table in tables:
        name, first = (table.schema, table.name), len(of) + 1
        placed[name] = table, (first, first if table.keyed else first + 1)
        for number in sorted({*placed[name][1]}):
            of[number] = name
            if fault := _create(session, number, table):
                faults[name] = fault
    wanted = {name: places for name, (_, places) in placed.items() if name not in faults}
    for number, statement in images.statements(pieces, wanted):
        go_on()
        if of[number] not in faults and (fault := _tried(session, statement)):
            faults[of[number]] = fault
    for name, (table, places) in placed.items():
        go_on()
        yield name, faults.get(name) or _hash(session, places, table, form)


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


def _hash(session: Session, places: Places, table: Table, form: Form) -> Hashed | str:
    found = []
    try:
        for number in sorted({*places}):
            statement = fingerprint.query(
                SCHEMA,
                table_name(number),
                table.columns,
                keyed=table.keyed,
                typed_json=form.json_values == "typed",
                secret=form.row_secret is not None,
            )
            found.append(fingerprint.value(sessions.rows_without_warnings(session, statement)[0], sums=True))
            rows(session, f"DROP TABLE {SCHEMA}.{table_name(number)}")
    except (pymysql.err.ProgrammingError, pymysql.err.InternalError, pymysql.err.DataError, LifeboatError) as error:
        return _why(error)
    return tuple(found)


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

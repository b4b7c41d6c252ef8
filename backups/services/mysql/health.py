"""Checks whether a MySQL server is down, or lacks databases, tables or most rows that the last witness counted.

Cheap enough for every few minutes. Only what proves a fault is one: the address refuses us, or the server itself says by name
that something is gone or cannot be read. A list that lacks a table may be cut off, and a name that is not known, a password or a
proxy say nothing of the data. The server's own estimate of a table's rows is rough and late, so it alone decides nothing: every
table is read for one row, and one that is small or whose estimate is low for as many rows as it must have.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql.err

from backups.errors import LifeboatError
from backups.services.base import Problem
from backups.services.mysql import counted
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Down, Session, quoted, rows
from backups.services.mysql.source.explained import explain, server_message
from backups.services.mysql.source.looking import looking
from backups.services.mysql.witness.definitions import subject, table_names
from backups.services.mysql.witness.sessions import TOO_LONG, limit_statements
from backups.witness import Fact

_COUNT_MILLISECONDS = 20_000
"""For one count; of a table that takes longer, the server's own estimate is shown."""
_COUNTING = 60.0
"""Seconds for all counts together; the estimates are shown of what is left."""
_LOCK_SECONDS = 5
"""For a table's lock, less than for a count: a table that is being altered is busy, not lost."""
_SMALL = 10_000
"""Rows that are always counted, whatever the estimate: that takes milliseconds."""
_DATABASE = "database "
_NOT_SHOWN = 1142
_UNREADABLE = (1033, 1034, 1194, 1195, 1712, 1812, 1814, 1877, 1932)
"""What it says of a table whose files are damaged, missing, or taken away from it."""


@dataclass(frozen=True)
class _Listed:
    """What the server lists: its databases, its tables, and their estimated rows, by the names that facts have."""

    databases: frozenset[str]
    tables: frozenset[str]
    estimates: Mapping[str, int]


def check(settings: MySQLSettings, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:
    """Yield what calls for a restore; see `Service.health`."""
    try:
        with looking(settings) as session:
            found, unseen = _losses(session, settings, witness, collapse)
    except Down as error:
        found, unseen = [Problem("down", settings.where, error.message)], None
    if unseen and not found:
        raise unseen
    yield from found


def another_server(settings: MySQLSettings, server_uuid: str) -> str | None:
    """Say which server answers, where it is not the one of that `server_uuid`."""
    with looking(settings) as session:
        found = [row[1] for row in rows(session, "SHOW GLOBAL VARIABLES WHERE variable_name IN ('server_uuid', 'server_uid')")]
    if not found or not server_uuid or server_uuid in found:
        return None
    return f"another server answers at {settings.where}: its server_uuid is {found[0]}, the backup is of {server_uuid}"


def _losses(
    session: Session, settings: MySQLSettings, witness: Sequence[Fact], collapse: float
) -> tuple[list[Problem], LifeboatError | None]:
    """Return what is lost, and why a table could not be looked at, where one could not."""
    listed = _list(session)
    limit_statements(session, _COUNT_MILLISECONDS / 1000)
    rows(session, "SET SESSION lock_wait_timeout = %s", [_LOCK_SECONDS])
    before = counted.counted(witness)
    found: list[Problem] = []
    unseen: LifeboatError | None = None
    gone = set()
    for database in _databases(witness):
        if database not in listed.databases:
            try:
                if counted.says_gone(session, f"SHOW CREATE DATABASE {quoted(_name(database))}"):
                    gone.add(database)
                    found.append(_database_gone(database, before))
            except pymysql.err.OperationalError as error:
                unseen = explain(error, settings)
    deadline = time.monotonic() + _COUNTING
    for table, count in before.items():
        if _database(table) not in gone:
            try:
                problem = _look_at(session, table, count, listed, collapse, deadline)
            except (pymysql.err.OperationalError, pymysql.err.ProgrammingError, pymysql.err.InternalError) as error:
                explained = explain(error, settings)
                if isinstance(explained, Down):
                    raise explained from error
                unseen = explained
                # A session that has ended answers nothing more.
                rows(session, "DO 1")
            else:
                found += [problem] if problem else []
    return found, unseen


def _look_at(session: Session, table: str, count: int, listed: _Listed, collapse: float, deadline: float) -> Problem | None:
    """Return what is wrong with one table: it is gone, cannot be read, or lacks more than the share `collapse` of its rows."""
    before = f"the last witness counted {count:,} rows in it"
    try:
        if table not in listed.tables and counted.says_gone(session, counted.one_row(table)):
            return Problem("loss", table, f"table {table} is gone; {before}")
        return _collapsed(session, table, count, listed.estimates.get(table), collapse, deadline) if count else None
    except (pymysql.err.OperationalError, pymysql.err.ProgrammingError, pymysql.err.InternalError) as error:
        if error.args[0] not in _UNREADABLE:
            raise
        return Problem("loss", table, f"table {table} cannot be read; {before}: {server_message(error)}")


def _collapsed(
    session: Session, table: str, count: int, estimate: int | None, collapse: float, deadline: float
) -> Problem | None:
    """Return a problem when a table lacks more than the share `collapse` of its `count` rows."""
    needed = max(1, math.ceil(count * (1 - collapse)))
    suspicious = needed <= _SMALL or estimate is None or estimate < 2 * needed
    name = counted.sql_name(table)
    try:
        if rows(session, f"SELECT 1 FROM {name} LIMIT 1 OFFSET {needed - 1 if suspicious else 0}"):  # noqa: S608 - quoted
            return None
        in_time = time.monotonic() < deadline
        found = f"{rows(session, f'SELECT COUNT(*) FROM {name}')[0][0]:,}" if in_time else None  # noqa: S608 - quoted
    except pymysql.err.OperationalError as error:
        if error.args[0] not in TOO_LONG:
            raise
        found = None
    if found is None:
        found = f"about {estimate or 0:,} (by the server's estimate; counting took longer than {_COUNT_MILLISECONDS / 1000:g} s)"
    if found == "0":
        return Problem("loss", table, f"table {table} is empty; the last witness counted {count:,} rows in it")
    message = f"table {table} has {found} rows of the {count:,} that the last witness counted; at least {needed:,} are expected"
    return Problem("loss", table, message)


def _list(session: Session) -> _Listed:
    databases = rows(session, "SELECT schema_name FROM information_schema.schemata")
    # The storage engine's own numbers: information_schema's may be a day old.
    estimates: dict[str, int] = {}
    for schema, part, count in _estimated(session):
        name = subject(schema, part.split("#p#")[0].split("#P#")[0])
        estimates[name] = estimates.get(name, 0) + int(count)
    return _Listed(
        databases=frozenset(subject(name, kind="database") for (name,) in databases),
        tables=frozenset(counted.listed(session)),
        estimates=estimates,
    )


def _estimated(session: Session) -> list[tuple[Any, ...]]:
    try:
        return rows(session, "SELECT database_name, table_name, n_rows FROM mysql.innodb_table_stats")
    except pymysql.err.OperationalError as error:
        # Without estimates every table is read for as many rows as it must have.
        if error.args[0] != _NOT_SHOWN:
            raise
        return []


def _databases(witness: Sequence[Fact]) -> list[str]:
    return list(dict.fromkeys(fact.subject for fact in witness if fact.subject.startswith(_DATABASE)))


def _name(database: str) -> str:
    """Return the name that the subject of a database has."""
    return table_names(f"{database.removeprefix(_DATABASE)}.x")[0]


def _database(table: str) -> str:
    return subject(table_names(table)[0], kind="database")


def _database_gone(database: str, before: Mapping[str, int]) -> Problem:
    held = [count for table, count in before.items() if _database(table) == database]
    message = f"{database} is gone; the last witness counted {len(held):,} tables with {sum(held):,} rows in it"
    return Problem("loss", database, message)

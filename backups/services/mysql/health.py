"""Checks whether a MySQL server is down, or lacks databases, tables or most rows that the last witness counted.

Cheap enough for every few minutes. The server's own estimate of a table's rows is rough and late, so it alone decides nothing:
every table is read for one row, and one that is small or whose estimate is low for as many rows as it must have.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pymysql.err

from backups.services.base import Problem
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection
from backups.services.mysql.source.connection import Away, Session, quoted, rows
from backups.services.mysql.witness.definitions import subject, table_names
from backups.services.mysql.witness.sessions import TOO_LONG, limit_statements
from backups.witness import Fact

_COUNT_MILLISECONDS = 20_000
"""For one count; of a table that takes longer, the server's own estimate is shown."""
_LOCK_SECONDS = 5
"""For a table's lock, less than for a count: a table that is being altered is busy, not lost."""
_SMALL = 10_000
"""Rows that are always counted, whatever the estimate: that takes milliseconds."""
_DATABASE = "database "


@dataclass(frozen=True)
class _Present:
    """What the server has now: its databases, and the estimated rows of its tables, by the names that facts have."""

    databases: frozenset[str]
    tables: Mapping[str, int | None]


def check(settings: MySQLSettings, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:
    """Yield what calls for a restore; see `Service.health`."""
    try:
        session = connection.connect(settings)
    except Away as error:
        yield Problem("down", settings.where, error.message)
        return
    with connection.errors_explained(settings), session:
        present = _present(session)
        limit_statements(session, _COUNT_MILLISECONDS / 1000)
        rows(session, "SET SESSION lock_wait_timeout = %s", [_LOCK_SECONDS])
        counted = {fact.subject: int(fact.value or 0) for fact in witness if fact.metric == "rows"}
        gone = [name for name in _databases(witness) if name not in present.databases]
        for database in gone:
            yield _database_gone(database, counted)
        for table, count in counted.items():
            if _database(table) in gone:
                continue
            if table not in present.tables:
                yield Problem("loss", table, f"table {table} is gone; the last witness counted {count:,} rows in it")
            elif count:
                yield from _collapsed(session, table, count, present.tables[table], collapse)


def _collapsed(session: Session, table: str, count: int, estimate: int | None, collapse: float) -> Iterator[Problem]:
    """Yield an problem when a table lacks more than the share `collapse` of its `count` rows."""
    needed = max(1, math.ceil(count * (1 - collapse)))
    suspicious = needed <= _SMALL or estimate is None or estimate < 2 * needed
    name = ".".join(quoted(part) for part in table_names(table))
    try:
        if rows(session, f"SELECT 1 FROM {name} LIMIT 1 OFFSET {needed - 1 if suspicious else 0}"):  # noqa: S608 - quoted
            return
        found = f"{rows(session, f'SELECT COUNT(*) FROM {name}')[0][0]:,}"  # noqa: S608 - quoted
    except pymysql.err.OperationalError as error:
        if error.args[0] not in TOO_LONG:
            raise
        found = f"about {estimate or 0:,} (by the server's estimate; counting took longer than {_COUNT_MILLISECONDS / 1000:g} s)"
    if found == "0":
        yield Problem("loss", table, f"table {table} is empty; the last witness counted {count:,} rows in it")
    else:
        message = (
            f"table {table} has {found} rows of the {count:,} that the last witness counted; at least {needed:,} are expected"
        )
        yield Problem("loss", table, message)


def _present(session: Session) -> _Present:
    databases = rows(session, "SELECT schema_name FROM information_schema.schemata")
    tables = rows(
        session,
        # Of the server's own databases too: what users put there is in a witness.
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') "
        "AND CAST(table_schema AS BINARY) NOT IN ('information_schema', 'performance_schema')",
    )
    # The storage engine's own numbers: information_schema's may be a day old.
    estimates: dict[tuple[str, str], int] = {}
    for schema, part, count in rows(session, "SELECT database_name, table_name, n_rows FROM mysql.innodb_table_stats"):
        key = (schema, part.split("#p#")[0].split("#P#")[0])
        estimates[key] = estimates.get(key, 0) + int(count)
    return _Present(
        databases=frozenset(subject(name, kind="database") for (name,) in databases),
        tables={subject(schema, name): estimates.get((schema, name)) for schema, name in tables},
    )


def _databases(witness: Sequence[Fact]) -> list[str]:
    return [fact.subject for fact in witness if fact.subject.startswith(_DATABASE)]


def _database(table: str) -> str:
    return subject(table_names(table)[0], kind="database")


def _database_gone(database: str, counted: Mapping[str, int]) -> Problem:
    held = [count for table, count in counted.items() if _database(table) == database]
    message = f"{database} is gone; the last witness counted {len(held):,} tables with {sum(held):,} rows in it"
    return Problem("loss", database, message)

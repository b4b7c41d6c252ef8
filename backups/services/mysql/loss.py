"""Compares the live server with a backup's witness: rows counted within seconds, tables created and dropped."""

import time
from collections.abc import Iterator, Sequence

import pymysql.err

from backups.services.mysql import counted
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.looking import looking
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness.sessions import TOO_LONG, limit_statements
from backups.witness import Fact

_SECONDS = 10.0
"""For all counts together; the smallest tables are counted first."""
_COUNT_SECONDS = 3.0
"""For one of them."""
_LOCK_SECONDS = 2
_NOT_NOW = (*TOO_LONG, 1205, 1317)
"""Numbers of the errors: it took too long, a lock was waited for, it was interrupted."""
_CHANGED = (1146, 1049, 1412)


def compare(settings: MySQLSettings, witness: Sequence[Fact]) -> Iterator[str]:
    """Yield the differences, a line each; see `Service.loss`. Rows that were changed in place are not seen by counting."""
    had = counted.counted(witness)
    with looking(settings) as session:
        # Of the server's own databases, what the witness counted there.
        present = {name for name, schema in counted.listed(session).items() if name in had or schema not in SYSTEM_DATABASES}
        rows(session, "SET SESSION lock_wait_timeout = %s", [_LOCK_SECONDS])
        deadline = time.monotonic() + _SECONDS
        # New tables last: nobody has counted how large they are.
        for table in sorted(present | set(had), key=lambda name: (name not in had, had.get(name, 0), name)):
            before = had.get(table)
            if table not in present and counted.says_gone(session, counted.one_row(table)):
                yield f"{table}: not there any more; the backup has it, with {before:,} rows"
                continue
            seconds = min(_COUNT_SECONDS, deadline - time.monotonic())
            now = _count(session, table, seconds) if seconds > 0 else None
            if before is None:
                yield f"{table}: new since the backup, {_rows(now) if now is not None else 'not counted (no time)'}"
            elif now is None:
                yield f"{table}: not counted (no time); the backup has {_rows(before)}"
            elif now != before:
                yield f"{table}: {_rows(abs(now - before))} {'more' if now > before else 'fewer'} than the backup"


def _count(session: Session, table: str, seconds: float) -> int | None:
    """Count the rows; None when that takes too long, or the table is being changed."""
    try:
        limit_statements(session, seconds)
        return int(rows(session, f"SELECT COUNT(*) FROM {counted.sql_name(table)}")[0][0])  # noqa: S608 - quoted
    except pymysql.err.MySQLError as error:
        if error.args[0] in (*_NOT_NOW, *_CHANGED):
            return None
        raise


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"

"""Opens snapshots of one instant in our sessions and in the dump programs, while nobody can write.

Under the server's read lock, or, where it is not allowed, under read locks on every table: those wait for open transactions that
have written, so that no snapshot sees half of one. Tables without snapshots keep the lock until everything is read.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pymysql.err

from backups.errors import LifeboatError, Transient
from backups.services.mysql.details import Position
from backups.services.mysql.source import source
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness.read_lock import flush_tables, read_lock

Lock = Literal["global", "tables"]

_OPENING = 20.0
"""Seconds for the programs to open their snapshots; it takes them a fraction of one."""
_IDLE_LIMIT = 60
"""Seconds that the session with the lock may be idle before the server ends it."""
_FORBIDDEN = (1044, 1045, 1142, 1227)


@dataclass
class DumpInstant:
    """Where (None: the server does not say) and when the snapshots stand. lock_seconds: known when the lock is given back."""

    position: Position | None
    at: datetime
    lock: Lock
    lock_attempts: int
    lock_seconds: float = 0.0


@contextlib.contextmanager
def frozen(
    control: Session,
    readers: Sequence[Session],
    tables: Sequence[tuple[str, str]],
    seen: Source,
    *,
    open_others: Callable[[], Callable[[], bool]],
    hold: bool,
    say: Callable[[str], None],
    under_lock: Callable[[], object] = lambda: None,
) -> Iterator[DumpInstant]:
    """Open a snapshot in every reader, and have `open_others` begin theirs; what it returns tells whether they are open.

    `hold`: keep the lock until the block ends, else give it back before the block begins. `tables`: every base table.
    `under_lock`: run as soon as the lock is held.
    Raises Transient when the lock is not to be had in ten minutes, LifeboatError when no lock is allowed.
    """
    wanted = _Lock(tables, seen)
    with read_lock(control, say, idle_limit=_IDLE_LIMIT, take=wanted.take, under_lock=under_lock) as lock:
        for reader in readers:
            rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        _await(open_others(), control)
        # Of a session that holds no table locks: those would keep it from asking for anything else.
        free = control if wanted.kind == "global" else readers[0]
        instant = DumpInstant(_position(free, seen), _clock(free), wanted.kind, lock.attempts)
        if not hold:
            lock.release()
            instant.lock_seconds = lock.seconds
        yield instant
        if hold:
            lock.release()
            instant.lock_seconds = lock.seconds


class _Lock:
    """The lock that our user is allowed to take: on the whole server if possible, else on every table."""

    def __init__(self, tables: Sequence[tuple[str, str]], seen: Source) -> None:
        self._tables = tables
        self.kind: Lock = "global" if seen.privileges & {"RELOAD", "ALL PRIVILEGES"} else "tables"

    def take(self, session: Session) -> None:
        """Ask for it. Raises LifeboatError when neither is allowed, pymysql's error when it is waited for in vain."""
        if self.kind == "global":
            try:
                flush_tables(session)
                return
            except pymysql.err.MySQLError as error:
                if not _forbidden(error):
                    raise
                self.kind = "tables"
        try:
            if self._tables:
                names = ", ".join(f"{quoted(schema)}.{quoted(name)} READ" for schema, name in self._tables)
                rows(session, f"LOCK TABLES {names}")
        except pymysql.err.MySQLError as error:
            if not _forbidden(error):
                raise
            raise LifeboatError(
                f"this user may take neither the read lock nor locks on tables: {error.args[1]} (error {error.args[0]})",
                hint="GRANT LOCK TABLES ON *.* to the user that takes the backup, or RELOAD",
            ) from error


def _position(session: Session, seen: Source) -> Position | None:
    """Read the position in the binary log; None when it is off, or this user may not ask."""
    if seen.variables.get("log_bin") != "ON":
        return None
    try:
        return source.position(session, seen.version)
    except pymysql.err.MySQLError as error:
        if _forbidden(error):
            return None
        raise


def _forbidden(error: pymysql.err.MySQLError) -> bool:
    return bool(error.args) and error.args[0] in _FORBIDDEN


def _clock(session: Session) -> datetime:
    at: datetime = rows(session, "SELECT UTC_TIMESTAMP(6)")[0][0]
    return at.replace(tzinfo=UTC)


def _await(opened: Callable[[], bool], control: Session) -> None:
    deadline = time.monotonic() + _OPENING
    while not opened():
        if time.monotonic() > deadline:
            raise Transient(
                f"the dump program did not open its snapshot in {_OPENING:.0f} s, so the lock was given back",
                hint="is this machine, or the way to the server, overloaded? try again",
            )
        time.sleep(0.01)
        control.ping(reconnect=False)

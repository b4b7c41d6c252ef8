"""One instant for sessions of ours and for programs of ours: all open their snapshots while nobody can write.

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
from backups.services.mysql.source import source as server
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness.fingerprint import quoted
from backups.services.mysql.witness.instant import LOCK_WAIT

Lock = Literal["global", "tables"]

_PATIENCE = 600.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between two attempts at the lock, the last one repeated: time for the writers that queued."""
_OPENING = 20.0
"""Seconds for the programs to open their snapshots; it takes them a fraction of one."""
_LEASH = 60
"""Seconds. The server itself ends a session that holds the lock and says nothing more: we may have died."""
_LOCK_WAIT_TIMEOUT = 1205
_FORBIDDEN = (1044, 1045, 1142, 1227)


@dataclass
class DumpInstant:
    """Where (None: the server does not tell) and when the snapshots stand. lock_seconds: known when the lock is given back."""

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
    source: Source,
    *,
    open_others: Callable[[], Callable[[], bool]],
    hold: bool,
    say: Callable[[str], None],
    under_lock: Callable[[], object] = lambda: None,
) -> Iterator[DumpInstant]:
    """Open a snapshot in every reader, and have `open_others` begin theirs; what it returns tells whether they are open.

    `hold`: keep the lock until the block ends, else give it back before the block begins. `tables`: every base table.
    Raises Transient when the lock is not to be had in ten minutes, LifeboatError when no lock is allowed.
    """
    rows(control, "SET SESSION lock_wait_timeout = %s, wait_timeout = %s", [LOCK_WAIT, _LEASH])
    lock, attempts, started = _acquire(control, tables, source, say)
    with contextlib.ExitStack() as stack:

        def unlock() -> None:
            # Fails when the server has already ended the session: then the snapshots may not be of one instant.
            rows(control, "UNLOCK TABLES")

        held = stack.enter_context(contextlib.ExitStack())
        held.callback(unlock)
        under_lock()
        for reader in readers:
            rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        _await(open_others(), control)
        # Of a session that holds no table locks: those would keep it from asking for anything else.
        asking = control if lock == "global" else readers[0]
        instant = DumpInstant(position(asking, source), _clock(asking), lock, attempts)
        if not hold:
            held.close()
            instant.lock_seconds = time.monotonic() - started
        yield instant
        if hold:
            held.close()
            instant.lock_seconds = time.monotonic() - started


def position(session: Session, source: Source) -> Position | None:
    """Where the binary log is now; None when it is off, or this user may not ask."""
    if source.variables.get("log_bin") != "ON":
        return None
    try:
        return server.position(session, source.version)
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] in _FORBIDDEN:
            return None
        raise


def _clock(session: Session) -> datetime:
    at: datetime = rows(session, "SELECT UTC_TIMESTAMP(6)")[0][0]
    return at.replace(tzinfo=UTC)


def _acquire(
    control: Session, tables: Sequence[tuple[str, str]], source: Source, say: Callable[[str], None]
) -> tuple[Lock, int, float]:
    """Take the lock; returns which, after how many attempts, and when the one that got it began."""
    lock: Lock = "global" if source.privileges & {"RELOAD", "ALL PRIVILEGES"} else "tables"
    began, attempts = time.monotonic(), 0
    while True:
        attempts += 1
        started = time.monotonic()
        try:
            if lock == "global":
                rows(control, "FLUSH TABLES WITH READ LOCK")
            elif tables:
                names = ", ".join(f"{quoted(schema)}.{quoted(name)} READ" for schema, name in tables)
                rows(control, f"LOCK TABLES {names}")
        except pymysql.err.MySQLError as error:
            number = error.args[0] if error.args else 0
            if number in _FORBIDDEN and lock == "global":
                lock = "tables"
                continue
            if number in _FORBIDDEN:
                raise LifeboatError(
                    f"neither the read lock nor locks on the tables are allowed to this user: {error.args[1]} (error {number})",
                    hint="GRANT LOCK TABLES ON *.* to the user that takes the backup, or RELOAD",
                ) from error
            if number != _LOCK_WAIT_TIMEOUT:
                raise
        else:
            return lock, attempts, started
        if time.monotonic() - began > _PATIENCE:
            raise Transient(
                f"the read lock was not to be had in {_PATIENCE / 60:.0f} minutes and {attempts} attempts of {LOCK_WAIT} s each",
                hint="a backup needs a moment in which no statement runs for seconds: schedule it elsewhere, or end that one",
            )
        say(f"the read lock is not free (attempt {attempts})")
        rows(control, "DO SLEEP(%s)", [_PAUSES[min(attempts, len(_PAUSES)) - 1]])


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

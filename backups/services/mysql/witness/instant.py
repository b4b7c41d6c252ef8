"""One instant of a live source: consistent snapshots in several sessions, and the position in the log that they stand at.

Writers wait for a read lock held for milliseconds; DDL waits for the instance lock until the caller gives it back. The order
(read lock, instance lock, snapshots, position, unlock) matters: the instance lock first would deadlock with DDL waiting for it.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pymysql.err

from backups.errors import Transient
from backups.services.mysql.details import Position
from backups.services.mysql.source import source
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.versions import Version

LOCK_WAIT = 1
"""Seconds. While a statement that runs longer keeps the read lock from us, writers queue behind our wish for it."""
_PATIENCE = 600.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between two attempts, the last one repeated: time for the writers that queued."""
_LEASH = 10
"""Seconds. The server itself ends a session that holds the read lock and says nothing more: we may have died."""
_LOCK_WAIT_TIMEOUT = 1205


@dataclass(frozen=True)
class Instant:
    """Where and when the snapshots stand. lock_seconds: from asking for the lock that was got until it was given back."""

    position: Position
    at: datetime
    lock_seconds: float
    lock_attempts: int


def freeze(
    control: Session,
    guard: Session,
    readers: Sequence[Session],
    say: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Instant:
    """Open a snapshot in every reader, all of one instant. Afterwards `guard` holds the instance lock: no DDL until `thaw`.

    Raises Transient when something keeps the lock from us for ten minutes; nothing is held then.
    """
    version = Version.parse(rows(control, "SELECT @@version")[0][0])
    for session in (control, guard):
        rows(session, "SET SESSION lock_wait_timeout = %s", [LOCK_WAIT])
    rows(control, "SET SESSION wait_timeout = %s", [_LEASH])
    began, attempts = clock(), 0
    while True:
        attempts += 1
        try:
            started = clock()
            with _read_lock(control):
                rows(guard, "LOCK INSTANCE FOR BACKUP")
                for reader in readers:
                    rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
                position = source.position(control, version)
                at = rows(control, "SELECT UTC_TIMESTAMP(6)")[0][0]
            return Instant(position, at.replace(tzinfo=UTC), clock() - started, attempts)
        except pymysql.err.OperationalError as error:
            if error.args[0] != _LOCK_WAIT_TIMEOUT:
                raise
            thaw(guard)
        if clock() - began > _PATIENCE:
            raise Transient(
                f"the read lock was not to be had in {_PATIENCE / 60:.0f} minutes and {attempts} attempts of {LOCK_WAIT} s each: "
                f"{_longest(control)}",
                hint="a backup needs a moment in which no statement runs for seconds: schedule it elsewhere, or end that one",
            )
        say(f"the read lock is not free (attempt {attempts}): {_longest(control)}")
        _wait(control, _PAUSES[min(attempts, len(_PAUSES)) - 1])


def thaw(guard: Session) -> None:
    """Give the instance lock back: DDL goes on."""
    rows(guard, "UNLOCK INSTANCE")


@contextlib.contextmanager
def _read_lock(control: Session) -> Iterator[None]:
    try:
        # When this waits for a table in vain (error 1205), the server has let go of the table, not of the global lock.
        rows(control, "FLUSH TABLES WITH READ LOCK")
        yield
    finally:
        # Fails when the server has already ended the session: then the snapshots may not be of one instant.
        rows(control, "UNLOCK TABLES")


def _wait(control: Session, seconds: float) -> None:
    rows(control, "DO SLEEP(%s)", [seconds])


def _longest(control: Session) -> str:
    """What is probably in the way: the statement that has been running longest."""
    found = rows(
        control,
        "SELECT id, user, time, LEFT(info, 100) FROM information_schema.processlist "
        "WHERE command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND info IS NOT NULL ORDER BY time DESC LIMIT 1",
    )
    if not found:
        return "no statement is running any more"
    number, user, seconds, text = found[0]
    return f"session {number} of {user} has been running for {seconds} s: {' '.join(str(text).split())}"

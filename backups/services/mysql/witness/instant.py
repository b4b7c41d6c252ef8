"""Opens consistent snapshots in several sessions of a live source, all of one instant, and reads their position in the log.

Writers wait for a read lock held for milliseconds; DDL waits for the instance lock until the caller gives it back. The order
(read lock, instance lock, snapshots, position, unlock) matters: the instance lock first would deadlock with DDL waiting for it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backups.services.mysql.details import Position
from backups.services.mysql.source import source
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.versions import Version
from backups.services.mysql.witness.read_lock import LOCK_WAIT, read_lock

_IDLE_LIMIT = 10
"""Seconds that the session with the read lock may be idle before the server ends it."""


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
    rows(guard, "SET SESSION lock_wait_timeout = %s", [LOCK_WAIT])
    with read_lock(
        control, say, idle_limit=_IDLE_LIMIT, under_lock=lambda: rows(guard, "LOCK INSTANCE FOR BACKUP"), clock=clock
    ) as lock:
        for reader in readers:
            rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        position = source.position(control, version)
        at = rows(control, "SELECT UTC_TIMESTAMP(6)")[0][0]
    return Instant(position, at.replace(tzinfo=UTC), lock.seconds, lock.attempts)


def thaw(guard: Session) -> None:
    """Give the instance lock back: DDL goes on."""
    rows(guard, "UNLOCK INSTANCE")

"""Takes a server's read lock: with a bound on how long writers queue behind it, retried until it is free, timed.

The witness (`instant.py`) and dumps (`../dump/instant.py`) open their snapshots under it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

import pymysql.err

from backups.errors import Transient
from backups.services.mysql.source.connection import Session, rows

LOCK_WAIT = 1
"""Seconds. While a statement that runs longer keeps the read lock from us, writers queue behind our wish for it."""
_PATIENCE = 600.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between two attempts, the last one repeated: time for the writers that queued."""
_LOCK_WAIT_TIMEOUT = 1205


class ReadLock:
    """A read lock that a session holds. `attempts`: how often it was asked for."""

    def __init__(self, session: Session, attempts: int, began: float, clock: Callable[[], float]) -> None:
        self.attempts = attempts
        self._session = session
        self._began = began
        self._clock = clock
        self._seconds: float | None = None

    @property
    def seconds(self) -> float:
        """How long writers waited: from asking for the lock that was got until it was given back, or until now."""
        return self._clock() - self._began if self._seconds is None else self._seconds

    def release(self) -> None:
        """Give the lock back; a second call does nothing. Raises pymysql's error when the server has ended the session already:
        then the snapshots may not be of one instant.
        """
        if self._seconds is None:
            rows(self._session, "UNLOCK TABLES")
            self._seconds = self._clock() - self._began


def flush_tables(session: Session) -> None:
    """Ask for the lock on the whole server: nobody writes, and nothing that is being written is half done."""
    rows(session, "FLUSH TABLES WITH READ LOCK")


@contextmanager
def read_lock(
    session: Session,
    say: Callable[[str], None],
    *,
    idle_limit: int,
    take: Callable[[Session], None] = flush_tables,
    under_lock: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[ReadLock]:
    """Hold the read lock until the block ends, or `release` is called.

    idle_limit: seconds after which the server itself ends a session that holds the lock and says nothing: we may have died
    take: asks for the lock. under_lock: what else is taken right under it; should that wait in vain, all begins anew
    Raises Transient when something keeps the lock from us for ten minutes; nothing is held then.
    """
    rows(session, "SET SESSION lock_wait_timeout = %s, wait_timeout = %s", [LOCK_WAIT, idle_limit])
    lock = _acquire(session, say, take, under_lock, clock)
    try:
        yield lock
    finally:
        lock.release()


def _acquire(
    session: Session,
    say: Callable[[str], None],
    take: Callable[[Session], None],
    under_lock: Callable[[], object],
    clock: Callable[[], float],
) -> ReadLock:
    began, attempts = clock(), 0
    while True:
        attempts += 1
        lock = ReadLock(session, attempts, clock(), clock)
        try:
            take(session)
            under_lock()
            return lock
        except BaseException as fault:
            # When FLUSH waits for a table in vain, the server has let go of the table, not of the global lock; and whatever else
            # ended this (an interrupt, another session that was lost), writers must not wait until the server misses us.
            timed_out = isinstance(fault, pymysql.err.MySQLError) and fault.args[:1] == (_LOCK_WAIT_TIMEOUT,)
            with nullcontext() if timed_out else suppress(Exception):
                rows(session, "UNLOCK TABLES")
            if not timed_out:
                raise
        if clock() - began > _PATIENCE:
            count = "1 attempt" if attempts == 1 else f"{attempts} attempts"
            raise Transient(
                f"the read lock could not be taken in {_PATIENCE / 60:.0f} minutes ({count} of {LOCK_WAIT} s each): "
                f"{_longest_statement(session)}",
                hint="a backup needs a moment in which no statement runs for seconds: schedule it elsewhere, or end that one",
            )
        say(f"the read lock is not free (attempt {attempts}): {_longest_statement(session)}")
        rows(session, "DO SLEEP(%s)", [_PAUSES[min(attempts, len(_PAUSES)) - 1]])


def _longest_statement(session: Session) -> str:
    """Describe the statement that has been running longest: it is probably in the way."""
    found = rows(
        session,
        "SELECT id, user, time, LEFT(info, 100) FROM information_schema.processlist "
        "WHERE command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND info IS NOT NULL ORDER BY time DESC LIMIT 1",
    )
    if not found:
        return "no statement is running any more"
    number, user, seconds, text = found[0]
    return f"session {number} of {user} has been running for {seconds} s: {' '.join(str(text).split())}"

"""Pulls what the log has gained since a backup, or since the last pull, without a witness."""

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

from backups.errors import ChainBroken, Damaged
from backups.manifest import Manifest
from backups.services.base import Captured
from backups.services.mysql.binlog import coverage, pull, replayable
from backups.services.mysql.binlog.gtids import Gtids
from backups.services.mysql.binlog.pull import Pulled
from backups.services.mysql.binlog.stream import LogError
from backups.services.mysql.details import LOG, LogSegment, Position
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.looking import SILENCE
from backups.services.mysql.versions import Version

_TRIES, _PAUSE = 10, 0.1
"""How often the log is asked for besides the last time, and the seconds in between."""


def pull_on(settings: MySQLSettings, last: Manifest, directory: Path) -> Captured:
    """Pull the log from where `last` ends to where it ends now, below `directory`; the witness is empty.

    `taken_at`: everything committed up to then is in the log up to there. No segment where nothing was written.
    Raises ChainBroken when the source's log does not go on where `last` ends, or holds what no copy can replay.
    """
    with connection.errors_explained(settings):
        connect: Callable[[], Session] = lambda: connection.connect(settings, silence=SILENCE)  # noqa: E731
        before = coverage.log_details(last)
        pull.require_continuation(connect, before, last.source.version)
        with connect() as session:
            # The time first: what is committed between the two is in the log, and later than the time.
            at = rows(session, "SELECT UTC_TIMESTAMP(6)")[0][0].replace(tzinfo=UTC)
            end = source.position(session, Version.parse(*rows(session, "SELECT @@version, @@version_comment")[0]))
        pulled = _pulled(connect, before.end, end, directory)
    end = _looked_through(directory, pulled.segments, before.end, end)
    details = before.model_copy(
        update={
            "start": before.end,
            "end": end,
            "log_created": before.log_created if pulled.created is None else pulled.created,
            "segments": pulled.segments,
            "bridge": None,
            # What the backup before says of its witness is not said of this log.
            "carried": {},
            "unlogged": (),
            "partial": (),
            "limits": (),
            "lock_seconds": 0.0,
            "lock_attempts": 0,
        }
    )
    return Captured(taken_at=at, source_version=last.source.version, witness=(), details=details.model_dump())


def _pulled(connect: Callable[[], Session], begin: Position, end: Position, directory: Path) -> Pulled:
    """Pull the log. A source that is written to shows where it ends a moment before that is synced, and then sent."""
    for _ in range(_TRIES):
        try:
            return pull.pull(connect, begin, end, directory)
        except LogError:
            shutil.rmtree(directory / LOG)
            time.sleep(_PAUSE)
    return pull.pull(connect, begin, end, directory)


def _looked_through(directory: Path, segments: Sequence[LogSegment], begin: Position, end: Position) -> Position:
    """Return the end with the GTIDs that were executed there. Raises ChainBroken for a log that no copy can replay.

    A source that is written to says that a transaction was executed a moment after it is in the log.
    """
    try:
        seen = replayable.look(directory, segments)
    except Damaged as damage:
        raise ChainBroken(damage.message) from damage
    if fault := replayable.missing(seen, begin, end) or (str(seen.obstacle) if seen.obstacle else None):
        raise ChainBroken(fault)
    if begin.gtid_executed is None or end.gtid_executed is None:
        return end
    executed = Gtids.parse(begin.gtid_executed).plus(Gtids.parse(end.gtid_executed), seen.gtids)
    return end.model_copy(update={"gtid_executed": executed.text() or ""})

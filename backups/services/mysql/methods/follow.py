"""Pulls what the log has gained since a backup, or since the last pull, without a witness."""

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from backups.errors import ChainBroken
from backups.manifest import Manifest
from backups.services.base import Captured
from backups.services.mysql.binlog import coverage, pull, replayable
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.looking import SILENCE
from backups.services.mysql.versions import Version


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
        pulled = pull.pull(connect, before.end, end, directory)
        if fault := replayable.fault(directory, pulled.segments, before.end, end):
            raise ChainBroken(fault)
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

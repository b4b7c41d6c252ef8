"""Pulls the log between the last backup of the chain before and a new full, so that moments between the two chains come back."""

from collections.abc import Callable

from backups.errors import ChainBroken
from backups.services.base import Job
from backups.services.mysql.binlog import coverage, pull
from backups.services.mysql.details import Bridge, Position
from backups.services.mysql.source.connection import Session, rows


def pull_bridge(connect: Callable[[], Session], job: Job, start: Position) -> Bridge | None:
    """Pull the log from the end of the chain before to `start`, the first byte of this full's own log. None where the source no
    longer has that part of its log, which the operator is told.
    """
    before = coverage.details_of(job.before) if job.before else None
    if job.before is None or before is None:
        return None
    try:
        pull.require_continuation(connect, before, job.before.source.version)
        end = _end_before(connect, start)
        job.say(f"pulling the log since {job.before.id}")
        pulled = pull.pull(connect, before.end, end, job.directory)
    except ChainBroken as broken:
        job.say(f"no moment between {job.before.id} and this full can be brought back: {broken.message}")
        return None
    return Bridge(backup=job.before.id, start=before.end, segments=pulled.segments)


def _end_before(connect: Callable[[], Session], start: Position) -> Position:
    """Return the end of the log file before `start.file`. Raises ChainBroken when the source no longer has it."""
    with connect() as session:
        files = [(str(row[0]), int(row[1])) for row in rows(session, "SHOW BINARY LOGS")]
    names = [name for name, _ in files]
    at = names.index(start.file) if start.file in names else 0
    if not at:
        raise ChainBroken(f"the source has no binary log before {start.file} any more")
    name, size = files[at - 1]
    return Position(file=name, offset=size)

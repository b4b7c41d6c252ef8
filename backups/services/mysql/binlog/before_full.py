"""Pulls the log between the last backup of the chain before and a new full, so that moments between the two chains come back."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pymysql.err

from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.services.base import Job
from backups.services.mysql.binlog import coverage, pull, replayable
from backups.services.mysql.details import LOG, Bridge, Position
from backups.services.mysql.source.connection import Session
from backups.services.mysql.text import one_line


@dataclass(frozen=True)
class Before:
    """The bridge to the chain before, None where there is none; and what of the time between the chains it lacks, a line each."""

    bridge: Bridge | None = None
    limits: tuple[str, ...] = ()


def pull_bridge(connect: Callable[[], Session], job: Job, start: Position, executed: str | None) -> Before:
    """Pull the log from the end of the chain before to `start`, the first byte of this full's own log, which is not pulled yet.

    executed: the GTIDs that the source had just before it began `start`'s file
    Whatever goes wrong is no fault of the full, which needs none of it: the operator is told, and it is a limit of the backup.
    """
    before = job.before
    if before is None:
        return Before()
    try:
        found = _pull(connect, job, before, start, executed)
    except (LifeboatError, pymysql.err.Error, OSError) as error:
        shutil.rmtree(job.directory / LOG, ignore_errors=True)
        reason = error.message if isinstance(error, LifeboatError) else one_line(str(error))
        found = Before(
            limits=(f"no moment between {before.id} and this full can be brought back, unless its log was followed: {reason}",)
        )
    for limit in found.limits:
        job.say(limit)
    return found


def _pull(connect: Callable[[], Session], job: Job, before: Manifest, start: Position, executed: str | None) -> Before:
    details = coverage.details_of(before)
    if details is None:
        return Before()
    pull.require_continuation(connect, details, before.source.version)
    job.say(f"pulling the log since {before.id}")
    pulled = pull.pull(connect, details.end, start, job.directory)
    seen = replayable.look(job.directory, pulled.segments)
    reached = start.model_copy(update={"gtid_executed": executed})
    if lost := replayable.missing(seen, details.end, reached):
        raise LifeboatError(lost)
    bridge = Bridge(backup=before.id, start=details.end, segments=pulled.segments)
    if seen.obstacle is None:
        return Before(bridge)
    since = f"{seen.obstacle.time:%Y-%m-%d %H:%M:%S %Z}" if seen.obstacle.time else f"{seen.obstacle.file}:{seen.obstacle.offset}"
    return Before(bridge, (f"no moment from {since} up to this full can be brought back: {seen.obstacle}",))

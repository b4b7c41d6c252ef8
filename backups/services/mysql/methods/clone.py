"""Backs up by CLONE and the binary log: a full is a clone and the log up to the witness, an incremental the log from there on.

Next files: `../clone/clone.py`, `../witness/witness.py`, `../binlog/pull.py`; bringing one back: `../copy/copy.py`.
"""

from collections.abc import Callable, Sequence

from backups.errors import ChainBroken
from backups.manifest import Kind
from backups.services.base import Captured, Copy, Fetched, Job, Sandbox
from backups.services.mysql.binlog import before_full, coverage, pull
from backups.services.mysql.clone import clone
from backups.services.mysql.clone.checks import CloneChecks
from backups.services.mysql.copy.copy import MySQLCopy
from backups.services.mysql.details import Bridge, MySQLDetails, Position
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness import kinds, witness

_SESSIONS = 2
"""Sessions that read tables side by side for the witness."""
_Connect = Callable[[], Session]


class Clone:
    """Backs up by CLONE and the log; see `Method`."""

    name = "clone"
    kinds: tuple[Kind, ...] = ("full", "incremental")
    checks = CloneChecks()
    continuous = True

    def capture(self, job: Job, settings: MySQLSettings, seen: Source) -> Captured:
        """See `Method.capture`."""
        connect: _Connect = lambda: connection.connect(settings)  # noqa: E731
        return _full(job, settings, seen, connect) if job.kind == "full" else _incremental(job, seen, connect)

    def copy(self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool) -> Copy:
        """See `Method.copy`."""
        return MySQLCopy(name, settings, chain, sandbox, for_restore=for_restore)


def _full(job: Job, settings: MySQLSettings, seen: Source, connect: _Connect) -> Captured:
    with connect() as session:
        size = source.data_bytes(session)
        # A file of its own for each chain: what is pulled starts with a file's first byte, and reaches back before the clone.
        connection.rows(session, "FLUSH BINARY LOGS")
        start = source.position(session, seen.version).model_copy(update={"offset": 0})
    clone.clone(settings, seen, size, job)
    bridge = before_full.pull_bridge(connect, job, start)
    return _up_to_witness(job, seen, connect, start, None, bridge)


def _incremental(job: Job, seen: Source, connect: _Connect) -> Captured:
    if not job.chain:
        raise ChainBroken("there is no backup to build on")
    parent = coverage.details_of(job.chain[-1])
    if parent is None:
        raise ChainBroken("the last backup is a dump, which has no log to go on from")
    pull.require_continuation(connect, parent, job.chain[-1].source.version)
    return _up_to_witness(job, seen, connect, parent.end, parent.log_created)


def _up_to_witness(
    job: Job, seen: Source, connect: _Connect, start: Position, created: int | None, bridge: Bridge | None = None
) -> Captured:
    """Take the witness, then the log from `start` to it. `created`: the stamp of start's file, where it is known."""
    job.say("taking the witness")
    witnessed = witness.take(connect, connections=_SESSIONS, say=job.say)
    if job.chain and (changed := kinds.changed_without_log(job.chain[-1], witnessed.facts)):
        raise ChainBroken(f"no log tells of it, and it has changed since the last backup: {changed}")
    job.say(f"pulling the log up to {witnessed.position.file}:{witnessed.position.offset}")
    pulled = pull.pull(connect, start, witnessed.position, job.directory)
    created = pulled.created if pulled.created is not None else created
    if created is None:
        raise AssertionError("a log that starts with a file's first byte tells when the file was begun")
    details = MySQLDetails(
        server_uuid=seen.server_uuid,
        gtid=seen.gtid,
        start=start,
        end=witnessed.position,
        log_created=created,
        segments=pulled.segments,
        variables=seen.copy_variables,
        plugins=tuple(sorted(set(seen.plugins.values()))),
        lock_seconds=witnessed.lock_seconds,
        lock_attempts=witnessed.lock_attempts,
        system_offset=seen.system_offset,
        bridge=bridge,
        form=witnessed.form,
        limits=witnessed.limits,
    )
    return Captured(
        taken_at=witnessed.taken_at,
        source_version=seen.version.text,
        witness=witnessed.facts,
        details=details.model_dump(),
    )

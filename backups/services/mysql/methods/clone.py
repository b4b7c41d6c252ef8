"""Backs up by CLONE and the binary log: a full is a clone and the log up to the witness, an incremental the log from there on.

Next files: `../clone/clone.py`, `../witness/witness.py`, `../binlog/pull.py`; bringing one back: `../copy/copy.py`.
"""

import secrets
import shutil
from collections.abc import Callable, Sequence

from backups.errors import ChainBroken, Damaged, Transient
from backups.manifest import Kind, Manifest
from backups.services.base import Captured, Copy, Fetched, Job, Sandbox
from backups.services.mysql.binlog import before_full, coverage, pull, replayable
from backups.services.mysql.binlog.before_full import Before
from backups.services.mysql.binlog.pull import Pulled
from backups.services.mysql.carry import nightly
from backups.services.mysql.carry.nightly import Nightly, Proof
from backups.services.mysql.clone import clone
from backups.services.mysql.clone.checks import CloneChecks
from backups.services.mysql.copy.copy import MySQLCopy
from backups.services.mysql.details import LOG, Form, MySQLDetails, Position
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import command_line, connection, for_copies, source
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness import kinds, witness
from backups.services.mysql.witness.witness import Witnessed

_SESSIONS = 2
"""Sessions that read tables side by side for the witness."""
_ALL_SCANNED = Proof()
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
        return _full(job, settings, seen, connect) if job.kind == "full" else _incremental(job, settings, seen, connect)

    def copy(self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool) -> Copy:
        """See `Method.copy`."""
        return MySQLCopy(name, settings, chain, sandbox, for_restore=for_restore)


def _full(job: Job, settings: MySQLSettings, seen: Source, connect: _Connect) -> Captured:
    with connect() as session:
        size = source.data_bytes(session)
        executed = source.position(session, seen.version).gtid_executed
        # A file of its own for each chain: what is pulled starts with a file's first byte, and reaches back before the clone.
        connection.rows(session, "FLUSH BINARY LOGS")
        start = source.position(session, seen.version).model_copy(update={"offset": 0})
    clone.clone(settings, seen, size, job)
    with connect() as session:
        cloned = source.position(session, seen.version)
    before = before_full.pull_bridge(connect, job, start, executed)
    job.say("taking the witness")
    witnessed = witness.take(connect, connections=_SESSIONS, say=job.say, row_secret=secrets.token_hex(32))
    pulled = _pulled(job, connect, start, witnessed.position)
    # What the log holds from before the clone's end, a copy has from the clone.
    if fault := replayable.fault(job.directory, pulled.segments, cloned, witnessed.position):
        raise Transient(f"the full could not be brought back: {fault}", hint="it came while the full was taken: try again")
    if pulled.created is None:
        raise AssertionError("a log that starts with a file's first byte tells when the file was begun")
    return _captured(job, seen, start, witnessed, pulled, pulled.created, before)


def _incremental(job: Job, settings: MySQLSettings, seen: Source, connect: _Connect) -> Captured:
    if not job.chain:
        raise ChainBroken("there is no backup to build on")
    parent = _parent(job.chain[-1])
    for_copies.require_same(parent, seen)
    pull.require_continuation(connect, parent, job.chain[-1].source.version)
    if fault := nightly.distrusted(parent):
        raise ChainBroken(fault)
    form = Form(json_values="typed", row_secret=parent.form.row_secret)
    carrier = Nightly(job, settings, seen, parent, form, lambda position: _pulled(job, connect, parent.end, position))
    job.say("taking the witness")
    witnessed = witness.take(
        connect,
        connections=_SESSIONS,
        say=job.say,
        row_secret=form.row_secret,
        carrier=None if settings.scan == "always" else carrier,
    )
    if changed := kinds.changed_without_log(job.chain[-1], witnessed.facts):
        raise ChainBroken(f"no log tells of it, and it has changed since the last backup: {changed}")
    pulled = carrier.pulled or _pulled(job, connect, parent.end, witnessed.position)
    if fault := replayable.fault(job.directory, pulled.segments, parent.end, witnessed.position):
        raise ChainBroken(fault)
    return _captured(
        job,
        seen,
        parent.end,
        witnessed,
        pulled,
        pulled.created if pulled.created is not None else parent.log_created,
        proof=carrier.proof(witnessed),
    )


def _parent(manifest: Manifest) -> MySQLDetails:
    try:
        details = coverage.details_of(manifest)
    except Damaged as damage:
        raise ChainBroken(damage.message) from damage
    if details is None:
        raise ChainBroken("the last backup is a dump, which has no log to go on from")
    return details


def _pulled(job: Job, connect: _Connect, start: Position, end: Position) -> Pulled:
    """Pull the log between two positions, anew where it was pulled before."""
    if job.kind == "incremental":
        shutil.rmtree(job.directory / LOG, ignore_errors=True)
    job.say(f"pulling the log up to {end.file}:{end.offset}")
    return pull.pull(connect, start, end, job.directory)


def _captured(
    job: Job,
    seen: Source,
    start: Position,
    witnessed: Witnessed,
    pulled: Pulled,
    created: int,
    before: Before | None = None,
    proof: Proof = _ALL_SCANNED,
) -> Captured:
    """Put a backup's details together. created: the stamp of the log file that the witness's position is in."""
    limits = (*for_copies.limits(seen), *proof.limits)
    for limit in limits:
        job.say(f"a limit of this backup: {limit}")
    details = MySQLDetails(
        server_uuid=seen.server_uuid,
        gtid=seen.gtid,
        start=start,
        end=witnessed.position,
        log_created=created,
        segments=pulled.segments,
        lock_seconds=witnessed.lock_seconds,
        lock_attempts=witnessed.lock_attempts,
        bridge=before.bridge if before else None,
        form=witnessed.form,
        carried=proof.carried,
        unlogged=proof.unlogged,
        partial=proof.partial,
        limits=(*(before.limits if before else ()), *limits, *witnessed.limits),
        **for_copies.details(seen),
    )
    command_line.require_own(details)
    return Captured(
        taken_at=witnessed.taken_at,
        source_version=seen.version.text,
        witness=witnessed.facts,
        details=details.model_dump(),
    )

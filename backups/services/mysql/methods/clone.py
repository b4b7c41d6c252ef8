"""Backs up by CLONE and the binary log: a full is a clone and the log up to the witness, an incremental the log from there on.

Next files: `../clone/clone.py`, `../witness/witness.py`, `../binlog/pull.py`; bringing one back: `../copy/copy.py`.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import nullcontext

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
from backups.services.mysql.details import DATADIR, Form, LogSegment, MySQLDetails, Position
from backups.services.mysql.methods import going_on
from backups.services.mysql.panels import standing
from backups.services.mysql.panels.capture import PanelsCapture
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
    # First where the log is: what is written before counts as cloned, and to begin to save may take a while.
    with connect() as session:
        cloned = source.position(session, seen.version)
    job.whole(job.directory / DATADIR)
    before = before_full.pull_bridge(connect, job, start, executed)
    log = _Log(job, connect, start, before.bridge.segments if before.bridge else ())
    carrier = _carrier_of_full(job, settings, seen, before, log)
    panels = PanelsCapture.of(job, seen.variables)
    job.say("taking the witness")
    with carrier.prepared() if carrier else nullcontext():
        witnessed = witness.take(
            connect,
            connections=_SESSIONS,
            say=job.say,
            form=witness.OF_ROWS.model_copy(update={"row_secret": secrets.token_hex(32)}),
            carrier=carrier,
            inside=panels.inside,
        )
    pulled = log.up_to(witnessed.position)
    # What the log holds from before the clone's end, a copy has from the clone.
    if fault := replayable.fault(job.directory, pulled.segments, cloned, witnessed.position):
        raise Transient(f"the full could not be brought back: {fault}", hint="it came while the full was taken: try again")
    if pulled.created is None:
        raise AssertionError("a log that starts with a file's first byte tells when the file was begun")
    proof = carrier.proof(witnessed) if carrier else _ALL_SCANNED
    return _captured(job, seen, start, witnessed, pulled, pulled.created, before, proof=proof, panels=panels.keep(job.directory))


def _carrier_of_full(job: Job, settings: MySQLSettings, seen: Source, before: Before, log: "_Log") -> Nightly | None:
    """Return what compares the tables with the log since the chain before; None where that log is not to be had, or not asked."""
    if job.before is None or before.bridge is None or settings.scan == "always":
        return None
    details = coverage.log_details(job.before)
    return Nightly(job, settings, seen, job.before, details, _of_rows(details.form), log)


def _incremental(job: Job, settings: MySQLSettings, seen: Source, connect: _Connect) -> Captured:
    if not job.chain:
        raise ChainBroken("there is no backup to build on")
    parent = _parent(job.chain[-1])
    for_copies.require_same(parent, seen)
    since, earlier, size = going_on.find(job, connect, parent)
    if fault := nightly.distrusted(parent):
        raise ChainBroken(fault)
    form = _of_rows(parent.form)
    log = _Log(job, connect, since.end, earlier)
    carrier = Nightly(job, settings, seen, job.chain[-1], parent, form, log)
    carries = settings.scan != "always"
    panels = PanelsCapture.of(job, seen.variables)
    job.say("taking the witness")
    with carrier.prepared() if carries and size else nullcontext():
        witnessed = witness.take(
            connect,
            connections=_SESSIONS,
            say=job.say,
            form=form,
            carrier=carrier if carries else None,
            inside=panels.inside,
        )
    if changed := kinds.changed_without_log(job.chain[-1], witnessed.facts):
        raise ChainBroken(f"no log tells of it, and it has changed since the last backup: {changed}")
    created = log.up_to(witnessed.position).created
    pulled = Pulled((*earlier, *log.up_to(witnessed.position).segments), created)
    if fault := replayable.fault(job.directory, pulled.segments, parent.end, witnessed.position):
        raise ChainBroken(fault)
    return _captured(
        job,
        seen,
        parent.end,
        witnessed,
        pulled,
        created if created is not None else since.log_created,
        proof=carrier.proof(witnessed),
        panels=panels.keep(job.directory),
    )


def _of_rows(form: Form) -> Form:
    """Return how a chain that was measured in that form hashes rows from here on."""
    return witness.OF_ROWS.model_copy(update={"row_secret": form.row_secret, "keyless_form": form.keyless_form})


def _parent(manifest: Manifest) -> MySQLDetails:
    try:
        details = coverage.details_of(manifest)
    except Damaged as damage:
        raise ChainBroken(damage.message) from damage
    if details is None:
        raise ChainBroken("the last backup is a dump, which has no log to go on from")
    return details


class _Log:
    """The log that a backup pulls into its directory from `start` on, after the segments `earlier` that are there."""

    def __init__(self, job: Job, connect: _Connect, start: Position, earlier: Sequence[LogSegment] = ()) -> None:
        self._job = job
        self._connect = connect
        self._start = start
        self._earlier = earlier
        self._pulled: tuple[Position, Pulled] | None = None

    def __call__(self, end: Position) -> Sequence[LogSegment]:
        """Pull it up to there; returns all segments."""
        return (*self._earlier, *self.up_to(end).segments)

    def up_to(self, end: Position) -> Pulled:
        """Pull it up to there, anew where it was pulled up to elsewhere before."""
        if self._pulled is not None and self._pulled[0] == end:
            return self._pulled[1]
        for segment in self._pulled[1].segments if self._pulled else ():
            (self._job.directory / segment.path).unlink()
        self._job.say(f"pulling the log up to {end.file}:{end.offset}")
        self._pulled = (end, pull.pull(self._connect, self._start, end, self._job.directory))
        return self._pulled[1]


def _captured(
    job: Job,
    seen: Source,
    start: Position,
    witnessed: Witnessed,
    pulled: Pulled,
    created: int,
    before: Before | None = None,
    *,
    proof: Proof = _ALL_SCANNED,
    panels: Sequence[str] = (),
) -> Captured:
    """Put a backup's details together. created: the stamp of the log file that the witness's position is in.

    panels: what of dashboards' questions is a limit
    """
    limits = (*for_copies.limits(seen), *proof.limits, *panels)
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
        answering=standing.answering(seen.variables),
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

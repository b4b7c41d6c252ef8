"""MySQL as a service: a full is a clone and the log up to the witness; an incremental is the log since, up to a new witness.

Taking one: `doctor/` (may it be copied?), `clone/`, `witness/`, `binlog/`. Bringing one back: `copy/`.
"""

from collections.abc import Iterator, Sequence

from backups.errors import ChainBroken
from backups.hosts import NOWHERE, Hosts
from backups.machine.docker import Docker
from backups.manifest import BackupRecord, Manifest
from backups.services.base import Ailment, Captured, Copy, Fetched, Finding, Job, Sandbox
from backups.services.mysql import health, loss
from backups.services.mysql.binlog import before_full, coverage, pull
from backups.services.mysql.clone import clone
from backups.services.mysql.clone.checks import CloneChecks
from backups.services.mysql.copy.copy import MySQLCopy
from backups.services.mysql.details import Bridge, MySQLDetails, Position
from backups.services.mysql.doctor import doctor
from backups.services.mysql.doctor.checks import Checks
from backups.services.mysql.dump import capture as dump_capture
from backups.services.mysql.dump.checks import DumpChecks
from backups.services.mysql.dump.copy import DumpedCopy
from backups.services.mysql.dump_details import is_dump
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness import witness
from backups.witness import Fact

_SESSIONS = 2
"""Sessions that read tables side by side for the witness."""


class MySQLService:
    """One MySQL server to protect."""

    def __init__(self, name: str, settings: MySQLSettings, docker: Docker, hosts: Hosts = NOWHERE) -> None:  # noqa: ARG002
        self.name = name
        self.settings = settings.through(hosts)
        self._checks: Checks = DumpChecks() if settings.method == "dump" else CloneChecks()

    def examine(self, docker: Docker) -> Iterator[Finding]:
        """Look at the source, our user's privileges and the image."""
        return doctor.examine(self.settings, docker, self._checks)

    def capture(self, job: Job) -> Captured:
        """Take a full or an incremental; see `Service.capture`."""
        if self.settings.method == "dump":
            dump_capture.require_full(job)
        with connection.told(self.settings):
            with self._connect() as session:
                seen = source.look(session)
                for warning in doctor.require(session, seen, self.settings, self._checks):
                    job.say(f"warning: {warning}")
            if self.settings.method == "dump":
                doctor.require_image(self.settings, seen, job.docker, self._checks)
                return dump_capture.capture(job, self.settings, seen, self._connect)
            return self._full(job, seen) if job.kind == "full" else self._incremental(job, seen)

    def ail(self, witness: Sequence[Fact], collapse: float) -> Iterator[Ailment]:
        """Whether it answers, and whether tables and rows of the witness are missing; see `Service.ail`."""
        return health.look(self.settings, witness, collapse)

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        """All of each: the clone of the full, and the log of every backup."""
        return [None for _ in chain]

    @property
    def continuous(self) -> bool:
        """Its log holds every moment between two backups of a chain; a dump has none."""
        return self.settings.method == "clone"

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, lasting: bool = False) -> Copy:
        """A server of its own, brought to the witness's position."""
        if is_dump(chain[-1].manifest.details):
            return DumpedCopy(self.name, self.settings, chain, sandbox, lasting=lasting)
        return MySQLCopy(self.name, self.settings, chain, sandbox, lasting=lasting)

    def holds(self, manifest: Manifest, position: str) -> bool:
        """Whether the GTID was executed there; see `Service.holds`."""
        return coverage.holds(manifest, position)

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        """Whether that full kept the log since then; see `Service.follows`."""
        return coverage.follows(manifest, before)

    def log(self, manifest: Manifest) -> Sequence[str]:
        """Its log's segments; see `Service.log`."""
        return coverage.log(manifest)

    def since(self, witness: Sequence[Fact]) -> Iterator[str]:
        """Rows counted within seconds; see `Service.since`."""
        return loss.look(self.settings, witness)

    def _connect(self) -> Session:
        return connection.connect(self.settings)

    def _full(self, job: Job, seen: Source) -> Captured:
        with self._connect() as session:
            size = source.data_bytes(session)
            # A file of its own for each chain: what is pulled starts with a file's first byte, and reaches back before the clone.
            connection.rows(session, "FLUSH BINARY LOGS")
            start = source.position(session, seen.version).model_copy(update={"offset": 0})
        clone.clone(self.settings, seen, size, job)
        bridge = before_full.build(self._connect, job, start)
        return self._up_to_witness(job, seen, start, None, bridge)

    def _incremental(self, job: Job, seen: Source) -> Captured:
        if not job.chain:
            raise ChainBroken("there is no backup to build on")
        last = job.chain[-1]
        if is_dump(last.details):
            raise ChainBroken("the last backup is a dump, which has no log to go on from")
        parent = MySQLDetails.model_validate(last.details)
        pull.require_continuation(self._connect, parent, last.source.version)
        return self._up_to_witness(job, seen, parent.end, parent.log_created)

    def _up_to_witness(
        self, job: Job, seen: Source, start: Position, created: int | None, bridge: Bridge | None = None
    ) -> Captured:
        """Take the witness, then the log from `start` to it. `created`: the stamp of start's file, where it is known."""
        job.say("taking the witness")
        witnessed = witness.take(self._connect, connections=_SESSIONS, say=job.say)
        job.say(f"pulling the log up to {witnessed.position.file}:{witnessed.position.offset}")
        pulled = pull.pull(self._connect, start, witnessed.position, job.directory)
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
        )
        return Captured(
            taken_at=witnessed.taken_at,
            source_version=seen.version.text,
            witness=witnessed.facts,
            details=details.model_dump(),
        )

"""Backs up a MySQL server as a service: chooses the method (`methods/`), and has the doctor check the source first."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backups.errors import ChainBroken
from backups.hosts import NOWHERE, Hosts
from backups.machine.docker import Docker, Image
from backups.manifest import BackupRecord, Manifest
from backups.panels.boards import DataSource
from backups.panels.question import Asker
from backups.services.base import Captured, Copy, Fetched, Finding, Job, Problem, Sandbox
from backups.services.continuous import Transaction
from backups.services.masked import Masking, Masks
from backups.services.measured import How
from backups.services.mysql import health, loss, measured, told, upgrades
from backups.services.mysql.binlog import coverage, joined
from backups.services.mysql.copy import upgrade
from backups.services.mysql.copy.trace import ServerRows
from backups.services.mysql.doctor import doctor
from backups.services.mysql.dump_details import is_dump
from backups.services.mysql.methods import follow
from backups.services.mysql.methods.clone import Clone
from backups.services.mysql.methods.dump import Dump
from backups.services.mysql.methods.method import Method
from backups.services.mysql.panels import address, asker
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.looking import looking
from backups.services.mysql.versions import Version
from backups.services.traced import Rows
from backups.services.upgraded import Step
from backups.witness import Fact

_METHODS: dict[str, Method] = {method.name: method for method in (Clone(), Dump())}


class MySQLService:
    """Backs one MySQL or MariaDB server up, and brings it back."""

    def __init__(self, name: str, settings: MySQLSettings, docker: Docker, hosts: Hosts = NOWHERE) -> None:  # noqa: ARG002
        self.name = name
        self.settings = settings.through(hosts)
        self._method = _METHODS[settings.method]

    def examine(self, docker: Docker) -> Iterator[Finding]:
        """Look at the source, our user's privileges and the image."""
        return doctor.examine(self.settings, docker, self._method.checks)

    def capture(self, job: Job) -> Captured:
        """Take a full or an incremental; see `Service.capture`."""
        if job.kind not in self._method.kinds:
            raise ChainBroken(f"the method is {self._method.name}, which takes {'s and '.join(self._method.kinds)}s only")
        with connection.errors_explained(self.settings):
            with looking(self.settings, silence=None) as session:
                seen = source.inspect(session)
                for warning in doctor.require(session, seen, self.settings, self._method.checks):
                    job.say(f"warning: {warning}")
            return self._method.capture(job, self.settings, seen)

    def health(self, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:
        """Check whether it answers, and whether tables and rows of the witness are missing; see `Service.health`."""
        return health.check(self.settings, witness, collapse)

    def another(self, manifest: Manifest) -> str | None:
        """Say which server answers, where it is not the one that the backup is of; see `Identified.another`."""
        return health.another_server(self.settings, str(manifest.details.get("server_uuid") or ""))

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        """Return None for each, which means all of it: the clone of the full, and the log of every backup."""
        return [None for _ in chain]

    @property
    def continuous(self) -> bool:
        """Whether its log holds every moment between two backups of a chain; a dump has none."""
        return self._method.continuous

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        """Prepare a copy by the method that the backup was taken by; see `Service.copy`."""
        method = _METHODS["dump" if is_dump(chain[-1].manifest.details) else "clone"]
        return method.copy(self.name, self.settings, chain, sandbox, for_restore=for_restore)

    def version_in(self, image: Image, docker: Docker, name: str) -> str:
        """See `Upgradable.version_in`."""
        found = upgrade.version_in(image, docker, name)
        return f"{found.release}-MariaDB" if found.mariadb else found.release

    def step(self, manifest: Manifest, version: str, image: str) -> Step | None:
        """See `Upgradable.step`."""
        return upgrades.planned(Version.parse(manifest.source.version), Version.parse(version), image)

    def masking(self, copy: Copy, masks: Masks, sandbox: Sandbox) -> Masking:
        """Apply the rules of a masked copy; see `Maskable`."""
        from backups.services.mysql.masking.masking import MySQLMasking

        return MySQLMasking(self.name, copy, masks, sandbox)

    def holds(self, manifest: Manifest, position: str) -> bool:
        """Return whether the GTID was executed there; see `Continuous.holds`."""
        return coverage.holds(manifest, position)

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        """Return whether that full kept the log since then; see `Continuous.follows`."""
        return coverage.follows(manifest, before)

    def log(self, manifest: Manifest) -> Sequence[str]:
        """List the paths of its log's segments; see `Continuous.log`."""
        return coverage.log(manifest)

    def pull_on(self, last: Manifest, directory: Path) -> Captured:
        """Pull what its log has gained; see `Continuous.pull_on`."""
        return follow.pull_on(self.settings, last, directory)

    def join(self, parts: Sequence[Fetched], into: Path) -> Mapping[str, Any]:
        """Join logs that follow one another; see `Continuous.join`."""
        return joined.join([(coverage.log_details(part.manifest), part.data) for part in parts], into).model_dump()

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        """Tell the transactions between two backups; see `Continuous.told`."""
        return told.told(earlier, later, only)

    def measured(self, manifest: Manifest) -> How:
        """Say how that backup's facts were measured; see `Measured`."""
        return measured.measured(manifest)

    @contextmanager
    def rows(self) -> Iterator[Rows]:
        """Open the live server's; see `HasRows.rows`."""
        with looking(self.settings) as session:
            yield ServerRows(session)

    def loss(self, witness: Sequence[Fact]) -> Iterator[str]:
        """Compare tables and rows, counted within seconds, with the witness; see `Service.loss`."""
        return loss.compare(self.settings, witness)

    def answers(self, source: DataSource) -> bool:
        """Tell whether a data source of Grafana's is this server; see `Panelled.answers`."""
        return address.answers(self.settings, source)

    @contextmanager
    def asker(self, sources: tuple[DataSource, ...]) -> Iterator[Asker]:
        """Ask the live server, as the account in lifeboat.yaml; see `Panelled.asker`."""
        with asker.asking(lambda: looking(self.settings, silence=asker.SILENCE), sources, {}) as opened:
            yield opened

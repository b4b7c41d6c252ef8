"""Dumps of test servers, taken and brought back as Lifeboat does it."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.backup import captured_files
from backups.config.settings import SandboxSettings
from backups.machine.runs import Run
from backups.manifest import Kind, Manifest, Source
from backups.services.base import Fetched, Job, PanelsJob
from backups.services.mysql.dump.copy import DumpedCopy
from backups.services.mysql.dump_details import DumpDetails
from backups.services.mysql.service import MySQLService
from backups.witness import Check, compare
from tests.servers.mysql import MySQLServer
from verification.drill.sandbox import opened


@dataclass
class Dumped:
    """A dump: its files, its manifest, and what the operator was told."""

    fetched: Fetched
    said: list[str]

    @property
    def manifest(self) -> Manifest:
        """Its manifest."""
        return self.fetched.manifest

    @property
    def details(self) -> DumpDetails:
        """What a restore must know."""
        return DumpDetails.model_validate(self.manifest.details)


@dataclass
class Dumping:
    """Takes dumps and brings them back."""

    run: Run
    state: Path
    stack: ExitStack
    count: int = 0
    jobs: list[Job] = field(default_factory=list)

    def take(self, server: MySQLServer, *, kind: Kind = "full", panels: PanelsJob | None = None, **settings: object) -> Dumped:
        """Take one. `panels`: what is asked for dashboards."""
        self.count += 1
        data, work = (self.run.directory / f"{name}{self.count}" for name in ("data", "work"))
        for directory in (data, work):
            directory.mkdir(mode=0o711)
        said: list[str] = []
        service = self.service(server, **settings)
        job = Job(kind, data, work, (), self.run.docker, self.state, said.append, panels=panels)
        self.jobs.append(job)
        captured = service.capture(job)
        assert list(work.iterdir()) == []
        now = datetime.now(UTC)
        manifest = Manifest(
            lifeboat="0",
            id=f"agama-20261123T00000{self.count}Z",
            service="agama",
            type="mysql",
            kind="full",
            chain=f"agama-20261123T00000{self.count}Z",
            sequence=0,
            parent=None,
            started_at=now,
            taken_at=captured.taken_at,
            finished_at=now,
            source=Source(version=captured.source_version, image=service.settings.image),
            files=captured_files(data),
            details=dict(captured.details),
            witness=tuple(captured.witness),
        )
        return Dumped(Fetched(Manifest.read(manifest.model_dump_json(), "a test"), data), said)

    def service(self, server: MySQLServer, **settings: object) -> MySQLService:
        """The service that dumps it."""
        return MySQLService("agama", server.settings(**{"method": "dump", **settings}), self.run.docker)

    def copy(
        self,
        dumped: Dumped,
        server: MySQLServer,
        *,
        for_restore: bool = False,
        damage: Callable[[Path], None] = lambda data: None,
    ) -> DumpedCopy:
        """Prepare a copy, from files of its own, which `damage` may change."""
        self.count += 1
        sandbox = self.stack.enter_context(opened(self.run, f"dump{self.count}", SandboxSettings()))
        data = sandbox.directory / "fetched"
        shutil.copytree(dumped.fetched.data, data)
        damage(data)
        service = MySQLService("agama", server.settings(password=None, method="dump"), self.run.docker)
        copy = service.copy([dataclasses.replace(dumped.fetched, data=data)], sandbox, for_restore=for_restore)
        assert isinstance(copy, DumpedCopy)
        return copy

    def bring_back(self, dumped: Dumped, server: MySQLServer, **options: object) -> DumpedCopy:
        """Every step of a restore, up to the first answer."""
        copy = self.copy(dumped, server, **options)  # type: ignore[arg-type]
        copy.assemble()
        copy.start()
        copy.replay()
        copy.first_answer()
        return copy


def differences(dumped: Dumped, copy: DumpedCopy) -> list[Check]:
    """The witness beside what the copy shows: what is not equal."""
    checks = compare(dumped.manifest.witness, copy.observe())
    assert len(checks) >= len(dumped.manifest.witness) > 0
    return [check for check in checks if not check.passed]


@pytest.fixture
def dumping(run: Run, state: Path) -> Iterator[Dumping]:
    """Takes dumps; their files and copies go when the test ends."""
    with ExitStack() as stack:
        yield Dumping(run, state, stack)

"""Captures of test servers, taken as `backups/backup.py` takes them."""

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.machine.runs import Run
from backups.manifest import Manifest, Source
from backups.services.base import Captured, Job
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.service import MySQLService
from tests.integration.mysql.dump.harness import dumping
from tests.servers.mariadb import mariadb_template, start_mariadb
from tests.servers.mysql import IMAGE, MySQLServer

__all__ = ["dumping", "mariadb_template", "start_mariadb"]


@dataclass
class Taken:
    """A capture: what it says, the directory that it filled, and its manifest for the next one to build on."""

    captured: Captured
    directory: Path
    manifest: Manifest

    @property
    def details(self) -> MySQLDetails:
        """What a restore must know."""
        return MySQLDetails.model_validate(self.manifest.details)


@dataclass
class Capturing:
    """Takes captures; `said` is what the operator was told."""

    run: Run
    state: Path
    said: list[str] = field(default_factory=list)
    count: int = 0

    def __call__(
        self, server: MySQLServer, chain: tuple[Taken, ...] = (), *, before: Taken | None = None, **settings: object
    ) -> Taken:
        """Take a full (which follows `before`), or an incremental on `chain`."""
        self.count += 1
        directory, work = self.run.directory / f"data{self.count}", self.run.directory / f"work{self.count}"
        directory.mkdir(mode=0o711)
        work.mkdir(mode=0o711)
        manifests = tuple(taken.manifest for taken in chain)
        job = Job("incremental" if chain else "full", directory, work, manifests, self.run.docker, self.state, self.said.append)
        numbers = {each.id: each.sequence for each in manifests}
        job = dataclasses.replace(job, before=before.manifest if before else None, numbers=numbers)
        captured = MySQLService("agama", server.settings(**settings), self.run.docker).capture(job)
        assert list(work.iterdir()) == []
        return Taken(captured, directory, _manifest(captured, manifests, self.count))


def _manifest(captured: Captured, chain: tuple[Manifest, ...], count: int) -> Manifest:
    now = datetime.now(UTC)
    return Manifest(
        lifeboat="0",
        id=f"agama-20261123T00000{count}Z",
        service="agama",
        type="mysql",
        kind="incremental" if chain else "full",
        chain=chain[0].id if chain else f"agama-20261123T00000{count}Z",
        sequence=len(chain),
        parent=chain[-1].id if chain else None,
        started_at=now,
        taken_at=captured.taken_at,
        finished_at=now,
        source=Source(version=captured.source_version, image=IMAGE),
        files=(),
        details=dict(captured.details),
        witness=tuple(captured.witness),
    )


@pytest.fixture
def capture(run: Run, state: Path, recipient_cache: Path) -> Capturing:
    """Take one capture of a server: `capture(server, chain=(), **settings)`."""
    (state / "cache").mkdir()
    (state / "cache" / "mysql").symlink_to(recipient_cache)
    return Capturing(run, state)

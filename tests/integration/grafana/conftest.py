"""Takes captures without a repository, and brings them back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups.backup import captured_files
from backups.config.settings import SandboxSettings
from backups.machine.runs import Run
from backups.manifest import Manifest, Source
from backups.services.base import Captured, Fetched, Job
from backups.services.grafana.api.export import export
from backups.services.grafana.files.copy import GrafanaCopy
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Check, compare
from verification.drill.sandbox import DockerSandbox, opened

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


@dataclass
class Harness:
    """Takes captures into directories, and brings them back in sandboxes."""

    run: Run
    state: Path
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def capture(self, settings: GrafanaSettings, **options: Any) -> tuple[Captured, Path]:
        """Take a capture; returns it, and the directory that it filled."""
        self.count += 1
        data, work = self.state / f"data-{self.count}", self.state / f"work-{self.count}"
        data.mkdir(mode=0o711)
        work.mkdir()
        service = GrafanaService("grafana", settings, self.run.docker, **options)
        job = Job("full", data, work, (), self.run.docker, self.state, self.lines.append, lambda: NOW)
        return service.capture(job), data

    def fetched(self, settings: GrafanaSettings, captured: Captured, data: Path) -> Fetched:
        """A capture as it comes out of a repository."""
        manifest = Manifest(
            lifeboat="0",
            id="grafana-20261123T000000Z",
            service="grafana",
            type="grafana",
            kind="full",
            chain="grafana-20261123T000000Z",
            sequence=0,
            parent=None,
            started_at=NOW,
            taken_at=captured.taken_at,
            finished_at=NOW,
            source=Source(version=captured.source_version, image=settings.image),
            files=captured_files(data),
            details=dict(captured.details),
            witness=tuple(captured.witness),
        )
        return Fetched(Manifest.read(manifest.model_dump_json(), "the test"), data)

    @contextmanager
    def copy(self, fetched: Fetched) -> Iterator[tuple[GrafanaCopy, DockerSandbox]]:
        """A copy in a sandbox, not yet assembled."""
        self.count += 1
        with opened(self.run, f"copy-{self.count}", SandboxSettings()) as sandbox:
            yield GrafanaCopy([fetched], sandbox, export), sandbox

    def drill(self, fetched: Fetched, damage: Callable[[Path], object] = lambda _: None) -> list[Check]:
        """Bring a capture back and compare; `damage` gets the fetched grafana.db before."""
        damage(fetched.data / "grafana.db")
        with self.copy(fetched) as (copy, _):
            copy.assemble()
            copy.start()
            copy.replay()
            copy.first_answer()
            return compare(fetched.manifest.witness, copy.observe())


@pytest.fixture
def harness(run: Run, state: Path) -> Harness:
    return Harness(run, state)

"""A chain of real backups in a real repository, and copies of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backups import chains
from backups.backup import back_up
from backups.config.settings import SandboxSettings
from backups.machine import runs
from backups.machine.runs import Run
from backups.manifest import Kind, Manifest
from backups.repository.repository import Repository
from backups.secret import Secret
from backups.services.base import Fetched
from backups.services.prometheus.copy import PrometheusCopy
from backups.services.prometheus.service import PrometheusService
from tests.servers.prometheus import PrometheusServer
from verification.drill.fetch import fetch
from verification.drill.sandbox import opened


@dataclass
class Harness:
    """Backups of one source, and what brings them back."""

    source: PrometheusServer
    service: PrometheusService
    repository: Repository
    run: Run
    state: Path
    copies: int = 0

    def back_up(self, kind: Kind | None = None) -> Manifest:
        """Take a backup into the repository."""
        return back_up(self.service, self.repository, self.run, self.state, kind=kind)

    @contextmanager
    def fetched(self, backup: str, before: Callable[[Sequence[Fetched]], None] = lambda _: None) -> Iterator[PrometheusCopy]:
        """A copy of a backup, its chain fetched, not yet assembled."""
        self.copies += 1
        found = chains.chains(self.repository.backups())["prometheus"]
        chain = next(chain for chain in found if any(record.id == backup for record in chain.backups))
        with opened(self.run, f"copy-{self.copies}", SandboxSettings()) as sandbox:
            files = fetch(self.service, chain.up_to(backup), self.repository, sandbox.directory, before)
            copy = self.service.copy(files, sandbox)
            assert isinstance(copy, PrometheusCopy)
            yield copy

    @contextmanager
    def restored(self, backup: str) -> Iterator[PrometheusCopy]:
        """A copy that runs and has given its first answer."""
        with self.fetched(backup) as copy:
            copy.assemble()
            copy.start()
            copy.replay()
            copy.first_answer()
            yield copy


def make_harness(source: PrometheusServer, run: Run, state: Path, **changes: Any) -> Harness:
    """An empty repository for a source; `changes` are made to its section of lifeboat.yaml."""
    service = PrometheusService("prometheus", source.settings(**changes), run.docker)
    repository = Repository(url=str(state / "repository"), cache=state / "restic-cache", password=Secret("oars"))
    return Harness(source, service, repository, run, state)


@pytest.fixture(scope="session")
def prometheus_chain(
    tmp_path_factory: pytest.TempPathFactory, prometheus_source: PrometheusServer
) -> Iterator[tuple[Harness, list[Manifest]]]:
    """A full and two incrementals of a server that scrapes all the while."""
    state = tmp_path_factory.mktemp("prometheus-state")
    for path in (state, *state.parents):
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o111)
    with runs.start(state) as run:
        harness = make_harness(prometheus_source, run, state)
        backups = [harness.back_up("full")]
        for scrapes in (3, 6):
            prometheus_source.wait_for_scrapes(scrapes)
            backups.append(harness.back_up("incremental"))
        yield harness, backups


@pytest.fixture
def harness(prometheus_source: PrometheusServer, run: Run, state: Path) -> Harness:
    """An empty repository for the shared source."""
    return make_harness(prometheus_source, run, state)

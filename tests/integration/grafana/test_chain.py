"""Fulls and incrementals in a real repository: a chain brings back its end, as the source was then."""

from pathlib import Path

import pytest

from backups import chains
from backups.backup import back_up
from backups.config.settings import SandboxSettings
from backups.machine.runs import Run
from backups.repository.repository import Repository
from backups.secret import Secret
from backups.services.grafana.service import GrafanaService
from backups.witness import compare
from deployments.grafana_standin import edits
from tests.servers.grafana import GrafanaFactory
from verification.drill.fetch import fetch
from verification.drill.sandbox import opened

pytestmark = pytest.mark.docker


def test_an_incremental_brings_back_its_own_instant(grafana_factory: GrafanaFactory, run: Run, state: Path) -> None:
    """Between full and incremental a dashboard is added, after it another: the copy has the first and not the second."""
    source = grafana_factory(layout="dashboard")
    service = GrafanaService("grafana", source.settings(), run.docker)
    repository = Repository(url=str(state / "repository"), cache=state / "restic-cache", password=Secret("oars"))
    back_up(service, repository, run, state, kind="full")
    edits.add_dashboard(source.database, "between", "Between")
    backup = back_up(service, repository, run, state, kind="incremental")
    edits.add_dashboard(source.database, "after", "After")
    (chain,) = chains.chains(repository.backups())["grafana"]

    with opened(run, "copy", SandboxSettings()) as sandbox:
        records = chain.up_to(backup.id)
        copy = service.copy(fetch(service, records, repository, sandbox.directory), sandbox)
        copy.assemble()
        copy.start()
        copy.first_answer()
        checks = compare(backup.witness, copy.observe())

    assert [check for check in checks if not check.passed] == []
    subjects = {check.subject for check in checks}
    assert "org 1 dashboard between" in subjects
    assert "org 1 dashboard after" not in subjects
    assert backup.kind == "incremental"
    assert backup.parent is not None

"""A chain that failed its drill: the evidence in the repository decides what the command backs up and what it keeps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.site import Site
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said
from verification.evidence.store import TAG


def drilled(site: Site, folder: Path, proof: str) -> None:
    """Keep evidence as a verification does, with this proof among its tags."""
    folder.mkdir()
    (folder / "report.json").write_text("{}")
    site.repository.save(folder, host="drill", tags=[TAG, "verdict=failed", proof], at=datetime.now(UTC))


@pytest.fixture
def back_up(toy: ToySite, lifeboat: Callable[..., Said]) -> Callable[..., Said]:
    return lambda *options: lifeboat("backup", *options, "--config", str(toy.folder / "lifeboat.yaml"))


@pytest.mark.parametrize("kind", ["auto", "incremental"])
def test_the_next_backup_is_a_full_that_says_why_and_the_one_after_builds_on_it(
    toy: ToySite, back_up: Callable[..., Said], tmp_path: Path, kind: str
) -> None:
    site = toy.open()
    last = site.repository.backups()[-1]
    at = datetime.now(UTC) - timedelta(hours=1)
    drilled(site, tmp_path / "evidence", f"proof={last.id}|failed||{at.isoformat()}")

    said = back_up("--kind", kind)

    assert said.code == 0, said.err
    full = site.repository.backups()[-1]
    assert (full.kind, full.chain) == ("full", full.id)
    reason = f"the chain of {last.chain} failed its drill on {at:%Y-%m-%d %H:%M} UTC"
    assert site.repository.manifest(full).reason == reason
    assert reason in " ".join(said.out.split())
    assert back_up("--kind", kind).code == 0
    assert site.repository.backups()[-1].chain == full.id


def test_evidence_that_cannot_be_read_is_told_and_stops_no_backup(
    toy: ToySite, back_up: Callable[..., Said], tmp_path: Path
) -> None:
    site = toy.open()
    last = site.repository.backups()[-1]
    drilled(site, tmp_path / "evidence", f"proof={last.id}|failed|edited by hand")

    said = back_up()

    assert said.code == 0, said.err
    assert site.repository.backups()[-1].chain == last.chain
    assert "is left out: it says that it is evidence, and states what is no proof" in said.err


def test_before_the_first_backup_there_is_nothing_to_read(toy: ToySite, back_up: Callable[..., Said]) -> None:
    toy.repository.rename(toy.folder / "elsewhere")
    said = back_up()
    assert said.code == 0, said.err
    assert "cannot be read" not in said.err

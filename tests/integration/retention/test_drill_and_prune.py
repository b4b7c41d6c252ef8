"""A drill and a prune at the same time: on one machine the chain stays, from another the drill could not run; it never `failed`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups import prune
from backups.errors import Damaged
from backups.machine import runs
from backups.site import Site
from tests.contract.toy_site import ToySite, toy, toy_template
from tests.integration.retention.conftest import chains_of, fabricate
from verification.drill import fetch
from verification.drill.plan import Planned, plan
from verification.evidence.evidence import DrillResult
from verification.verify import drill_one

__all__ = ["toy", "toy_template"]

LATER = datetime.now(UTC) + timedelta(days=60)


@pytest.fixture
def planned(toy: ToySite, tmp_path: Path) -> Planned:
    """A drill of the toy's chain, which is two months old by now; a new chain is there, so retention lets the old one go."""
    [chosen] = plan(toy.open(), ["toy"], ["latest"])
    fabricate(toy.open(), tmp_path / "scratch", "new", [LATER - timedelta(days=1)])
    return chosen


def prune_everything(site: Site) -> int:
    return prune.carry_out(site, prune.plan(site, site.repository.backups(), {}, now=LATER, trust_clock=True), now=LATER)


def elsewhere(site: Site, tmp_path: Path) -> Site:
    """Another machine's view: the same repository, a state directory of its own."""
    return Site(site.settings.model_copy(update={"state": tmp_path / "elsewhere"}))


def drill(site: Site, planned: Planned) -> DrillResult:
    with runs.start(site.state) as run:
        return drill_one(site, planned, run)


def test_a_prune_on_this_machine_leaves_the_chain_that_a_drill_reads(
    toy: ToySite, planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the manifests and the files, deletes nothing, and the drill proves the chain."""
    site, whole = toy.open(), fetch.contents
    deleted = []

    def interrupted(*arguments: Any) -> Any:
        read = whole(*arguments)
        deleted.append(prune_everything(site))
        return read

    monkeypatch.setattr(fetch, "contents", interrupted)
    result = drill(site, planned)
    assert deleted == [0]
    assert result.verdict == "verified", result.reasons
    assert prune_everything(site) == 2, "the drill over, the chain goes"
    assert chains_of(site.repository) == {"new": [0]}


@pytest.mark.parametrize("moment", ["contents", "files"])
def test_a_chain_that_another_machine_deletes_could_not_be_drilled(
    toy: ToySite, planned: Planned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: str
) -> None:
    """Before the manifests are read, or before the files are."""
    site, whole = toy.open(), getattr(fetch, moment)

    def interrupted(*arguments: Any) -> Any:
        assert prune_everything(elsewhere(site, tmp_path)) == 2
        return whole(*arguments)

    monkeypatch.setattr(fetch, moment, interrupted)
    result = drill(site, planned)
    assert result.verdict == "could-not-run"
    assert "2 of the 2 backups of chain toy-" in (result.error or "")
    assert "were deleted while it was being drilled, so nothing is proven: " in (result.error or "")
    assert "another machine has pruned the chain" in (result.hint or "")


def test_what_reads_as_damage_of_a_chain_that_is_gone_is_no_damage(
    toy: ToySite, planned: Planned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """restic finds a pack gone that was there a moment ago: only the list of snapshots tells that from a broken repository."""
    site = toy.open()

    def torn(*arguments: Any) -> Any:
        site.repository.forget([planned.chain[-1].snapshot])
        raise Damaged("pack 1234 does not exist")

    monkeypatch.setattr(fetch, "files", torn)
    result = drill(site, planned)
    assert result.verdict == "could-not-run"
    assert "1 of the 2 backups of chain toy-" in (result.error or "")


def test_damage_of_a_chain_that_is_there_stays_damage(toy: ToySite, planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*arguments: Any) -> Any:
        raise Damaged("pack 1234 does not exist")

    monkeypatch.setattr(fetch, "files", torn)
    assert drill(toy.open(), planned).verdict == "failed"


def test_a_planned_chain_that_was_deleted_before_its_drill_began_could_not_run(toy: ToySite, planned: Planned) -> None:
    site = toy.open()
    assert prune_everything(site) == 2
    result = drill(site, planned)
    assert (result.verdict, site.repository.exists()) == ("could-not-run", True)
    assert "2 of the 2 backups" in (result.error or "")

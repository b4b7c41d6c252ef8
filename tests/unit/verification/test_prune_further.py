"""A further repository deletes nothing while nobody knows what the first one holds."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from backups.errors import LifeboatError
from backups.repository.listing import Listing, Snapshot, listing
from backups.repository.repository import Repository
from backups.site import Site
from tests.unit.verification.test_copying import NOW, OLD, YOUNG, backup, piece, site
from verification import prune

__all__ = ["site"]

HELD = [backup(OLD, 80), backup(YOUNG, 1), piece(OLD, 79)]


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places of the repositories that cannot be read."""
    places: list[str] = []

    def snapshots(repository: Repository, *_: str) -> list[Snapshot]:
        if any(repository.url.endswith(place) for place in places):
            raise LifeboatError("its disk is gone")
        return HELD

    def sorted_out(_: Repository, snapshots: Iterable[Snapshot]) -> Listing:
        return listing(snapshots, {}, {})

    monkeypatch.setattr(Repository, "snapshots", snapshots)
    monkeypatch.setattr(Repository, "listing", sorted_out)
    return places


def going(site: Site) -> list[str]:
    return [row.subject for row in prune.plan(site, now=NOW + timedelta(minutes=1), trust_clock=True).rows if not row.keep]


def test_while_the_first_one_is_gone_nothing_goes_from_another(site: Site, away: list[str]) -> None:
    offsite = site.at("offsite")
    assert going(offsite) == [OLD]
    away.append("one")
    assert going(offsite) == []
    reasons = {row.reason for row in prune.plan(offsite, now=NOW, trust_clock=True).rows if row.subject == OLD}
    [reason] = reasons
    assert "in the first repository looks suspicious cannot be read: its disk is gone" in reason


def test_the_first_one_asks_no_other(site: Site, away: list[str]) -> None:
    away.append("two")
    assert going(site) == [OLD]

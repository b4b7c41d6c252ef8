"""What goes beside backups; and that a further repository deletes nothing while nobody knows what the first one holds."""

import ast
import itertools
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.repository import trust
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


def test_whatever_is_kept_in_the_repository_goes_some_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a kind that does not exist yet: of each tag there is one of today and one of last year; only who trusts what stays."""
    root = Path(__file__).parents[3]
    tags = {
        node.value.value
        for package in ("backups/repository", "backups/follow", "verification/evidence")
        for path in (root / package).glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and str(node.value.value).startswith("lifeboat-")
    }
    assert len(tags) >= 6
    more = ("service=agama", f"after={OLD}", "first=1", "last=2", f"until={NOW.isoformat()}", "bytes=1", f"trusted={YOUNG}")
    held = [
        Snapshot(f"{number:08x}".ljust(64, "0"), NOW - timedelta(days=age), (tag, *more))
        for number, (tag, age) in enumerate(itertools.product(sorted(tags), (0, 400)))
    ]

    def asked(_: Repository, *kinds: str) -> list[Snapshot]:
        return [each for each in (backup(YOUNG, 1), *held) if {*each.tags} & {*kinds}]

    monkeypatch.setattr(Repository, "snapshots", asked)
    monkeypatch.setattr(Repository, "listing", lambda _, found: listing(found, {}, {}))
    gone = set(going(site))
    old = {each.tags[0]: each for each in held[1::2]}
    assert {tag for tag, each in old.items() if each.id[:8] not in gone and tag != "lifeboat-log"} == {trust.TAG}
    assert f"log behind {OLD}" in gone

"""A whole verification on a fleet, from the planned drills to their results: of the site, only the repositories are made of paper."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError, Transient
from tests.unit.verification.fleet.paper_fleet import GIB, ID, MONDAY, Shelf, World, planned
from verification.fleet import share
from verification.fleet.share import Fleet
from verification.fleet.weigh import due
from verification.fleet.work import Machine

SERVICES = ("s0", "s1", "s2")


class Nobody:
    """A repository that nobody may ask anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"it was asked for {name}")


def site(shelf: Shelf) -> Any:
    repositories = {"first": shelf, "offsite": Nobody()}
    settings = SimpleNamespace(
        every_repository=repositories,
        services={name: SimpleNamespace(pool=None) for name in SERVICES},
        sandbox=SimpleNamespace(memory=GIB, side_by_side=1),
        objectives=SimpleNamespace(proof=timedelta(days=8)),
        fleet=SimpleNamespace(
            window=None,
            silence=timedelta(seconds=90),
            repositories={},
            machines={"m0": SimpleNamespace(memory=8 * GIB, disk=8 * GIB, side_by_side=2, pool=None)},
        ),
    )

    def at(name: str | None) -> Any:
        chosen = name or "first"
        return SimpleNamespace(repository_name=chosen, repository=repositories[chosen])

    return SimpleNamespace(settings=settings, at=at, repository_name="first", repository=shelf)


def test_a_drill_that_cannot_begin_has_its_place_and_its_repository_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The further repository is away, which the plan has found: its drills say so, and those from the first are there in order."""
    there = World([Machine("m0", 8 * GIB, 8 * GIB, 2)], dict.fromkeys(SERVICES, 60.0))
    home = site(there.shelf)
    monkeypatch.setattr(share.weigh, "of_site", lambda site, drills, now: due(site.settings, drills, [], now))
    away: LifeboatError = Transient("the repository offsite does not answer")
    drills = [
        each for name in SERVICES for each in (planned(name), replace(planned(name), chain=(), error=away, repository="offsite"))
    ]
    fleet = Fleet(home, ID)
    found = fleet.drill(drills, None, there, now=lambda: there.now, pause=there.turn)
    assert [(each.service, each.verdict) for each in found] == [
        (name, verdict) for name in SERVICES for verdict in ("verified", "could-not-run")
    ]
    assert {each.reasons for each in found[1::2]} == {("the repository offsite does not answer",)}
    assert len(there.runs) == 3
    assert len(there.shelf.kept) == 3

    fleet.clear(cast("Any", SimpleNamespace(kept=SimpleNamespace(snapshot=None))))
    assert len(there.shelf.kept) == 3, "while there is no evidence of them they stay"
    fleet.clear(cast("Any", SimpleNamespace(kept=SimpleNamespace(snapshot="5" * 64))))
    assert there.shelf.kept == {}
    assert there.now - MONDAY < timedelta(minutes=5)

"""The first repository may have any name in lifeboat.yaml; what is drilled from it is told, and counted, as of the first."""

from datetime import timedelta
from pathlib import Path

import pytest

from backups.config import file
from backups.errors import ConfigError
from backups.repository.listing import Snapshot, listing
from backups.repository.repository import Repository
from backups.site import Site
from tests.unit.verification.samples import evidence, result
from tests.unit.verification.test_copying import NOW, YOUNG, backup
from verification.drill import plan as drills
from verification.drill.outcome import could_not_begin
from verification.drill.rotation import tried
from verification.evidence import drilled, store
from verification.fleet import ticket, weigh

SERVICES = "services: {agama: {type: mysql, image: m, host: h, user: u, password: p}}\n"
FIRST = "{url: one, password: x}"
FURTHER = "offsite: {url: two, password: y}"


@pytest.fixture(params=[f"repository: {FIRST}\nrepositories: {{{FURTHER}}}\n", f"repositories: {{home: {FIRST}, {FURTHER}}}\n"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Configured in both ways; each repository holds one backup."""
    (tmp_path / "lifeboat.yaml").write_text(f"state: state\n{request.param}{SERVICES}")
    held = [backup(YOUNG, 1)]
    monkeypatch.setattr(Repository, "snapshots", lambda *_: held)
    monkeypatch.setattr(Repository, "listing", lambda *_: listing(held, {}, {}))
    return Site(file.load(tmp_path / "lifeboat.yaml"))


def test_a_drill_from_the_first_is_no_drill_from_a_further_one(site: Site) -> None:
    usual, turn = drills.with_turn(site, ["agama"], drills.plan(site, ["agama"], now=lambda: NOW), lambda: NOW)
    from_first, from_further = (could_not_begin(each, ConfigError("x"), NOW) for each in (usual, turn))
    assert (from_first.further, from_further.further) == (None, "offsite")
    assert (usual.title, turn.title) == ("agama, latest and worst", "agama, latest from offsite")
    kept = Snapshot("one", NOW, tuple(store.tags(evidence(from_first, from_further))))
    assert [each.repository for each in drilled.read([kept])] == [None, "offsite"]
    assert tried([kept], NOW + timedelta(days=1)) == {"offsite": NOW}


def test_a_drill_of_it_is_found_wherever_it_runs(site: Site) -> None:
    assert site.at("first").repository.url == site.repository.url == site.at(None).repository.url
    assert site.at("first").further_name is None
    usual, turn = drills.with_turn(site, ["agama"], drills.plan(site, ["agama"], now=lambda: NOW), lambda: NOW)
    snapshot = Snapshot("one", NOW, tuple(store.tags(evidence(result()))))
    due = weigh.due(site.settings, [usual, turn], list(drilled.read([snapshot])), NOW)
    assert [each.repository for each in due] == [next(iter(site.settings.every_repository)), "offsite"]
    assert (due[0].measured, due[0].proven_at, due[1].measured) == (True, NOW, False)
    for planned, each in zip((usual, turn), due, strict=True):
        order = ticket.written(planned, each, None, verification="ab" * 16, mark="cd" * 16, machine="m")
        there = site.at(order.repository)
        assert ticket.planned(there, order, NOW).repository == order.repository

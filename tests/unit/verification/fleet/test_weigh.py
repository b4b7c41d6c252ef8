"""How long a drill is taken to last, what it needs and how urgent it is: by the tags of past evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backups.config.settings import Settings
from backups.errors import LifeboatError
from backups.manifest import BackupRecord
from backups.repository.repository import Repository
from backups.services.mysql.settings import MySQLSettings
from backups.site import Site
from tests.unit.verification.fleet.simulated_fleet import GIB, MONDAY
from verification.drill.plan import Planned
from verification.evidence.drilled import Drilled
from verification.fleet.weigh import due, of_site

WEEK = timedelta(days=7)
MIB = 2**20


def site(fleet: Any = None, **service: Any) -> Settings:
    mysql = MySQLSettings.model_validate({"type": "mysql", "image": "mysql:9.7", "host": "db", "password": "x", **service})
    content = {"repository": {"url": "r", "password": "p"}, "services": {"agama": mysql, "other": mysql}, "fleet": fleet or {}}
    return Settings.model_validate(content)


def record(number: int = 0, size: int = 100 * MIB, service: str = "agama") -> BackupRecord:
    first = f"{service}-20261123T000000Z"
    return BackupRecord(
        snapshot="0" * 64,
        id=f"{service}-2026112{3 + number}T000000Z",
        service=service,
        type="mysql",
        kind="incremental" if number else "full",
        chain=first,
        sequence=number,
        taken_at=datetime(2026, 11, 23 + number, tzinfo=UTC),
        size=size,
        standalone=False,
    )


def planned(*records: BackupRecord, selection: Any = "latest", **more: Any) -> Planned:
    return Planned("agama", "mysql", selection, records or (record(),), **more)


def drilled(weeks: float, seconds: float | None = 60, verdict: Any = "verified", **more: Any) -> Drilled:
    values = {"service": "agama", "selection": "latest", "bytes": 100 * MIB, **more}
    return Drilled(at=MONDAY - weeks * WEEK, verdict=verdict, seconds=seconds, **values)


def test_a_drill_takes_the_median_of_its_last_five_and_its_comparison_with_them() -> None:
    phases: Any = [{"name": "fetch", "seconds": 40}, {"name": "ready", "seconds": 20}, {"name": "check", "seconds": 30}]
    old = [drilled(weeks, 5000) for weeks in (9, 8, 7)]
    new = [drilled(weeks, 60, phases=phases) for weeks in (5, 4, 3)]
    odd = [drilled(2, 900), drilled(1, 1), drilled(1, None, "could-not-run")]
    (found,) = due(site(), [planned()], [*odd, *new, *old], MONDAY)
    assert (found.seconds, found.measured) == (93.0, True)


def test_of_the_other_selection_nothing_is_taken_but_the_pace() -> None:
    """The longest chain is ten times as long: it takes so much longer than the latest backup."""
    worst = planned(record(), record(1, 900 * MIB), selection="worst")
    other = drilled(1, 1, service="other")
    (found,) = due(site(), [worst], [drilled(1, 50), other], MONDAY)
    assert (found.seconds, found.measured) == (pytest.approx(30 + 10 * 50 + 3), False)


def test_a_drill_of_what_is_both_counts_for_each_and_takes_as_long_as_the_worst() -> None:
    both = drilled(1, 70, selection="worst", also=("latest",))
    found = due(site(), [planned(), planned(selection="worst"), planned(selection="random")], [both], MONDAY)
    assert [(each.seconds, each.drilled_at) for each in found[:2]] == [(73.0, MONDAY - WEEK)] * 2
    assert (found[2].measured, found[2].drilled_at) == (False, None)

    again = planned(selection="worst", also=("latest",))
    (found_again,) = due(site(), [again], [drilled(1, 10), drilled(1, 50, selection="worst")], MONDAY)
    assert (found_again.seconds, found_again.title, found_again.further) == (53.0, "agama, latest and worst", False)
    (of_latest,) = due(site(), [again], [drilled(1, 10)], MONDAY)
    assert (of_latest.seconds, of_latest.measured) == (13.0, True)


def test_without_any_drill_of_it_the_pace_is_that_of_the_site_and_without_that_assumed() -> None:
    others = [drilled(1, 10, service="other", bytes=10 * MIB), drilled(1, 40, service="other", bytes=90 * MIB)]
    (found,) = due(site(), [planned()], others, MONDAY)
    assert (found.seconds, found.measured) == (pytest.approx(30 + 100 / 2 + 3), False)
    (found,) = due(site(), [planned()], [], MONDAY)
    assert (found.seconds, found.measured) == (pytest.approx(30 + 4 + 3), False)


def test_when_it_was_proven_is_of_the_service_and_a_failed_drill_beside_a_verified_one_counts() -> None:
    drills = [
        drilled(3),
        drilled(2),
        drilled(1, verdict="failed"),
        drilled(1, selection="worst"),
        drilled(0.5, None, "could-not-run"),
    ]
    (found,) = due(site(), [planned()], drills, MONDAY)
    assert (found.failed, found.tried_at, found.proven_at) == (True, MONDAY - WEEK, MONDAY - WEEK)
    (found,) = due(site(), [planned()], drills[:3], MONDAY)
    assert (found.failed, found.tried_at, found.proven_at) == (True, MONDAY - WEEK, MONDAY - 2 * WEEK)
    (found,) = due(site(), [planned()], drills[:2], MONDAY)
    assert (found.failed, found.proven_at) == (False, MONDAY - 2 * WEEK)
    (found,) = due(site(), [planned()], drills[4:], MONDAY)
    assert (found.failed, found.tried_at, found.proven_at) == (False, None, None)


def test_of_a_services_drills_one_is_the_first() -> None:
    both = [planned(), planned(selection="worst")]
    last = [drilled(1), drilled(2, selection="worst"), drilled(3)]
    assert [(each.drilled_at, each.further) for each in due(site(), both, last, MONDAY)] == [
        (MONDAY - WEEK, True),
        (MONDAY - 2 * WEEK, False),
    ]
    assert [each.further for each in due(site(), both, [], MONDAY)] == [False, True]
    twice = [planned(selection="id"), planned(selection="id")]
    assert sorted(each.further for each in due(site(), twice, [], MONDAY)) == [False, True]


def test_a_drill_from_another_repository_has_its_own_times_and_renews_no_proof() -> None:
    """Each repository's limit counts what is fetched from it."""
    here, there = planned(), planned(repository="offsite")
    drills = [drilled(1, 60), drilled(2, 400, repository="offsite"), drilled(0.5, 500, "failed", repository="offsite")]
    near, far = due(site(), [here, there], drills, MONDAY)
    assert (near.seconds, near.repository, near.further, near.failed, near.tried_at) == (
        63.0,
        "first",
        False,
        False,
        MONDAY - WEEK,
    )
    assert (far.seconds, far.repository, far.further, far.drilled_at) == (453.0, "offsite", True, MONDAY - WEEK / 2)
    assert [each.further for each in due(site(), [there], [], MONDAY)] == [False]
    assert [each.further for each in due(site(), [there, here], [], MONDAY)] == [True, False]


def test_without_evidence_drills_are_weighed_by_their_bytes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> None:
        raise LifeboatError("the repository does not answer")

    monkeypatch.setattr(Repository, "snapshots", away)
    (found,) = of_site(Site(site()), [planned()], MONDAY)
    assert (found.seconds, found.measured) == (pytest.approx(30 + 4 + 3), False)
    assert "since no evidence can be read: the repository does not answer" in caplog.text


def test_evidence_of_the_future_counts_for_nothing() -> None:
    (found,) = due(site(), [planned()], [drilled(-1)], MONDAY)
    assert (found.measured, found.tried_at) == (False, None)


def test_it_needs_the_bytes_of_its_chain_and_the_memory_of_its_copy_and_twice_that_beside_its_partner() -> None:
    chain = (record(), record(1, 200 * MIB))
    (found,) = due(site(pool="big"), [planned(*chain)], [], MONDAY)
    assert (found.memory, found.disk, found.pool) == (4 * GIB, (300 + 256) * MIB, "big")
    assert (found.backup, found.title) == ("agama-20261124T000000Z", "agama, latest")
    (found,) = due(site(), [replace(planned(*chain), partner=(record(0, 50 * MIB, "other"),))], [], MONDAY)
    assert (found.memory, found.disk, found.pool) == (8 * GIB, (350 + 256) * MIB, "verification")


def test_a_drill_that_cannot_begin_takes_nothing_and_keeps_its_place() -> None:
    none = Planned("agama", "mysql", "latest", error=LifeboatError("agama has no backup in the repository"))
    found = due(site(), [none, planned()], [], MONDAY)
    assert [(each.seconds > 0, each.memory > 0, each.disk > 0, each.backup is None) for each in found] == [
        (False, False, False, True),
        (True, True, True, False),
    ]

"""`lifeboat plan` without a repository: when a verification ends, what would be late, and the sentence that says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backups.errors import LifeboatError
from tests.unit.verification.fleet.simulated_fleet import GIB, MONDAY, OBJECTIVES, machines
from tests.unit.verification.fleet.test_weigh import site
from verification.fleet import machines as fleet
from verification.fleet import words
from verification.fleet.paper import Paper, paper
from verification.fleet.when import next_verification
from verification.fleet.work import Due, Machine

HOUR = timedelta(hours=1)
LAST = MONDAY - timedelta(days=7) + 2 * HOUR


def drill(name: str, minutes: float = 60, **more: Any) -> Due:
    return replace(Due(name, "latest", minutes * 60, tried_at=LAST, proven_at=LAST, memory=GIB, disk=GIB), **more)


def laid(*due: Due, on: int | list[Machine] = 1, failing: tuple[Due, ...] = (), **more: Any) -> Paper:
    there = machines(on) if isinstance(on, int) else on
    fault = LifeboatError("it has no backup in the repository")
    return paper([*((each, None) for each in due), *((each, fault) for each in failing)], there, OBJECTIVES, MONDAY, **more)


def said(found: Paper) -> str:
    return words.sentence(found, "Etc/UTC")


def test_all_well_in_one_sentence() -> None:
    found = laid(*(drill(f"s{each}") for each in range(6)), on=2)
    assert said(found) == "6 drills, 3 h 00 min on 2 machines, ends 09:00; 3 machines end 08:00"
    assert found.well
    assert [(each.machine, each.drills, each.busy_seconds) for each in found.machines] == [
        ("m00", 3, 10800.0),
        ("m01", 3, 10800.0),
    ]


def test_one_machine_more_is_not_told_of_where_it_changes_nothing() -> None:
    found = laid(drill("long", 300))
    assert said(found) == "1 drill, 5 h 00 min on 1 machine, ends 11:00"
    assert found.one_more is None


def test_a_proof_that_would_grow_too_old_before_it_is_renewed_is_told() -> None:
    """All evidence is kept at the end; and one that is too old already is not late by this plan."""
    due = [drill(f"s{each}", 600) for each in range(3)]
    found = laid(
        drill("agama", proven_at=LAST - HOUR * 10), drill("old", proven_at=LAST - 72 * HOUR), drill("new", proven_at=None), *due
    )
    assert said(found).endswith("ends 2026-12-01 15:00; 2 machines end 2026-12-01 02:00; agama's proof would be 8 d 17 h old; "
                                "s0's proof would be 8 d 7 h old; s1's proof would be 8 d 7 h old; and those of 1 other service")  # fmt: skip
    assert not found.well
    assert {each.service for each in found.late} == {"agama", "s0", "s1", "s2"}


def test_what_is_not_reached_is_told_with_its_proof_at_the_next_verification() -> None:
    found = laid(drill("a", 50), drill("b", 50), drill("c", 30, proven_at=None), window=HOUR)
    assert said(found) == (
        "1 drill, 50 min 00 s on 1 machine, ends 06:50; 2 machines end 06:50 and reach 1 more; 2 drills not reached; "
        "c would still have no proof; b's proof would be 13 d 22 h old at the next verification"
    )
    assert found.not_reached[0].why == "takes 50 min 00 s, and would not end within the window of 1 h 00 min"


def test_what_cannot_begin_and_what_fits_nowhere_are_not_reached_either() -> None:
    found = laid(
        drill("a"), drill("large", memory=96 * GIB), drill("alone", pool="gpu"), failing=(drill("empty", 0, proven_at=None),)
    )
    assert [(each.service, each.why) for each in found.not_reached] == [
        ("empty", "it has no backup in the repository"),
        ("alone", "no machine serves its pool gpu; pools that are served: verification"),
        ("large", "needs 96.0 GiB of memory, the largest machine of pool verification has 64.0 GiB"),
    ]
    assert len(found.drills) + len(found.not_reached) == 4
    assert not found.well
    assert said(laid(drill("alone", pool="gpu"))).startswith("no drill is reached on 1 machine; 1 drill not reached")


def test_a_drill_from_another_repository_renews_no_proof_of_the_first() -> None:
    far = drill("a", 50, repository="offsite", further=True)
    found = laid(drill("a", 90), far, window=HOUR)
    assert [each.service for each in found.late] == ["a"]
    assert laid(drill("a", 55), far, window=HOUR).late == ()
    assert [each.service for each in laid(drill("a", 90), far, window=HOUR, first="offsite").late] == []


def test_where_the_repository_is_what_is_short_a_machine_more_changes_nothing() -> None:
    found = laid(*(drill(f"s{each}", 40) for each in range(3)), on=2, window=HOUR, repositories={"first": 1})
    assert "; one machine more changes nothing; 2 drills not reached" in said(found)


def test_with_several_pools_the_machine_more_is_of_the_one_that_ends_last() -> None:
    there = [*machines(1), replace(machines(1)[0], name="big", pool="big")]
    found = laid(drill("a", 10), *(drill(f"s{each}", pool="big") for each in range(2)), on=there)
    assert "; 2 machines of pool big end 07:00" in said(found)


def test_what_was_never_measured_is_counted_in_the_notes() -> None:
    found = laid(drill("a"), drill("b", measured=False))
    assert words.notes(found)[0] == "1 drill never measured: reckoned from the bytes of the backup"
    assert len(words.notes(laid(drill("a")))) == 1


def test_the_machines_are_those_of_the_configuration_and_without_a_fleet_the_one_that_verifies() -> None:
    named = {
        "big": {"pool": "big", "memory": "64GiB", "disk": "1TiB"},
        "one": {"memory": "8GiB", "disk": "1GiB", "side_by_side": 1},
    }
    settings = site(fleet={"machines": named})
    assert fleet.machines(settings) == [
        Machine("big", 64 * GIB, 1024 * GIB, 3, "big"),
        Machine("one", 8 * GIB, GIB, 1, "verification"),
    ]
    assert fleet.machines(site()) == []
    # As today: nobody said how much memory the machine has, so it never keeps a drill from beginning.
    assert fleet.alone(site(), "here", 5) == Machine("here", 2 * 3 * 4 * GIB, 5, 3, "verification")


@pytest.mark.parametrize(
    ("now", "zone", "starts"),
    [
        ("2026-11-30T05:59", "Etc/UTC", "2026-11-30T06:00"),
        ("2026-11-30T06:00", "Etc/UTC", "2026-11-30T06:00"),
        ("2026-11-30T06:01", "Etc/UTC", "2026-12-07T06:00"),
        ("2026-12-06T23:30", "Europe/Berlin", "2026-12-07T05:00"),
        ("2026-03-28T12:00", "Europe/Berlin", "2026-03-30T04:00"),
    ],
)
def test_the_next_verification_is_on_monday_at_six_in_its_zone(now: str, zone: str, starts: str) -> None:
    found = next_verification(datetime.fromisoformat(now).replace(tzinfo=UTC), zone)
    assert found == datetime.fromisoformat(starts).replace(tzinfo=UTC)

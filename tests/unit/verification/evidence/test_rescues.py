"""The report of a rescue: its verdict is that of the worst service, and what its snapshot's tags state is read in a closed form."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backups.repository.listing import Snapshot
from verification.evidence import rescues
from verification.evidence.rescues import KitPart, Rescue, RescuedPart

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def report(*verdicts: str, seconds: float = 60.0, **more: Any) -> Rescue:
    services = tuple(RescuedPart(service=f"s{number}", type="mysql", verdict=each) for number, each in enumerate(verdicts))
    kit = KitPart(host="old", made_at=NOW, lifeboat="1", sha256="0" * 64)
    stated = {"kind": "cold-start", "services": services, **more}
    return Rescue(
        lifeboat="1",
        machine="new",
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=seconds),
        kit=kit,
        rto_seconds=7200,
        **stated,
    )


@pytest.mark.parametrize(
    ("found", "verdict", "code"),
    [
        (report("verified", "verified"), "verified", 0),
        (report("verified", "failed"), "failed", 1),
        (report("verified", "unproven"), "failed", 1),
        (report("failed", "could-not-run"), "could-not-run", 2),
        (report(), "could-not-run", 2),
        (report("verified", error="apt-get ended with 100"), "could-not-run", 2),
        (report("verified", seconds=7201), "failed", 1),
        (report("verified", seconds=7201, kind="rescue"), "verified", 0),
    ],
)
def test_the_worst_service_decides_and_a_drill_has_to_be_in_time(found: Rescue, verdict: str, code: int) -> None:
    assert (found.verdict, found.exit_code) == (verdict, code)


def test_its_words_say_how_many_and_how_long() -> None:
    assert report("verified", "failed").words == (
        "1 of 2 services brought back and verified, in 1 min 00 s from the first command on; RTO 2 h 00 min kept"
    )
    assert "RTO 2 h 00 min missed" in report("verified", seconds=7201).words


def test_what_is_kept_is_read_again() -> None:
    snapshot = Snapshot("ab", NOW, tuple(rescues.tags(report("verified"))))
    found = rescues.newest_cold_start([snapshot], NOW)
    assert found == rescues.ColdStart(NOW, "verified", NOW)


@pytest.mark.parametrize(
    "tags",
    [
        ("lifeboat-rescue", "verdict=verified"),
        ("lifeboat-rescue", "kind=rescue", "verdict=verified"),
        ("kind=cold-start", "verdict=verified"),
        ("lifeboat-evidence", "kind=cold-start", "verdict=verified"),
    ],
)
def test_what_is_no_cold_start_is_none(tags: tuple[str, ...]) -> None:
    assert rescues.newest_cold_start([Snapshot("ab", NOW, tags)], NOW) is None


@pytest.mark.parametrize("verdict", [(), ("verdict=\x1b[31mred",), ("verdict=", "verdict=failed")])
def test_a_verdict_that_there_is_not_counts_for_none(verdict: tuple[str, ...]) -> None:
    found = rescues.newest_cold_start([Snapshot("ab", NOW, ("lifeboat-rescue", "kind=cold-start", *verdict))], NOW)
    assert found == rescues.ColdStart(NOW, "could-not-run", None)

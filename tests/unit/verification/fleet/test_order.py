"""Which drill goes first: by what its service has waited, then the longest; the same for the same evidence, however it is listed."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.config.settings import Objectives
from tests.unit.verification.fleet.simulated_fleet import MONDAY, OBJECTIVES
from verification.fleet.order import order, urgency, with_firsts
from verification.fleet.work import Due

DAY = timedelta(days=1)


def tried(service: str, days: float, seconds: float = 60, **more: object) -> Due:
    at = MONDAY - days * DAY
    return replace(Due(service, "latest", seconds, tried_at=at, proven_at=at), **more)  # type: ignore[arg-type]


def test_never_tried_then_failed_and_passed_over_then_the_others_the_longest_first() -> None:
    due = [
        tried("proven-on-saturday", 1, 5000),
        tried("short", 6.7, 10),
        tried("long", 6.7, 900),
        tried("passed-over-twice", 20.7, 20),
        tried("failed", 6.7, 30, failed=True),
        tried("passed-over", 13.7, 40),
        Due("new", "latest", 5),
    ]
    first = order(due, OBJECTIVES, MONDAY)
    assert [each.service for each in first] == [
        "new", "passed-over-twice", "passed-over", "failed", "long", "short", "proven-on-saturday",
    ]  # fmt: skip
    assert [each.service for each in order(due, OBJECTIVES, MONDAY, shortest=True)][2:6] == [
        "failed",
        "passed-over",
        "short",
        "long",
    ]


def test_of_a_services_drills_the_one_that_was_drilled_longer_ago_comes_first_and_the_other_after_every_service_has_one() -> None:
    def both(service: str, latest: float | None, worst: float | None) -> list[Due]:
        tried_at = MONDAY - min(filter(None, (latest, worst)), default=0) * DAY if latest or worst else None
        return [
            Due(service, name, seconds, tried_at=tried_at, drilled_at=days and MONDAY - days * DAY)  # type: ignore[arg-type]
            for name, seconds, days in (("latest", 10.0, latest), ("worst", 99.0, worst))
        ]

    due = [*both("a", 6.7, 6.7), *both("b", 6.7, 13.7), *both("new", None, None), *both("waited", 6.7, 20.7)]
    assert [f"{each.service} {each.selection}" for each in order(with_firsts(due), OBJECTIVES, MONDAY)] == [
        "new latest", "b worst", "waited worst", "a latest", "a worst", "new worst", "b latest", "waited latest",
    ]  # fmt: skip


def test_every_night_counts_where_drills_are_nightly() -> None:
    """Who was passed over last night comes before who was not, and the night before that before both."""
    due = [tried("last-night", 1, 900), tried("passed-over-twice", 3, 10), tried("passed-over", 2, 100)]
    assert [each.service for each in order(due, OBJECTIVES, MONDAY)] == ["passed-over-twice", "passed-over", "last-night"]


@pytest.mark.parametrize(
    ("proof", "days", "late"), [(8, 6.7, 6), (8, 1, 0), (21, 6.7, -7), (21, 13.7, 0), (21, 14.1, 1), (8, 27.7, 27)]
)
def test_urgency_counts_the_days_by_which_a_proof_would_be_too_old(proof: int, days: float, late: int) -> None:
    """Passed over now, its proof would be so old at the next one: 0 or less is still within the objective."""
    objectives = Objectives(proof=proof * DAY)
    assert urgency(tried("agama", days), objectives, MONDAY) == late
    assert (timedelta(days=days + 7) <= proof * DAY) == (late <= 0)
    assert urgency(tried("agama", days, failed=True), objectives, MONDAY) == late + 7
    assert urgency(tried("agama", days, failed=True), objectives, MONDAY, every=DAY) == late - 6 + 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.floats(0, 40), st.integers(0, 2), st.booleans()),
        max_size=30,
        unique_by=lambda each: each[0],
    ),
    st.randoms(),
)
def test_the_order_is_of_the_evidence_alone(found: list[tuple[int, float, int, bool]], chance: random.Random) -> None:
    due = [tried(f"s{name}", days, seconds, failed=failed) for name, days, seconds, failed in found]
    shuffled = chance.sample(due, len(due))
    assert order(shuffled, OBJECTIVES, MONDAY) == order(due, OBJECTIVES, MONDAY)

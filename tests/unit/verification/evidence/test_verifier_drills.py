"""The report of a drill of the verifier: its verdict, its rate with a bound, and what its tags say."""

from datetime import UTC, datetime
from math import comb, fsum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.repository.listing import Snapshot
from verification.evidence import drilled
from verification.evidence.verifier_drills import (
    TAG,
    FaultPart,
    UndamagedPart,
    VerifierDrill,
    at_least,
    tags,
)

AT = datetime(2026, 11, 3, 3, 0, tzinfo=UTC)


def fault(outcome: str, service: str = "agama", number: int = 1) -> FaultPart:
    return FaultPart(
        number=number,
        service=service,
        kind="row deleted",
        target=("agama", "client"),
        words="a row deleted from agama.client",
        outcome=outcome,  # type: ignore[arg-type]
        named=outcome == "noticed",
        said="",
        seconds=1.5,
    )


def report(*faults: FaultPart, undamaged: str = "verified", **more: Any) -> VerifierDrill:
    names = sorted({each.service for each in faults}) or ["agama"]
    parts = [
        UndamagedPart(service=name, type="mysql", backup=None, verdict=undamaged, seconds=1, kinds=3)  # type: ignore[arg-type]
        for name in names
    ]
    values: dict[str, Any] = {"lifeboat": "1", "host": "h", "started_at": AT, "finished_at": AT, "seed": 7, "asked": len(faults)}
    return VerifierDrill(**values | {"again": "lifeboat verify", "undamaged": tuple(parts), "faults": faults} | more)


@pytest.mark.parametrize(
    ("outcomes", "undamaged", "verdict", "code"),
    [
        (["noticed", "noticed"], "verified", "all-noticed", 0),
        (["noticed", "not-injected"], "verified", "all-noticed", 0),
        (["noticed", "unnoticed"], "verified", "missed", 1),
        (["unnoticed", "undecided"], "verified", "missed", 1),
        (["noticed", "undecided"], "verified", "could-not-run", 2),
        (["not-injected"], "verified", "could-not-run", 2),
        ([], "verified", "could-not-run", 2),
        (["noticed"], "failed", "could-not-run", 2),
    ],
)
def test_one_fault_unnoticed_fails_it_and_nothing_learnt_is_no_success(
    outcomes: list[str], undamaged: str, verdict: str, code: int
) -> None:
    drill = report(*(fault(outcome) for outcome in outcomes), undamaged=undamaged)
    assert (drill.verdict, drill.exit_code) == (verdict, code)


def test_what_was_not_injected_is_never_counted_as_noticed() -> None:
    drill = report(fault("noticed"), fault("not-injected"), fault("undecided"), fault("unnoticed"))
    assert (drill.injected, drill.count("noticed")) == (2, 1)
    assert drill.words.startswith("1 of 2 faults noticed: at least 2.5% ")


def test_nothing_injected_is_said() -> None:
    assert report(fault("not-injected")).words == "no fault was put in: nothing is known of what would be noticed"


@given(st.integers(1, 400).flatmap(lambda injected: st.tuples(st.integers(0, injected), st.just(injected))))
def test_the_bound_is_that_of_clopper_and_pearson(counts: tuple[int, int]) -> None:
    """Were it the rate, as many noticed or more would be one chance in twenty; where none is noticed, it is nought."""
    noticed, injected = counts
    bound = at_least(noticed, injected)
    chance = fsum(comb(injected, n) * bound**n * (1 - bound) ** (injected - n) for n in range(noticed, injected + 1))
    assert (bound, chance) == (0, 1) if noticed == 0 else chance == pytest.approx(0.05, abs=1e-9)


def test_of_all_noticed_the_rule_of_three_comes_near() -> None:
    assert at_least(100, 100) == pytest.approx(1 - 3 / 100, abs=2e-3)


def test_its_tags_say_of_each_service_what_was_injected_and_noticed() -> None:
    drill = report(fault("noticed"), fault("unnoticed"), fault("noticed", "grafana"), fault("not-injected", "prometheus"))
    assert tags(drill) == [TAG, "verdict=missed", "damage=agama|2|1", "damage=grafana|1|1"]
    read = drilled.detections([Snapshot("ab", AT, tuple(tags(drill)), "")])
    assert [(each.service, each.injected, each.noticed, each.at) for each in read] == [("agama", 2, 1, AT), ("grafana", 1, 1, AT)]

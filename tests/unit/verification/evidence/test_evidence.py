"""How verdicts and measurements add up."""

import pytest

from verification.evidence.evidence import Budget, Verdict, budget, overall


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["verified", "verified"], "verified"),
        (["verified", "failed", "could-not-run"], "failed"),
        (["verified", "could-not-run"], "could-not-run"),
        ([], "could-not-run"),
    ],
)
def test_failed_beats_could_not_run_beats_verified_and_nothing_is_never_verified(
    verdicts: list[Verdict], expected: Verdict
) -> None:
    assert overall(verdicts) == expected


@pytest.mark.parametrize(
    ("measured", "worst", "met"),
    [
        ([10.0, 60.0], 60.0, True),
        ([10.0, 60.5], 60.5, False),
        ([60.5, None], 60.5, False),
        ([10.0, None], 10.0, None),
        ([None], None, None),
        ([], None, None),
    ],
)
def test_an_objective_is_met_only_when_everything_was_measured_and_fits(
    measured: list[float | None], worst: float | None, met: bool | None
) -> None:
    assert budget(60.0, measured) == Budget(budget_seconds=60.0, measured_seconds=worst, met=met)

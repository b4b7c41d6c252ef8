"""When a site is complained of because of the drill of all its services side by side."""

from datetime import UTC, datetime, timedelta

import pytest

from verification.evidence.joint import Joint, Stated
from verification.watch import together

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def drilled(days: float, verdict: str = "verified", proven: float | None = None) -> Joint:
    last = Stated.model_validate({"at": NOW - days * DAY, "verdict": verdict, "panels": 25, "equal": 24})
    before = days if verdict == "verified" else proven
    return Joint(last, None if before is None else NOW - before * DAY)


@pytest.mark.parametrize(
    ("found", "well", "words"),
    [
        (drilled(8), True, "all side by side: proven 8 d 0 h ago, 24 of 25 panels answer as they did"),
        (drilled(8.1), False, "it should be younger than 8 d 0 h: lifeboat verify --together"),
        (drilled(0, "failed", 7), False, "proven 7 d 0 h ago; the last time, 0.0 s ago, it came to failed"),
        (drilled(2, "could-not-run"), False, "never proven; the last time, 2 d 0 h ago, it came to could-not-run"),
    ],
)
def test_it_is_well_when_the_newest_is_verified_and_young(found: Joint, well: bool, words: str) -> None:
    said = together.standing(found, 8 * DAY, NOW)
    assert said
    assert said[1] is well
    assert words in said[0]


def test_where_there_was_none_nothing_is_said() -> None:
    assert together.standing(None, DAY, NOW) is None
    assert [values for _, _, values in together.samples(None)] == [[], []]


def test_metrics_tell_the_newest_verdict_and_the_newest_proof() -> None:
    assert {name: values for name, _, values in together.samples(drilled(1, "failed", 7))} == {
        "lifeboat_together_failed": [({}, 1)],
        "lifeboat_together_proven_timestamp_seconds": [({}, (NOW - 7 * DAY).timestamp())],
    }
    assert dict.fromkeys(name for name, _, values in together.samples(drilled(1, "failed")) if values) == {
        "lifeboat_together_failed": None
    }

"""Spans of time, read and written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backups import durations


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("21d", timedelta(days=21)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1.5h", timedelta(minutes=90)),
        ("2w 1d", timedelta(days=15)),
        ("0s", timedelta()),
    ],
)
def test_reads_what_operators_write(text: str, span: timedelta) -> None:
    assert durations.parse(text) == span


@pytest.mark.parametrize("text", ["", "2", "h", "2 hours", "-2h", "2h30", "1e3s", "2H"])
def test_refuses_anything_else_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a span of time \(examples: 90s, 2h, 21d, 1d12h\)"):
        durations.parse(text)


def test_refuses_a_span_that_no_clock_can_keep() -> None:
    with pytest.raises(ValueError, match="longer than the longest possible span"):
        durations.parse("999999999999w")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (41.2, "41.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (47 * 3600 + 59 * 60, "47 h 59 min"),
        (12 * 86400 + 3 * 3600, "12 d 3 h"),
        (-7500, "-2 h 05 min"),
    ],
)
def test_writes_for_a_person(seconds: float, words: str) -> None:
    assert durations.describe(seconds) == words
    assert durations.describe(timedelta(seconds=seconds)) == words


@given(days=some.integers(0, 400), hours=some.integers(0, 23), minutes=some.integers(0, 59), seconds=some.integers(0, 59))
def test_every_whole_span_is_read_back(days: int, hours: int, minutes: int, seconds: int) -> None:
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert durations.parse(f"{days}d{hours}h{minutes}m{seconds}s") == span

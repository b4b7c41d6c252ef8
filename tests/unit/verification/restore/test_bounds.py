"""A day that is named is all of that day, also where its clocks are put on or back."""

from datetime import UTC, datetime, timedelta

import pytest

from backups.errors import LifeboatError
from verification.restore.arguments import bound

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-11-30", "2026-11-29T23:00", "2026-11-30T23:00"),
        ("20261130", "2026-11-29T23:00", "2026-11-30T23:00"),
        ("2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-11-30T06:00", "2026-11-30T05:00", "2026-11-30T05:00"),
        ("2026-11-30T06:00:00Z", "2026-11-30T06:00", "2026-11-30T06:00"),
    ],
)
def test_a_day_ends_where_the_next_one_begins(text: str, begin: str, end: str) -> None:
    assert bound(text, BERLIN, NOW, "--from") == datetime.fromisoformat(f"{begin}+00:00")
    assert bound(text, BERLIN, NOW, "--to", before_next=timedelta(0)) == datetime.fromisoformat(f"{end}+00:00")


def test_the_last_microsecond_of_a_day_may_be_its_end() -> None:
    """As `lifeboat log --until` has it, where what was committed at a bound is told, too; a time is that time."""
    last = timedelta.resolution
    assert bound("2026-11-30", BERLIN, NOW, "--until", before_next=last) == datetime(2026, 11, 30, 22, 59, 59, 999999, tzinfo=UTC)
    assert bound("2026-11-30T06:00Z", BERLIN, NOW, "--until", before_next=last) == datetime(2026, 11, 30, 6, tzinfo=UTC)


def test_a_transaction_is_no_bound() -> None:
    with pytest.raises(LifeboatError, match=r"--until binlog\.000001:4 is no time"):
        bound("binlog.000001:4", BERLIN, NOW, "--until", before_next=timedelta(0))


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00+14:00", "", "25:00"])
def test_what_is_neither_a_day_nor_a_time_is_refused_without_a_word_of_transactions(text: str) -> None:
    with pytest.raises(LifeboatError, match=r"--since .* is neither a day nor a time") as refused:
        bound(text, BERLIN, NOW, "--since")
    assert "GTID" not in f"{refused.value.message} {refused.value.hint}"

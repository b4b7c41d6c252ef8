"""A day that is named is all of that day, also where its clocks are put on or back."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.commands.evidence import _moment

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BERLIN = cast("Any", SimpleNamespace(settings=SimpleNamespace(timezone="Europe/Berlin")))


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
    assert _moment(text, BERLIN, NOW, "--from") == datetime.fromisoformat(f"{begin}+00:00")
    assert _moment(text, BERLIN, NOW, "--to", whole_day=True) == datetime.fromisoformat(f"{end}+00:00")

"""Reads ranges of time as dashboards write them (`now-6h`, `now/d`) and makes windows of them that end in the past."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE = 60_000
"""Milliseconds; windows begin and end at whole minutes."""
_USUAL = 6 * 60 * MINUTE
"""Grafana's own range where a dashboard says none that can be read."""
_MOST = 366 * 5 * 24 * 60 * MINUTE

_NOW = re.compile(r"now((?:[+-]\d{1,5}[smhdwMQy]|/f?[smhdwMQy])*)", re.ASCII)
_PART = re.compile(r"([+-]\d+|/)f?([smhdwMQy])", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})(ms|[smhdwMQy])", re.ASCII)
_UNITS = {
    "ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1),
    "d": timedelta(days=1), "w": timedelta(weeks=1), "M": timedelta(days=30), "Q": timedelta(days=91), "y": timedelta(days=365),
}  # fmt: skip


@dataclass(frozen=True)
class Window:
    """A stretch of time, in milliseconds since 1970."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start


def span(text: str) -> int | None:
    """A span like `15s`, `2h`, `500ms` in milliseconds; None for what is none."""
    parts = _SPAN.fullmatch(text.strip().lstrip(">"))
    return int(parts[1]) * (_UNITS[parts[2]] // timedelta(milliseconds=1)) if parts else None


def window(since: str, until: str, end: int, *, own: str = "", shift: str = "") -> Window:
    """The window of a dashboard's range when it is opened at `end`: whole minutes, never later than `end`, at most five years.

    own, shift: a panel's own range and shift (`2h`, `now/d`), where it has them
    """
    if own:
        since, until = (own if own.startswith("now") else f"now-{own}"), "now"
    last = _instant(until, end, up=True)
    last = end if last is None else min(last, end)
    first = _instant(since, end, up=False)
    if first is None or first >= last:
        first = last - _USUAL
    away = span(shift) or 0
    first, last = max(first, last - _MOST) - away, last - away
    last -= last % MINUTE
    return Window(max(0, min(first - first % MINUTE, last - MINUTE)), max(MINUTE, last))


def _instant(written: str, now: int, *, up: bool) -> int | None:
    """Milliseconds of `now-6h/d`, of a time in ISO 8601, or of digits; up: a rounded one is the end of its unit."""
    try:
        if parts := _NOW.fullmatch(written.strip()):
            at = datetime.fromtimestamp(now / 1000, UTC)
            for amount, unit in _PART.findall(parts[1]):
                at = _rounded(at, unit, up=up) if amount == "/" else at + int(amount) * _UNITS[unit]
            return int(at.timestamp() * 1000)
        if written.isascii() and written.isdigit():
            return int(written) if len(written) < 17 else None
        at = datetime.fromisoformat(written)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None


def _rounded(at: datetime, unit: str, *, up: bool) -> datetime:
    """The beginning of the unit that `at` lies in, or of the next one; months and years as the calendar has them, in UTC."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = {
        "s": at.replace(microsecond=0),
        "m": at.replace(second=0, microsecond=0),
        "h": at.replace(minute=0, second=0, microsecond=0),
        "d": day,
        "w": day - timedelta(days=day.weekday()),
        "M": day.replace(day=1),
        "Q": day.replace(day=1, month=day.month - (day.month - 1) % 3),
        "y": day.replace(day=1, month=1),
    }[unit]
    return begins + _UNITS[unit] if up else begins

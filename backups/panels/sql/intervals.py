"""Reads and writes intervals as Grafana does: `5m`, `1h30m`, `1d`, `1M`."""

import calendar
import re
from datetime import UTC, datetime, timedelta

_CALENDAR = re.compile(r"(\d{1,9})([dwMy])", re.ASCII)
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
"""Nanoseconds."""
_MOST = 2**63 - 1
_SHOWN = (("y", 365 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
"""Milliseconds."""


def parsed(text: str, now: datetime) -> int:
    """Return an interval in nanoseconds; raises ValueError for what is none.

    now: months and years are as long as those that begin then (UTC), as Grafana has it
    """
    if found := _CALENDAR.fullmatch(text):
        return _calendar(int(found[1]), found[2], now.astimezone(UTC))
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    parts = list(_PART.finditer(body))
    if not parts or "".join(part[0] for part in parts) != body:
        raise ValueError(f"not an interval: {text}")
    size = sum(_scaled(part[1], _UNITS[part[2]]) for part in parts)
    if size > _MOST:
        raise ValueError(f"longer than an interval can be: {text}")
    return -size if text.startswith("-") else size


def formatted(milliseconds: int) -> str:
    """Return an interval as `$__interval` has it: the largest unit that it fills, the rest cut off."""
    unit, size = next(((unit, size) for unit, size in _SHOWN if milliseconds >= size), ("ms", 1))
    return f"{max(1, milliseconds // size)}{unit}"


def _scaled(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole or "0") * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def _calendar(number: int, unit: str, now: datetime) -> int:
    try:
        if unit in "dw":
            end = now + timedelta(days=number * (7 if unit == "w" else 1))
        else:
            months = now.month - 1 + number * (12 if unit == "y" else 1)
            year, month = now.year + months // 12, months % 12 + 1
            # A day that the month does not have runs over into the next one.
            days = calendar.monthrange(year, month)[1]
            end = now.replace(year=year, month=month, day=min(now.day, days)) + timedelta(days=max(0, now.day - days))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"longer than an interval can be: {number}{unit}") from error
    return ((end - now) // timedelta(microseconds=1)) * 1000

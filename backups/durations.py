"""Parses and writes spans of time as operators do: `90s`, `2h`, `21d`, `1d12h`."""

import re
from datetime import timedelta

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")


def parse(text: str) -> timedelta:
    """Read `2h`, `26h`, `21d`, `1h30m`; raises ValueError with an example for anything else."""
    compact = text.replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is not a span of time (examples: 90s, 2h, 21d, 1d12h)")
    try:
        return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"{text!r} is longer than the longest possible span of time") from None


def describe(span: timedelta | float) -> str:
    """Write a span (or seconds) for a person: `0.4 s`, `41.2 s`, `3 min 20 s`, `2 h 05 min`, `12 d 3 h`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    if seconds < 0:
        return f"-{describe(-seconds)}"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"

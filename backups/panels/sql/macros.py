"""Fills in what a panel's SQL leaves to Grafana's server, such as `$__timeFilter(at)` and `$__interval`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from . import intervals
from .numbers import as_go, number

_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_FORBIDDEN = re.compile(
    r"(\s*show\s+grants|[\s,]session_user\([^)]*\)|[\s,]current_user(\([^)]*\))?|[\s,]system_user\([^)]*\)|[\s,]user\([^)]*\))"
    r"([\s,;]|$)",
    re.IGNORECASE | re.MULTILINE | re.ASCII,
)
"""What would tell who is asked as."""
IN_THE_LOG = "please inspect Grafana server log for details"
_SECOND = 10**9


class MacroError(ValueError):
    """A macro that Grafana does not fill in, in its words."""


@dataclass(frozen=True)
class Fill:
    """How gaps of a time series are filled. mode: `null`, `previous` or `value`; seconds: how far apart its points are."""

    mode: str
    seconds: float
    value: float = 0.0


@dataclass(frozen=True)
class Window:
    """What a panel is asked for. start, end: milliseconds since 1970. now: for intervals of months and years."""

    start: int
    end: int
    interval: int
    now: datetime

    @classmethod
    def of(cls, query: Mapping[str, Any], start: int, end: int, now: datetime) -> "Window":
        """Return that of a query: a second is the interval of one that does not say it."""
        said = query.get("intervalMs")
        usable = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 1 << 53
        return cls(start, end, int(said) if said is not None and usable else 1000, now)


@dataclass
class Filled:
    """SQL as the server gets it, and how gaps of the series are filled, where the SQL says it."""

    sql: str
    fill: Fill | None = field(default=None)


def filled(sql: str, window: Window) -> Filled:
    """Fill the macros in; raises MacroError for one that is unknown, wrongly called, or forbidden."""
    for name, value in (
        ("$__interval_ms", str(window.interval)),
        ("$__interval", intervals.formatted(window.interval)),
        ("$__unixEpochFrom()", str(window.start // 1000)),
        ("$__unixEpochTo()", str(window.end // 1000)),
    ):
        sql = sql.replace(name, value)
    if _FORBIDDEN.search(sql):
        raise MacroError(f"invalid query - {IN_THE_LOG}")
    made = Filled(sql)
    made.sql = _MACRO.sub(partial(_value, window=window, made=made), sql)
    return made


def _value(found: re.Match[str], window: Window, made: Filled) -> str:
    name, arguments = found[1], [part.strip(" ") for part in found[2].split(",")]
    macro = _MACROS.get(name)
    if macro is None:
        raise MacroError(f"unknown macro {name}")
    return macro(name, arguments, window, made)


def _time(_: str, arguments: Sequence[str], __: Window, ___: Filled) -> str:
    return f"UNIX_TIMESTAMP({arguments[0]}) as time_sec"


def _time_filter(_: str, arguments: Sequence[str], window: Window, __: Filled) -> str:
    start, end = window.start // 1000, window.end // 1000
    begin = f"DATE_ADD(FROM_UNIXTIME(0), INTERVAL {start} SECOND)" if start < 0 else f"FROM_UNIXTIME({start})"
    return f"{arguments[0]} BETWEEN {begin} AND FROM_UNIXTIME({end})"


def _between(arguments: Sequence[str], start: int, end: int) -> str:
    return f"{arguments[0]} >= {start} AND {arguments[0]} <= {end}"


def _time_group(name: str, arguments: Sequence[str], window: Window, made: Filled) -> str:
    if len(arguments) < 2:
        raise MacroError(f"macro {name} needs time column and interval")
    size = _interval(arguments, "'\"", window, made)
    seconds = f"{size / _SECOND:.0f}"
    return f"UNIX_TIMESTAMP({arguments[0]}) DIV {seconds} * {seconds}"


def _epoch_group(name: str, arguments: Sequence[str], window: Window, made: Filled) -> str:
    if len(arguments) < 2:
        raise MacroError(f"macro {name} needs time column and interval and optional fill value")
    seconds = as_go(_interval(arguments, "'", window, made) / _SECOND)
    return f"{arguments[0]} DIV {seconds} * {seconds}"


def _interval(arguments: Sequence[str], quotes: str, window: Window, made: Filled) -> int:
    """Return the interval in nanoseconds, and keep the third argument: how gaps are filled."""
    try:
        size = intervals.parsed(arguments[1].strip(quotes), window.now)
    except ValueError as error:
        raise MacroError(f"error parsing interval {arguments[1]}") from error
    if len(arguments) == 3:
        made.fill = _fill(arguments[2], size / _SECOND)
    return size


def _fill(text: str, seconds: float) -> Fill:
    if text in ("NULL", "previous"):
        return Fill(text.lower(), seconds)
    try:
        return Fill("value", seconds, number(text))
    except ValueError as error:
        raise MacroError(f"error parsing fill value {text}") from error


Macro = Callable[[str, Sequence[str], Window, Filled], str]


def _aliased(macro: Macro) -> Macro:
    return lambda name, arguments, window, made: f'{macro(name.removesuffix("Alias"), arguments, window, made)} AS "time"'


_MACROS: dict[str, Macro] = {
    "__time": _time,
    "__timeEpoch": _time,
    "__timeFilter": _time_filter,
    "__timeFrom": lambda _, __, window, ___: f"FROM_UNIXTIME({window.start // 1000})",
    "__timeTo": lambda _, __, window, ___: f"FROM_UNIXTIME({window.end // 1000})",
    "__timeGroup": _time_group,
    "__timeGroupAlias": _aliased(_time_group),
    "__unixEpochFilter": lambda _, arguments, window, __: _between(arguments, window.start // 1000, window.end // 1000),
    "__unixEpochNanoFilter": lambda _, arguments, window, __: _between(arguments, window.start * 10**6, window.end * 10**6),
    "__unixEpochNanoFrom": lambda _, __, window, ___: str(window.start * 10**6),
    "__unixEpochNanoTo": lambda _, __, window, ___: str(window.end * 10**6),
    "__unixEpochGroup": _epoch_group,
    "__unixEpochGroupAlias": _aliased(_epoch_group),
}

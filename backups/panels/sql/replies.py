"""Makes of a query's rows, or of the server's refusal, what Grafana answers below `results[refId]`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .columns import Column, ConversionError, fields
from .fields import Field, Frame, Json, as_json
from .macros import IN_THE_LOG, Filled, MacroError, Window, filled
from .series import SeriesError, is_long, resampled, wide

MOST_ROWS = 1_000_000
"""Of one answer, as `[dataproxy] row_limit` has it unless somebody sets it."""
_LIMITED = f"Results have been limited to {MOST_ROWS} because the SQL row limit was reached"
_TIMES = ("time", "time_sec")
_TELLING = (1064, 1054, 1146)
"""Errors that the caller is told: no SQL, no such column, no such table."""
_NO_TIME = (
    "time column is missing; make sure your data includes a time column for time series format or switch to a table format that "
    "doesn't require it"
)
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, which JSON can name, as Go reads it."""
_FORMATS = ("table", "time_series")


@dataclass(frozen=True)
class Refusal:
    """The server's own error: its number, state and words."""

    number: int
    state: str
    words: str

    def __str__(self) -> str:
        return f"Error {self.number} ({self.state}): {self.words}"


def prepared(query: Mapping[str, Any], window: Window) -> Filled | Json:
    """Return the SQL to send; or the answer, where nothing is sent."""
    ref, sql = str(query.get("refId") or "A"), query.get("rawSql")
    if not isinstance(sql, str | None) or not isinstance(query.get("format", ""), str):
        return failed(ref, "error unmarshal query json: a member has another type", "")
    if not sql:
        return {"status": 200, "frames": []}
    try:
        return filled(_HALF.sub("\ufffd", sql), window)
    except MacroError as error:
        return failed(ref, f"interpolation failed: {error}", "")


def refused(ref: str, refusal: Refusal, executed: str, *, after_columns: bool = False) -> Json:
    """Return the answer for SQL that the server does not run, or not to its end."""
    if after_columns:
        return failed(ref, f"convert frame from rows error: {refusal}", executed)
    words = str(refusal) if refusal.number in _TELLING else f"query failed - {IN_THE_LOG}"
    return failed(ref, f"db query error: {words}", executed, downstream=True)


def failed(ref: str, words: str, executed: str, *, downstream: bool = False) -> Json:
    """Return an answer that is an error."""
    source = "downstream" if downstream else "plugin"
    return {"error": words, "errorSource": source, "status": 500, "frames": [as_json(Frame([]), ref, executed)]}


def panicked(words: str) -> Json:
    """Return the answer where Grafana's backend breaks off."""
    return {"error": words, "errorSource": "plugin", "status": 500}


def reply(
    query: Mapping[str, Any], sent: Filled, window: Window, columns: Sequence[Column], rows: Sequence[Sequence[bytes | None]]
) -> Json:
    """Return the answer of rows that the server gave for what was `sent`."""
    ref, form = str(query.get("refId") or "A"), query.get("format") or ""
    if form not in _FORMATS:
        return panicked(f'Unrecognized query model format: "{form}"')
    try:
        frame = _frame(columns, rows)
        if rows:
            time = _convert_times(frame, form)
            if form == "time_series":
                frame = _series(frame, time, sent, window)
    except _BrokenOff as broken:
        return failed(ref, str(broken), sent.sql, downstream=broken.downstream) if broken.told else panicked(str(broken))
    return {"status": 200, "frames": [as_json(frame, ref, sent.sql)]}


class _BrokenOff(Exception):
    """Where Grafana's backend gives up. told: as an answer with a frame"""

    def __init__(self, words: str, *, downstream: bool = False, told: bool = True) -> None:
        super().__init__(words)
        self.downstream = downstream
        self.told = told


def _frame(columns: Sequence[Column], rows: Sequence[Sequence[bytes | None]]) -> Frame:
    try:
        found = fields(columns, rows[:MOST_ROWS])
    except ConversionError as error:
        raise _BrokenOff(f"convert frame from rows error: {error}") from error
    return Frame(found if rows else [], notices=[_LIMITED] if len(rows) > MOST_ROWS else [])


def _convert_times(frame: Frame, form: str) -> int | None:
    """Make moments of the numbers in the columns that say so by their names; returns which is the time."""
    names = [each.name for each in frame.fields]
    time = max((at for at, name in enumerate(names) if name in _TIMES), default=None)
    end = max((at for at, name in enumerate(names) if name.lower() == "timeend"), default=None) if form == "table" else None
    for at, what in ((time, "time"), (end, "timeend")):
        try:
            if at is not None:
                frame.fields[at] = _moments(frame.fields[at])
        except ValueError as error:
            words = f"failed to convert {what} column: unable to convert data to a time field"
            raise _BrokenOff(f"converting time columns failed: {words}") from error
    return time


def _series(frame: Frame, time: int | None, sent: Filled, window: Window) -> Frame:
    if time is None:
        raise _BrokenOff(f"db has no time column: {_NO_TIME}", downstream=True)
    frame.fields[time].name = "Time"
    for at, each in enumerate(frame.fields):
        if at != time and not each.is_text and each.frame != "float64" and each.name != "metric":
            frame.fields[at] = Field(each.name, "float64", [each.as_number(row) for row in range(len(each.values))])
    try:
        if is_long(frame):
            frame = wide(frame, sent.fill)
    except SeriesError as error:
        words = f"failed to convert long to wide series when converting from dataframe: {error}"
        raise _BrokenOff(words, downstream=True) from error
    try:
        return resampled(frame, sent.fill, window.start, window.end, MOST_ROWS) if sent.fill else frame
    except SeriesError as error:
        raise _BrokenOff(str(error), told=False) from error


def _moments(each: Field) -> Field:
    """Return a column of numbers as moments: seconds, milliseconds or nanoseconds since 1970, by how large each is."""
    if each.is_time:
        return each
    numbers = [each.as_number(row) for row in range(len(each.values))]
    return Field(each.name, "time.Time", [None if number is None else _moment(number) for number in numbers])


def _moment(number: float) -> int:
    """Return microseconds since 1970."""
    if not math.isfinite(number):
        return _wrapped(-(1 << 63)) // 1000
    exponent = int(f"{number:.16e}".partition("e")[2]) if number else 0
    scaled = number * 1e3 if exponent == 9 else number / 1e6 if exponent == 18 else number
    return _wrapped(_bounded(math.trunc(scaled)) * 10**6) // 1000


def _bounded(number: int) -> int:
    """Return what Go makes of a floating point number that 64 bits do not hold."""
    return number if -(1 << 63) <= number < 1 << 63 else -(1 << 63)


def _wrapped(number: int) -> int:
    """Return the number that 64 bits hold of it."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)

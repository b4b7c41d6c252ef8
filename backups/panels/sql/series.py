"""Makes a time series of a table: a column of its own for each text that rows are told apart by, and gaps filled."""

from collections.abc import Sequence
from typing import Any

from .fields import Field, Frame
from .macros import Fill

_UNSORTED = "long series must be sorted ascending by time to be converted"
_NULL_TIME = "can not convert to wide series, input has null time values"
_NOT_A_SERIES = "Failed to resample dataframe"
_TOO_MANY = "Fill operation skipped: time range and interval would require more points than the configured row limit"
_WIDE = {"type": "timeseries-wide", "typeVersion": [0, 1]}


class SeriesError(ValueError):
    """A table that is no series, in Grafana's words."""


def is_long(frame: Frame) -> bool:
    """Whether it has a time, text that tells rows apart, and values."""
    time = next((each for each in frame.fields if each.is_time), None)
    return (
        time is not None
        and any(each.is_text for each in frame.fields)
        and any(not each.is_text and each is not time for each in frame.fields)
    )


def wide(frame: Frame, fill: Fill | None) -> Frame:
    """Return a long frame as a wide one, a row for each time; raises SeriesError when it is not sorted by time.

    fill: what stands where a series has no value at a time that another has
    """
    time = next(each for each in frame.fields if each.is_time)
    texts = [each for each in frame.fields if each.is_text]
    values = [each for each in frame.fields if not each.is_text and each is not time]
    times: list[int] = []
    made: dict[tuple[int, tuple[str, ...]], Field] = {}
    for row, at in enumerate(time.values):
        if at is None:
            raise SeriesError(_NULL_TIME)
        if times and at < times[-1]:
            raise SeriesError(_UNSORTED)
        if not times or at > times[-1]:
            times.append(at)
            for each in made.values():
                each.values.append(_missing(each, fill, each.values[-1:]))
        key = tuple("" if each.values[row] is None else each.values[row] for each in texts)
        for number, value in enumerate(values):
            if (number, key) not in made:
                labels = {each.name: text for each, text in zip(texts, key, strict=True)}
                new = Field(value.name, value.frame, [], nullable=value.nullable, labels=labels)
                # Before the first one there is nothing before.
                new.values = [_missing(new, fill, ()) for _ in times]
                made[number, key] = new
            made[number, key].values[-1] = value.values[row]
    names = [each.name for each in texts]
    series = sorted(made.values(), key=lambda each: (each.name, [(each.labels or {}).get(name, "") for name in names]))
    if len(frame.fields) == 3:
        for each in series:
            _name_by_metric(each)
    return Frame([Field(time.name, time.frame, times, nullable=False), *series], {**frame.meta, **_WIDE}, frame.notices)


def resampled(frame: Frame, fill: Fill, start: int, end: int, most: int) -> Frame:
    """Return a frame with a row for each interval between start and end (milliseconds); the last row of an interval is its value.

    most: points that may be made
    """
    seconds, step = int(fill.seconds), round(fill.seconds * 10**6)
    if not seconds:
        raise SeriesError("runtime error: integer divide by zero")
    begin = start // 1000 // seconds * seconds * 10**6
    end *= 1000
    if (end - begin) // step > most:
        frame.notices.append(_TOO_MANY)
        return frame
    time = next((each for each in frame.fields if each.is_time), None)
    if time is None or all(each.is_text or each is time for each in frame.fields) or None in time.values:
        frame.notices.append(_NOT_A_SERIES)
        return frame
    made = [Field(each.name, each.frame, [], nullable=each.nullable, labels=each.labels) for each in frame.fields]
    last = -1
    for moment in range(begin, end + 1, step):
        row = last + 1 if last > 0 else 0
        within = None
        while row < len(time.values) and not time.values[row] > moment:
            if time.values[row] > moment - step:
                within = row
            last = row
            row += 1
        for old, new in zip(frame.fields, made, strict=True):
            new.values.append(moment if old is time else _resampled(old, fill, within, last))
    return Frame(made, frame.meta, frame.notices)


def _resampled(each: Field, fill: Fill, within: int | None, last: int) -> Any:
    if each.is_text:
        return each.values[last] if last >= 0 else None
    if within is not None:
        return each.values[within]
    return _missing(each, fill, each.values[last : last + 1] if last >= 0 else ())


def _missing(each: Field, fill: Fill | None, before: Sequence[Any]) -> Any:
    if fill is None or each.is_time:
        return None if each.nullable else 0
    if fill.mode == "value":
        return fill.value if each.frame == "float64" else int(fill.value)
    return before[0] if fill.mode == "previous" and before else None


def _name_by_metric(each: Field) -> None:
    """Have a series that only `metric` tells apart bear its name, as before Grafana 8."""
    if each.labels is not None and list(each.labels) == ["metric"]:
        each.name, each.labels = each.labels["metric"], None

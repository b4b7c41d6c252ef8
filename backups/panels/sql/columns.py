"""Makes of a column of MySQL's answer a field as Grafana's driver and backend do: which type it has, and each of its values."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .fields import Field
from .numbers import number

NOT_NULL, UNSIGNED = 1, 32
"""Flags of a column in MySQL's protocol."""
(
    _DECIMAL,
    _TINY,
    _SHORT,
    _LONG,
    _FLOAT,
    _DOUBLE,
    _NULL,
    _TIMESTAMP,
    _LONGLONG,
    _INT24,
    _DATE,
    _TIME,
    _DATETIME,
    _YEAR,
    _NEWDATE,
) = range(15)
_NEWDECIMAL = 246
_TIMES = {_TIMESTAMP, _DATE, _DATETIME, _NEWDATE}
_FLOATS = {_DECIMAL, _FLOAT, _DOUBLE, _NEWDECIMAL}
_BITS = {_TINY: 8, _SHORT: 16, _LONG: 32, _LONGLONG: 64, _INT24: 32}
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_DATE = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""What Go makes of 0000-00-00: its own first moment."""


@dataclass(frozen=True)
class Column:
    """A column as MySQL's protocol describes it: its name, the number of its type, and its flags."""

    name: str
    type: int
    flags: int


class ConversionError(ValueError):
    """A value that Grafana's backend cannot take, in its words."""


def fields(columns: Sequence[Column], rows: Sequence[Sequence[bytes | None]]) -> list[Field]:
    """Return each column's field; raises ConversionError. rows: values as the server sends them in text, None for NULL."""
    seen: dict[str, int] = {}
    for at, column in enumerate(columns):
        if column.name in seen:
            raise ConversionError(
                f'duplicate column names are not allowed, found identical name "{column.name}" '
                f"at column indices {seen[column.name]} and {at}"
            )
        seen[column.name] = at
    return [_field(column, at, [row[at] for row in rows]) for at, column in enumerate(columns)]


def _field(column: Column, at: int, values: Sequence[bytes | None]) -> Field:
    frame, nullable, convert = _type(column)

    def converted(value: bytes | None) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except ValueError as error:
            raise ConversionError(f'sql: Scan error on column index {at}, name "{column.name}": {error}') from error

    return Field(column.name, frame, [converted(value) for value in values], nullable=nullable)


def _type(column: Column) -> tuple[str, bool, Callable[[bytes], Any]]:
    """Return the field's type, whether it may be null, and what makes its values."""
    if column.type in _TIMES:
        return "time.Time", True, _moment
    if column.type in _FLOATS:
        return "float64", True, lambda value: number(value.decode("ascii"))
    if column.type == _YEAR:
        return "int64", True, _integer
    if column.type in _BITS:
        # Known by name are the signed ones, but for MEDIUMINT; the others come as the driver has them.
        by_name = column.type != _INT24 and not column.flags & UNSIGNED
        if by_name or not column.flags & NOT_NULL:
            return "int64", True, _integer
        return f"{'u' if column.flags & UNSIGNED else ''}int{_BITS[column.type]}", False, int
    return "string", True, text


def text(value: bytes) -> str:
    """Return bytes as Go writes them into JSON: each byte that is no UTF-8 becomes U+FFFD."""
    return value.decode("utf-8", "lifeboat-each")


def _integer(value: bytes) -> int:
    found = int(value)
    if not -(1 << 63) <= found < 1 << 63:
        raise ValueError(f'converting driver.Value type uint64 ("{found}") to a int64: value out of range')
    return found


def _moment(value: bytes) -> int:
    """Return a moment in microseconds since 1970: what stands there is taken for UTC, as Grafana takes it."""
    said = value.decode("ascii")
    parts = _MOMENT.fullmatch(said)
    if parts is None:
        raise ValueError(f"parsing time {said!r}")
    *whole, fraction = parts.groups()
    if not any(int(part) for part in whole[:3]):
        return _NO_DATE
    year, month, day, hour, minute, second = (int(part or 0) for part in whole)
    microseconds = int((fraction or "").ljust(6, "0"))
    moment = datetime(year, month, day, hour, minute, second, microseconds, UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)

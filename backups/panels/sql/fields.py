"""Holds a field and a frame, and writes them as Grafana writes them into JSON: times in milliseconds, what JSON lacks beside."""

import codecs
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .numbers import number

_KINDS = {"time.Time": "time", "string": "string"}
_NAMED: Mapping[str, Callable[[float], bool]] = {
    "NaN": math.isnan,
    "Inf": lambda value: value == math.inf,
    "NegInf": lambda value: value == -math.inf,
}
Json = dict[str, Any]


@dataclass
class Field:
    """One column. frame: Go's name of its type. values: None is null; moments are microseconds since 1970"""

    name: str
    frame: str
    values: list[Any]
    nullable: bool = True
    labels: Mapping[str, str] | None = None

    @property
    def is_time(self) -> bool:
        """Whether it holds moments."""
        return self.frame == "time.Time"

    @property
    def is_text(self) -> bool:
        """Whether it holds text, by which rows are told apart."""
        return self.frame == "string"

    def as_number(self, at: int) -> float | None:
        """Return a value as a floating point number; raises ValueError for text that is none. Moments are in milliseconds."""
        value = self.values[at]
        if value is None:
            return None
        if self.is_time:
            # Cut off towards 1970.
            return float(abs(value) // 1000 * (-1 if value < 0 else 1))
        return number(value) if self.is_text else float(value)


@dataclass
class Frame:
    """Fields of one length. meta: besides what every frame's says; notices: what Grafana says beside the data"""

    fields: list[Field]
    meta: Json = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def as_json(frame: Frame, ref: str, executed: str) -> Json:
    """Return a frame as it stands in an answer. executed: the SQL that was sent; empty where none was."""
    meta: Json = {"typeVersion": [0, 0], **frame.meta}
    if frame.notices:
        meta["notices"] = [{"severity": "warning", "text": notice} for notice in frame.notices]
    if executed:
        meta["executedQueryString"] = executed
    data: Json = {"values": [[_value(each, one) for one in each.values] for each in frame.fields]}
    for name, beside in (("entities", _entities), ("nanos", _nanos)):
        found = [beside(each) for each in frame.fields]
        if any(one is not None for one in found):
            data[name] = found
    schema = {"refId": ref, "meta": meta, "fields": [_schema(each) for each in frame.fields]}
    return {"schema": schema, "data": data}


def _schema(each: Field) -> Json:
    info: Json = {"frame": each.frame, "nullable": True} if each.nullable else {"frame": each.frame}
    schema: Json = {"name": each.name, "type": _KINDS.get(each.frame, "number"), "typeInfo": info}
    return schema | ({} if each.labels is None else {"labels": dict(each.labels)})


def _value(each: Field, value: Any) -> Any:
    if value is None:
        return None
    if each.is_time:
        return value // 1000
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        # As Go writes it, so that it is read as the same type of number again.
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    return value


def _entities(each: Field) -> Json | None:
    if each.frame != "float64":
        return None
    found = {
        name: [at for at, value in enumerate(each.values) if value is not None and is_it(value)] for name, is_it in _NAMED.items()
    }
    return {name: places for name, places in found.items() if places} or None


def _nanos(each: Field) -> list[int] | None:
    if not each.is_time:
        return None
    found = [0 if value is None else value % 1000 * 1000 for value in each.values]
    return found if any(found) else None


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("lifeboat-each", _each_byte)

"""Values that expressions reckon with: series and numbers, read from queries' frames and written as an expression's.

What JSON has no number for stands beside the values of a frame.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.grafana_standin.server.answers.arithmetic import Number

Json = dict[str, Any]


@dataclass(frozen=True)
class Value:
    """A series, or a number where `times` is None. frame: of the query that it came from, None for an expression's."""

    labels: Mapping[str, str]
    numbers: Sequence[Number]
    times: Sequence[int] | None = None
    frame: Json | None = None


class FailedError(Exception):
    """An expression, or a query that one needs, that has no value: Grafana's words."""


def read(ref: str, answered: Json) -> list[Value]:
    """The values of a query's frame. Raises FailedError for one that holds neither series nor a number."""
    described, columns = answered["schema"]["fields"], answered["data"]["values"]
    entities = answered["data"].get("entities") or [None] * len(columns)
    numbers = [
        (field, _numbers(column, odd))
        for field, column, odd in zip(described, columns, entities, strict=True)
        if field["type"] == "number"
    ]
    if not described:
        return []
    time = next((column for field, column in zip(described, columns, strict=True) if field["type"] == "time"), None)
    if answered["schema"]["meta"].get("type") == "numeric-multi":
        return [Value(field.get("labels") or {}, column[:1]) for field, column in numbers]
    if time is not None and numbers:
        only = answered if len(numbers) == 1 else None
        return [Value(field.get("labels") or {}, column, time, only) for field, column in numbers]
    if len(numbers) == 1 and len(numbers[0][1]) == 1 and len(described) == 1:
        return [Value({}, numbers[0][1])]
    raise FailedError(f"[sse.readDataError] [{ref}] got error: input data must be a wide series but got type not (input refid)")


def _numbers(column: Sequence[Any], odd: Mapping[str, Sequence[int]] | None) -> list[Number]:
    numbers: list[Number] = [None if value is None else float(value) for value in column]
    for name, number in (("NaN", math.nan), ("Inf", math.inf), ("NegInf", -math.inf)):
        for index in (odd or {}).get(name) or ():
            numbers[index] = number
    return numbers


def nothing(ref: str) -> Json:
    """The frame of no value."""
    return {"schema": {"refId": ref, "fields": []}, "data": {"values": []}}


def frame(ref: str, value: Value) -> Json:
    """A value as a frame."""
    column: list[Number] = []
    odd: dict[str, list[int]] = {}
    for index, number in enumerate(value.numbers):
        finite = number is None or math.isfinite(number)
        column.append(number if finite else None)
        if number is not None and not finite:
            odd.setdefault("NaN" if math.isnan(number) else "Inf" if number > 0 else "NegInf", []).append(index)
    field: Json = {
        "name": ref,
        "type": "number",
        "typeInfo": {"frame": "float64", "nullable": True},
        "labels": dict(value.labels),
    }
    if value.times is None:
        described, columns, kind = [field], [column], "numeric-multi"
    else:
        time: Json = {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}}
        if value.frame is not None:
            source = [one for one in value.frame["schema"]["fields"] if one["type"] in ("time", "number")]
            time, field = time | source[0], source[1] | {"typeInfo": field["typeInfo"]}
        described, columns, kind = [time, field], [list(value.times), column], "timeseries-multi"
    beside = {"entities": [*([None] * (len(described) - 1)), odd]} if odd else {}
    return {
        "schema": {"refId": ref, "meta": {"type": kind, "typeVersion": [0, 1]}, "fields": described},
        "data": {"values": columns, **beside},
    }

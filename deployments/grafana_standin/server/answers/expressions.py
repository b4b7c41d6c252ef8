"""Expressions over queries' answers: reduce, math and threshold; the others are 400.

A value is a series or a number, see `expression_values.py`; values go through expressions one by one.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployments.grafana_standin.server.answers import arithmetic
from deployments.grafana_standin.server.answers.expression_values import FailedError, Value, frame, nothing, read

Json = dict[str, Any]

_REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "mean": lambda values: sum(values) / len(values) if values else math.nan,
    "min": lambda values: min(values, default=math.nan),
    "max": lambda values: max(values, default=math.nan),
    "count": len,
    "last": lambda values: values[-1] if values else math.nan,
    "median": lambda values: statistics.median(values) if values else math.nan,
}
_THRESHOLDS: dict[str, Callable[..., bool]] = {
    "gt": lambda value, limit: value > limit,
    "lt": lambda value, limit: value < limit,
    "eq": lambda value, limit: value == limit,
    "ne": lambda value, limit: value != limit,
    "gte": lambda value, limit: value >= limit,
    "lte": lambda value, limit: value <= limit,
    "within_range": lambda value, low, high: low < value < high,
    "outside_range": lambda value, low, high: value < low or value > high,
    "within_range_included": lambda value, low, high: low <= value <= high,
    "outside_range_included": lambda value, low, high: value <= low or value >= high,
}


def results(answered: Mapping[str, Json], expressions: Mapping[str, Json]) -> dict[str, Json]:
    """The results of queries and expressions, by refId; a query's frames are as an expression has read them."""
    reckoning = _Reckoning(answered, expressions)
    return {ref: reckoning.result(ref) for ref in (*answered, *expressions)}


class _Reckoning:
    """The values of one request's queries and expressions, each reckoned once."""

    def __init__(self, answered: Mapping[str, Json], expressions: Mapping[str, Json]) -> None:
        self._answered = answered
        self._expressions = expressions
        self._values: dict[str, list[Value]] = {}

    def result(self, ref: str) -> Json:
        """What stands below `results[ref]`."""
        try:
            found = self._value(ref, ())
        except FailedError as error:
            status = 400 if "parseError" in str(error) else 500
            return {"error": str(error), "errorSource": "downstream", "status": status, "frames": []}
        return {"status": 200, "frames": [frame(ref, value) for value in found] or [nothing(ref)]}

    def _value(self, ref: str, above: Sequence[str]) -> list[Value]:
        if ref not in self._values:
            self._values[ref] = self._queried(ref) if ref in self._answered else self._reckoned(ref, above)
        return self._values[ref]

    def _queried(self, ref: str) -> list[Value]:
        result = self._answered[ref]
        if result.get("error"):
            raise FailedError(f"[sse.dataQueryError] failed to execute query [{ref}]: {result['error']}")
        return [value for each in result["frames"] for value in read(ref, each)]

    def _reckoned(self, ref: str, above: Sequence[str]) -> list[Value]:
        needed = _needed(ref, self._expressions[ref])
        for name in needed:
            if name in (*above, ref):
                raise FailedError(f"[sse.cyclic] cyclic reference in expression [{ref}]")
            if name not in self._answered and name not in self._expressions:
                raise FailedError(f"[sse.nodeNotFound] unable to find dependent node '{name}'")
        try:
            values = {name: self._value(name, (*above, ref)) for name in needed}
        except FailedError as error:
            words = f"did not execute expression [{ref}] due to a failure of a dependent expression or query: {error}"
            raise FailedError(f"[sse.dependencyError] {words}") from error
        return _executed(ref, self._expressions[ref], needed, values)


def _needed(ref: str, query: Json) -> list[str]:
    kind, expression = query.get("type"), str(query.get("expression") or "")
    if kind == "math":
        try:
            return arithmetic.names(expression)
        except ValueError as error:
            raise FailedError(f"[sse.parseError] failed to parse expression [{ref}]: {error}") from None
    if kind in ("reduce", "threshold") and expression:
        return [expression.removeprefix("$").strip("{}")]
    raise FailedError(f"[sse.parseError] failed to parse expression [{ref}]: the stand-in knows no expression of type {kind!r}")


def _executed(ref: str, query: Json, needed: Sequence[str], values: Mapping[str, list[Value]]) -> list[Value]:
    if query["type"] == "math":
        return _math(ref, str(query["expression"]), values)
    operation = _reduce(query) if query["type"] == "reduce" else _threshold(query)
    return [replace(operation(value), frame=None) for value in values[needed[0]]]


def _reduce(query: Json) -> Callable[[Value], Value]:
    reducer = _REDUCERS.get(str(query.get("reducer")))
    if reducer is None:
        raise FailedError(f"[sse.parseError] reduction {query.get('reducer')} not implemented")
    settings = query.get("settings") or {}
    mode = settings.get("mode") or ""

    def reduce(value: Value) -> Value:
        if value.times is None:
            return value
        numbers = [math.nan if number is None else number for number in value.numbers]
        if mode == "dropNN":
            numbers = [number for number in numbers if math.isfinite(number)]
        elif mode == "replaceNN":
            numbers = [number if math.isfinite(number) else float(settings.get("replaceWithValue") or 0) for number in numbers]
        reduced = math.nan if mode == "" and any(math.isnan(number) for number in numbers) else float(reducer(numbers))
        return Value(value.labels, [reduced])

    return reduce


def _threshold(query: Json) -> Callable[[Value], Value]:
    conditions = query.get("conditions") or []
    if len(conditions) != 1:
        raise FailedError("[sse.parseError] threshold expression requires exactly one condition")
    evaluator = conditions[0].get("evaluator") or {}
    holds, limits = _THRESHOLDS.get(str(evaluator.get("type"))), [float(limit) for limit in evaluator.get("params") or []]
    wanted = 2 if "range" in str(evaluator.get("type")) else 1
    if holds is None or len(limits) < wanted:
        raise FailedError(f"[sse.parseError] invalid condition: {evaluator}")
    return lambda value: replace(
        value, numbers=[None if number is None else float(holds(number, *limits[:wanted])) for number in value.numbers]
    )


def _math(ref: str, expression: str, values: Mapping[str, list[Value]]) -> list[Value]:
    """The expression for each set of labels that the named values share; values without labels go with all."""
    columns = [(name, value) for name, found in values.items() for value in found]
    widest = max(
        (found for found in values.values()), key=lambda found: max((len(one.labels) for one in found), default=0), default=[]
    )
    made = []
    for leading in widest or [Value({}, [None])]:
        with_it = {name: value for name, value in columns if value is leading or value.labels.items() <= leading.labels.items()}
        if len(with_it) < len(values):
            continue
        times = next((value.times for value in with_it.values() if value.times is not None), None)
        rows = range(len(times) if times is not None else 1)
        by_time = {
            name: dict(zip(value.times, value.numbers, strict=True)) if value.times is not None else None
            for name, value in with_it.items()
        }
        try:
            numbers = [
                arithmetic.value(
                    expression,
                    {
                        name: found.get((times or ())[row]) if (found := by_time[name]) is not None else value.numbers[0]
                        for name, value in with_it.items()
                    },
                )
                for row in rows
            ]
        except ValueError as error:
            raise FailedError(f"[sse.parseError] failed to execute expression [{ref}]: {error}") from None
        made.append(Value(leading.labels, numbers, times))
    return made

"""Reads an answer of Prometheus' API into frames, as Grafana's data plane has them: a frame for each series."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

Json = dict[str, Any]
_TIME, _NUMBER = ("time", "time.Time"), ("number", "float64")


def read(body: Any) -> tuple[list[Json], str | None]:
    """Return the frames of an answer, and its error. Raises ValueError, KeyError, TypeError … for what is no such answer."""
    if body["status"] == "error":
        return [], f"{body['errorType']}: {body['error']}"
    kind, found = body["data"]["resultType"], body["data"]["result"]
    if kind in ("matrix", "vector"):
        made = [_series(kind, element) for element in found]
    elif kind in ("scalar", "string"):
        made = [_one(kind, found)]
    else:
        return [], f"unknown result type: {kind}"
    notices = [
        {"severity": severity, "text": text}
        for severity, name in (("warning", "warnings"), ("info", "infos"))
        for text in body.get(name) or []
    ]
    if notices:
        made = made or [empty("Warnings")]
        for frame in made:
            frame["schema"]["meta"]["notices"] = notices
    return made, None


def empty(name: str = "") -> Json:
    """A frame without fields, which only says what was executed."""
    named = {"name": name} if name else {}
    return {"schema": {**named, "meta": {"typeVersion": [0, 0]}, "fields": []}, "data": {"values": []}}


def _series(kind: str, element: Json) -> Json:
    labels = {str(name): str(value) for name, value in element["metric"].items()}
    points = [element["histogram"]] if "histogram" in element else element.get("histograms")
    if points is not None:
        return _histogram(labels, points)
    pairs = [element["value"]] if "value" in element else element["values"]
    times, values = [_milliseconds(at) for at, _ in pairs], [_float(value) for _, value in pairs]
    frame_type = "numeric-multi" if kind == "vector" else "timeseries-multi"
    return _frame(kind, frame_type, [("Time", _TIME, None, times), ("Value", _NUMBER, labels, values)])


def _one(kind: str, pair: Sequence[Any]) -> Json:
    at, value = pair
    field = _NUMBER if kind == "scalar" else ("string", "string")
    frame_type = "numeric-multi" if kind == "scalar" else "timeseries-multi"
    found = _float(value) if kind == "scalar" else str(value)
    frame = _frame(kind, frame_type, [("Time", _TIME, None, [_milliseconds(at)]), ("Value", field, {}, [found])])
    if kind == "string":
        frame["schema"]["meta"]["typeVersion"] = [0, 0]
    return frame


def _histogram(labels: dict[str, str], points: Iterable[Any]) -> Json:
    """A native histogram: a row for each bucket at each instant."""
    rows = [
        (_milliseconds(at), _float(lower), _float(upper), _float(count), int(layout))
        for at, found in points
        for layout, lower, upper, count in found.get("buckets") or []
    ]
    times, lowers, uppers, counts, layouts = (
        (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [], [])
    )
    frame = _frame("", "heatmap-cells", [
        ("xMax", _TIME, None, times), ("yMin", _NUMBER, labels, lowers), ("yMax", _NUMBER, None, uppers),
        ("count", _NUMBER, None, counts), ("yLayout", ("number", "int8"), None, layouts),
    ])  # fmt: skip
    frame["schema"]["meta"] = {"type": "heatmap-cells", "typeVersion": [0, 0]}
    return frame


def _frame(kind: str, frame_type: str, fields: Sequence[tuple[str, tuple[str, str], dict[str, str] | None, list[Any]]]) -> Json:
    """A frame of fields: name, types, labels, values. What JSON has no number for stands beside the values."""
    described, columns, entities = [], [], []
    for name, (field_type, frame), labels, values in fields:
        labelled = {} if labels is None else {"labels": labels}
        described.append({"name": name, "type": field_type, "typeInfo": {"frame": frame}, **labelled})
        column, odd = _plain(values)
        columns.append(column)
        entities.append(odd or None)
    meta = {"type": frame_type, "typeVersion": [0, 1], "custom": {"resultType": kind}}
    beside = {"entities": entities} if any(entities) else {}
    return {"schema": {"meta": meta, "fields": described}, "data": {"values": columns, **beside}}


def _plain(values: Sequence[Any]) -> tuple[list[Any], dict[str, list[int]]]:
    column: list[Any] = []
    odd: dict[str, list[int]] = {}
    for index, value in enumerate(values):
        if isinstance(value, float) and not math.isfinite(value):
            odd.setdefault("NaN" if math.isnan(value) else "Inf" if value > 0 else "NegInf", []).append(index)
            value = None  # noqa: PLW2901
        column.append(value)
    return column, odd


def _milliseconds(at: Any) -> int:
    return int(float(at) * 1000.0)


def _float(value: Any) -> float:
    """A sample's value; raises TypeError for anything but a text, ValueError for one that is no number."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a number's text")
    return float(value)

"""Makes the calls of a filled-in query, and of their answers the result that Grafana would give, its frames first."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backups.panels.prometheus import frames
from backups.panels.prometheus.durations import MILLISECOND, SECOND
from backups.panels.prometheus.step import Filled, filled

Json = dict[str, Any]

__all__ = ["Call", "calls", "filled", "invalid", "result", "unreachable"]


@dataclass(frozen=True)
class Call:
    """A call of Prometheus' API: the path below its root, and its parameters, sent as a form."""

    path: str
    parameters: Mapping[str, str]


def calls(query: Filled) -> list[Call]:
    """The calls of a query: a range, an instant, or both."""
    made = []
    if query.range:
        window = {"start": _seconds(query.start), "end": _seconds(query.end), "step": _seconds(query.step / SECOND)}
        made.append(Call("/api/v1/query_range", {"query": query.expression, **window}))
    if query.instant:
        made.append(Call("/api/v1/query", {"query": query.expression, "time": _seconds(query.at)}))
    return made


def result(query: Filled, ref: str, answers: Sequence[tuple[int, Any]]) -> Json:
    """What stands below `results[ref]`. answers: the status and the JSON of each call, in their order.

    Raises ValueError, KeyError, TypeError … for answers that are not Prometheus'.
    """
    made: list[Json] = []
    errors: list[tuple[int, str]] = []
    for status, body in answers:
        found, error = frames.read(body)
        if error is not None:
            found = []
            errors.append((status, error))
        made += _described(query, ref, found or [frames.empty()])
    if errors:
        words = " ".join(error for _, error in errors)
        return {"error": words, "errorSource": "downstream", "status": errors[-1][0], "frames": made}
    return {"status": 200, "frames": made}


def invalid(words: str) -> Json:
    """The result of a query that cannot be filled in."""
    return {"error": words, "errorSource": "downstream", "status": 400, "frames": []}


def unreachable(words: str) -> Json:
    """The result where nobody answers."""
    return {"error": words, "errorSource": "downstream", "status": 502, "frames": []}


def _described(query: Filled, ref: str, found: list[Json]) -> list[Json]:
    """Frames with what Grafana writes beside the data: names to be shown, the step, and what was sent."""
    for index, frame in enumerate(found):
        schema, meta = frame["schema"], frame["schema"]["meta"]
        schema["refId"] = ref
        if len(schema["fields"]) > 1:
            time, value = schema["fields"][:2]
            time["config"] = {"interval": query.step // MILLISECOND}
            if name := _name(query, value["labels"]):
                value["config"] = {"displayNameFromDS": name}
            value["name"] = value["labels"].get("__name__", value["name"])
        if index == 0:
            meta["custom"] = {"calculatedMinStep": query.step // MILLISECOND} | meta.get("custom", {})
            meta["executedQueryString"] = query.executed
    return found


def _name(query: Filled, labels: Mapping[str, str]) -> str:
    """The name of a series in a legend."""
    others = sorted(f"{label}={_quoted(value)}" for label, value in labels.items() if label != "__name__")
    name = labels.get("__name__", "") + (f"{{{', '.join(others)}}}" if others or "__name__" not in labels else "")
    if query.legend == "__auto":
        name = "" if labels else name
    elif query.legend:
        name = re.sub(r"\{\{\s*(.+?)\s*\}\}", lambda found: labels.get(found[1].strip(), ""), query.legend)
    return query.expression if name == "{}" else name


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f'"{escaped}"'


def _seconds(value: float) -> str:
    """A number of seconds without an exponent, as short as it can be."""
    text = repr(float(value))
    return f"{value:.9f}".rstrip("0").rstrip(".") if "e" in text else text.removesuffix(".0")

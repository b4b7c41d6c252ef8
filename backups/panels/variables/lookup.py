"""Makes the question that a variable asks for its values, and reads the values out of the answer."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import regex

from backups.panels.dashboards.room import Room
from backups.panels.dashboards.shape import Json, Unaskable, mapping, objects, text
from backups.panels.dashboards.times import Window

_LABEL_VALUES = re.compile(r"label_values\((?:(.+),\s*)?([a-zA-Z_$][a-zA-Z0-9_]*)\)\s*", re.ASCII | re.DOTALL)
_LABEL_NAMES = re.compile(r"label_names\((.*)\)\s*", re.DOTALL)
_METRICS = re.compile(r"metrics\((.*)\)\s*", re.DOTALL)
_RESULT = re.compile(r"query_result\((.+)\)\s*", re.DOTALL)
_JS_REGEX = re.compile(r"/(.*)/([a-z]*)", re.DOTALL)
_MOST_VALUES = 10_000


class Option(NamedTuple):
    """A value that a variable may choose, and what a person sees of it."""

    text: str
    value: str


def query_text(variable: Json) -> str:
    """The query of a variable as text: it is text, or stands in an object, by versions of Grafana and of the data source."""
    query = variable.get("query")
    if isinstance(query, str):
        return query
    held = mapping(query)
    for name in ("query", "__legacyStringValue", "rawSql", "expr"):
        if text(held.get(name)):
            return text(held[name])
    definition = text(variable.get("definition"))
    return definition if held or definition else text(query)


def resource(query: str, window: Window) -> str:
    """What of Prometheus' API a variable's query reads, with its parameters; `query` is filled in."""
    query = query.strip()
    span = [("start", str(window.start // 1000)), ("end", str(window.end // 1000))]
    if parts := _LABEL_VALUES.fullmatch(query):
        selector = (parts[1] or "").strip()
        matched = [("match[]", selector)] if selector else []
        return f"api/v1/label/{parts[2]}/values?{urlencode([*matched, *span])}"
    if parts := _LABEL_NAMES.fullmatch(query):
        selector = parts[1].strip()
        return f"api/v1/labels?{urlencode([*([('match[]', selector)] if selector else []), *span])}"
    if _METRICS.fullmatch(query):
        return f"api/v1/label/__name__/values?{urlencode(span)}"
    if parts := _RESULT.fullmatch(query):
        return f"api/v1/query?{urlencode([('query', parts[1]), ('time', str(window.end // 1000))])}"
    return f"api/v1/series?{urlencode([('match[]', query), *span])}"


def options(reply: Json, query: str, kind: str, room: Room) -> list[Option]:
    """The values in an answer; raises Unaskable when it is none, saying what was answered instead.

    reply: as `Asker.ask` gives it; of status 0 where nobody answered. query: filled in. kind: the data source's type
    room: for a pattern in the query
    """
    status = reply.get("status")
    if status == 0:
        raise Unaskable(f"its query was not answered: {text(reply.get('error'))[:200]}", "not-asked")
    if status != 200 or reply.get("error"):
        raise Unaskable(f"its query was answered with {text(status) or 'nothing'}: {text(reply.get('error'))[:200]}")
    found = (
        _of_sql(objects(reply.get("frames"))) if kind == "mysql" else _of_prometheus(reply.get("resource"), query.strip(), room)
    )
    return list(dict.fromkeys(found))[:_MOST_VALUES]


def _of_prometheus(body: Any, query: str, room: Room) -> list[Option]:
    data = mapping(body).get("data")
    if _RESULT.fullmatch(query):
        return [_same(_sample(one)) for one in objects(mapping(data).get("result"))] or _scalar(mapping(data))
    if isinstance(data, list) and any(isinstance(one, dict) for one in data):
        return [_same(_series(one)) for one in objects(data)]
    found = [text(one) for one in data if text(one)] if isinstance(data, list) else []
    if parts := _METRICS.fullmatch(query):
        found = [one for one in found if matched(parts[1], one, room) is not None]
    return [_same(one) for one in found]


def _scalar(data: Json) -> list[Option]:
    value = data.get("result")
    if data.get("resultType") != "scalar" or not isinstance(value, list) or len(value) != 2:
        return []
    return [_same(text(value[1]))]


def _sample(one: Json) -> str:
    """As the page shows a sample: its series, the value, the time in milliseconds."""
    value = one.get("value")
    at, number = value if isinstance(value, list) and len(value) == 2 else (0, "")
    moment = int(float(at) * 1000) if isinstance(at, int | float) else 0
    return f"{_series(mapping(one.get('metric')))} {text(number)} {moment}"


def _series(labels: Json) -> str:
    inside = ",".join(f'{name}="{text(value)}"' for name, value in labels.items() if name != "__name__")
    return f"{text(labels.get('__name__'))}{{{inside}}}"


def _of_sql(frames: Sequence[Json]) -> list[Option]:
    """Columns `__text` and `__value`, where a query has both; else all values of all columns."""
    if not frames:
        return []
    names = [text(mapping(one).get("name")) for one in objects(mapping(frames[0].get("schema")).get("fields"))]
    values = mapping(frames[0].get("data")).get("values")
    columns = [list(one) if isinstance(one, list | tuple) else [] for one in values] if isinstance(values, list | tuple) else []
    if "__text" in names and "__value" in names and len(columns) == len(names):
        return [
            Option(_cell(shown), _cell(value))
            for shown, value in zip(columns[names.index("__text")], columns[names.index("__value")], strict=False)
        ]
    return [_same(_cell(one)) for column in columns for one in column if one is not None]


def _cell(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else text(value)


def _same(value: str) -> Option:
    return Option(value, value)


def refined(found: Sequence[Option], pattern: str, order: Any, room: Room) -> list[Option]:
    """The options that a variable's pattern lets through, as it cuts them, in the order that the variable says (1 to 8)."""
    kept: dict[str, Option] = {}
    for one in found:
        cut = matched(pattern, one.text, room) if pattern else one
        if cut is not None:
            option = cut if pattern and cut.value != one.text else one
            kept.setdefault(option.value, option)
    listed = list(kept.values())
    if order in (3, 4):
        listed.sort(key=lambda one: _number(one.text))
    elif order in (1, 2):
        listed.sort(key=lambda one: one.text)
    elif order in (5, 6):
        listed.sort(key=lambda one: one.text.lower())
    elif order in (7, 8):
        listed.sort(key=lambda one: [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _parts(one.text)])
    return listed[::-1] if order in (2, 4, 6, 8) else listed


def _number(value: str) -> float:
    found = re.search(r"\d+(?:\.\d+)?", value, re.ASCII)
    return float(found[0]) if found else -1.0


def _parts(value: str) -> list[str]:
    return re.split(r"(\d{1,18})", value, flags=re.ASCII)


def matched(pattern: str, value: str, room: Room) -> Option | None:
    """What a pattern of JavaScript, with or without slashes, takes of a value; None where it does not match.

    Its groups `text` and `value` are taken by their names, else the first group, else all of it. Raises Unaskable for a
    pattern that cannot be read, or takes too long.
    """
    parts = _JS_REGEX.fullmatch(pattern)
    flags = regex.VERSION0 | (regex.IGNORECASE if parts and "i" in parts[2] else 0)
    try:
        found = room.search(parts[1] if parts else pattern, value, flags)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise Unaskable(f"its pattern {pattern[:80]} cannot be read: {error}") from None
    if found is None:
        return None
    groups = found.groupdict()
    whole = found[1] if found.re.groups and found[1] is not None else value
    chosen, shown = groups.get("value"), groups.get("text")
    if "value" in groups or "text" in groups:
        return Option(shown or chosen or value, chosen or shown or value)
    return Option(whole, whole)

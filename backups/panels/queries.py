"""Writes one query as Grafana's page sends it: filled in, without what only an editor needs, and bounded."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from backups.panels.boards import DataSource
from backups.panels.dashboards.references import ASKED_TYPES
from backups.panels.dashboards.shape import Json, Unaskable, mapping, text
from backups.panels.dashboards.sheet import EXPRESSION, Query
from backups.panels.question import Question
from backups.panels.variables.fill import Scope, fill

EDITORS = frozenset({
    "datasource", "hide", "key", "refId", "exemplar", "editorMode", "builderTextBox", "rawQuery", "disableTextWrap", "useBackend",
    "fullMetaSearch", "includeNullMetadata", "step", "metric", "meta", "sql", "datasourceUid",
})  # fmt: skip
"""Members that decide no answer. Exemplars are in no block of Prometheus, so none are asked for."""
_QUERY = {"prometheus": "expr", "mysql": "rawSql"}
_LONGEST = 100_000
_DEEPEST = 50
"""Levels of JSON: what reads `panels.json` takes few more."""


def query_of(query: Query, source: DataSource, scope: Scope, *, interval: int, points: int) -> dict[str, Any]:
    """A query of a data source, filled in, as Grafana's page sends it; raises Unaskable for what cannot be filled in.

    Text that only names things (a legend) is left out where it cannot be filled in.
    """
    if source.type not in ASKED_TYPES:
        raise Unaskable(f"queries of type {source.type[:80] or 'unknown'} are not asked")
    main = _QUERY[source.type]
    if not text(query.target.get(main)).strip():
        raise Unaskable("it is empty", "asks-nothing")
    members: dict[str, Any] = {}
    for name, value in query.target.items():
        if name in EDITORS:
            continue
        if isinstance(value, str) and value:
            try:
                members[name] = fill(text(value), scope)
            except Unaskable:
                if name in (main, "interval", "format"):
                    raise
        elif isinstance(value, bool | int | float):
            members[name] = value
    if not members.get("interval"):
        members.pop("interval", None)
    sent = {"intervalMs": interval, "maxDataPoints": points} | {"datasource": {"type": source.type, "uid": source.uid}}
    return bounded({**members, **sent, "refId": query.refid})


def question(**members: Any) -> Question:
    """A question of these members; raises Unaskable where one of them is larger than any that is kept."""
    try:
        return Question(**members)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        raise Unaskable(f"its {'.'.join(map(str, found['loc']))} cannot be kept: {found['msg']}") from None


def bounded(query: dict[str, Any]) -> dict[str, Any]:
    """A query that can be written as JSON, is not too long and not too deep; raises Unaskable for another."""
    try:
        size = len(json.dumps(query, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError):
        raise Unaskable("it holds what no JSON can") from None
    level: list[Any] = [query]
    for _ in range(_DEEPEST):
        level = [
            inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)
        ]
    if level:
        raise Unaskable(f"it is nested deeper than {_DEEPEST} levels")
    if size > _LONGEST:
        raise Unaskable(f"it has {size:,} bytes, and at most {_LONGEST:,} are asked")
    return query


def filled(value: Any, scope: Scope) -> Any:
    """A value of JSON with all its text filled in; raises Unaskable."""
    if isinstance(value, str):
        return fill(text(value), scope)
    if isinstance(value, list):
        return [filled(one, scope) for one in value]
    if isinstance(value, Mapping):
        return {str(name): filled(one, scope) for name, one in mapping(value).items()}
    return value


def model(target: Json) -> Json:
    """The query in an alert rule's `data`, with its letter and data source as a panel has them."""
    source = text(target.get("datasourceUid"))
    uid = EXPRESSION if source in (EXPRESSION, "-100") else source
    return {**mapping(target.get("model")), "refId": target.get("refId"), "datasource": {"uid": uid}}

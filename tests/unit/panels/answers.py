"""Questions and answers for tests of panels, and those that a real Grafana was asked and gave."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backups.panels.question import Question
from tests.conftest import FIELD_DATA

Json = dict[str, Any]
RECORDED = FIELD_DATA / "grafana" / "recorded" / "ds-query"


def question(query: Json | None = None, *, id: str = "q1", **more: Any) -> Question:  # noqa: A002
    """A question of a panel; `query` is added to one of a Prometheus."""
    asked = {"refId": "A", "datasource": {"type": "prometheus", "uid": "p"}, "expr": "up", "range": True} | (query or {})
    told: Json = {"organisation": 1, "dashboard": "d", "title": "Orders", "panel": "panel 4 Orders", "service": "prometheus"}
    return Question(**({"id": id, "start": 1_795_908_000_000, "end": 1_795_908_600_000, "query": asked} | told | more))


def field(values: list[Any], *, name: str = "Value", kind: str = "float64", labels: Json | None = None) -> tuple[Json, list[Any]]:
    """A field of a frame, and its column."""
    general = {"float64": "number", "int64": "number", "string": "string", "time.Time": "time"}[kind]
    return {"name": name, "type": general, "typeInfo": {"frame": kind}, "labels": labels or {}}, values


def frame(*fields: tuple[Json, list[Any]], **data: Any) -> Json:
    """A frame; data: entities and nanos."""
    schema = {
        "refId": "A",
        "meta": {"executedQueryString": "Expr: up\nStep: 15s"},
        "fields": [described for described, _ in fields],
    }
    return {"schema": schema, "data": {"values": [column for _, column in fields], **data}}


def reply(*frames: Json) -> Json:
    """What stands below `results[refId]`."""
    return {"status": 200, "frames": list(frames)}


def recorded(pattern: str) -> Iterator[tuple[Path, Json]]:
    """The files of recorded pairs, and what is in them."""
    for path in sorted(RECORDED.glob(pattern)):
        yield path, json.loads(path.read_text())

"""Writes an answer as a person reads it: each field by its name and labels, and its first values.

Pure. What is kept of an answer for a report (`Answer.shown`) is foreign, so whatever has not its form is written as JSON.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backups import plural
from backups.panels.question import Answer

_FIELDS, _VALUES = 8, 6


def answer(given: Answer | None) -> str:
    """Write an answer; one that was none says why."""
    if given is None:
        return "nothing"
    if given.outcome != "answered":
        return given.error or given.why or {"empty": "without a row"}.get(given.outcome, given.outcome)
    size = f"{plural.count(given.rows, 'row')} in {plural.count(given.frames, 'frame')}"
    if given.shown is None:
        return size
    try:
        return f"{size}: {_frames(given.shown)}"
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        return f"{size}: {json.dumps(given.shown, ensure_ascii=False)}"


def _frames(kept: Any) -> str:
    frames = kept["beginning"] if isinstance(kept, Mapping) else kept
    fields = [field for frame in frames for field in frame["fields"]]
    told = [_field(field) for field in fields[:_FIELDS]]
    return "; ".join([*told, *(["…"] if len(fields) > _FIELDS else [])])


def _field(field: Mapping[str, Any]) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in sorted((field.get("labels") or {}).items()))
    values = [_value(value, time=field.get("type") == "time") for value in field["values"][:_VALUES]]
    more = [", …"] if len(field["values"]) > _VALUES else []
    return f"{field['name']}{f'{{{labels}}}' if labels else ''} = {', '.join(values)}{''.join(more)}"


def _value(value: Any, *, time: bool) -> str:
    if time and isinstance(value, int | float):
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

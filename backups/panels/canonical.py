"""Brings an answer into the form by which two are compared: what a panel shows, and nothing that chance decides.

Frames are a multiset. Of each: its name, and of its fields names, types, labels and values, floats exactly. NaN, infinities and
null are four values, which Grafana tells apart beside `values` (`entities`); parts of a millisecond stand there too (`nanos`).
Left out: the order of frames, `meta` (what was executed, notices) and `config` (names to be shown).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MOST_SHOWN = 2000
"""Characters of an answer that a backup keeps for a report."""
_FEW_FRAMES, _FEW_VALUES = 3, 5
_ENTITIES = ("NaN", "Inf", "NegInf")
_FLOATS = ("float64", "float32")


@dataclass(frozen=True)
class Form:
    """An answer in its canonical form: its parts as JSON, sorted; how many frames it has, and how many rows in all."""

    parts: Sequence[str]
    frames: int
    rows: int

    @property
    def digest(self) -> str:
        """The SHA-256 of the form."""
        found = hashlib.sha256()
        for part in self.parts:
            found.update(hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest())
        return found.hexdigest()

    @property
    def shown(self) -> Any:
        """The form for a report; of a large one its first frames and values, None where even those are too long."""
        whole = [_readable(part) for part in self.parts] if sum(map(len, self.parts)) <= MOST_SHOWN else None
        if whole is not None:
            return whole
        # A part may be megabytes long: only one that is cut is read again.
        beginning = [_cut(_readable(part)) for part in self.parts[:_FEW_FRAMES]]
        cut: Json = {"beginning": beginning, "frames": self.frames, "rows": self.rows}
        return cut if len(_text(cut)) <= MOST_SHOWN else None


def of_frames(frames: Sequence[Any]) -> Form:
    """The form of frames as /api/ds/query has them. Raises ValueError, TypeError, KeyError … for what are none."""
    made = [_frame(frame) for frame in frames]
    rows = sum(len(frame["fields"][0]["values"]) for frame in made if frame["fields"])
    return Form(sorted(_text(frame) for frame in made), len(made), rows)


def of_resource(body: Any) -> Form:
    """The form of JSON that a data source answers beside queries: lists of values or of series, in whatever order."""
    found = body.get("data") if isinstance(body, dict) and body.get("status") == "success" else body
    items = found.get("result") if isinstance(found, dict) else found
    if isinstance(items, list):
        return Form(sorted(_text(item) for item in items), 1, len(items))
    return Form([_text(found)], 1, 0 if found in (None, {}, "") else 1)


def _frame(frame: Json) -> Json:
    schema, data = frame["schema"], frame.get("data") or {}
    fields, columns = schema.get("fields") or [], data.get("values") or []
    if len(fields) != len(columns) or len({len(column) for column in columns}) > 1:
        raise ValueError("fields and columns of different lengths")
    entities = data.get("entities") or [None] * len(fields)
    nanos = data.get("nanos") or [None] * len(fields)
    made = [_field(*each) for each in zip(fields, columns, entities, nanos, strict=True)]
    return {"name": schema.get("name") or "", "fields": made}


def _field(field: Json, column: list[Any], entities: Json | None, nanos: list[int] | None) -> Json:
    kind = (field.get("typeInfo") or {}).get("frame")
    values = [_number(value) for value in column] if kind in _FLOATS else list(column)
    for entity, places in (entities or {}).items():
        if entity not in _ENTITIES:
            raise ValueError(f"the entity {entity}")
        for place in places:
            if not 0 <= place < len(values) or values[place] is not None:
                raise ValueError(f"a {entity} where there is a value, or none")
            values[place] = {"is": entity}
    made = {"name": field.get("name") or "", "type": field.get("type"), "frame": kind, "labels": field.get("labels") or {}}
    if nanos and any(nanos):
        if len(nanos) != len(values):
            raise ValueError("nanos of another length")
        made["nanos"] = list(nanos)
    return made | {"values": values}


def _number(value: Any) -> float | None:
    """A float, however JSON has it: 4 is 4.0, and Go's -0 comes as 0."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} instead of a number")
    return float(value) + 0.0


def _cut(part: Any) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("fields"), list):
        return part
    return part | {"fields": [field | {"values": field["values"][:_FEW_VALUES]} for field in part["fields"]]}


def _readable(part: str) -> Any:
    """What a part says, half characters replaced: no file in UTF-8 can hold them."""
    return json.loads(part.encode("utf-8", "replace"))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

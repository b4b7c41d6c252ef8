"""Brings an answer into the form by which two are compared: what a panel shows, and nothing that chance decides.

Frames are a multiset. Of each: its name, and of its fields names, types, labels and values, floats exactly. NaN, infinities and
null are four values, which Grafana tells apart beside `values` (`entities`); parts of a millisecond stand there too (`nanos`).
Left out: the order of frames, `meta` (what was executed, notices) and `config` (names to be shown).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

MOST_SHOWN = 2000
"""Characters of an answer that a backup keeps for a report."""
_FEW_FRAMES, _FEW_VALUES = 3, 5
_MOST_COLUMNS, _LONGEST_NAME = 100, 200
_ENTITIES = ("NaN", "Inf", "NegInf")
_FLOATS = ("float64", "float32")


@dataclass(frozen=True)
class Form:
    """An answer in its canonical form: its parts as JSON, sorted; how many frames it has, and how many rows in all.

    columns: of a large one, the digest of each column by its name and labels, which tell where another answer differs
    """

    parts: Sequence[str]
    frames: int
    rows: int
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The SHA-256 of the form."""
        return _digest("".join(map(_digest, self.parts)))

    @property
    def shown(self) -> Any:
        """The form for a report; of a large one its first frames and values, None where even those are too long."""
        if not _large(self.parts):
            return [_readable(part) for part in self.parts]
        # A part may be megabytes long: only one that is cut is read again.
        beginning = [_cut(_readable(part)) for part in self.parts[:_FEW_FRAMES]]
        cut: Json = {"beginning": beginning, "frames": self.frames, "rows": self.rows}
        return cut if len(_text(cut)) <= MOST_SHOWN else None


def of_frames(frames: Sequence[Any]) -> Form:
    """The form of frames as /api/ds/query has them. Raises ValueError, TypeError, KeyError … for what are none."""
    made = [_frame(frame) for frame in frames]
    rows = sum(len(frame["fields"][0]["values"]) for frame in made if frame["fields"])
    parts = sorted(_text(frame) for frame in made)
    return Form(parts, len(made), rows, _columns(made) if _large(parts) else {})


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


def _columns(frames: Sequence[Json]) -> dict[str, str]:
    """A short digest of the columns of each name; nothing of an answer that has too many to name."""
    columns: dict[str, list[Json]] = {}
    for frame in frames:
        for each in frame["fields"]:
            columns.setdefault(_name(each), []).append(each)
    if len(columns) > _MOST_COLUMNS:
        return {}
    return {name: _digest("".join(sorted(_digest(_text(each)) for each in found)))[:12] for name, found in columns.items()}


def _name(column: Json) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in sorted(column["labels"].items()))
    return f"{column['name']}{{{labels}}}".removesuffix("{}")[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _field(described: Json, column: list[Any], entities: Json | None, nanos: list[int] | None) -> Json:
    kind = (described.get("typeInfo") or {}).get("frame")
    values = [_number(value) for value in column] if kind in _FLOATS else list(column)
    for entity, places in (entities or {}).items():
        if entity not in _ENTITIES:
            raise ValueError(f"the entity {entity}")
        for place in places:
            if not 0 <= place < len(values) or values[place] is not None:
                raise ValueError(f"a {entity} where there is a value, or none")
            values[place] = {"is": entity}
    made = {
        "name": described.get("name") or "",
        "type": described.get("type"),
        "frame": kind,
        "labels": described.get("labels") or {},
    }
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
    return part | {"fields": [each | {"values": each["values"][:_FEW_VALUES]} for each in part["fields"]]}


def _readable(part: str) -> Any:
    """What a part says, half characters replaced: no file in UTF-8 can hold them."""
    return json.loads(part.encode("utf-8", "replace"))


def _large(parts: Sequence[str]) -> bool:
    return sum(map(len, parts)) > MOST_SHOWN


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

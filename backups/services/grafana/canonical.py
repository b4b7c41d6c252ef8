"""Writes a JSON value in one way, so that equal values have equal hashes, and leaves out what is not compared."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from backups.services.http import answer
from backups.services.http.answer import deeper_than

_ASSIGNED = frozenset({"id", "version", "iteration"})
"""Members that the server gives a dashboard: they are the database's own numbering, not the author's work."""

DEEPEST = answer.DEEPEST - 20
"""Levels of JSON that is compared by its content: fewer than an answer may have, which wraps it up."""

_WRITTEN_AS_IT_IS = frozenset({str, int, bool, type(None)})
_WITH_NOTHING_IN_IT = _WRITTEN_AS_IT_IS | {float}
"""Asked first, and before one is gone into: nine of ten values in a dashboard are of these kinds."""
_OBJECTS = (dict, Mapping)
"""Nearly all of them are of the first kind, and whether something is of the second is asked slowly."""

_UNITS = {
    "y": 31_536_000.0,
    "w": 604_800.0,
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}


def parse(value: str | bytes | None) -> Any:
    """Read a JSON column: None for SQL NULL and for empty text, which Grafana writes for it.

    What is no JSON comes as it is, and so does what is nested deeper than DEEPEST levels: the text itself is compared then.
    """
    if not value:
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if deeper_than(DEEPEST, found) else found


def too_deep(value: object) -> bool:
    """Whether a JSON column is nested deeper than `parse` reads."""
    if not isinstance(value, str | bytes):
        return False
    try:
        return deeper_than(DEEPEST, json.loads(value))
    except RecursionError:
        return True
    except ValueError:
        return False


def canonical(value: Any) -> str:
    """JSON with sorted keys and no white space; a whole number is written one way, whether it came as `1`, `1.0` or `1e0`."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def sortable(*values: Any) -> tuple[tuple[str, Any], ...]:
    """A key by which values of different kinds have an order, too: a damaged database may have text where numbers belong."""
    return tuple((type(value).__name__, value) for value in values)


def dashboard(spec: Any) -> Any:
    """A dashboard as its author made it: without the members that the server assigns."""
    return {key: value for key, value in spec.items() if key not in _ASSIGNED} if isinstance(spec, _OBJECTS) else spec


def dashboard_over_http(spec: Any) -> Any:
    """What of a dashboard any version of the HTTP API returns as it was stored.

    Left out, besides what `dashboard` leaves out: `uid` (the address names it; old rows have none in their JSON); what the server
    fills into a library panel (8 and 9 put its whole model there; it is compared as a library panel); what `filled` leaves out.
    """
    if not isinstance(spec, _OBJECTS):
        return spec
    return filled({key: value for key, value in _without_library_models(dashboard(spec)).items() if key != "uid"})


def filled(value: Any) -> Any:
    """Without the members of objects that are null, false, 0 or empty: Go's `omitempty` drops many of them."""
    if isinstance(value, _OBJECTS):
        members = ((key, member if type(member) in _WITH_NOTHING_IN_IT else filled(member)) for key, member in value.items())
        return {key: member for key, member in members if member not in (None, False, 0, "", [], {})}
    if isinstance(value, list):
        return [member if type(member) in _WITH_NOTHING_IN_IT else filled(member) for member in value]
    return value


def seconds(duration: object) -> float:
    """A duration as the API writes it, `1d2h3m4.5s`, or already a number, in seconds; 0 for none."""
    if isinstance(duration, int | float):
        return float(duration)
    return sum(
        float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|us|µs|ns|[ywdhms])", str(duration or ""))
    )


def folder_uid(folder: object) -> str:
    """The uid of a folder, "" at the top, for which versions write null, "" or `general`."""
    return "" if folder in (None, "general") else str(folder)


def _without_library_models(value: Any) -> Any:
    if type(value) in _WITH_NOTHING_IN_IT:
        return value
    if isinstance(value, _OBJECTS):
        library = value.get("libraryPanel")
        if isinstance(library, _OBJECTS) and library.get("uid"):
            kept = {key: value[key] for key in ("id", "gridPos") if key in value}
            return kept | {"libraryPanel": {"uid": library["uid"]}}
        return {key: _without_library_models(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_without_library_models(member) for member in value]
    return value


def _plain(value: Any) -> Any:
    """JSON values only: whole floats as integers, bytes (SQLite's BLOBs) as text or hexadecimal."""
    if isinstance(value, _OBJECTS):
        return {str(key): member if type(member) in _WRITTEN_AS_IT_IS else _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [member if type(member) in _WRITTEN_AS_IT_IS else _plain(member) for member in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bytes):
        return _text(value)
    return value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "0x" + value.hex()

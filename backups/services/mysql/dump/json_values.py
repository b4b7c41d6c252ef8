"""Writes a JSON value of MySQL as SQL that makes it anew with the types inside it: decimals, dates, times, unsigned numbers.

Pure. As text, 1.50 would be read back as 1.5, and a date as a string.
"""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

CHANGED_BY_TEXT = (
    "({name} <> CAST(CAST({name} AS CHAR) AS JSON) "
    "OR CAST({name} AS BINARY) <> CAST(CAST(CAST({name} AS CHAR) AS JSON) AS BINARY))"
)
"""SQL that says whether a value is another one when it is read back from its text."""
TYPES = (
    "(SELECT JSON_ARRAYAGG(JSON_TYPE(found)) FROM JSON_TABLE(JSON_EXTRACT({name}, '{path}'), '$[*]' "
    "COLUMNS (found JSON PATH '$')) AS listed)"
)
"""SQL that lists the types of all members of objects, or of all cells of arrays, outer ones first, in the order of the text."""
MEMBERS, CELLS = "$**.*", "$**[*]"
_TEMPORAL = {"DATE": "DATE", "TIME": "TIME(6)", "DATETIME": "DATETIME(6)", "TIMESTAMP": "DATETIME(6)"}
_LITERAL_BYTES = re.compile(r"base64:type15:([A-Za-z0-9+/=\n]*)")


class _Number(str):
    """A number as it was printed."""

    __slots__ = ()


def expression(text: str, root: str, members: Sequence[str | None], cells: Sequence[str | None]) -> str | None:
    """Return the SQL; None when the types do not fit the text, so that it is not known what was meant.

    root: the type of the whole value. members, cells: what `TYPES` lists; None is the type of null.
    """
    value = json.loads(text, parse_int=_Number, parse_float=_Number)
    of_members, of_cells = iter(members), iter(cells)
    try:
        written = _written(value, root, of_members, of_cells)
    except (StopIteration, ValueError):
        return None
    if not isinstance(value, dict | list):
        if isinstance(value, str) and not isinstance(value, _Number) and written == _string(value):
            return None
        written = f"CAST({written} AS JSON)"
    return written if next(of_members, of_cells) is of_cells and next(of_cells, of_members) is of_members else None


def _written(value: Any, kind: str | None, members: Iterator[str | None], cells: Iterator[str | None]) -> str:
    match value:
        case dict():
            # The types of all members come before those of what is inside them.
            kinds = [next(members) for _ in value]
            parts = [
                f"{_string(key)}, {_written(child, kind, members, cells)}"
                for (key, child), kind in zip(value.items(), kinds, strict=True)
            ]
            return f"JSON_OBJECT({', '.join(parts)})"
        case list():
            kinds = [next(cells) for _ in value]
            written = [_written(child, kind, members, cells) for child, kind in zip(value, kinds, strict=True)]
            return f"JSON_ARRAY({', '.join(written)})"
        case None | bool():
            return f"CAST('{json.dumps(value)}' AS JSON)"
        case _Number():
            return _number(value, kind)
        case _:
            return _string_of(value, kind)


def _string_of(printed: str, kind: str | None) -> str:
    if kind in _TEMPORAL:
        return f"CAST({_string(printed)} AS {_TEMPORAL[kind]})"
    if kind == "BLOB" and (found := _LITERAL_BYTES.fullmatch(printed)):
        return f"X'{base64.b64decode(found[1]).hex()}'"
    return _string(printed)


def _number(printed: str, kind: str | None) -> str:
    match kind:
        case "DECIMAL":
            whole, _, fraction = printed.lstrip("-").partition(".")
            return f"CAST('{printed}' AS DECIMAL({len(whole) + len(fraction)}, {len(fraction)}))"
        case "UNSIGNED INTEGER":
            return f"CAST('{printed}' AS UNSIGNED)"
        case "INTEGER":
            return f"CAST('{printed}' AS SIGNED)"
        case "DOUBLE":
            return f"CAST('{printed}' AS JSON)"
    raise ValueError(f"no type of a number: {kind}")


def _string(text: str) -> str:
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"

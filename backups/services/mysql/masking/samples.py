"""Takes bounded samples of a server's values: to recognise what is personal, and to search the finished files for.

The same rows each time for the same seed, spread over each table.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from pymysql.cursors import SSCursor

from backups.services.mysql.masking.columns import Column, Family
from backups.services.mysql.masking.content import like_a_key
from backups.services.mysql.source.connection import Session, quoted, rows

_ROWS = 2000
"""Of a table, about, that are looked at to recognise what is in it."""
_LENGTH = 1000
"""Characters of a value that are looked at."""
_ADDRESSES = 20
_AT_ONCE = 4 << 20
"""Bytes."""
_JSON_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
SHORTEST = 6
"""Characters of a value that can be searched for: shorter ones are everywhere by chance."""
_LOOKED_AT = (Family.TEXT, Family.JSON, Family.BYTES, Family.INTEGER)


def values(session: Session, columns: Sequence[Column], seed: int) -> dict[Column, list[str]]:
    """Return some values of each column that text may be in, as text; and all that an @ is in, up to a few."""
    by_table: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        if column.family in _LOOKED_AT and not column.generated:
            by_table.setdefault(column.of, []).append(column)
    found: dict[Column, list[str]] = {}
    for table, members in by_table.items():
        listed = ", ".join(f"LEFT({quoted(column.name)}, {_LENGTH})" for column in members)
        taken = _some(session, table, listed, "TRUE", _ROWS, seed)
        for at, column in enumerate(members):
            found[column] = [*(_readable(row[at]) for row in taken if row[at] is not None), *_with_at(session, column)]
    return found


def _with_at(session: Session, column: Column) -> list[str]:
    """Return what may be e-mail addresses, of all values of a column: one among a million is one too many."""
    if column.family is not Family.TEXT:
        return []
    name, table = quoted(column.name), f"{quoted(column.schema)}.{quoted(column.table)}"
    around = f"SUBSTRING({name}, GREATEST(1, LOCATE('@', {name}) - 100), 300)"
    found = rows(session, f"SELECT {around} FROM {table} WHERE {name} LIKE '%_@_%._%' LIMIT {_ADDRESSES}")  # noqa: S608 -- quoted
    return [_readable(row[0]) for row in found]


def originals(session: Session, columns: Iterable[Column], wanted: int, seed: int) -> dict[Column, list[str]]:
    """Return up to `wanted` different texts of each column that are long enough to be searched for; of JSON the texts in it."""
    found: dict[Column, list[str]] = {}
    for column in columns:
        name = quoted(column.name)
        if column.family is Family.TEXT:
            value, where = f"LEFT({name}, {_LENGTH})", f"CHAR_LENGTH({name}) >= {SHORTEST}"
        elif column.family is Family.JSON:
            value, where = f"LEFT(CAST({name} AS CHAR), {_LENGTH})", f"{name} IS NOT NULL"
        else:
            continue
        texts = (text for row in _some(session, column.of, value, where, wanted * 2, seed) for text in searchable(str(row[0])))
        found[column] = evenly(list(dict.fromkeys(texts)), wanted)
    return found


def searchable(value: str) -> list[str]:
    """Return what of a value can be searched for: of JSON its texts and keys but what a program's key looks like, which stays."""
    if value[:1] not in ("{", "["):
        return [value]
    texts = [_unescaped(text) for text in _JSON_TEXT.findall(value)]
    return [text for text in texts if len(text) >= SHORTEST and not like_a_key(text)]


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def contain(session: Session, columns: Iterable[Column], value: str) -> Column | None:
    """Return the first of the columns in which some value contains that text, whatever the case; None where none does."""
    for column in columns:
        if column.family not in (Family.TEXT, Family.JSON, Family.BYTES):
            continue
        name, table = quoted(column.name), f"{quoted(column.schema)}.{quoted(column.table)}"
        text = f"CAST({name} AS CHAR)" if column.family is Family.JSON else f"CONVERT({name} USING utf8mb4)"
        where = f"{text} COLLATE utf8mb4_general_ci) > 0"
        # A percent sign in a name is none of ours.
        before, after = (part.replace("%", "%%") for part in (f"SELECT 1 FROM {table} WHERE LOCATE(", f", {where} LIMIT 1"))  # noqa: S608
        if rows(session, f"{before}%s{after}", [value]):
            return column
    return None


def content(session: Session, columns: Iterable[Column]) -> Iterator[bytes]:
    """Yield all that is in the columns as their server keeps it, some MB at a time: one pass, whatever is looked for."""
    parts: list[bytes] = []
    size = 0
    for column in columns:
        if column.family not in (Family.TEXT, Family.JSON, Family.BYTES):
            continue
        name, table = quoted(column.name), f"{quoted(column.schema)}.{quoted(column.table)}"
        value = f"CAST({name} AS CHAR CHARACTER SET utf8mb4)" if column.family is Family.JSON else name
        with SSCursor(session) as cursor:
            cursor.execute(f"SELECT CAST({value} AS BINARY) FROM {table} WHERE {name} IS NOT NULL")  # noqa: S608 -- quoted
            while (row := cursor.fetchone()) is not None:
                parts.append(row[0])
                size += len(row[0])
                if size > _AT_ONCE:
                    yield b"\0".join(parts)
                    parts, size = [], 0
    yield b"\0".join(parts)


def _some(session: Session, table: tuple[str, str], listed: str, where: str, wanted: int, seed: int) -> list[tuple[object, ...]]:
    name = f"{quoted(table[0])}.{quoted(table[1])}"
    (number,) = rows(session, f"SELECT COUNT(*) FROM {name} WHERE {where}")[0]  # noqa: S608 -- quoted
    if not number:
        return []
    share, most = spread(number, wanted)
    chosen = "" if share == 1.0 else f" AND RAND({seed}) < {share:.9f}"
    return rows(session, f"SELECT {listed} FROM {name} WHERE {where}{chosen} LIMIT {most}")  # noqa: S608 -- quoted


def spread(number: int, wanted: int) -> tuple[float, int]:
    """Return by what chance each of `number` rows is taken so that about `wanted` are, and a limit that cuts none of them off.

    A limit that is reached would leave out the end of the table, which is what was written last. Pure.
    """
    return min(1.0, wanted / number), 2 * wanted


def evenly(values: Sequence[str], wanted: int) -> list[str]:
    """Return no more than `wanted` of the values, from their beginning to their end. Pure."""
    number = min(len(values), wanted)
    return [values[at * len(values) // number] for at in range(number)]


def _readable(value: object) -> str:
    """Return a value as text; nothing of bytes that are none. Text may be cut in the middle of its last character."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        return value[: error.start].decode() if error.start > len(value) - 4 else ""

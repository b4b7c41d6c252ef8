"""Builds the SQL that makes of a whole table one value, which a change to any stored byte changes.

Pure, but for `keep_secret`: metadata in, SQL out.

A row becomes one string that can be read in one way only: values that may hold anything follow their length in bytes, NULL has a
mark of its own, numbers and times cannot hold the separator. Columns that may be large are hashed first, so that no row outgrows
`max_allowed_packet`. The row's SHA-256 is then summed up in a way that knows no order: XOR where a key keeps rows apart, else
exact sums, since equal rows cancel in an XOR. Both can be carried: what they were and the hashes of the rows that a log takes
away and brings come to what they are. Older chains and dumps keep a digest of the sums instead, of which nothing follows.

A secret of the chain's can be part of each row's hash: whoever can write rows, but does not know it, cannot choose two changes
that together leave the XOR as it was.

Rows are read where they are stored (`USE INDEX ()`; of a range of them, by the index that they are stored in): an index that
holds all columns would be quicker to read, and equal to the source's although the rows themselves are not. The types inside a
JSON value (DATE, DECIMAL, UNSIGNED INTEGER …) are not in its text; no function of the server shows its stored form, but each
value's own type can be asked for, at every depth.
"""

import functools
import hashlib
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from backups.errors import LifeboatError
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.column_types import Form, column_type

_PARTS = (1, 16, 31, 46)
"""Where each run of 15 hexadecimal digits (60 bits) of the hash begins: one exact sum for each."""
_DIGITS = 16
"""Of a sum that is kept, in hexadecimal."""
_VARIABLE, _EARLIER = "@lifeboat_row_secret", "@lifeboat_earlier_row_secret"
_JSON_TYPES = (
    *("NULL", "BOOLEAN", "INTEGER", "UNSIGNED INTEGER", "DOUBLE", "DECIMAL", "STRING", "OBJECT", "ARRAY", "DATE", "TIME"),
    *("DATETIME", "TIMESTAMP", "BLOB", "BIT", "GEOMETRY", "OPAQUE"),
)
"""A letter stands for each, so that no list of types is longer than the value that they are of."""


@dataclass(frozen=True)
class Column:
    """A column as information_schema describes it.

    computed: it is a VIRTUAL generated one, which holds nothing. counter: it is the AUTO_INCREMENT one
    declared: its type as CREATE TABLE has it, with the character set; empty where that was not read
    read_as: the SQL that gives its value, where the column itself holds it in another way than the witness's server
    """

    name: str
    type: str
    nullable: bool
    computed: bool = False
    counter: bool = False
    declared: str = ""
    read_as: str | None = None


def query(
    schema: str,
    table: str,
    columns: Sequence[Column],
    *,
    keyed: bool,
    mariadb: bool = False,
    typed_json: bool = False,
    index: str | None = None,
    where: str = "",
    history: bool = False,
    secret: bool = False,
    earlier: Literal["", "plain", "secret"] = "",
) -> str:
    """Return the SELECT whose one row `value` turns into the number of rows and the fingerprint.

    keyed: no two rows can be equal (a primary key, or a unique one without NULLs). mariadb: the server is MariaDB, whose BIT_XOR
    has 64 bits only and which knows no LATERAL. typed_json: JSON values with the types inside them
    index: one that holds all these columns, to be read instead of the rows
    where: a condition in SQL; only rows that meet it count
    history: read the rows of the past too, of a table that keeps them
    secret: the session's secret (`keep_secret`) is part of every row's hash
    earlier: a second fingerprint, as an earlier chain has it: plain, or with the session's earlier secret
    Raises LifeboatError for a column type that is not known to be encoded without loss.
    """
    parts = _parts_of(columns, f"{schema}.{table}", typed_json=typed_json)
    period = " FOR SYSTEM_TIME ALL" if history else ""
    hint = "USE INDEX ()" if index is None else f"FORCE INDEX ({quoted(index)})"
    source = f"{quoted(schema)}.{quoted(table)}{period} {hint}"
    condition = f" WHERE {where}" if where else ""
    if mariadb:
        each = f"SELECT {_row_hash(parts, secret=secret)} AS row_hash FROM {source}{condition}"  # noqa: S608 -- identifiers are quoted
        return f"SELECT COUNT(*), {_sums_of('row_hash')} FROM ({each}) AS hashed"  # noqa: S608 -- as above
    # Names that are neither the table's nor one of its columns', whatever it calls them.
    of_row, of_hash = quoted(f"row of {table}"), hash_of(table)
    text, first, second = (quoted(unlike(name, columns)) for name in ("row_text", "row_hash", "earlier_hash"))
    if earlier:
        # To write a row as text is most of the work: it is done once for both.
        source += f", LATERAL (SELECT {_text(parts)} AS {text}) AS {of_row}"
        parts = [f"{of_row}.{text}"]
    hashes = [_row_hash(parts, secret=secret)]
    if earlier:
        hashes.append(_row_hash(parts, secret=earlier == "secret", variable=_EARLIER))
    if keyed:
        values = ", ".join(f"HEX(BIT_XOR(UNHEX({each})))" for each in hashes)
        return f"SELECT COUNT(*), {values} FROM {source}{condition}"  # noqa: S608 -- as above
    # LATERAL computes each row's hash once, without a temporary table as long as the data.
    named = dict(zip((first, second), hashes, strict=False))
    each = ", ".join(f"{made} AS {name}" for name, made in named.items())
    values = ", ".join(_sums_of(f"{of_hash}.{name}") for name in named)
    return f"SELECT COUNT(*), {values} FROM {source}, LATERAL (SELECT {each}) AS {of_hash}{condition}"  # noqa: S608 -- as above


def row_hash(columns: Sequence[Column], table: str, *, typed_json: bool, secret: bool) -> str:
    """Return the SQL that hashes these columns of a row, as `query` does; 64 hexadecimal digits. table: for an error."""
    return _row_hash(_parts_of(columns, table, typed_json=typed_json), secret=secret)


def _parts_of(columns: Sequence[Column], table: str, *, typed_json: bool) -> list[str]:
    stored = [column for column in columns if not column.computed]
    # The count comes first so that a table without stored columns still is valid SQL.
    return [str(len(stored)), *(part for column in stored for part in _encoded(column, table, typed_json=typed_json))]


def hash_of(table: str) -> str:
    """Return the quoted name of what holds a hash beside each row of that table; no table has its name."""
    return quoted(f"hash of {table}")


def unlike(name: str, columns: Sequence[Column]) -> str:
    """Return a name that no column has: in a condition, whose names say no table, it would mean two things."""
    taken = {column.name.casefold() for column in columns}
    while name in taken:
        name += "_"
    return name


def _text(parts: Sequence[str]) -> str:
    return f"CONCAT_WS(',', {', '.join(parts)})"


def _row_hash(parts: Sequence[str], *, secret: bool, variable: str = _VARIABLE) -> str:
    return f"SHA2({_text([*([variable] if secret else []), *parts])}, 256)"


def _sums_of(name: str) -> str:
    return ", ".join(f"SUM(CAST(CONV(SUBSTRING({name}, {at}, 15), 16, 10) AS UNSIGNED))" for at in _PARTS)


def keep_secret(session: Session, secret: str | None, earlier: str | None = None) -> None:
    """Give the session the secrets that `query` can make part of hashes: variables, which long statements do not show."""
    for variable, value in ((_VARIABLE, secret), (_EARLIER, earlier)):
        if value is not None:
            rows(session, f"SET {variable} = %s", [value])


def value(row: Sequence[object], *, sums: bool = False) -> tuple[int, str]:
    """Read the row that `query` answers: how many rows, and the fingerprint as 64 hexadecimal digits.

    sums: of a table without a key the four sums themselves, each modulo 2**64; else their digest
    """
    count, *parts = row
    if len(parts) == 1:
        return int(str(count)), str(parts[0]).lower()
    exact = ["0" if part is None else str(part) for part in parts]
    if sums:
        return int(str(count)), _written(map(int, exact))
    return int(str(count)), hashlib.sha256(",".join(exact).encode()).hexdigest()


def carried(known: str, *images: str) -> str:
    """Return the fingerprint that follows from the one before. Pure.

    images: fingerprints of what the log holds: of a keyed table one, of all images of rows; of one without a key two, sums of
    those that the log takes away, and of those that it brings
    """
    if len(images) == 1:
        return f"{int(known, 16) ^ int(images[0], 16):064x}"
    before, less, more = map(_sums, (known, *images))
    return _written(then - gone + came for then, gone, came in zip(before, less, more, strict=True))


def _sums(written: str) -> list[int]:
    # Of no rows a fingerprint may have fewer digits.
    written = written.zfill(len(_PARTS) * _DIGITS)
    return [int(written[at : at + _DIGITS], 16) for at in range(0, len(_PARTS) * _DIGITS, _DIGITS)]


def _written(sums: Iterable[int]) -> str:
    return "".join(f"{each % 16**_DIGITS:0{_DIGITS}x}" for each in sums)


def joined(parts: Sequence[tuple[int, str]]) -> tuple[int, str]:
    """Put together what `value` read of parts of a keyed table, which together hold each of its rows once. Pure."""
    filled = [(count, fingerprint) for count, fingerprint in parts if count]
    # The XOR of no rows is written with another number of zeros.
    if len(filled) < 2:
        return (filled or parts)[0]
    xor = functools.reduce(operator.xor, (int(fingerprint, 16) for _, fingerprint in filled))
    return sum(count for count, _ in filled), f"{xor:064x}"


def _encoded(column: Column, table: str, *, typed_json: bool) -> list[str]:
    """Return the arguments of CONCAT_WS for one column; none of them can be NULL, since CONCAT_WS drops those."""
    name = column.read_as or quoted(column.name)
    kind = column_type(column.type)
    if kind is None:
        raise LifeboatError(
            f"{table}: column {column.name} is of type {column.type}, which no fingerprint is known for",
            hint="this server is newer than this Lifeboat: upgrade it, or leave the column's table out of this server",
        )
    if kind.short:
        # The bytes as they are stored: no collation, no character set may call two values equal.
        length, content = f"LENGTH({name})", f"CAST({name} AS BINARY)"
        if column.nullable:
            return [f"IFNULL({length}, 'N')", f"IFNULL({content}, '')"]
        return [length, content]
    if kind.form is Form.JSON and typed_json:
        every = [f"SHA2({name}, 256)", f"JSON_TYPE({name})", f"SHA2(({_types_inside(name)}), 256)"]
        return [f"IFNULL({each}, 'N')" for each in every]
    match kind.form:
        case Form.NUMBER | Form.TIME:
            expression = name
        case Form.FLOAT | Form.DOUBLE:
            expression = f"CAST({name} AS DOUBLE)"
        case Form.PRINTED:
            expression = f"CAST({name} AS CHAR)"
        case Form.CODE:
            expression = f"CAST({name} AS UNSIGNED)"
        case Form.TEXT | Form.BYTES | Form.VECTOR | Form.SHAPE | Form.JSON:
            expression = f"SHA2({name}, 256)"
    return [f"IFNULL({expression}, 'N')" if column.nullable else expression]


def _types_inside(name: str) -> str:
    """Return the SELECT that lists the types of all members of objects, then of all elements of arrays, as the text has them."""
    letter = f"CHAR(64 + FIELD(IFNULL(JSON_TYPE(lb_m), JSON_TYPE(lb_e)), {', '.join(map(repr, _JSON_TYPES))}))"
    return (
        f"SELECT GROUP_CONCAT({letter} SEPARATOR '') FROM JSON_TABLE({name}, '$' COLUMNS "  # noqa: S608 -- quoted
        "(NESTED PATH '$**.*' COLUMNS (lb_m JSON PATH '$'), NESTED PATH '$**[*]' COLUMNS (lb_e JSON PATH '$'))) AS lb_json"
    )

"""Writes the rows of tables as SQL that the dump programs would change or leave out.

Those with a FLOAT, which they round to six digits; with JSON, which they write without the types inside it; with the history of
MariaDB's system versioning; with stored columns that the server computes from a TIMESTAMP in the time zone of the session; with
a key that the server made and hides. Where the server limits how many rows a query returns, every table.
Read in a session whose snapshot is the witness's own. Every value is written so that it is read back as the same bytes.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pymysql.cursors

from backups.errors import LifeboatError
from backups.services.mysql.dump import json_values
from backups.services.mysql.dump.count import ROWS
from backups.services.mysql.dump.statements import COMPLETE, HEAD, mark
from backups.services.mysql.source.connection import Session, quoted, rows, variable
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.column_types import Form, column_type
from backups.services.mysql.witness.definitions import subject
from backups.services.mysql.witness.fingerprint import Column

_BATCH = 512 * 1024
"""Bytes of one INSERT, or one row if that is longer."""
_ALL = 2**63
"""More rows than a table has."""
_GENERATED_KEY = "my_row_id"
_OPEN = b"SET SESSION autocommit = 0;\n"
_HISTORY = b"SET SESSION system_versioning_insert_history = 1;\n"


@dataclass(frozen=True)
class _Read:
    """A column of a row: the SQL that reads its values, in one or more expressions, and what writes them as SQL."""

    column: str
    asked: tuple[str, ...]
    written: Callable[[Sequence[Any]], bytes]


def tables(session: Session, found: Catalogue) -> list[Table]:
    """Return the tables that need it."""
    if int(variable(session, "sql_select_limit") or _ALL) < _ALL:
        # The dump programs would take it for what a table has; the sessions that write and measure set a limit of their own.
        return list(found.tables)
    zoned = _zoned(session)
    hidden = variable(session, "show_gipk_in_create_table_and_information_schema") == "OFF"
    return [table for table in found.tables if (table.schema, table.name) in zoned or needs(table, hidden=hidden)]


def needs(table: Table, *, hidden: bool = False) -> bool:
    """Return whether the dump programs would not write all that its columns hold. hidden: the server hides keys that it made."""
    return (
        table.versioned
        or (hidden and any(column.name == _GENERATED_KEY for column in table.columns))
        or any(_changed(column, table) for column in table.columns)
    )


def _changed(column: Column, table: Table) -> bool:
    kind = column_type(column.type)
    lossy = (Form.FLOAT,) if table.mariadb else (Form.FLOAT, Form.JSON)
    return kind is not None and kind.form in lossy and not column.computed


def _zoned(session: Session) -> set[tuple[str, str]]:
    """Return the tables in which a stored column may be computed from a TIMESTAMP; MariaDB allows none that asks for the zone."""
    return {
        (schema, name)
        for schema, name in rows(
            session,
            "SELECT table_schema, table_name FROM information_schema.columns WHERE data_type = 'timestamp' "
            "AND (table_schema, table_name) IN (SELECT table_schema, table_name FROM information_schema.columns "
            "WHERE extra LIKE '%STORED GENERATED%')",
        )
    }


def write(session: Session, table: Table, path: Path) -> None:
    """Write the rows of one table, as the session's snapshot shows them, and a mark at the end."""
    generated = {
        name: expression
        for name, expression in rows(
            session,
            "SELECT column_name, generation_expression FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s AND COALESCE(generation_expression, '') <> ''",
            [table.schema, table.name],
        )
        if name not in (table.history or ())
    }
    columns = [column for column in table.columns if column.name not in generated]
    where = f"{quoted(table.schema)}.{quoted(table.name)}"
    offset = _offset(columns, generated)
    reads = [_read(column, where, mariadb=table.mariadb, zone=offset) for column in columns]
    chosen = ", ".join([offset or "NULL", *(part for read in reads for part in read.asked)])
    past = " FOR SYSTEM_TIME ALL" if table.history else ""
    into = f"INSERT INTO {where} ({', '.join(quoted(read.column) for read in reads)}) VALUES\n".encode()
    with path.open("wb") as file, pymysql.cursors.SSCursor(session) as cursor:
        file.write(mark(ROWS + subject(table.schema, table.name)) + HEAD + _OPEN + (_HISTORY if table.history else b""))
        cursor.execute(f"SELECT {chosen} FROM {where}{past}")  # noqa: S608 -- identifiers are quoted
        _batches(file, into, ((row[0], _row(reads, row)) for row in cursor))
        file.write(b"COMMIT;\n" + COMPLETE)


def _row(reads: Sequence[_Read], row: Sequence[Any]) -> bytes:
    values, at = [], 1
    for read in reads:
        values.append(b"NULL" if row[at] is None else read.written(row[at : at + len(read.asked)]))
        at += len(read.asked)
    return b"(" + b",".join(values) + b")"


def _batches(file: BinaryIO, into: bytes, written: Iterator[tuple[str | None, bytes]]) -> None:
    size, zone = 0, None
    for wanted, row in written:
        if size and (size + len(row) > _BATCH or wanted != zone):
            file.write(b";\n")
            size = 0
        if wanted != zone:
            zone = wanted
            file.write(f"SET SESSION time_zone = '{zone or '+00:00'}';\n".encode())
        file.write((b",\n" if size else into) + row)
        size += len(row)
    if size:
        file.write(b";\n")


def _offset(columns: Sequence[Column], generated: dict[str, Any]) -> str | None:
    """Return SQL for the offset that the source's own time zone had at the time that a stored column is computed from."""
    texts = [value.decode() if isinstance(value, bytes) else str(value) for value in generated.values()]
    times = [
        quoted(column.name)
        for column in columns
        if column.type == "timestamp" and any(quoted(column.name) in text for text in texts)
    ]
    if not times:
        return None
    time = f"COALESCE({', '.join(times)}, UTC_TIMESTAMP())"
    minutes = f"TIMESTAMPDIFF(MINUTE, {time}, CONVERT_TZ({time}, '+00:00', @@GLOBAL.time_zone))"
    written = "CONCAT(IF(m < 0, '-', '+'), LPAD(ABS(m) DIV 60, 2, '0'), ':', LPAD(ABS(m) MOD 60, 2, '0'))"
    return f"(SELECT {written} FROM (SELECT {minutes} AS m) AS counted)"  # noqa: S608 -- identifiers are quoted


def _read(column: Column, table: str, *, mariadb: bool, zone: str | None) -> _Read:
    kind = column_type(column.type)
    if kind is None:
        raise LifeboatError(
            f"{table}: column {column.name} is of type {column.type}, and no way to write it exactly is known",
            hint="this server is newer than this Lifeboat: upgrade it, or make the column another type",
        )
    name = quoted(column.name)
    if kind.form == Form.JSON and not mariadb:
        return _json(column.name)
    if zone and column.type == "timestamp":
        local = f"CONVERT_TZ({name}, '+00:00', {zone})"
        return _Read(column.name, (f"CAST({local} AS CHAR)",), lambda value: _literal(value[0], Form.TIME))
    return _Read(column.name, (_selected(name, kind.form),), lambda value: _literal(value[0], kind.form))


def _json(column: str) -> _Read:
    name = quoted(column)
    changed = json_values.CHANGED_BY_TEXT.format(name=name)
    types = [f"JSON_TYPE({name})"]
    types += [json_values.TYPES.format(name=name, path=path) for path in (json_values.MEMBERS, json_values.CELLS)]
    asked = (f"CAST({name} AS CHAR)", *(f"IF({changed}, {found}, NULL)" for found in types))

    def written(value: Sequence[Any]) -> bytes:
        text, root, members, cells = value
        listed = [json.loads(found) if found else [] for found in (members, cells)]
        exact = json_values.expression(text, root, *listed) if root else None
        return exact.encode() if exact else b"CONVERT(" + _hexadecimal(text) + b" USING utf8mb4)"

    return _Read(column, asked, written)


def _selected(name: str, form: Form) -> str:
    """Return SQL that reads one value as text or as bytes."""
    match form:
        case Form.FLOAT:
            return f"CAST(CAST({name} AS DOUBLE) AS CHAR)"
        case Form.CODE:
            return f"CAST(CAST({name} AS UNSIGNED) AS CHAR)"
        case Form.NUMBER | Form.DOUBLE | Form.TIME | Form.PRINTED | Form.JSON:
            return f"CAST({name} AS CHAR)"
        case Form.TEXT | Form.VECTOR:
            return f"CAST({name} AS BINARY)"
        case Form.BYTES | Form.SHAPE:
            return name


def _literal(value: str | bytes, form: Form) -> bytes:
    match form:
        case Form.TIME | Form.PRINTED:
            return b"'" + _bytes(value) + b"'"
        case Form.NUMBER | Form.DOUBLE | Form.FLOAT | Form.CODE:
            return _bytes(value)
        case Form.JSON:
            # JSON is not made of binary strings.
            return b"CONVERT(" + _hexadecimal(value) + b" USING utf8mb4)"
        case Form.TEXT | Form.BYTES | Form.VECTOR | Form.SHAPE:
            return _hexadecimal(value)


def _hexadecimal(value: str | bytes) -> bytes:
    return b"X'" + _bytes(value).hex().encode() + b"'"


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()

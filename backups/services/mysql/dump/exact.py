"""Rows written as SQL by ourselves, for tables that the dump programs would round: they print a FLOAT with six digits.

Read in a session whose snapshot is the witness's own. Every value is written so that it is read back as the same bytes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pymysql.cursors

from backups.errors import LifeboatError
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.catalogue import Catalogue, Table

_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"})
_CODES = frozenset({"bit", "enum", "set"})
_PLAIN = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year", "double"})
_QUOTED = frozenset({"date", "time", "datetime", "timestamp", "uuid", "inet4", "inet6"})
_BATCH = 512 * 1024
"""Bytes of one INSERT, or one row if that is longer."""
_HEADER = b"""SET NAMES utf8mb4;
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00', foreign_key_checks=0, unique_checks=0, autocommit=0;
"""


def tables(found: Catalogue) -> list[Table]:
    """The tables that need it: those that store a FLOAT."""
    return [table for table in found.tables if any(c.type.lower() == "float" and not c.computed for c in table.columns)]


def write(session: Session, table: Table, path: Path) -> None:
    """Write the rows of one table, as the session's snapshot shows them, and a mark at the end."""
    generated = {
        row[0]
        for row in rows(
            session,
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s AND COALESCE(generation_expression, '') <> ''",
            [table.schema, table.name],
        )
    }
    columns = [column for column in table.columns if column.name not in generated]
    where = f"{quoted(table.schema)}.{quoted(table.name)}"
    chosen = ", ".join(_selected(column.name, column.type.lower(), where) for column in columns)
    kinds = [column.type.lower() for column in columns]
    into = f"INSERT INTO {where} ({', '.join(quoted(column.name) for column in columns)}) VALUES\n".encode()
    with path.open("wb") as file, pymysql.cursors.SSCursor(session) as cursor:
        file.write(_HEADER)
        cursor.execute(f"SELECT {chosen} FROM {where}")  # noqa: S608 -- identifiers are quoted
        _batches(file, into, (b"(" + b",".join(map(_literal, row, kinds)) + b")" for row in cursor))
        file.write(b"COMMIT;\n-- Dump completed\n")


def _batches(file: BinaryIO, into: bytes, written: Iterator[bytes]) -> None:
    size = 0
    for row in written:
        if size and size + len(row) > _BATCH:
            file.write(b";\n")
            size = 0
        file.write((b",\n" if size else into) + row)
        size += len(row)
    if size:
        file.write(b";\n")


def _selected(name: str, kind: str, table: str) -> str:
    column = quoted(name)
    if kind == "float":
        # As DOUBLE it prints all the digits that tell two values apart.
        return f"CAST(CAST({column} AS DOUBLE) AS CHAR)"
    if kind in _CODES:
        return f"CAST(CAST({column} AS UNSIGNED) AS CHAR)"
    if kind in _PLAIN or kind in _QUOTED or kind == "json":
        return f"CAST({column} AS CHAR)"
    if kind in _TEXTS or kind == "vector":
        # The bytes as they are stored, in the column's own character set.
        return f"CAST({column} AS BINARY)"
    if kind in _BYTES or kind.startswith(("geom", "multi", "point", "line", "poly")):
        return column
    raise LifeboatError(
        f"{table}: column {name} is of type {kind}, beside a FLOAT, and no way to write it exactly is known",
        hint="this server is newer than this Lifeboat: upgrade it, or make the FLOAT column a DOUBLE",
    )


def _literal(value: str | bytes | None, kind: str) -> bytes:
    if value is None:
        return b"NULL"
    if kind in _QUOTED:
        return b"'" + _bytes(value) + b"'"
    if kind in _PLAIN or kind in _CODES or kind == "float":
        return _bytes(value)
    content = b"X'" + _bytes(value).hex().encode() + b"'"
    # JSON is not made of binary strings.
    return b"CONVERT(" + content + b" USING utf8mb4)" if kind == "json" else content


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()

"""Writes the rows of tables with a FLOAT as SQL, since the dump programs would round them to six digits.

Read in a session whose snapshot is the witness's own. Every value is written so that it is read back as the same bytes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pymysql.cursors

from backups.errors import LifeboatError
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.column_types import Form, column_type
from backups.services.mysql.witness.fingerprint import Column

_BATCH = 512 * 1024
"""Bytes of one INSERT, or one row if that is longer."""
_HEADER = b"""SET NAMES utf8mb4;
SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00', foreign_key_checks=0, unique_checks=0, autocommit=0;
"""


def tables(found: Catalogue) -> list[Table]:
    """Return the tables that need it: those that store a FLOAT."""
    return [table for table in found.tables if any(map(_rounded, table.columns))]


def _rounded(column: Column) -> bool:
    kind = column_type(column.type)
    return kind is not None and kind.form == Form.FLOAT and not column.computed


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
    forms = [_form(column, where) for column in columns]
    chosen = ", ".join(map(_selected, columns, forms))
    into = f"INSERT INTO {where} ({', '.join(quoted(column.name) for column in columns)}) VALUES\n".encode()
    with path.open("wb") as file, pymysql.cursors.SSCursor(session) as cursor:
        file.write(_HEADER)
        cursor.execute(f"SELECT {chosen} FROM {where}")  # noqa: S608 -- identifiers are quoted
        _batches(file, into, (b"(" + b",".join(map(_literal, row, forms)) + b")" for row in cursor))
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


def _form(column: Column, table: str) -> Form:
    kind = column_type(column.type)
    if kind is None:
        raise LifeboatError(
            f"{table}: column {column.name} is of type {column.type}, beside a FLOAT, and no way to write it exactly is known",
            hint="this server is newer than this Lifeboat: upgrade it, or make the FLOAT column a DOUBLE",
        )
    return kind.form


def _selected(column: Column, form: Form) -> str:
    """Return SQL that reads one value as text or as bytes."""
    name = quoted(column.name)
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


def _literal(value: str | bytes | None, form: Form) -> bytes:
    if value is None:
        return b"NULL"
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

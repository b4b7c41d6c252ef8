"""Opens a session on the copy of a MySQL server, for a fault that is put in by a statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql.err
import sqlalchemy

from backups.services.mysql.source.connection import Session, connect_socket, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from verification.damage.kind import NotInjected, Stand

TYPES = frozenset({"mysql"})
OWN = SYSTEM_DATABASES
"""Databases that are the server's."""
WHOLE = ("tinyint", "smallint", "mediumint", "int", "bigint")
TEXTS = ("char", "varchar")
_KEYS = (*WHOLE, *TEXTS, "date", "datetime", "decimal", "enum")


@contextmanager
def session(stand: Stand) -> Iterator[Session]:
    """Open a session; raises NotInjected for a service that answers no SQL, and for what its server refuses."""
    url = stand.copy.database_url("mysql") if stand.copy else None
    if url is None:
        raise NotInjected(f"{stand.service} answers no SQL")
    parts = sqlalchemy.make_url(url)
    opened = connect_socket(Path(str(parts.query["unix_socket"])), str(parts.username), str(parts.password))
    try:
        with opened:
            # A fault is in one table: what depends on it is not to follow.
            rows(opened, "SET SESSION foreign_key_checks = 0, sql_safe_updates = 0")
            yield opened
    except pymysql.err.MySQLError as error:
        raise NotInjected(f"the copy's server refuses it: {' '.join(str(error.args[-1]).split())}") from error


def execute(opened: Session, statement: str, arguments: list[object] | None = None) -> int:
    """Run a statement and return how many rows it has changed."""
    with opened.cursor() as cursor:
        return int(cursor.execute(statement, arguments))


def change_one(opened: Session, statement: str, arguments: list[object] | None = None) -> None:
    """Run a statement that has to change one row; raises NotInjected when it changes another number of them."""
    changed = execute(opened, statement, arguments)
    if changed != 1:
        raise NotInjected(f"{changed} rows were changed instead of one")


def table(schema: str, name: str) -> str:
    """Return a table as a statement has it."""
    return f"{quoted(schema)}.{quoted(name)}"


def keyed_tables(opened: Session, *, least: int = 1) -> dict[tuple[str, str], list[str]]:
    """Return the tables with `least` rows whose primary key can be written as a value, with its columns in order."""
    keys: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column, kind in rows(
        opened,
        "SELECT s.table_schema, s.table_name, s.column_name, c.data_type FROM information_schema.statistics s "
        "JOIN information_schema.columns c USING (table_schema, table_name, column_name) "
        "WHERE s.index_name = 'PRIMARY' AND s.table_schema NOT IN %s "
        "ORDER BY s.table_schema, s.table_name, s.seq_in_index",
        [OWN],
    ):
        keys.setdefault((schema, name), []).append((column, kind))
    plain = {key: [column for column, _ in columns] for key, columns in keys.items() if all(k in _KEYS for _, k in columns)}
    return {key: columns for key, columns in plain.items() if _has(opened, *key, least)}


def _has(opened: Session, schema: str, name: str, least: int) -> bool:
    return len(rows(opened, f"SELECT 1 FROM {table(schema, name)} LIMIT {least}")) >= least  # noqa: S608 -- quoted


def columns(opened: Session, schema: str, name: str, kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the columns of these types that are in no key and not computed, with their types, in order."""
    return [
        (column, kind)
        for column, kind in rows(
            opened,
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
            "AND column_key = '' AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position",
            [schema, name],
        )
        if kind in kinds
    ]


def some_keys(
    opened: Session, schema: str, name: str, key: list[str], extra: str = "1", where: str = "TRUE", *, most: int = 1000
) -> list[list[object]]:
    """Return up to `most` keys of a table in order, each followed by the value of `extra`."""
    names = ", ".join(map(quoted, key))
    statement = f"SELECT {names}, {extra} FROM {table(schema, name)} WHERE {where} ORDER BY {names} LIMIT {most}"  # noqa: S608
    return [list(row) for row in rows(opened, statement)]


def is_row(key: list[str]) -> str:
    """Return the condition that a row has a key, whose values are its arguments."""
    return " AND ".join(f"{quoted(column)} = %s" for column in key)

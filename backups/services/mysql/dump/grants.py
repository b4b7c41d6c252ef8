"""Tells grants on tables and columns that are gone from others, and writes them so that a server takes them all the same.

A server keeps such grants, and no GRANT gives them again while the table is not there: they are given on one made for the moment.

Pure.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from backups.services.mysql.source.connection import quoted
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness.catalogue import Catalogue

_COMPUTED = ("performance_schema", "information_schema")
"""Databases of the server's in which nobody makes a table."""
_NAME = r"`((?:[^`]|``)*)`"
_ON_TABLE = re.compile(rf"(?:GRANT|REVOKE) (?P<what>.*?) ON (?:TABLE )?{_NAME}\.{_NAME} (?:TO|FROM) ", re.DOTALL)
_COLUMNS = re.compile(r"\(((?:`(?:[^`]|``)*`|[^`()])*)\)")
_COLUMN = re.compile(r"`((?:[^`]|``)*)`|([^`,\s]+)")


@dataclass(frozen=True)
class _Grant:
    text: str
    schema: str
    table: str
    columns: tuple[str, ...]


def split(granted: Sequence[str], catalogue: Catalogue, system: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Return the grants that a server with this catalogue takes, and those on tables or columns that it has not.

    system: the tables of the server's own databases.
    """
    columns = {(table.schema, table.name): {column.name.casefold() for column in table.columns} for table in catalogue.tables}
    others = {*catalogue.views, *catalogue.sequences, *system}
    usual: list[str] = []
    stale: list[str] = []
    for text in granted:
        found = _parsed(text)
        if found is None or (found.schema, found.table) in others or found.schema in _COMPUTED:
            fits = True
        else:
            has = columns.get((found.schema, found.table))
            fits = has is not None and all(column.casefold() in has for column in found.columns)
        (usual if fits else stale).append(text)
    return usual, stale


def on_what_is_gone(granted: Iterable[str]) -> Iterator[str]:
    """Yield statements that give grants before anything is there: on tables that are made for them, and dropped at the end."""
    found = [grant for grant in map(_parsed, granted) if grant is not None]
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for grant in found:
        columns = tables.setdefault((grant.schema, grant.table), {})
        columns.update({column.casefold(): column for column in grant.columns})
    databases = dict.fromkeys(schema for schema, _ in tables if schema not in SYSTEM_DATABASES)
    for schema in databases:
        yield f"CREATE DATABASE IF NOT EXISTS {quoted(schema)}"
    for (schema, table), columns in tables.items():
        # Of a table that some other grant names by a column, that column is made too; one without columns needs one.
        made = ", ".join(f"{quoted(column)} INT" for column in columns.values()) or f"{quoted('lifeboat')} INT"
        yield f"CREATE TABLE {quoted(schema)}.{quoted(table)} ({made})"
    for grant in found:
        yield grant.text
    for schema, table in tables:
        yield f"DROP TABLE {quoted(schema)}.{quoted(table)}"
    for schema in databases:
        yield f"DROP DATABASE {quoted(schema)}"


def _parsed(text: str) -> _Grant | None:
    """Read a grant on a table; None for any other."""
    found = _ON_TABLE.match(text)
    if found is None:
        return None
    columns = [
        (quoted_name or plain).replace("``", "`")
        for listed in _COLUMNS.findall(found["what"])
        for quoted_name, plain in _COLUMN.findall(listed)
    ]
    return _Grant(text, found[2].replace("``", "`"), found[3].replace("``", "`"), tuple(dict.fromkeys(columns)))

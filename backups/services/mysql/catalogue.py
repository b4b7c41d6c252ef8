"""What there is on a server: its databases and tables, as a picture that a later one can be held against."""

from collections.abc import Iterable
from dataclasses import dataclass

from backups.services.mysql.connection import Session, rows
from backups.services.mysql.fingerprint import Column

SYSTEM = ("mysql", "sys", "performance_schema", "information_schema")
"""Databases that are the server's own; of `mysql`, the accounts are witnessed as definitions."""


@dataclass(frozen=True)
class Table:
    """A base table. `keyed`: no two of its rows can be equal."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    keyed: bool


@dataclass(frozen=True)
class Catalogue:
    """The tables of a server, the largest first, and the storage engine's own number for each of their parts."""

    tables: tuple[Table, ...]
    views: tuple[tuple[str, str], ...]
    engine_numbers: frozenset[tuple[str, int]]

    def still_holds(self, later: "Catalogue") -> bool:
        """Whether every table of this picture is, in a later one, the same table with the same columns.

        The engine's numbers tell a table from another that has taken its name (RENAME, TRUNCATE, a rebuild).
        """
        return set(self.tables) <= set(later.tables) and self.engine_numbers <= later.engine_numbers


def read(session: Session) -> Catalogue:
    """Take the picture, in a handful of statements however many tables there are."""
    kinds: dict[tuple[str, str], str] = {
        (row[0], row[1]): row[2]
        for row in rows(
            session,
            "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema NOT IN %s",
            [SYSTEM],
        )
    }
    columns: dict[tuple[str, str], list[Column]] = {key: [] for key, kind in kinds.items() if kind == "BASE TABLE"}
    keyed = set()
    for schema, table, name, data_type, nullable, extra, key in rows(
        session,
        "SELECT table_schema, table_name, column_name, data_type, is_nullable, extra, column_key "
        "FROM information_schema.columns WHERE table_schema NOT IN %s ORDER BY table_schema, table_name, ordinal_position",
        [SYSTEM],
    ):
        if (schema, table) not in columns:
            continue
        columns[schema, table].append(Column(name, _text(data_type), nullable == "YES", "VIRTUAL GENERATED" in extra))
        # Of a table without a primary key, a unique one without NULLs is called PRI too.
        if key == "PRI":
            keyed.add((schema, table))
    sizes = _sizes(session)
    tables = [Table(*key, columns=tuple(found), keyed=key in keyed) for key, found in columns.items()]
    return Catalogue(
        tables=tuple(sorted(tables, key=lambda table: (-sizes.get((table.schema, table.name), 0), table.schema, table.name))),
        views=tuple(sorted(key for key, kind in kinds.items() if kind == "VIEW")),
        engine_numbers=frozenset(_engine_numbers(session)),
    )


def _text(value: object) -> str:
    """information_schema gives some texts as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _sizes(session: Session) -> dict[tuple[str, str], int]:
    """Pages of each table: an estimate that costs nothing, good enough to begin with the largest."""
    sizes: dict[tuple[str, str], int] = {}
    for schema, name, pages in rows(
        session, "SELECT database_name, table_name, clustered_index_size FROM mysql.innodb_table_stats"
    ):
        key = (schema, name.split("#p#")[0].split("#P#")[0])
        sizes[key] = sizes.get(key, 0) + int(pages)
    return sizes


def _engine_numbers(session: Session) -> Iterable[tuple[str, int]]:
    for name, number in rows(session, "SELECT name, table_id FROM information_schema.innodb_tables"):
        schema, _, table = _text(name).partition("/")
        # Neither the server's own tables, nor what a running ALTER or a full-text index works with.
        if schema not in SYSTEM and table and not table.startswith(("#sql", "fts_", "FTS_")):
            yield _text(name), int(number)

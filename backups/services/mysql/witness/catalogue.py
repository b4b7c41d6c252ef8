"""Lists the databases and tables of a server, so that a later list can be compared with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.versions import Version
from backups.services.mysql.witness import scope
from backups.services.mysql.witness.fingerprint import Column

_VERSIONED = "SYSTEM VERSIONED"
_TABLES = ("BASE TABLE", _VERSIONED)
_PERIOD = {"ROW START": "row_start", "ROW END": "row_end"}
"""What a column of MariaDB's system versioning is generated as, and its name where none was given: it is not listed then."""


@dataclass(frozen=True)
class Table:
    """A base table. `keyed`: no two of its rows can be equal. `mariadb`: the server is MariaDB.

    versioned: it keeps the history of its rows. history: its columns that say from when until when a row held, where its history
    can be written into another server; they are among `columns` then, and else are not.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    keyed: bool
    mariadb: bool = False
    versioned: bool = False
    history: tuple[str, str] | None = None


@dataclass(frozen=True)
class Catalogue:
    """The tables of a server, the largest first, and the storage engine's own number for each of their parts.

    pages: of each table, as the engine estimates them
    """

    tables: tuple[Table, ...]
    views: tuple[tuple[str, str], ...]
    engine_numbers: frozenset[tuple[str, int]]
    sequences: tuple[tuple[str, str], ...] = ()
    pages: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def still_holds(self, later: "Catalogue") -> bool:
        """Return whether every table of this list is, in a later one, the same table with the same columns.

        The engine's numbers distinguish a table from another that has taken its name (RENAME, TRUNCATE, a rebuild).
        """
        return set(self.tables) <= set(later.tables) and self.engine_numbers <= later.engine_numbers


def read(session: Session, *, of_users: bool = False) -> Catalogue:
    """Read the list, in a handful of statements however many tables there are.

    of_users: with the tables that users have put into the server's own databases
    """
    version = _version(session)
    kinds: dict[tuple[str, str], str] = {
        (row[0], row[1]): row[2]
        for row in rows(
            session,
            "SELECT table_schema, table_name, table_type FROM information_schema.tables "
            "WHERE CAST(table_schema AS BINARY) NOT IN %s",
            [SYSTEM_DATABASES],
        )
    }
    values: list[tuple[str, ...]] = [SYSTEM_DATABASES]
    where = "CAST(table_schema AS BINARY) NOT IN %s"
    if of_users:
        guests = _of_users(session)
        kinds |= dict.fromkeys(guests, "BASE TABLE")
        where = f"({where} OR CONCAT(table_schema, '.', table_name) IN %s)"
        values.append(("", *map(".".join, guests)))
    columns: dict[tuple[str, str], list[Column]] = {key: [] for key, kind in kinds.items() if kind in _TABLES}
    keyed = set()
    periods: dict[tuple[str, str], dict[str, Column]] = {}
    for schema, table, name, data_type, nullable, extra, key, generated, declared, characters, collation in rows(
        session,
        "SELECT table_schema, table_name, column_name, data_type, is_nullable, extra, column_key, "  # noqa: S608 -- one of two
        "COALESCE(generation_expression, ''), column_type, character_set_name, collation_name "
        f"FROM information_schema.columns WHERE {where} ORDER BY table_schema, table_name, ordinal_position",
        values,
    ):
        if (schema, table) not in columns:
            continue
        column = Column(
            name,
            _text(data_type),
            nullable == "YES",
            computed="VIRTUAL GENERATED" in extra,
            counter="auto_increment" in extra,
            declared=_text(declared) + (f" CHARACTER SET {characters} COLLATE {collation}" if characters else ""),
        )
        if _text(generated) in _PERIOD:
            periods.setdefault((schema, table), {})[_text(generated)] = column
        else:
            columns[schema, table].append(column)
        # Of a table without a primary key, a unique one without NULLs is called PRI too.
        if key == "PRI":
            keyed.add((schema, table))
    sizes = _sizes(session)
    tables = [
        _with_history(Table(*key, tuple(found), key in keyed, version.mariadb), periods.get(key, {}), version)
        if kinds[key] == _VERSIONED
        else Table(*key, columns=tuple(found), keyed=key in keyed, mariadb=version.mariadb)
        for key, found in columns.items()
    ]
    return Catalogue(
        tables=tuple(sorted(tables, key=lambda table: (-sizes.get((table.schema, table.name), 0), table.schema, table.name))),
        views=tuple(sorted(key for key, kind in kinds.items() if kind == "VIEW")),
        sequences=tuple(sorted(key for key, kind in kinds.items() if kind == "SEQUENCE")),
        engine_numbers=frozenset(_engine_numbers(session, mariadb=version.mariadb)),
        pages=sizes,
    )


def _of_users(session: Session) -> list[tuple[str, str]]:
    """Return the tables of `mysql` and `sys` that are not the server's own.

    A newer server may have more tables of its own than are known here; it keeps those in the tablespace `mysql`.
    """
    found = rows(
        session,
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('mysql', 'sys') AND table_type = 'BASE TABLE' AND engine = 'InnoDB' AND table_name NOT IN %s "
        "ORDER BY table_schema, table_name",
        [scope.OWN_TABLES],
    )
    own = {row[0] for row in rows(session, "SELECT name FROM information_schema.innodb_tables WHERE space_type = 'General'")}
    own -= {name.replace(".", "/") for name in scope.COMPARED_TABLES}
    return [(schema, name) for schema, name in found if f"{schema}/{name}" not in own]


def is_mariadb(session: Session) -> bool:
    """Return whether the server is MariaDB."""
    return _version(session).mariadb


def _version(session: Session) -> Version:
    return Version.parse(*rows(session, "SELECT @@version, @@version_comment")[0])


def _with_history(table: Table, period: Mapping[str, Column], version: Version) -> Table:
    """Return a table with system versioning; its history can be written anew where it is told in times, not in transactions."""
    start, end = (period.get(name) or Column(hidden, "timestamp", nullable=False) for name, hidden in _PERIOD.items())
    if not version.keeps_history or {start.type, end.type} != {"timestamp"}:
        return replace(table, versioned=True)
    return replace(table, versioned=True, columns=(*table.columns, start, end), history=(start.name, end.name))


def _text(value: object) -> str:
    """Return a text of information_schema, which gives some as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _sizes(session: Session) -> dict[tuple[str, str], int]:
    """Return the pages of each table: an estimate that costs nothing, good enough to begin with the largest."""
    sizes: dict[tuple[str, str], int] = {}
    for schema, name, pages in rows(
        session, "SELECT database_name, table_name, clustered_index_size FROM mysql.innodb_table_stats"
    ):
        key = (schema, name.split("#p#")[0].split("#P#")[0])
        sizes[key] = sizes.get(key, 0) + int(pages)
    return sizes


def _engine_numbers(session: Session, *, mariadb: bool) -> Iterable[tuple[str, int]]:
    view = "innodb_sys_tables" if mariadb else "innodb_tables"
    for name, number in rows(session, f"SELECT name, table_id FROM information_schema.{view}"):  # noqa: S608 -- one of two
        schema, _, table = _text(name).partition("/")
        # Neither the server's own tables, nor what a running ALTER or a full-text index works with.
        if schema not in SYSTEM_DATABASES and table and not table.startswith(("#sql", "fts_", "FTS_")):
            yield _text(name), int(number)

"""Reads which columns a server has, and what a value that replaces another one must keep to."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness import catalogue
from backups.services.mysql.witness.definitions import subject
from backups.services.mysql.witness.scope import COMPARED_TABLES


class Family(Enum):
    """The sorts of types, by what can be put in the place of a value."""

    TEXT = auto()
    JSON = auto()
    INTEGER = auto()
    DATE = auto()
    BYTES = auto()
    POINT = auto()
    OTHER = auto()


_FAMILIES = {
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), Family.TEXT),
    "json": Family.JSON,
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), Family.INTEGER),
    **dict.fromkeys(("date", "datetime", "timestamp"), Family.DATE),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), Family.BYTES),
    "point": Family.POINT,
}


@dataclass(frozen=True)
class Column:
    """A column of a base table. room: its longest value, in characters of text or in bytes; 0 where that is not told.

    generated: the server computes it. counter: AUTO_INCREMENT. unique: a unique key has it
    """

    schema: str
    table: str
    name: str
    type: str
    nullable: bool = True
    room: int = 0
    charset: str | None = None
    generated: bool = False
    counter: bool = False
    unique: bool = False

    @property
    def family(self) -> Family:
        """What can be put in the place of its values."""
        return _FAMILIES.get(self.type, Family.OTHER)

    @property
    def of(self) -> tuple[str, str]:
        """Its table."""
        return self.schema, self.table

    @property
    def key(self) -> tuple[str, str, str]:
        """What no other column has."""
        return self.schema, self.table, self.name

    @property
    def subject(self) -> str:
        """As messages and masks.yaml name it."""
        return subject(self.schema, self.table, self.name)


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: the columns of the table that has it, and those that they refer to, in the same order."""

    name: str
    child: tuple[str, str]
    columns: tuple[str, ...]
    parent: tuple[str, str]
    referred: tuple[str, ...]

    @property
    def pairs(self) -> Iterator[tuple[tuple[str, str, str], tuple[str, str, str]]]:
        """The keys of the columns that must stay equal."""
        for own, other in zip(self.columns, self.referred, strict=True):
            yield (*self.child, own), (*self.parent, other)


def read(session: Session) -> list[Column]:
    """List the columns of all base tables but the server's own, in the order in which they are declared."""
    unique = {
        (row[0], row[1], row[2])
        for row in rows(
            session,
            "SELECT DISTINCT table_schema, table_name, column_name FROM information_schema.statistics "
            "WHERE non_unique = 0 AND column_name IS NOT NULL AND CAST(table_schema AS BINARY) NOT IN %s",
            [SYSTEM_DATABASES],
        )
    }
    return [
        Column(
            schema,
            table,
            name,
            _text(kind).lower(),
            nullable=nullable == "YES",
            room=int(characters or 0),
            charset=charset,
            generated=" GENERATED" in f" {extra}".replace("DEFAULT_GENERATED", "") or bool(expression),
            counter="auto_increment" in extra,
            unique=(schema, table, name) in unique,
        )
        for schema, table, name, kind, nullable, characters, charset, extra, expression in rows(
            session,
            "SELECT c.table_schema, c.table_name, c.column_name, c.data_type, c.is_nullable, c.character_maximum_length, "
            "c.character_set_name, c.extra, COALESCE(c.generation_expression, '') "
            "FROM information_schema.columns AS c JOIN information_schema.tables AS t "
            "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
            # To MariaDB `Client` and `client` are equal here, and two tables elsewhere.
            "AND CAST(t.table_schema AS BINARY) = CAST(c.table_schema AS BINARY) "
            "AND CAST(t.table_name AS BINARY) = CAST(c.table_name AS BINARY) "
            "WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND CAST(c.table_schema AS BINARY) NOT IN %s "
            "ORDER BY c.table_schema, c.table_name, c.ordinal_position",
            [SYSTEM_DATABASES],
        )
    ]


def with_history(session: Session) -> list[tuple[str, str]]:
    """List the tables that keep the history of their rows (MariaDB's system versioning)."""
    found = rows(
        session,
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED' ORDER BY 1, 2",
    )
    return [(schema, name) for schema, name in found]


def in_own_databases(session: Session) -> list[tuple[str, str]]:
    """List the tables that users have put into MySQL's own databases, of which no column is read."""
    tables = catalogue.read(session, of_users=True).tables
    found = [(table.schema, table.name) for table in tables if table.schema in SYSTEM_DATABASES]
    return sorted(each for each in found if ".".join(each) not in COMPARED_TABLES)


def foreign_keys(session: Session) -> list[ForeignKey]:
    """List the foreign keys of all tables."""
    found: dict[tuple[str, str, str], list[tuple[str, ...]]] = {}
    for schema, table, name, *pair in rows(
        session,
        "SELECT table_schema, table_name, constraint_name, column_name, "
        "referenced_table_schema, referenced_table_name, referenced_column_name FROM information_schema.key_column_usage "
        "WHERE referenced_table_name IS NOT NULL ORDER BY table_schema, table_name, constraint_name, ordinal_position",
    ):
        found.setdefault((schema, table, name), []).append(tuple(pair))
    return [
        ForeignKey(
            name, (schema, table), tuple(pair[0] for pair in pairs), (pairs[0][1], pairs[0][2]), tuple(pair[3] for pair in pairs)
        )
        for (schema, table, name), pairs in found.items()
    ]


def _text(value: object) -> str:
    """Return a text of information_schema, which gives some as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)

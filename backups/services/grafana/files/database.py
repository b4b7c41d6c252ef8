"""Opens a copy of grafana.db and reads its rows as dictionaries, whichever version wrote them."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from backups.errors import Damaged, LifeboatError

FILE = "grafana.db"
_MODULUS = 1 << 256


class Lacking(LifeboatError):
    """A database has not what is read of every Grafana's."""


class Row(dict[str, Any]):
    """A row that tells, when it is asked for a column that its table has not, that this is why it cannot be read."""

    def __init__(self, table: str, values: Iterable[tuple[str, Any]]) -> None:
        super().__init__(values)
        self.table = table

    def __missing__(self, column: str) -> Any:
        raise Lacking(
            f"its table {self.table} has no column {column}",
            hint="Grafana 8 to 13 can be backed up by files: was the database written by another version, or altered by hand?",
        )


class _Text(bytes):
    """Text as it is stored, told apart from a BLOB of the same bytes."""


class Database:
    """Tables that a version does not have read as empty; a column that it does not have is absent from its rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> sqlite3.Connection:
        """What it is read by."""
        return self._connection

    def tables(self) -> list[str]:
        """The names of its tables, sorted, without SQLite's own."""
        return [
            name
            for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if not name.startswith("sqlite_")
        ]

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is this table, or this column of it."""
        columns = self._stored(table)
        return bool(columns) if column is None else column in columns

    def columns(self, table: str) -> list[str]:
        """The columns of a table whose values are compared, in their order."""
        return [column[0] for column in self._connection.execute(f"SELECT * FROM {quoted(table)} LIMIT 0").description]  # noqa: S608

    def rows(self, table: str, order: str = "id") -> list[Row]:
        """Every row, ordered by a column where it has it."""
        return list(self.each(table, order))

    def each(self, table: str, order: str = "id") -> Iterator[Row]:
        """The same one by one, for tables that may be long."""
        columns = self._stored(table)
        if not columns:
            return
        by = f" ORDER BY {quoted(order)}" if order in columns else ""
        cursor = self._connection.execute(f"SELECT * FROM {quoted(table)}{by}")  # noqa: S608 - quoted identifiers
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield Row(table, zip(names, row, strict=True))

    def counts(self, table: str, *columns: str) -> dict[tuple[Any, ...], int]:
        """How many rows there are of each combination of the columns' values."""
        if not all(self.has(table, column) for column in columns):
            return {}
        names = ", ".join(quoted(column) for column in columns)
        cursor = self._connection.execute(f"SELECT count(*), {names} FROM {quoted(table)} GROUP BY {names}")  # noqa: S608
        return {tuple(values): count for count, *values in cursor}

    def every_table(self) -> list[str]:
        """The names of all tables that hold rows themselves, SQLite's own too, sorted."""
        found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name")
        return [name for (name,) in found]

    def definitions(self) -> str:
        """Hash of how every table, index, view and trigger is defined."""
        found = self._connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name, tbl_name")
        return hashlib.sha256(repr(found.fetchall()).encode("utf-8", "surrogatepass")).hexdigest()

    def content(self, table: str) -> tuple[int, str]:
        """The number of a table's rows, and a hash of every value with its type, whatever the order of the rows.

        Holds one row at a time. NULL, 0, 0.0, "" and an empty BLOB are five values; a row that is there twice counts twice.
        """
        before, self._connection.text_factory = self._connection.text_factory, _Text
        try:
            cursor = self._connection.execute(f"SELECT {self._selected(table)} FROM {quoted(table)}")  # noqa: S608 - quoted
            names = repr([column[0] for column in cursor.description])
            count, total = 0, 0
            for row in cursor:
                count += 1
                total += int.from_bytes(
                    hashlib.sha256(repr([(type(value).__name__, value) for value in row]).encode()).digest(), "big"
                )
        finally:
            self._connection.text_factory = before
        return count, hashlib.sha256(f"{names}{count}:{total % _MODULUS}".encode()).hexdigest()

    def _stored(self, table: str) -> list[str]:
        """Read the columns that a table has; none for one that is not there."""
        return [row[1] for row in self._connection.execute(f"PRAGMA table_info({quoted(table)})")]

    def _selected(self, table: str) -> str:  # noqa: ARG002
        """Write the columns whose values are compared, for a SELECT."""
        return "*"

    def fault(self) -> str | None:
        """What SQLite's integrity check finds first; None for a sound database."""
        try:
            (first,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return str(error)
        return None if first == "ok" else str(first)


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """Open a copy that is not written to. Raises Damaged when it cannot be read as a database."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            # Text that is no UTF-8 is a value to compare like any other, and no reason to have no backup.
            connection.text_factory = _decoded
            yield Database(connection)
    except sqlite3.DatabaseError as error:
        raise Damaged(
            f"{path.name} cannot be read: {error}", hint="this copy is damaged: verify another backup, and take a full"
        ) from error


def quoted(name: str) -> str:
    """Write a name as SQLite reads it."""
    return '"' + name.replace('"', '""') + '"'


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")

"""Opens a copy of grafana.db and reads its rows as dictionaries, whichever version wrote them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from backups.errors import Damaged

Row = dict[str, Any]

FILE = "grafana.db"


class Database:
    """Tables that a version does not have read as empty; a column that it does not have is absent from its rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        """The names of its tables, sorted, without SQLite's own."""
        return [
            name
            for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if not name.startswith("sqlite_")
        ]

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is this table, or this column of it."""
        columns = [row[1] for row in self._connection.execute(f"PRAGMA table_info({_quoted(table)})")]
        return bool(columns) if column is None else column in columns

    def rows(self, table: str, order: str = "id") -> list[Row]:
        """Every row, ordered by a column where it has it."""
        return list(self.each(table, order))

    def each(self, table: str, order: str = "id") -> Iterator[Row]:
        """The same one by one, for tables that may be long."""
        if not self.has(table):
            return
        by = f" ORDER BY {_quoted(order)}" if self.has(table, order) else ""
        cursor = self._connection.execute(f"SELECT * FROM {_quoted(table)}{by}")  # noqa: S608 - quoted identifiers
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def counts(self, table: str, *columns: str) -> dict[tuple[Any, ...], int]:
        """How many rows there are of each combination of the columns' values."""
        if not all(self.has(table, column) for column in columns):
            return {}
        names = ", ".join(_quoted(column) for column in columns)
        cursor = self._connection.execute(f"SELECT count(*), {names} FROM {_quoted(table)} GROUP BY {names}")  # noqa: S608
        return {tuple(values): count for count, *values in cursor}

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
            yield Database(connection)
    except sqlite3.DatabaseError as error:
        raise Damaged(
            f"{path.name} cannot be read: {error}", hint="this copy is damaged: verify another backup, and take a full"
        ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

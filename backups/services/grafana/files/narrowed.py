"""Shows an upgraded database as the version before it would have: of its tables those columns that they had then.

So a column that was added is no change of a row, and a value that was changed is one. Tables that were added are all there.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from backups.services.grafana.files.database import Database, Row, quoted

Columns = Mapping[str, Sequence[str]]


def columns(path: Path) -> Columns:
    """Return the columns of every table of a database, in their order."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        database = Database(connection)
        return {table: database.columns(table) for table in database.every_table()}


def armed(upgraded: Path, before: Path) -> None:
    """Write the mark that a copy takes from data sources (`configuration.disarm`) back as it was `before`."""
    with closing(sqlite3.connect(before)) as old, closing(sqlite3.connect(upgraded)) as new, new:
        if Database(old).has("data_source", "is_prunable") and Database(new).has("data_source", "is_prunable"):
            marks = old.execute("SELECT is_prunable, id FROM data_source").fetchall()
            new.executemany("UPDATE data_source SET is_prunable = ? WHERE id = ?", marks)


class Narrowed(Database):
    """See Database; `before`: the columns of the version before."""

    def __init__(self, database: Database, before: Columns) -> None:
        super().__init__(database.connection)
        self._before = before

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is this table, or this column, and the version before had it too, where it had the table."""
        return super().has(table, column) and (column is None or column in self._before.get(table, [column]))

    def columns(self, table: str) -> list[str]:
        """The columns that the version before had, where it had the table; one that is gone is not among them."""
        there = super().columns(table)
        return [column for column in self._before.get(table, there) if column in there]

    def each(self, table: str, order: str = "id") -> Iterator[Row]:
        """See Database."""
        if not self.has(table):
            return
        kept = set(self.columns(table))
        for row in super().each(table, order):
            yield Row(table, ((name, value) for name, value in row.items() if name in kept))

    def _selected(self, table: str) -> str:
        """Write the columns for a SELECT; all of them of a table that is new."""
        return ", ".join(quoted(column) for column in self.columns(table)) if table in self._before else "*"

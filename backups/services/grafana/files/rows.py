"""Reads a Grafana's database out of a database server into a file, so that everything that reads a grafana.db reads it, too."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from backups.services.joined import Table


def write(tables: Iterator[Table], path: Path) -> int:
    """Write the tables into a new file that only its owner reads; returns how many there were.

    Numbers, text and bytes stay what they are, and times become the text that Grafana writes into SQLite.
    """
    path.touch(mode=0o600)
    count = 0
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, columns, rows in tables:
            count += 1
            written = ", ".join(map(_quoted, columns))
            connection.execute(f"CREATE TABLE {_quoted(name)} ({written})")
            places = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {_quoted(name)} VALUES ({places})",  # noqa: S608 - quoted identifiers
                ([_value(value) for value in row] for row in rows),
            )
    return count


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value) if isinstance(value, Decimal | timedelta | date) else value

"""GF_DATABASE_TYPE=mysql: the tables of a MySQL database, read once when the stand-in starts, and served from a file.

What is saved here is not written back: a real Grafana would.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

TYPE = "mysql"
_PORT = "3306"
_TABLES = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"


def read(server: Mapping[str, str], password: str, path: Path) -> None:
    """Read every table of the database `server["name"]` into a new file at `path`; raises what the driver raises."""
    import pymysql

    host, _, port = server["host"].partition(":")
    path.unlink(missing_ok=True)
    connection = pymysql.connect(
        host=host, port=int(port or _PORT), user=server["user"], password=password, database=server["name"], charset="utf8mb4"
    )
    with closing(connection), closing(sqlite3.connect(path)) as target, target, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT * FROM `{table}`")
            names = [column[0] for column in cursor.description or ()]
            target.execute(f"CREATE TABLE `{table}` ({', '.join(f'`{name}`' for name in names)})")
            rows = [[_value(value) for value in row] for row in cursor.fetchall()]
            target.executemany(f"INSERT INTO `{table}` VALUES ({', '.join('?' * len(names))})", rows)


def _value(value: Any) -> Any:
    """Numbers, text and bytes as they are; times as Grafana writes them into SQLite."""
    return value if value is None or isinstance(value, int | float | str | bytes) else str(value)

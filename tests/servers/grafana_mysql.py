"""Puts a grafana.db into a real MySQL, with the types that Grafana's own migrations give its tables there."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.servers.mysql import MySQLServer

_TYPES = {
    "INTEGER": "BIGINT",
    "BIGINT": "BIGINT",
    "BOOLEAN": "TINYINT(1)",
    "BOOL": "TINYINT(1)",
    "DATETIME": "DATETIME",
    "BLOB": "LONGBLOB",
    "REAL": "DOUBLE",
}
"""All else is LONGTEXT."""


def load(path: Path, server: MySQLServer, database: str) -> None:
    """Make the database, with every table and row of the file; a column `id` that is a number is its table's primary key."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as source:
        source.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        tables = [
            name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if name[:7] != "sqlite_"
        ]
        server.sql(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        with server.connect(database) as session, session.cursor() as cursor:
            session.begin()
            for table in tables:
                columns = [(row[1], row[2].upper().partition("(")[0]) for row in source.execute(f'PRAGMA table_info("{table}")')]
                written = [f"`{name}` {_TYPES.get(kind, 'LONGTEXT')}" for name, kind in columns]
                key = [", PRIMARY KEY (`id`)"] if ("id", "INTEGER") in columns else []
                cursor.execute(f"CREATE TABLE `{table}` ({', '.join(written)}{''.join(key)})")
                rows = source.execute(f'SELECT * FROM "{table}"').fetchall()
                if rows:
                    cursor.executemany(f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(columns))})", rows)
            session.commit()

"""SQLite has few doors: a database of somebody else's is opened by the program that first becomes that user."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from backups.places import sqlite_program

ROOT = Path(__file__).parents[3]
DOORS = {
    "backups/places/sqlite_program.py": "a live database, as its owner",
    "backups/services/grafana/files/database.py": "a copy of ours, immutable: no journal of it is looked for",
    "backups/services/grafana/files/configuration.py": "a copy of ours, alone in a new directory",
    "backups/services/grafana/files/narrowed.py": "copies of ours, out of reach of any container",
    "backups/services/grafana/files/rows.py": "a new file of ours, before any container has anything there",
    "verification/damage/grafana.py": "a copy to be damaged, alone in its directory, before any container starts on it",
}

OTHERS = ("sqlite3.dbapi2", "dbm", "shelve", "apsw")

NAMED = re.compile("sqlite3|dbm|shelve|apsw")
"""A module that opens a database has one of these words in it; one without is not parsed."""


def opens(text: str) -> Iterator[int]:
    """The lines where a module may open a database: `connect` of sqlite3, by whatever name, and dbm or shelve."""
    if not NAMED.search(text):
        return
    for node in ast.walk(ast.parse(text)):
        connects = isinstance(node, ast.Attribute) and ast.unparse(node) == "sqlite3.connect"
        named = isinstance(node, ast.ImportFrom) and node.module in ("sqlite3", *OTHERS)
        renamed = isinstance(node, ast.Import) and any(
            each.name in OTHERS or (each.name == "sqlite3" and each.asname) for each in node.names
        )
        if connects or named or renamed:
            yield node.lineno


def test_every_door_is_known() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("backups", "verification", "tasks", "flows")
        for path in (ROOT / folder).rglob("*.py")
        if list(opens(path.read_text()))
    }
    assert found == set(DOORS)


@pytest.mark.parametrize("line", ["import sqlite3\nsqlite3.connect('x')", "from sqlite3 import connect", "import sqlite3 as s"])
def test_a_door_is_seen(line: str) -> None:
    """The check above can fail."""
    assert list(opens(line))


@pytest.mark.parametrize(
    ("directory", "file", "reader"),
    [
        ((472, 0o755), (472, 0), (472, 0)),
        ((0, 0o755), (472, 472), (472, 472)),
        ((472, 0o777), (1000, 0), (1000, 0)),
        ((472, 0o755), (0, 0), (472, 0)),
        ((0, 0o777), (0, 0), (65534, 0)),
        ((0, 0o775), (0, 472), (65534, 472)),
        ((0, 0o1777), (0, 0), (65534, 0)),
        ((0, 0o755), (0, 0), (0, 0)),
        ((0, 0o700), (0, 0), (0, 0)),
    ],
)
def test_root_reads_only_where_root_alone_writes(
    directory: tuple[int, int], file: tuple[int, int], reader: tuple[int, int]
) -> None:
    """User and mode of the directory, user and group of the database -> who reads it."""

    class Status:
        def __init__(self, user: int, group: int, mode: int) -> None:
            self.st_uid, self.st_gid, self.st_mode = user, group, mode

    directory_status, file_status = Status(directory[0], 0, directory[1]), Status(*file, 0o640)
    assert sqlite_program.reader(cast("os.stat_result", directory_status), cast("os.stat_result", file_status)) == reader

"""Makes the journal that a SQLite left which died in a transaction, and one that names another file to be deleted."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

ROWS = 60
_MAGIC = bytes.fromhex("d9d505f920a163d7")
_PAGE = 1024
_LOCK_PAGE = 2**30 // _PAGE + 1


def make(database: Path, *, names: str = "") -> None:
    """Make a database of `ROWS` rows "before", some of them overwritten in a transaction that was never committed.

    names: a file that its journal calls the "super-journal": who plays the journal back deletes it
    """
    model = database.with_name("model.db")
    with closing(sqlite3.connect(model, isolation_level=None)) as live:
        live.execute("PRAGMA synchronous = OFF")
        live.execute(f"PRAGMA page_size = {_PAGE}")
        live.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
        live.executemany("INSERT INTO t VALUES (?, ?)", [(number, "before" + "-" * 600) for number in range(ROWS)])
        live.execute("PRAGMA cache_size = 5")
        live.execute("BEGIN IMMEDIATE")
        live.execute("UPDATE t SET x = 'after' || substr(x, 6)")
        shutil.copy(model, database)
        shutil.copy(model.with_name("model.db-journal"), database.with_name(f"{database.name}-journal"))
        live.execute("ROLLBACK")
    model.unlink()
    if names:
        name = names.encode()
        record = _LOCK_PAGE.to_bytes(4, "big") + name + len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + _MAGIC
        with database.with_name(f"{database.name}-journal").open("ab") as journal:
            journal.write(record)

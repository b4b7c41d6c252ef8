"""Where a grafana.db keeps dashboards and folders: `tables` (up to 12.3) or `resources` (12.4 and newer). `opened` tells which."""

import sqlite3

from .base import Author, Dashboard, Folder, Store, UidTakenError
from .resources import ResourceStore
from .tables import TableStore

__all__ = ["Author", "Dashboard", "Folder", "ResourceStore", "Store", "TableStore", "UidTakenError", "opened"]


def opened(connection: sqlite3.Connection) -> Store:
    """The store of this database. Asks the database each time: an upgrade may have moved everything since the last answer."""
    connection.row_factory = sqlite3.Row
    migrated = connection.execute("SELECT name FROM sqlite_master WHERE name = 'unifiedstorage_migration_log'").fetchone()
    if migrated:
        (done,) = connection.execute(
            "SELECT count(*) FROM unifiedstorage_migration_log WHERE migration_id LIKE '%folders and dashboards%' AND success = 1"
        ).fetchone()
        if done:
            return ResourceStore(connection)
    return TableStore(connection)

"""A new grafana.db, as Grafana makes one when it starts and finds none: one organisation, its administrator, nothing else.

Only when the environment names the first user's password: a stand-in that was to serve a backup and does not find it says so.
"""

import logging
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from .passwords import hashed
from .settings import Settings
from .storage.base import stamp

log = logging.getLogger("standin")
_SCHEMAS = ("schema.sql", "schema-unified.sql")
DEFAULT_ALERTING = '{"alertmanager_config": {"route": {"receiver": "empty", "group_by": ["grafana_folder", "alertname"]}, "receivers": [{"name": "empty"}]}}'
"""What 12.4 begins with: a receiver that tells nobody."""


def create(settings: Settings) -> None:
    """Make the database in the layout of 12.4 and newer, unless there is one."""
    if settings.database.exists() or not settings.first_password:
        return
    log.info("creating an empty database path=%s", settings.database)
    part = settings.database.with_suffix(".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as connection, connection:
        for schema in _SCHEMAS:
            connection.executescript((Path(__file__).parents[1] / schema).read_text())
        now, salt = stamp(datetime.now(UTC)), secrets.token_hex(5)
        for table, names in (("migration_log", ("create migration_log table",)),
                             ("unifiedstorage_migration_log", ("folders and dashboards migration", "playlists migration"))):  # fmt: skip
            for name in names:
                connection.execute(
                    f"INSERT INTO {table} (migration_id, sql, success, error, timestamp) VALUES (?, '', 1, '', ?)", (name, now)
                )
        connection.execute("INSERT INTO org (version, name, created, updated) VALUES (0, 'Main Org.', ?, ?)", (now, now))
        connection.execute(
            "INSERT INTO user (version, login, email, name, password, salt, rands, org_id, is_admin, created, updated, uid, last_seen_at)"
            " VALUES (0, ?, ?, '', ?, ?, '', 1, 1, ?, ?, ?, ?)",
            (settings.admin_user, f"{settings.admin_user}@localhost", hashed(settings.first_password, salt), salt, now, now, "u-admin", now),
        )  # fmt: skip
        connection.execute(
            "INSERT INTO org_user (org_id, user_id, role, created, updated) VALUES (1, 1, 'Admin', ?, ?)", (now, now)
        )
        connection.execute(
            "INSERT INTO alert_configuration (alertmanager_configuration, configuration_version, created_at, `default`, org_id)"
            " VALUES (?, 'v1', 0, 1, 1)",
            (DEFAULT_ALERTING,),
        )
    part.chmod(0o640)
    part.replace(settings.database)

"""Changes a grafana.db that no server writes to, as tests and the demo do to a source, or to a copy whose damage must be found."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from .content.dashboards import dashboard, metric, panel
from .database import ADMIN, BEGINNING
from .server.creation import DEFAULT_ALERTING
from .server.storage import Folder, Store, opened
from .server.storage.base import stamp


@contextmanager
def _store(path: Path) -> Iterator[tuple[sqlite3.Connection, Store]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection, opened(connection)


def add_dashboard(
    path: Path,
    uid: str,
    title: str,
    *,
    folder_uid: str = "",
    spec: dict[str, Any] | None = None,
    org_id: int = 1,
    now: datetime = BEGINNING,
) -> None:
    """Save a dashboard; without `spec`, one with a single panel. One that exists gets its next version."""
    with _store(path) as (_, store):
        store.save_dashboard(
            org_id, uid, spec or dashboard(uid, title, [panel(1, "stat", "Up", [metric("up")])]), folder_uid, ADMIN, now
        )


def add_folder(path: Path, uid: str, title: str, *, parent_uid: str = "", org_id: int = 1, now: datetime = BEGINNING) -> None:
    """Create a folder."""
    with _store(path) as (_, store):
        store.save_folder(org_id, Folder(0, uid, title, parent_uid), ADMIN, now)


def change_panel(path: Path, uid: str, panel_id: int, *, org_id: int = 1, now: datetime = BEGINNING, **changes: Any) -> None:
    """Change keys of one panel (also inside a collapsed row) and save. Raises KeyError when there is no such dashboard or panel."""
    with _store(path) as (_, store):
        found = next((board for board in store.dashboards(org_id) if board.uid == uid), None)
        if found is None:
            raise KeyError(uid)
        panels = [inner for outer in found.spec.get("panels", []) for inner in (outer, *outer.get("panels", []))]
        chosen = next((one for one in panels if one["id"] == panel_id), None)
        if chosen is None:
            raise KeyError(panel_id)
        chosen |= changes
        store.save_dashboard(org_id, uid, found.spec, found.folder_uid, ADMIN, now, api_version=found.api_version)


def delete_dashboard(path: Path, uid: str, *, org_id: int = 1, now: datetime = BEGINNING) -> None:
    """Delete a dashboard, as the server would. Raises KeyError when there is none."""
    with _store(path) as (_, store):
        store.delete_dashboard(org_id, uid, now)


def delete_rows(path: Path, table: str, where: str) -> int:
    """Delete rows behind the server's back; gives their number, so that a test can see that it broke something."""
    with _store(path) as (connection, _):
        return connection.execute(f"DELETE FROM `{table}` WHERE {where}").rowcount


def reset_alerting(path: Path, *, org_id: int = 1) -> int:
    """Put back the configuration that an organisation's Alertmanager begins with; gives the number of rows that it changed."""
    with _store(path) as (connection, _):
        return connection.execute(
            "UPDATE alert_configuration SET alertmanager_configuration = ? WHERE org_id = ?", (DEFAULT_ALERTING, org_id)
        ).rowcount


def add_service_account(path: Path, name: str, role: str, token: str, *, org_id: int = 1, now: datetime = BEGINNING) -> None:
    """A service account whose token is known."""
    with _store(path) as (connection, _):
        login, when = f"sa-{org_id}-{name}", stamp(now)
        number = connection.execute(
            "INSERT INTO user (version, login, email, name, password, salt, org_id, is_admin, created, updated, is_service_account, uid)"
            " VALUES (0, ?, ?, ?, '', '', ?, 0, ?, ?, 1, ?)",
            (login, login, name, org_id, when, when, f"{login}-uid"),
        ).lastrowid
        connection.execute(
            "INSERT INTO org_user (org_id, user_id, role, created, updated) VALUES (?, ?, ?, ?, ?)",
            (org_id, number, role, when, when),
        )
        connection.execute(
            "INSERT INTO api_key (org_id, name, `key`, role, created, updated, service_account_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (org_id, f"{name}-token", hashlib.sha256(token.encode()).hexdigest(), role, when, when, number),
        )

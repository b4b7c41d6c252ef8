"""Grafana up to 12.3: `dashboard` (folders among them), `folder` since 10, `dashboard_version`."""

import json
import sqlite3
from datetime import datetime
from typing import Any

from .base import CLASSIC, Author, Dashboard, Folder, UidTakenError, rfc3339, slug, stamp


class TableStore:
    """Reads tables of version 8 and newer, whichever columns they have; writes those of 11 and 12."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(sql, values)]

    def _has(self, table: str) -> bool:
        return bool(self._rows("SELECT 1 FROM sqlite_master WHERE name = ?", table))

    def folders(self, org_id: int, uid: str | None = None) -> list[Folder]:
        """Folders of the dashboard table, with what the folder table adds: the parent and the description."""
        more = (
            {row["uid"]: row for row in self._rows("SELECT * FROM folder WHERE org_id = ?", org_id)}
            if self._has("folder")
            else {}
        )
        found = [
            Folder(
                id=row["id"], uid=row["uid"], title=row["title"], version=row["version"], created=rfc3339(row["created"]),
                updated=rfc3339(row["updated"]), parent_uid=more.get(row["uid"], {}).get("parent_uid") or "",
                description=more.get(row["uid"], {}).get("description") or "",
            )
            for row in self._rows("SELECT * FROM dashboard WHERE org_id = ? AND is_folder = 1 AND uid = coalesce(?, uid)", org_id, uid)
        ]  # fmt: skip
        return sorted(found, key=lambda folder: (folder.title, folder.uid))

    def dashboards(self, org_id: int, uid: str | None = None) -> list[Dashboard]:
        """Every row that is not a folder and not in the bin."""
        folders = {row["id"]: row["uid"] for row in self._rows("SELECT id, uid FROM dashboard WHERE is_folder = 1")}
        files = {row["dashboard_id"]: row["external_id"] for row in self._rows("SELECT * FROM dashboard_provisioning")}
        only = ("", ()) if uid is None else (" AND uid = ?", (uid,))  # by its index: one is asked for thousands of times
        rows = self._rows(
            f"SELECT * FROM dashboard WHERE org_id = ? AND is_folder = 0{only[0]} ORDER BY title, uid", org_id, *only[1]
        )
        return [
            Dashboard(
                id=row["id"], uid=row["uid"], title=row["title"], version=row["version"], spec=json.loads(row["data"]),
                folder_uid=row.get("folder_uid") or folders.get(row["folder_id"], ""), created=rfc3339(row["created"]),
                updated=rfc3339(row["updated"]), provisioned_from=files.get(row["id"]),
                api_version=f"dashboard.grafana.app/{row['api_version']}" if row.get("api_version") else CLASSIC,
            )
            for row in rows if not row.get("deleted")
        ]  # fmt: skip

    def deleted_dashboards(self, org_id: int) -> list[Dashboard]:
        """Nothing: these versions have no bin."""
        del org_id
        return []

    def _refuse(self, org_id: int, uid: str, *, is_folder: int) -> None:
        if self._rows("SELECT 1 FROM dashboard WHERE org_id = ? AND uid = ? AND is_folder = ?", org_id, uid, is_folder):
            raise UidTakenError(uid)

    def save_folder(self, org_id: int, folder: Folder, author: Author, now: datetime) -> Folder:
        """A folder is a row in both tables."""
        self._refuse(org_id, folder.uid, is_folder=0)
        data = json.dumps({"schemaVersion": 17, "title": folder.title, "uid": folder.uid, "version": 1}, separators=(",", ":"))
        parent = self._rows("SELECT id FROM dashboard WHERE org_id = ? AND uid = ? AND is_folder = 1", org_id, folder.parent_uid)
        self.connection.execute(
            "INSERT INTO dashboard (version, slug, title, data, org_id, created, updated, updated_by, created_by, gnet_id, plugin_id,"
            " folder_id, is_folder, has_acl, uid, folder_uid) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, 1, 0, ?, ?)",
            (slug(folder.title), folder.title, data, org_id, stamp(now), stamp(now), author.id, author.id,
             parent[0]["id"] if parent else 0, folder.uid, folder.parent_uid or None),
        )  # fmt: skip
        self.connection.execute(
            "INSERT INTO folder (uid, org_id, title, description, parent_uid, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (folder.uid, org_id, folder.title, folder.description, folder.parent_uid or None, stamp(now), stamp(now)),
        )
        return self.folders(org_id, folder.uid)[0]

    def change_folder(self, org_id: int, folder: Folder, author: Author, now: datetime) -> Folder:
        """Title, description and parent, in both tables."""
        parent = self._rows("SELECT id FROM dashboard WHERE org_id = ? AND uid = ? AND is_folder = 1", org_id, folder.parent_uid)
        self.connection.execute(
            "UPDATE dashboard SET title = ?, slug = ?, folder_id = ?, folder_uid = ?, updated = ?, updated_by = ?, version = version + 1"
            " WHERE org_id = ? AND uid = ? AND is_folder = 1",
            (folder.title, slug(folder.title), parent[0]["id"] if parent else 0, folder.parent_uid or None, stamp(now), author.id,
             org_id, folder.uid),
        )  # fmt: skip
        self.connection.execute(
            "UPDATE folder SET title = ?, description = ?, parent_uid = ?, updated = ? WHERE org_id = ? AND uid = ?",
            (folder.title, folder.description, folder.parent_uid or None, stamp(now), org_id, folder.uid),
        )
        return self.folders(org_id, folder.uid)[0]

    def save_dashboard(
        self, org_id: int, uid: str, spec: dict[str, Any], folder_uid: str, author: Author, now: datetime, message: str = "",
        api_version: str | None = None,
    ) -> Dashboard:  # fmt: skip
        """The row, with `id`, `uid` and `version` inside its JSON as well, and one more row of history."""
        self._refuse(org_id, uid, is_folder=1)
        known = self._rows("SELECT * FROM dashboard WHERE org_id = ? AND uid = ? AND is_folder = 0", org_id, uid)
        folder = self._rows("SELECT id FROM dashboard WHERE org_id = ? AND uid = ? AND is_folder = 1", org_id, folder_uid)
        version = known[0]["version"] + 1 if known else 1
        common = (
            version,
            slug(spec["title"]),
            spec["title"],
            folder[0]["id"] if folder else 0,
            folder_uid or None,
            stamp(now),
            author.id,
        )
        if known:
            identifier = known[0]["id"]
            self.connection.execute(
                "UPDATE dashboard SET version = ?, slug = ?, title = ?, folder_id = ?, folder_uid = ?, updated = ?, updated_by = ? WHERE id = ?",
                (*common, identifier),
            )
        else:
            identifier = self.connection.execute(
                "INSERT INTO dashboard (version, slug, title, folder_id, folder_uid, updated, updated_by, data, org_id, created, created_by,"
                " gnet_id, plugin_id, is_folder, has_acl, uid, api_version) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, 0, '', 0, 0, ?, ?)",
                (*common, org_id, stamp(now), author.id, uid, (api_version or "").rpartition("/")[2]),
            ).lastrowid
        data = json.dumps(spec | {"id": identifier, "uid": uid, "version": version}, separators=(",", ":"), sort_keys=True)
        self.connection.execute("UPDATE dashboard SET data = ? WHERE id = ?", (data.encode(), identifier))
        self.connection.execute("DELETE FROM dashboard_tag WHERE dashboard_id = ?", (identifier,))
        self.connection.executemany(
            "INSERT INTO dashboard_tag (dashboard_id, term, dashboard_uid, org_id) VALUES (?, ?, ?, ?)",
            [(identifier, tag, uid, org_id) for tag in spec.get("tags") or []],
        )
        self.connection.execute(
            "INSERT INTO dashboard_version (dashboard_id, parent_version, restored_from, version, created, created_by, message, data)"
            " VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
            (identifier, version - 1, version, stamp(now), author.id, message, data),
        )
        return self.dashboards(org_id, uid)[0]

    def delete_dashboard(self, org_id: int, uid: str, now: datetime) -> None:
        """The row, its history and its tags."""
        rows = self._rows("SELECT id FROM dashboard WHERE org_id = ? AND uid = ? AND is_folder = 0", org_id, uid)
        if not rows:
            raise KeyError(uid)
        for table, column in (("dashboard", "id"), ("dashboard_version", "dashboard_id"), ("dashboard_tag", "dashboard_id")):
            self.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (rows[0]["id"],))

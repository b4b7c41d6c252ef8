"""Grafana 12.4 and newer keeps dashboards and folders as objects in `resource`, and each save in `resource_history`."""

import json
import sqlite3
import uuid
from datetime import UTC, datetime
from typing import Any

from .base import Author, Dashboard, Folder

CREATED, UPDATED, DELETED = 1, 2, 3
_DASHBOARDS = ("dashboard.grafana.app", "dashboards")
_FOLDERS = ("folder.grafana.app", "folders")
_OLD_API = "dashboard.grafana.app/v0alpha1"  # what /api/dashboards/db saves
_KINDS = {_DASHBOARDS: "Dashboard", _FOLDERS: "Folder"}


def namespace(org_id: int) -> str:
    """The namespace of an organisation."""
    return "default" if org_id == 1 else f"org-{org_id}"


class ResourceStore:
    """Objects by group, kind, namespace and name; `name` is what everyone calls the uid, `metadata.uid` is another thing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def _objects(self, kind: tuple[str, str], org_id: int, name: str | None = None) -> list[tuple[dict[str, Any], int]]:
        only, value = ("", ()) if name is None else (" AND name = ?", (name,))
        rows = self.connection.execute(
            f"SELECT value, resource_version FROM resource WHERE namespace = ? AND `group` = ? AND resource = ?{only}",
            (namespace(org_id), *kind, *value),
        )
        return [(json.loads(row[0]), row[1]) for row in rows]

    def folders(self, org_id: int, uid: str | None = None) -> list[Folder]:
        """The parent of a folder is the annotation `grafana.app/folder`."""
        found = []
        for item, version in self._objects(_FOLDERS, org_id, uid):
            metadata, spec = item["metadata"], item["spec"]
            found.append(
                Folder(
                    id=_old_id(metadata), uid=metadata["name"], title=spec["title"], parent_uid=_annotation(metadata, "folder"),
                    description=spec.get("description", ""), version=metadata.get("generation", 1), created=metadata["creationTimestamp"],
                    updated=_annotation(metadata, "updatedTimestamp") or metadata["creationTimestamp"],
                    metadata=metadata | {"resourceVersion": str(version)},
                )
            )  # fmt: skip
        return sorted(found, key=lambda folder: (folder.title, folder.uid))

    def dashboards(self, org_id: int, uid: str | None = None) -> list[Dashboard]:
        """Each in the API version it was saved in."""
        found = [_dashboard(item, version) for item, version in self._objects(_DASHBOARDS, org_id, uid)]
        return sorted(found, key=lambda dashboard: (dashboard.title, dashboard.uid))

    def deleted_dashboards(self, org_id: int) -> list[Dashboard]:
        """What is in the bin: the last state of each dashboard that is gone."""
        rows = self.connection.execute(
            "SELECT value, resource_version, name FROM resource_history AS h WHERE `group` = ? AND resource = ? AND namespace = ? AND action = ?"
            " AND NOT EXISTS (SELECT 1 FROM resource AS r WHERE r.`group` = h.`group` AND r.resource = h.resource"
            " AND r.namespace = h.namespace AND r.name = h.name) ORDER BY resource_version",
            (*_DASHBOARDS, namespace(org_id), DELETED),
        ).fetchall()
        newest = {name: (json.loads(value), version) for value, version, name in rows}
        return [_dashboard(*newest[name]) for name in sorted(newest)]

    def save_folder(self, org_id: int, folder: Folder, author: Author, now: datetime) -> Folder:
        """Save it as the API version that 12.4 writes."""
        spec = {"title": folder.title, "description": folder.description}
        self._save(
            _FOLDERS,
            org_id,
            folder.uid,
            spec,
            folder.parent_uid,
            api_version="folder.grafana.app/v1beta1",
            author=author,
            now=now,
        )
        return self.folders(org_id, folder.uid)[0]

    def change_folder(self, org_id: int, folder: Folder, author: Author, now: datetime) -> Folder:
        """A save is a save: the object's next generation."""
        return self.save_folder(org_id, folder, author, now)

    def save_dashboard(
        self, org_id: int, uid: str, spec: dict[str, Any], folder_uid: str, author: Author, now: datetime, message: str = "",
        api_version: str | None = None,
    ) -> Dashboard:  # fmt: skip
        """The spec carries no `id`, `uid` or `version`: those are metadata here."""
        bare = {key: value for key, value in spec.items() if key not in {"id", "uid", "version"}}
        self._save(
            _DASHBOARDS,
            org_id,
            uid,
            bare,
            folder_uid,
            api_version=api_version or _OLD_API,
            author=author,
            now=now,
            message=message,
        )
        return self.dashboards(org_id, uid)[0]

    def delete_dashboard(self, org_id: int, uid: str, now: datetime) -> None:
        """The object goes; its history stays and gains the deletion."""
        key = (*_DASHBOARDS, namespace(org_id), uid)
        where = "WHERE `group` = ? AND resource = ? AND namespace = ? AND name = ?"
        row = self.connection.execute(f"SELECT value, folder FROM resource {where}", key).fetchone()
        if row is None:
            raise KeyError(uid)
        self.connection.execute(f"DELETE FROM resource {where}", key)
        item = json.loads(row[0])
        self._remember(
            _DASHBOARDS,
            org_id,
            uid,
            row[0],
            DELETED,
            row[1],
            item["metadata"].get("generation", 1),
            next_version(self.connection, _DASHBOARDS, now),
        )

    def _save(
        self, kind: tuple[str, str], org_id: int, uid: str, spec: dict[str, Any], folder_uid: str, *, api_version: str, author: Author,
        now: datetime, message: str = "",
    ) -> None:  # fmt: skip
        known = next((item for item, _ in self._objects(kind, org_id, uid)), None)
        version = next_version(self.connection, kind, now)
        when = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if known is None:
            generation = 1
            metadata: dict[str, Any] = {
                "name": uid, "namespace": namespace(org_id), "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{org_id}/{uid}")), "generation": 1,
                "creationTimestamp": when, "labels": {"grafana.app/deprecatedInternalID": str(version % 10**15)},
                "annotations": {"grafana.app/createdBy": f"user:{author.uid}"},
            }  # fmt: skip
        else:
            metadata = known["metadata"]
            generation = metadata.get("generation", 1) + (known["spec"] != spec)
            metadata["generation"] = generation
            metadata["annotations"] |= {"grafana.app/updatedBy": f"user:{author.uid}", "grafana.app/updatedTimestamp": when}
        if folder_uid:
            metadata["annotations"]["grafana.app/folder"] = folder_uid
        else:
            metadata["annotations"].pop("grafana.app/folder", None)
        if message:
            metadata["annotations"]["grafana.app/message"] = message
        value = {"kind": _KINDS[kind], "apiVersion": api_version, "metadata": metadata, "spec": spec, "status": {}}
        blob = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        action = CREATED if known is None else UPDATED
        self.connection.execute("DELETE FROM resource WHERE `group` = ? AND resource = ? AND namespace = ? AND name = ?",
                                (*kind, namespace(org_id), uid))  # fmt: skip
        self.connection.execute(
            "INSERT INTO resource (guid, resource_version, `group`, resource, namespace, name, value, action, previous_resource_version, folder)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (_guid(kind, org_id, uid, version), version, *kind, namespace(org_id), uid, blob, action, folder_uid),
        )
        self._remember(kind, org_id, uid, blob, action, folder_uid, generation, version)

    def _remember(
        self,
        kind: tuple[str, str],
        org_id: int,
        uid: str,
        value: bytes,
        action: int,
        folder_uid: str,
        generation: int,
        version: int,
    ) -> None:
        (previous,) = self.connection.execute(
            "SELECT coalesce(max(resource_version), 0) FROM resource_history WHERE `group` = ? AND resource = ? AND namespace = ? AND name = ?",
            (*kind, namespace(org_id), uid),
        ).fetchone()
        self.connection.execute(
            "INSERT INTO resource_history (guid, resource_version, `group`, resource, namespace, name, value, action,"
            " previous_resource_version, folder, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _guid(kind, org_id, uid, version),
                version,
                *kind,
                namespace(org_id),
                uid,
                value,
                action,
                previous,
                folder_uid,
                generation,
            ),
        )


def next_version(connection: sqlite3.Connection, kind: tuple[str, str], now: datetime) -> int:
    """The next resource version of a kind: microseconds since 1970, and always more than the last one."""
    row = connection.execute("SELECT resource_version FROM resource_version WHERE `group` = ? AND resource = ?", kind).fetchone()
    version = max(int(now.timestamp() * 1_000_000), (row[0] if row else 0) + 1)
    connection.execute(
        "INSERT OR REPLACE INTO resource_version (`group`, resource, resource_version) VALUES (?, ?, ?)", (*kind, version)
    )
    return version


def _dashboard(item: dict[str, Any], resource_version: int) -> Dashboard:
    metadata = item["metadata"]
    manager = _annotation(metadata, "managedBy")
    return Dashboard(
        id=_old_id(metadata), uid=metadata["name"], title=item["spec"].get("title", ""), folder_uid=_annotation(metadata, "folder"),
        version=metadata.get("generation", 1), spec=item["spec"], api_version=item["apiVersion"], created=metadata["creationTimestamp"],
        updated=_annotation(metadata, "updatedTimestamp") or metadata["creationTimestamp"],
        metadata=metadata | {"resourceVersion": str(resource_version)},
        provisioned_from=_annotation(metadata, "sourcePath") if manager.startswith("classic-file") else None,
    )  # fmt: skip


def _guid(kind: tuple[str, str], org_id: int, uid: str, version: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}/{org_id}/{uid}/{version}"))


def _old_id(metadata: dict[str, Any]) -> int:
    return int(metadata.get("labels", {}).get("grafana.app/deprecatedInternalID", 0))


def _annotation(metadata: dict[str, Any], name: str) -> str:
    return str(metadata.get("annotations", {}).get(f"grafana.app/{name}", "") or "")

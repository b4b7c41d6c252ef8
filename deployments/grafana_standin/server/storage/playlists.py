"""Playlists: rows of `playlist` up to 12.3, objects in `resource` where the server has moved them.

A database that was only half moved has both, and both are read; new ones go where the move put the others.
"""

import json
import sqlite3
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from .base import Author
from .resources import namespace, next_version

KIND = ("playlist.grafana.app", "playlists")
API_VERSION = "playlist.grafana.app/v1"
_WHERE = "WHERE `group` = ? AND resource = ? AND namespace = ? AND name = ?"


@dataclass(frozen=True)
class Playlist:
    """A playlist; `items` are (type, value), in order. `metadata` is the object's own, None for a row of the table; `number` is the row's."""

    uid: str
    name: str
    interval: str
    items: tuple[tuple[str, str], ...]
    metadata: dict[str, Any] | None = None
    number: int = 0

    @property
    def spec(self) -> dict[str, Any]:
        """The object's spec."""
        shown = [{"type": kind, "value": value} for kind, value in self.items]
        return {"title": self.name, "interval": self.interval, "items": shown}


class Playlists:
    """The playlists of one organisation."""

    def __init__(self, connection: sqlite3.Connection, org_id: int) -> None:
        self._connection = connection
        self._org_id = org_id

    def every(self) -> list[Playlist]:
        """All of them, by name."""
        return sorted([*self._rows(), *self._objects()], key=lambda one: (one.name, one.uid))

    def one(self, uid: str) -> Playlist | None:
        """The one with this uid."""
        return next((one for one in self.every() if one.uid == uid), None)

    def save(self, wanted: Playlist, author: Author, now: datetime) -> Playlist:
        """Create it, or change the one with its uid, where that one is."""
        known = self.one(wanted.uid)
        if known.metadata is None if known else not self._moved():
            self._save_row(wanted, known, now)
        else:
            self._save_object(wanted, known, author, now)
        saved = self.one(wanted.uid)
        assert saved is not None
        return saved

    def _has(self, table: str) -> bool:
        return self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None

    def _moved(self) -> bool:
        if not self._has("playlist"):
            return True
        return self._has("unifiedstorage_migration_log") and bool(
            self._connection.execute(
                "SELECT 1 FROM unifiedstorage_migration_log WHERE migration_id LIKE '%playlists%' AND success = 1"
            ).fetchone()
        )

    def _rows(self) -> list[Playlist]:
        if not self._has("playlist"):
            return []
        found = []
        for row in map(dict, self._connection.execute("SELECT * FROM playlist WHERE org_id = ?", (self._org_id,)).fetchall()):
            items = self._connection.execute(
                "SELECT type, value FROM playlist_item WHERE playlist_id = ? ORDER BY `order`", (row["id"],)
            ).fetchall()
            shown = tuple((item[0], item[1]) for item in items)
            found.append(Playlist(row.get("uid") or str(row["id"]), row["name"], row["interval"], shown, number=row["id"]))
        return found

    def _objects(self) -> list[Playlist]:
        if not self._has("resource"):
            return []
        rows = self._connection.execute(
            "SELECT value, resource_version FROM resource WHERE `group` = ? AND resource = ? AND namespace = ?",
            (*KIND, namespace(self._org_id)),
        ).fetchall()
        found = []
        for value, version in rows:
            item = json.loads(value)
            spec, metadata = item["spec"], item["metadata"] | {"resourceVersion": str(version)}
            shown = tuple((one["type"], one["value"]) for one in spec.get("items") or [])
            found.append(Playlist(metadata["name"], spec["title"], spec["interval"], shown, metadata))
        return found

    def _save_row(self, wanted: Playlist, known: Playlist | None, now: datetime) -> None:
        moment = int(now.timestamp() * 1000)
        if known is None:
            number = self._connection.execute(
                "INSERT INTO playlist (name, interval, org_id, uid, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
                (wanted.name, wanted.interval, self._org_id, wanted.uid, moment, moment),
            ).lastrowid
        else:
            number = known.number
            self._connection.execute(
                "UPDATE playlist SET name = ?, interval = ?, updated_at = ? WHERE id = ?",
                (wanted.name, wanted.interval, moment, number),
            )
        self._connection.execute("DELETE FROM playlist_item WHERE playlist_id = ?", (number,))
        self._connection.executemany(
            "INSERT INTO playlist_item (playlist_id, type, value, title, `order`) VALUES (?, ?, ?, '', ?)",
            [(number, kind, value, order) for order, (kind, value) in enumerate(wanted.items, 1)],
        )

    def _save_object(self, wanted: Playlist, known: Playlist | None, author: Author, now: datetime) -> None:
        version = next_version(self._connection, KIND, now)
        metadata = (known.metadata if known else None) or {
            "name": wanted.uid, "namespace": namespace(self._org_id), "generation": 0,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"playlist/{self._org_id}/{wanted.uid}")),
            "creationTimestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "annotations": {"grafana.app/createdBy": f"user:{author.uid}"},
        }  # fmt: skip
        changed = known is None or replace(known, metadata=None) != replace(wanted, metadata=None)
        metadata = {key: value for key, value in metadata.items() if key != "resourceVersion"}
        metadata["generation"] = metadata.get("generation", 1) + changed
        value = {"kind": "Playlist", "apiVersion": API_VERSION, "metadata": metadata, "spec": wanted.spec, "status": {}}
        key = (*KIND, namespace(self._org_id), wanted.uid)
        self._connection.execute(f"DELETE FROM resource {_WHERE}", key)
        self._connection.execute(
            "INSERT INTO resource (guid, resource_version, `group`, resource, namespace, name, value, action, previous_resource_version, folder)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, '')",
            (str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key}/{version}")), version, *key,
             json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), 1 if known is None else 2),
        )  # fmt: skip

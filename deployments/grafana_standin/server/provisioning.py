"""What a real server does to its database by itself, once it runs: providers of dashboards, provisioned data sources, clean-up.

- At the start: dashboards whose provider is in no file any more go; data sources of `datasources/*.yaml` are made or written anew,
  those of `deleteDatasources` go, and those that a file with `prune: true` once made and none names now.
- Every `updateIntervalSeconds` (10): a provider saves what is new or changed below its directory, and deletes its dashboards whose
  file is gone, unless `disableDeletion`. Where the directory itself is not there, it says so and leaves its dashboards alone.
- Every 30 s (GF_STANDIN_CLEANUP_SECONDS): stars, annotations and public links of dashboards that were deleted since the last time go.
"""

import json
import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from .storage import opened
from .storage.base import Author, stamp
from .storage.resources import DELETED, ResourceStore, namespace

log = logging.getLogger("standin")
_NOBODY = Author(id=0, uid="")
_MANAGED = "classic-file-provisioning"
_LOOK_SECONDS = 0.1
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

Connect = Callable[..., sqlite3.Connection]


@dataclass
class Provider:
    """A provider of a file below `dashboards/`. `due`: when it looks next, by the clock that never goes back."""

    name: str
    organisation: int
    directory: Path
    seconds: float
    keeps: bool
    due: float = 0.0


class Provisioning(threading.Thread):
    """Runs beside the server until the process ends. connect: opens the database, `write=…`. rounds: how often it has looked."""

    def __init__(self, environment: Mapping[str, str], connect: Connect) -> None:
        super().__init__(name="provisioning", daemon=True)
        self._directory = Path(environment.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning"))
        self._environment = environment
        self._connect = connect
        self._cleanup = float(environment.get("GF_STANDIN_CLEANUP_SECONDS", "30"))
        self._ended = threading.Event()
        self.rounds = 0

    def stop(self) -> None:
        """Look no more; `join` waits for the last look."""
        self._ended.set()

    def run(self) -> None:
        """Provide, look, and clean up."""
        providers = list(self._providers())
        started, cleaned, said = False, time.monotonic(), ""
        while not self._ended.is_set():
            try:
                if not started:
                    self._write(lambda connection: self._start(connection, providers))
                    started = True
                for one in (one for one in providers if one.due <= time.monotonic()):
                    self._write(lambda connection, one=one: _look(connection, one))  # type: ignore[misc]
                    one.due = time.monotonic() + one.seconds
                if time.monotonic() - cleaned >= self._cleanup:
                    cleaned = time.monotonic()
                    self._write(_clean_up)
            except (sqlite3.Error, OSError, ValueError) as error:
                if str(error) != said:
                    log.warning("provisioning failed error=%r", str(error))
                said = str(error)
            self.rounds += 1
            self._ended.wait(_LOOK_SECONDS)

    def _write(self, change: Callable[[sqlite3.Connection], None]) -> None:
        with closing(self._connect(write=True)) as connection, connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN IMMEDIATE")
            change(connection)

    def _files(self, kind: str) -> Iterator[Any]:
        """Each file's content, with the environment filled in; one that is no YAML is said and skipped."""
        for path in sorted((self._directory / kind).glob("*.y*ml")):
            try:
                yield yaml.safe_load(self._filled(path.read_text(encoding="utf-8")))
            except (yaml.YAMLError, OSError, ValueError) as error:
                log.warning("can't read provisioning file path=%s error=%r", path, str(error))

    def _filled(self, text: str) -> str:
        """Fill the environment's variables in; one that is not set is empty."""
        return _VARIABLE.sub(lambda found: self._environment.get(found[1] or found[2], ""), text)

    def _providers(self) -> Iterator[Provider]:
        for content in self._files("dashboards"):
            for one in (content or {}).get("providers") or ():
                options = one.get("options") or {}
                path = options.get("path") or options.get("folder")
                if path:
                    seconds = float(one.get("updateIntervalSeconds") or 10)
                    yield Provider(
                        str(one["name"]), int(one.get("orgId") or 1), Path(path), seconds, bool(one.get("disableDeletion"))
                    )

    def _start(self, connection: sqlite3.Connection, providers: list[Provider]) -> None:
        store = opened(connection)
        known = {(one.organisation, one.name) for one in providers}
        for organisation in _organisations(connection):
            for uid, name, _ in _managed(connection, organisation):
                if (organisation, name) not in known:
                    log.info("deleted orphaned dashboard uid=%s provider=%s", uid, name)
                    store.delete_dashboard(organisation, uid, datetime.now(UTC))
        wanted = []
        for content in self._files("datasources"):
            for gone in (content or {}).get("deleteDatasources") or ():
                _delete_source(connection, int(gone.get("orgId") or 1), str(gone["name"]))
            for source in (content or {}).get("datasources") or ():
                wanted.append((int(source.get("orgId") or 1), str(source["name"])))
                _save_source(connection, source, prune=bool((content or {}).get("prune")))
        for row in connection.execute("SELECT org_id, name FROM data_source WHERE is_prunable = 1").fetchall():
            if (row["org_id"], row["name"]) not in wanted:
                _delete_source(connection, row["org_id"], row["name"])


def _organisations(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM org")]


def _managed(connection: sqlite3.Connection, organisation: int) -> list[tuple[str, str, str]]:
    """Uid, provider and file of each provisioned dashboard of an organisation, in either layout."""
    if isinstance(opened(connection), ResourceStore):
        found = []
        rows = connection.execute(
            "SELECT name, value FROM resource WHERE namespace = ? AND resource = 'dashboards'", (namespace(organisation),)
        )
        for row in rows:
            notes = json.loads(row["value"])["metadata"].get("annotations") or {}
            if str(notes.get("grafana.app/managedBy", "")).startswith("classic-file"):
                found.append((row["name"], str(notes.get("grafana.app/managerId")), str(notes.get("grafana.app/sourcePath"))))
        return found
    rows = connection.execute(
        "SELECT d.uid, p.name, p.external_id FROM dashboard_provisioning p JOIN dashboard d ON d.id = p.dashboard_id WHERE d.org_id = ?",
        (organisation,),
    )
    return [tuple(row) for row in rows]


def _look(connection: sqlite3.Connection, provider: Provider) -> None:
    """Take what the provider's directory holds over."""
    if not provider.directory.is_dir():
        log.error("failed to search for dashboards provider=%s path=%s: no such directory", provider.name, provider.directory)
        return
    store, now = opened(connection), datetime.now(UTC)
    files = {
        str(path): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(provider.directory.rglob("*.json"))
        if not any(part.startswith(".") for part in path.relative_to(provider.directory).parts[:-1])
    }
    for uid, name, path in _managed(connection, provider.organisation):
        if name == provider.name and path not in files and not provider.keeps:
            log.info("deleted provisioned dashboard uid=%s path=%s", uid, path)
            store.delete_dashboard(provider.organisation, uid, now)
    known = {path: uid for uid, name, path in _managed(connection, provider.organisation) if name == provider.name}
    for path, spec in files.items():
        uid = str(spec.get("uid") or known.get(path) or Path(path).stem)
        held = next(iter(store.dashboards(provider.organisation, uid)), None)
        if held is None or path not in known or _bare(held.spec) != _bare(spec):
            saved = store.save_dashboard(provider.organisation, uid, spec, held.folder_uid if held else "", _NOBODY, now)
            _mark(connection, provider, uid, saved.id, path)


def _bare(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in {"id", "uid", "version"}}


def _mark(connection: sqlite3.Connection, provider: Provider, uid: str, number: int, path: str) -> None:
    """Note which provider made a dashboard, and of which file."""
    if not isinstance(opened(connection), ResourceStore):
        connection.execute("DELETE FROM dashboard_provisioning WHERE dashboard_id = ?", (number,))
        connection.execute(
            "INSERT INTO dashboard_provisioning (dashboard_id, name, external_id, updated) VALUES (?, ?, ?, ?)",
            (number, provider.name, path, int(time.time())),
        )
        return
    key = (namespace(provider.organisation), uid)
    row = connection.execute(
        "SELECT value, resource_version FROM resource WHERE namespace = ? AND name = ? AND resource = 'dashboards'", key
    ).fetchone()
    value = json.loads(row["value"])
    value["metadata"]["annotations"] |= {
        "grafana.app/managedBy": _MANAGED, "grafana.app/managerId": provider.name, "grafana.app/sourcePath": path,
    }  # fmt: skip
    blob = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    for table in ("resource", "resource_history"):
        connection.execute(
            f"UPDATE {table} SET value = ? WHERE namespace = ? AND name = ? AND resource_version = ?",
            (blob, *key, row["resource_version"]),
        )


def _delete_source(connection: sqlite3.Connection, organisation: int, name: str) -> None:
    log.info("deleted datasource based on configuration name=%s", name)
    connection.execute("DELETE FROM data_source WHERE org_id = ? AND name = ?", (organisation, name))
    connection.execute("DELETE FROM secrets WHERE org_id = ? AND namespace = ? AND type = 'datasource'", (organisation, name))


def _save_source(connection: sqlite3.Connection, source: Mapping[str, Any], *, prune: bool) -> None:
    """Make or change one; its secrets stay as they are, since this server seals none."""
    organisation, name, now = int(source.get("orgId") or 1), str(source["name"]), stamp(datetime.now(UTC))
    values = {
        "type": str(source["type"]), "url": str(source.get("url") or ""), "access": str(source.get("access") or "proxy"),
        "json_data": json.dumps(source.get("jsonData") or {}), "is_default": int(bool(source.get("isDefault"))),
        "user": str(source.get("user") or ""), "database": str(source.get("database") or ""),
        "read_only": int(not source.get("editable")), "is_prunable": int(prune), "updated": now,
    }  # fmt: skip
    found = connection.execute("SELECT id FROM data_source WHERE org_id = ? AND name = ?", (organisation, name)).fetchone()
    if found:
        columns = ", ".join(f"`{column}` = ?" for column in values)
        connection.execute(
            f"UPDATE data_source SET {columns}, version = version + 1 WHERE id = ?", (*values.values(), found["id"])
        )
        return
    row = values | {
        "org_id": organisation, "name": name, "uid": str(source.get("uid") or name), "version": 1, "created": now, "basic_auth": 0,
        "secure_json_data": "{}", "password": "", "basic_auth_user": "", "basic_auth_password": "", "api_version": "",
    }  # fmt: skip
    columns = ", ".join(f"`{column}`" for column in row)
    connection.execute(f"INSERT INTO data_source ({columns}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


def _clean_up(connection: sqlite3.Connection) -> None:
    """Tidy up after dashboards that were deleted since the last time."""
    if not isinstance(opened(connection), ResourceStore):
        return
    noted = connection.execute(
        "SELECT value FROM kv_store WHERE namespace = 'dashboard-cleanup' AND key = 'last-resource-version'"
    ).fetchone()
    last = int(noted["value"]) if noted and str(noted["value"]).isdigit() else 0
    rows = connection.execute(
        "SELECT namespace, name, resource_version FROM resource_history WHERE resource = 'dashboards' AND action = ?"
        " AND resource_version > ? ORDER BY resource_version",
        (DELETED, last),
    ).fetchall()
    for row in rows:
        organisation = 1 if row["namespace"] == "default" else int(row["namespace"].removeprefix("org-"))
        for table in ("star", "annotation", "dashboard_public"):
            connection.execute(f"DELETE FROM {table} WHERE org_id = ? AND dashboard_uid = ?", (organisation, row["name"]))
        last = row["resource_version"]
    if rows:
        connection.execute(
            "UPDATE kv_store SET value = ? WHERE namespace = 'dashboard-cleanup' AND key = 'last-resource-version'", (str(last),)
        )

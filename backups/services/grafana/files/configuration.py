"""Writes the configuration of a restored Grafana, and keeps its server from deleting what the source's provisioning made.

The source's own grafana.ini is not used as it is: it may want certificates, mail servers, single sign-on and other ports. Of
it, only what decides how the database is read is taken over.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from backups.errors import Damaged
from backups.services.grafana import server
from backups.services.grafana.canonical import parse, sortable
from backups.services.grafana.files import in_force, ini, secrets
from backups.services.grafana.files.database import FILE, Database
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.outside import SECRET_KEY

_KEPT: Mapping[str, tuple[str, ...] | None] = {
    "security": ("secret_key", "encryption_provider", "available_encryption_providers"),
    "unified_alerting": ("enabled", "disabled_orgs"),
    "alerting": ("enabled",),
    "feature_toggles": None,
}
"""Sections and keys of the source's grafana.ini that a copy needs; None for all keys. `[unified_storage…]` sections too."""
_STORAGE = re.compile(r"unified_storage(\.[\w-]+)*", re.ASCII)
_SETTING = re.compile(r"[\w.-]+", re.ASCII)
_PLACE = re.compile(r"path|file|dir|address|host|url|cert|token|key", re.IGNORECASE)
"""In a name of the unified storage's: what says where something is, or lets somebody in. A copy has it all in its database."""


def kept(found: InForce) -> list[tuple[str, str]]:
    """Section and key of the settings that a copy needs, of those that are set."""
    named = {(section, key) for section, keys in _KEPT.items() for key in keys or () if found.setting(section, key)}
    return sorted(named | {(section, key) for section, key in found.names() if _is_kept(section, key)})


def write_configuration(directory: Path, found: InForce, database: Database) -> None:
    """Write the copy's grafana.ini and provisioning into its data directory.

    A value that is not known is left out, and so is one that Grafana would fill in from elsewhere: a copy has neither the
    source's environment nor its files, and a server that misses such a file ends.
    """
    lines: list[str] = []
    last = None
    for section, key in kept(found):
        setting = found.setting(section, key)
        readings = setting.readings if setting else ()
        if len(readings) > 1 and (section, key) == SECRET_KEY:
            readings = (secrets.judge(database, readings).key or readings[0],)
        value = ini.written(readings[0]) if readings and not in_force.expands(readings[0]) else None
        if value is None:
            continue
        lines += [f"[{section}]"] if section != last else []
        lines.append(f"{key} = {value}")
        last = section
    path = directory / server.INI
    path.touch(mode=0o600)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    providers = directory / server.PROVISIONING / "dashboards"
    providers.mkdir(parents=True)
    (providers / "lifeboat.yaml").write_text(yaml.safe_dump({"apiVersion": 1, "providers": _providers(database)}))


def _is_kept(section: str, key: str) -> bool:
    """Return whether a copy needs this setting. The file is foreign: names that a writer could not write as one are none."""
    if _STORAGE.fullmatch(section):
        return _SETTING.fullmatch(key) is not None and not _PLACE.search(key)
    keys = _KEPT.get(section, ())
    return _SETTING.fullmatch(key) is not None if keys is None else key in keys


def disarm(path: Path) -> None:
    """Keep the copy's server from deleting data sources when it starts: those marked `is_prunable` go unless a provisioning file
    names them. The source's files are not used, since they may fill in passwords from an environment that a copy has not.
    """
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            if Database(connection).has("data_source", "is_prunable"):
                connection.execute("UPDATE data_source SET is_prunable = 0 WHERE is_prunable <> 0")
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{FILE} of the backup cannot be used: {error}", hint="verify another backup, and take a full") from error


def provided(database: Database) -> int:
    """How many dashboards and data sources came from provisioning files: a server that is not given these deletes them."""
    boards = len(database.rows("dashboard_provisioning")) + sum(1 for _ in _from_files(database))
    pruned = [row for row in database.rows("data_source") if row.get("is_prunable")]
    return boards + len(pruned)


def _from_files(database: Database) -> Iterator[tuple[int, str]]:
    """Organisation and provider of each object of unified storage that a provider has made of a file."""
    for row in database.each("resource", order="name"):
        value = parse(row["value"])
        metadata = value.get("metadata") if isinstance(value, dict) else None
        annotations = (metadata or {}).get("annotations") or {}
        if str(annotations.get("grafana.app/managedBy", "")).startswith("classic-file"):
            namespace = str(row["namespace"]).removeprefix("org-")
            yield int(namespace) if namespace.isdigit() else 1, str(annotations.get("grafana.app/managerId"))


def _providers(database: Database) -> list[dict[str, Any]]:
    """A provider of dashboards for each name that the database knows, with nothing to provide.

    A server deletes, when it starts, every provisioned dashboard whose provider it is not given (`CleanUpOrphanedDashboards`);
    those of a provider whose directory is not there it leaves alone.
    """
    organisations = {row["id"]: row["org_id"] for row in database.rows("dashboard")}
    names = {(organisations.get(row["dashboard_id"], 1), row["name"]) for row in database.rows("dashboard_provisioning")}
    names |= set(_from_files(database))
    return [
        {"name": name, "orgId": organisation, "type": "file", "options": {"path": f"{server.INSIDE}/lifeboat-no-such-directory"}}
        for organisation, name in sorted(names, key=lambda name: sortable(*name))
    ]

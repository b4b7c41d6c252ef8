"""States what unified storage keeps of an object besides its spec: who manages it, its description, all that was saved before."""

import hashlib
from collections.abc import Iterator
from typing import Any

from backups.services.grafana.files.database import Database
from backups.services.grafana.namespaces import organisation_of
from backups.witness import Fact

_KINDS = {"dashboard.grafana.app/dashboards": "dashboard", "folder.grafana.app/folders": "folder"}


def facts(database: Database) -> Iterator[Fact]:
    """A hash of each object as it is stored, and one of its history; objects of the bin have a history only."""
    there = set()
    for row in database.each("resource", order="name"):
        subject = _subject(row)
        if subject not in there:
            yield Fact(subject, "stored object", _hash(row["value"], row.get("folder"), row.get("action")))
        there.add(subject)
    history: dict[str, Any] = {}
    for row in database.each("resource_history", order="resource_version"):
        hashed = history.setdefault(_subject(row), hashlib.sha256())
        hashed.update(_hash(row["value"], row.get("folder"), row["action"]).encode())
    for subject, hashed in history.items():
        where = "" if subject in there else " (bin)"
        yield Fact(f"{subject}{where}", "saved before", hashed.hexdigest())
    yield from _versions(database)


def _versions(database: Database) -> Iterator[Fact]:
    """The same of dashboards that are in a table of their own."""
    owners = {row["id"]: row for row in database.each("dashboard")}
    kept: dict[int, Any] = {}
    for row in database.each("dashboard_version"):
        hashed = kept.setdefault(row["dashboard_id"], hashlib.sha256())
        hashed.update(_hash(row["version"], row["data"], row["message"]).encode())
    for number, hashed in kept.items():
        if owner := owners.get(number):
            yield Fact(f"org {owner['org_id']} dashboard {owner['uid']}", "versions before", hashed.hexdigest())


def _subject(row: dict[str, Any]) -> str:
    kind = f"{row['group']}/{row['resource']}"
    return f"org {organisation_of(row['namespace'])} {_KINDS.get(kind, kind)} {row['name']}"


def _hash(*values: object) -> str:
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()

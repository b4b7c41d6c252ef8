"""Reads library panels (and, in versions that had them, library variables), and puts them back."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Body, Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import folder_uid
from backups.services.grafana.client import Client
from backups.services.grafana.references import Targets, missing
from backups.witness import Fact

_FROM_SERVER = frozenset({"libraryPanel", "id"})
"""What the server writes into a library panel's model: whose it is."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in client.counted_pages("api", "library-elements", inside="result", name="elements", size="perPage"):
        key = Key(organisation, kinds.LIBRARY_PANEL, str(one["uid"]))
        folder = one.get("folderUid") or (one.get("meta") or {}).get("folderUid")
        body = {name: one.get(name) for name in ("uid", "name", "kind", "model")}
        objects.bodies[key] = body | {"folderUid": folder_uid(folder)}
        objects.numbers[key] = one.get("version")


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.LIBRARY_PANEL):
        with target.putting(key):
            if had is None:
                client.send("POST", "api", "library-elements", body=body)
            elif not LIBRARY_PANELS.same(had, body):
                version = target.number(organisation, kinds.LIBRARY_PANEL, key.name)
                client.send("PATCH", "api", "library-elements", key.name, body=body | {"version": version})


def _compared(body: Body) -> Body:
    if not isinstance(body.get("model"), Mapping):
        return body
    return body | {"model": {name: value for name, value in body["model"].items() if name not in _FROM_SERVER}}


def _facts(subject: str, body: Mapping[str, Any], targets: Targets) -> Iterator[Fact]:
    yield Fact(subject, "missing", missing(body.get("model"), str(body.get("folderUid") or ""), targets))


LIBRARY_PANELS = Resource(
    kind=kinds.LIBRARY_PANEL,
    read=_read,
    put=_put,
    compared=_compared,
    facts=_facts,
    counted=True,
    content=True,
)

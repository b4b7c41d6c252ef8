"""Reads data sources with the names of their secrets, and puts them back: secrets that are there stay, a new one has none."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import CALLER, COUNTER, DERIVED, NUMBER, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, as_list, member


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in as_list(client.get("api", "datasources")):
        uid = str(one["uid"])
        try:
            answer = client.get("api", "datasources", "uid", uid)
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        body = without(answer, DATA_SOURCES.not_kept)
        body["secureJsonFields"] = sorted(name for name, there in (answer.get("secureJsonFields") or {}).items() if there)
        objects.bodies[Key(organisation, kinds.DATA_SOURCE, uid)] = body


def _put(target: Target, organisation: int) -> None:
    client, mine = target.within(organisation), target.wanted.of(organisation, kinds.DATA_SOURCE)
    for key, body, had in target.each(organisation, kinds.DATA_SOURCE):
        sent = without(body, DATA_SOURCES.not_compared)
        with target.putting(key):
            if had is None:
                made = member(client.send("POST", "api", "datasources", body=sent), "datasource") or {}
                # The first one of an organisation becomes its default, whatever is sent.
                if made.get("isDefault") and not any(one.get("isDefault") for one in mine.values()):
                    client.send("PUT", "api", "datasources", "uid", key.name, body=sent)
            elif not DATA_SOURCES.same(had, body):
                client.send("PUT", "api", "datasources", "uid", key.name, body=sent)


def _secrets(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f" ({body.get('name')}): {name}" for name in body.get("secureJsonFields") or [])


DATA_SOURCES = Resource(
    kind=kinds.DATA_SOURCE,
    read=_read,
    put=_put,
    not_kept={
        **dict.fromkeys(("id", "orgId"), NUMBER),
        "version": COUNTER,
        **dict.fromkeys(("accessControl", "canAdmin", "canDelete", "canEdit", "canSave"), CALLER),
        **dict.fromkeys(("typeLogoUrl", "typeName"), DERIVED),
    },
    not_compared={
        "secureJsonFields": "secrets do not come back; each is listed",
        "readOnly": "one that a file provides comes back as a person's",
    },
    secrets=_secrets,
    from_file=lambda body: bool(body.get("readOnly")),
    provider=lambda had, _: "a provisioning file" if had.get("readOnly") else None,
    counted=True,
    content=True,
)

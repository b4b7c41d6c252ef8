"""Reads mute timings, and puts them back."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import (
    COUNTER,
    PROVISIONING,
    Body,
    Resource,
    provenance_kept,
    provenance_of,
    without,
)
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in as_list(client.get(*PROVISIONING, "mute-timings")):
        objects.bodies[Key(organisation, kinds.MUTE_TIMING, str(one["name"]))] = without(one, MUTE_TIMINGS.not_kept)


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.MUTE_TIMING):
        if MUTE_TIMINGS.same(had, body):
            continue
        sent, whose = without(body, {"provenance": "sent by the header"}), bool(provenance_kept(body))
        with target.putting(key):
            if had is None:
                client.send("POST", *PROVISIONING, "mute-timings", body=sent, provenance=whose)
            else:
                client.send("PUT", *PROVISIONING, "mute-timings", key.name, body=sent, provenance=whose)


def _compared(body: Body) -> Body:
    return body | {"provenance": provenance_kept(body)}


MUTE_TIMINGS = Resource(
    kind=kinds.MUTE_TIMING,
    read=_read,
    put=_put,
    not_kept={"version": COUNTER},
    compared=_compared,
    from_file=lambda body: body.get("provenance") == "file",
    provider=provenance_of,
    counted=True,
    content=True,
)

"""Reads an organisation's tree of notification policies, and replaces it whole."""

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
from backups.services.grafana.client import Client, member


def _read(client: Client, organisation: int, objects: Objects) -> None:
    tree = client.get(*PROVISIONING, "policies")
    member(tree, "receiver")  # raises for an answer that is no object
    objects.bodies[Key(organisation, kinds.NOTIFICATION_POLICIES, "")] = without(tree, NOTIFICATION_POLICIES.not_kept)


def _put(target: Target, organisation: int) -> None:
    for key, body, had in target.each(organisation, kinds.NOTIFICATION_POLICIES):
        if NOTIFICATION_POLICIES.same(had, body):
            continue
        sent = without(body, {"provenance": "sent by the header"})
        with target.putting(key):
            target.within(organisation).send("PUT", *PROVISIONING, "policies", body=sent, provenance=bool(provenance_kept(body)))


def _compared(body: Body) -> Body:
    return body | {"provenance": provenance_kept(body)}


NOTIFICATION_POLICIES = Resource(
    kind=kinds.NOTIFICATION_POLICIES,
    read=_read,
    put=_put,
    not_kept={"version": COUNTER},
    compared=_compared,
    from_file=lambda body: body.get("provenance") == "file",
    provider=provenance_of,
)

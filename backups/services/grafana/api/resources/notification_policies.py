"""Reads an organisation's tree of notification policies, and replaces it whole."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import COUNTER, PROVENANCE, PROVISIONING, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, member


def _read(client: Client, organisation: int, objects: Objects) -> None:
    tree = client.get(*PROVISIONING, "policies")
    member(tree, "receiver")  # raises for an answer that is no object
    objects.bodies[Key(organisation, kinds.NOTIFICATION_POLICIES, "")] = without(tree, NOTIFICATION_POLICIES.not_kept)


def _put(target: Target, organisation: int) -> None:
    for key, body, had in target.each(organisation, kinds.NOTIFICATION_POLICIES):
        with target.putting(key):
            if had != body:
                target.within(organisation).send("PUT", *PROVISIONING, "policies", body=body)


NOTIFICATION_POLICIES = Resource(
    kind=kinds.NOTIFICATION_POLICIES,
    read=_read,
    put=_put,
    not_kept={"version": COUNTER, "provenance": PROVENANCE},
)

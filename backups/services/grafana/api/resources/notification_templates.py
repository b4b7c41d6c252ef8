"""Reads notification templates, and puts them back."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import PROVENANCE, PROVISIONING, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in as_list(client.get(*PROVISIONING, "templates")):
        key = Key(organisation, kinds.NOTIFICATION_TEMPLATE, str(one["name"]))
        objects.bodies[key] = without(one, NOTIFICATION_TEMPLATES.not_kept)


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.NOTIFICATION_TEMPLATE):
        with target.putting(key):
            if had != body:
                client.send("PUT", *PROVISIONING, "templates", key.name, body={"template": body.get("template")})


NOTIFICATION_TEMPLATES = Resource(
    kind=kinds.NOTIFICATION_TEMPLATE,
    read=_read,
    put=_put,
    not_kept={"version": "a hash of the text", "provenance": PROVENANCE},
    counted=True,
    content=True,
)

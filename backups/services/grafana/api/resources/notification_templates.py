"""Reads notification templates, and puts them back."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import PROVISIONING, Body, Resource, provenance_kept, provenance_of, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in as_list(client.get(*PROVISIONING, "templates")):
        key = Key(organisation, kinds.NOTIFICATION_TEMPLATE, str(one["name"]))
        objects.bodies[key] = without(one, NOTIFICATION_TEMPLATES.not_kept)


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.NOTIFICATION_TEMPLATE):
        if NOTIFICATION_TEMPLATES.same(had, body):
            continue
        sent, whose = {"template": body.get("template")}, bool(provenance_kept(body))
        with target.putting(key):
            client.send("PUT", *PROVISIONING, "templates", key.name, body=sent, provenance=whose)


def _compared(body: Body) -> Body:
    return body | {"provenance": provenance_kept(body)}


NOTIFICATION_TEMPLATES = Resource(
    kind=kinds.NOTIFICATION_TEMPLATE,
    read=_read,
    put=_put,
    not_kept={"version": "a hash of the text"},
    compared=_compared,
    from_file=lambda body: body.get("provenance") == "file",
    provider=provenance_of,
    counted=True,
    content=True,
)

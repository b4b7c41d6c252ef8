"""Reads service accounts with the names of their tokens, and puts them back without tokens, which have to be made anew."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, as_list

_OF_PLUGINS = "extsvc-"
"""How the names of accounts begin that Grafana makes for a plugin; it refuses such a name to everybody else."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in client.counted_pages("api", "serviceaccounts", "search", name="serviceAccounts"):
        if str(one["name"]).startswith(_OF_PLUGINS):
            objects.limits.append(
                f"org {organisation}: service account {one['name']}: Grafana makes it itself when its plugin is installed again"
            )
            continue
        key = Key(organisation, kinds.SERVICE_ACCOUNT, str(one["name"]))
        try:
            tokens = as_list(client.get("api", "serviceaccounts", str(one["id"]), "tokens")) if one.get("tokens") else []
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        objects.bodies[key] = {
            "name": one["name"],
            "role": one.get("role"),
            "isDisabled": bool(one.get("isDisabled")),
            "tokens": sorted(str(token.get("name")) for token in tokens),
        }
        objects.numbers[key] = one["id"]


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.SERVICE_ACCOUNT):
        sent = {"name": key.name, "role": body["role"], "isDisabled": body["isDisabled"]}
        with target.putting(key):
            if had is None:
                target.before.numbers[key] = client.send("POST", "api", "serviceaccounts", body=sent)["id"]
            elif not SERVICE_ACCOUNTS.same(had, body):
                client.send("PATCH", "api", "serviceaccounts", str(target.before.numbers[key]), body=sent)


def _secrets(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f": token {name}" for name in body.get("tokens") or [])


SERVICE_ACCOUNTS = Resource(
    kind=kinds.SERVICE_ACCOUNT,
    read=_read,
    put=_put,
    not_compared={"tokens": "tokens do not come back; each is listed"},
    secrets=_secrets,
    counted=True,
)

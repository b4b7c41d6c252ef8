"""Reads service accounts with the names of their tokens, and puts them back without tokens, which have to be made anew."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects, shortened
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import canonical
from backups.services.grafana.client import Client, Denied, Missing, Refused, as_list

_OF_PLUGINS = "extsvc-"
"""How the names of accounts begin that Grafana makes for a plugin; it refuses such a name to everybody else."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """Several may have one name, since it may be changed: they are numbered."""
    found: list[tuple[Any, dict[str, Any]]] = []
    for one in client.counted_pages("api", "serviceaccounts", "search", name="serviceAccounts"):
        if str(one["name"]).startswith(_OF_PLUGINS):
            objects.limits.append(
                f"org {organisation}: service account {one['name']}: Grafana makes it itself when its plugin is installed again"
            )
            continue
        try:
            tokens = as_list(client.get("api", "serviceaccounts", str(one["id"]), "tokens")) if one.get("tokens") else []
            shared = _shared_with(client, str(one["id"]))
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        if shared:
            objects.limits.append(
                f"org {organisation}: service account {one['name']}: permissions on it are not put back: {shortened(shared)}"
            )
        body = {
            "name": one["name"],
            "role": one.get("role"),
            "isDisabled": bool(one.get("isDisabled")),
            "tokens": sorted(str(token.get("name")) for token in tokens),
        }
        found.append((one["id"], body))
    for number, body in sorted(found, key=lambda one: canonical(one[1])):
        key = objects.free(Key(organisation, kinds.SERVICE_ACCOUNT, str(body["name"])))
        objects.bodies[key], objects.numbers[key] = body, number


def _shared_with(client: Client, number: str) -> list[str]:
    """To whom people gave something on a service account; nobody where the server or the caller has no such question."""
    try:
        answer = as_list(client.get("api", "access-control", "serviceaccounts", number))
    except (Denied, Missing, Refused):
        return []
    given = [one for one in answer if one.get("isManaged") and not one.get("isInherited")]
    return sorted(
        f"{one.get('userLogin') or one.get('team') or one.get('builtInRole')}: {one.get('permission')}" for one in given
    )


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.SERVICE_ACCOUNT):
        sent = {"name": body["name"], "role": body["role"], "isDisabled": body["isDisabled"]}
        with target.putting(key):
            if had is None:
                target.before.numbers[key] = _make(client, key, sent)
            elif not SERVICE_ACCOUNTS.same(had, body):
                client.send("PATCH", "api", "serviceaccounts", str(target.before.numbers[key]), body=sent)


def _make(client: Client, key: Key, sent: Mapping[str, Any]) -> Any:
    """The number of the new account. Its login follows from the first name that it gets, so a second of one name is renamed."""
    if key.name == sent["name"]:
        return client.send("POST", "api", "serviceaccounts", body=sent)["id"]
    number = client.send("POST", "api", "serviceaccounts", body={**sent, "name": key.name})["id"]
    client.send("PATCH", "api", "serviceaccounts", str(number), body=sent)
    return number


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

"""Reads contact points with their integrations, and puts them back: secrets that are there stay, others get a stand-in."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import PROVENANCE, PROVISIONING, Body, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, as_list

REDACTED: Final = "[REDACTED]"
"""What the server writes in place of a secret."""

_NO_SECRET, _NO_URL = "set-after-the-restore", "https://set-after-the-restore.invalid/"
"""What stands in for a secret, which is not in a backup: without one, some types are refused, and with them the policies and
rules that name them. The name `.invalid` leads nowhere (RFC 2606)."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """The API lists the integrations one by one, each with the name of its contact point."""
    points: dict[str, list[Body]] = {}
    for one in as_list(client.get(*PROVISIONING, "contact-points")):
        points.setdefault(str(one["name"]), []).append(without(one, CONTACT_POINTS.not_kept))
    for name, integrations in points.items():
        ordered = sorted(integrations, key=lambda one: (str(one.get("type")), str(one.get("uid"))))
        objects.bodies[Key(organisation, kinds.CONTACT_POINT, name)] = {"name": name, "integrations": ordered}


def _put(target: Target, organisation: int) -> None:
    """Create or change them, one integration after the other."""
    client = target.within(organisation)
    before = {
        str(one.get("uid")): one
        for body in target.before.of(organisation, kinds.CONTACT_POINT).values()
        for one in body["integrations"]
    }
    for key, body, had in target.each(organisation, kinds.CONTACT_POINT):
        if CONTACT_POINTS.same(had, body):
            continue
        for one in body["integrations"]:
            uid = str(one.get("uid") or "")
            with target.putting(key):
                if uid and uid in before:
                    client.send("PUT", *PROVISIONING, "contact-points", uid, body={"name": key.name, **one})
                else:
                    sent = {**one, "name": key.name, "settings": with_stand_ins(one.get("settings"))}
                    client.send("POST", *PROVISIONING, "contact-points", body=sent)


def with_stand_ins(value: Any, name: str = "") -> Any:
    """Settings in which every secret that was left out has a value that is none, yet of the right shape."""
    if value == REDACTED:
        return _NO_URL if name.lower().endswith("url") else _NO_SECRET
    if isinstance(value, Mapping):
        return {inner: with_stand_ins(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [with_stand_ins(member, name) for member in value]
    return value


def _compared(body: Body) -> Body:
    """The uid of one that nobody has edited is empty until it is restored; names are what policies and rules refer to."""
    integrations = [
        {name: _unredacted(value) for name, value in one.items() if name != "uid"} for one in body.get("integrations") or []
    ]
    return body | {"integrations": integrations}


def _unredacted(value: Any) -> Any:
    """A value without the members whose secret the server keeps to itself."""
    if isinstance(value, Mapping):
        return {name: _unredacted(inner) for name, inner in value.items() if inner != REDACTED}
    if isinstance(value, list):
        return [_unredacted(inner) for inner in value]
    return value


def _secrets(body: Mapping[str, Any]) -> Iterator[str]:
    for one in body.get("integrations") or []:
        yield from (f", {one.get('type')} {one.get('uid')}: {path}" for path in redacted(one.get("settings")))


def redacted(value: Any, at: str = "") -> list[str]:
    """Where in a value secrets were left out: `password`, `http_config.oauth2.client_secret`."""
    if value == REDACTED:
        return [at]
    if isinstance(value, Mapping):
        return [path for name, inner in sorted(value.items()) for path in redacted(inner, f"{at}.{name}" if at else str(name))]
    if isinstance(value, list):
        return [path for number, inner in enumerate(value) for path in redacted(inner, f"{at}[{number}]")]
    return []


CONTACT_POINTS = Resource(
    kind=kinds.CONTACT_POINT,
    read=_read,
    put=_put,
    not_kept={"provenance": PROVENANCE, "name": "it is the contact point's"},
    compared=_compared,
    secrets=_secrets,
    counted=True,
)

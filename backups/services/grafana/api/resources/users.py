"""Reads the server's users, and creates those that are missing.

Nobody who was there is removed; no password is known.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client

_DETAILS = ("login", "email", "name")


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in client.within(None).pages("api", "users", size="perpage"):
        key = Key(organisation, kinds.USER, str(one["login"]))
        objects.bodies[key] = {name: one.get(name) for name in (*_DETAILS, "isAdmin", "isDisabled")}
        objects.numbers[key] = one["id"]


def _put(target: Target, organisation: int) -> None:
    """Each new one gets a random password; the server's administrator may create users, nobody else."""
    if not target.administered:
        return
    wanted = target.wanted.of(0, kinds.USER)
    if not wanted:
        # A backup that was not taken by the server's administrator knows members only.
        wanted = {key.name: body for key, body in target.wanted.bodies.items() if key.kind == kinds.MEMBER}
    for login, body in wanted.items():
        key = Key(organisation, kinds.USER, login)
        with target.putting(key):
            _put_one(target, key, {name: body.get(name) or "" for name in _DETAILS}, body)


def _put_one(target: Target, key: Key, details: dict[str, str], body: Mapping[str, Any]) -> None:
    server, had = target.within(0), target.had(key)
    if had is None:
        homes = [organisation for organisation in target.numbers if key.name in target.wanted.of(organisation, kinds.MEMBER)]
        home = target.numbers[homes[0] if homes else min(target.numbers)]
        made = server.send(
            "POST", "api", "admin", "users", body={**details, "password": secrets.token_urlsafe(24), "orgId": home}
        )
        number = target.made[key.name] = int(made["id"])
        had = {**details, "isAdmin": False, "isDisabled": False}
    else:
        number = int(target.number(0, kinds.USER, key.name))
    if key.name == target.client.login:
        return  # the user who writes stays as they are
    if any((had.get(name) or "") != value for name, value in details.items()):
        server.send("PUT", "api", "users", str(number), body=details)
    if "isAdmin" in body and bool(body["isAdmin"]) != bool(had.get("isAdmin")):
        server.send("PUT", "api", "admin", "users", str(number), "permissions", body={"isGrafanaAdmin": bool(body["isAdmin"])})
    if "isDisabled" in body and bool(body["isDisabled"]) != bool(had.get("isDisabled")):
        server.send("POST", "api", "admin", "users", str(number), "disable" if body["isDisabled"] else "enable")


def _secrets(_: Mapping[str, Any]) -> Iterator[str]:
    yield ": password"


USERS = Resource(kind=kinds.USER, read=_read, put=_put, secrets=_secrets)

"""Reads the server's users, and creates those that are missing.

Nobody who was there is removed; no password is known.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.people import Accounts
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Denied, Missing, Refused, member

_DETAILS = ("login", "email", "name")


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in client.within(None).pages("api", "users", size="perpage"):
        key = Key(organisation, kinds.USER, str(one["login"]))
        objects.bodies[key] = {name: one.get(name) for name in (*_DETAILS, "isAdmin", "isDisabled")}
        objects.numbers[key] = one["id"]


def _put(target: Target, organisation: int) -> None:
    """Each new one gets a random password; the server's administrator may create users, nobody else.

    Those who are there come first, since what they are changed to may make way for others.
    """
    if not target.administered:
        return
    wanted = target.wanted.of(0, kinds.USER)
    if not wanted:
        # A backup that was not taken by the server's administrator knows members only.
        wanted = {key.name: body for key, body in target.wanted.bodies.items() if key.kind == kinds.MEMBER}
    there = {key.name: dict(body) for key, body in target.before.bodies.items() if key.kind == kinds.USER}
    for login, body in sorted(wanted.items(), key=lambda one: one[0] not in there):
        key = Key(organisation, kinds.USER, login)
        if key in target.left or key in target.refused or login in target.stands_in:
            continue
        details = {name: str(body.get(name) or "") for name in _DETAILS}
        if target.had(key) is None:
            held = Accounts(there).of(details)
            if held is not None and held not in target.made:
                _stand_in(target, key, held)
                continue
        elif held := Accounts({name: one for name, one in there.items() if name != login}).of({"email": details["email"]}):
            target.cannot(key, f"its e-mail {details['email']} is that of account {held} there: both are kept as they are")
            continue
        with target.putting(key):
            _put_one(target, key, details, body)
            there[login] = dict(body)


def _stand_in(target: Target, key: Key, held: str) -> None:
    target.stands_in[key.name] = held
    target.cannot(
        key, f"account {held} has its login or e-mail there: it is kept as it is, and gets what was given to {key.name}"
    )


def _put_one(target: Target, key: Key, details: dict[str, str], body: Mapping[str, Any]) -> None:
    server, had = target.within(0), target.had(key)
    if had is None:
        number = _create(target, key, details)
        if number is None:
            return
        had = {**details, "isAdmin": False, "isDisabled": False}
    else:
        number = int(target.number(0, kinds.USER, key.name))
    if key.name == target.client.login:
        if not USERS.same(had, body):
            target.cannot(key, "it is the user who restores, and stays as it is")
        return
    if any((had.get(name) or "") != value for name, value in details.items()):
        server.send("PUT", "api", "users", str(number), body=details)
    if "isAdmin" in body and bool(body["isAdmin"]) != bool(had.get("isAdmin")):
        server.send("PUT", "api", "admin", "users", str(number), "permissions", body={"isGrafanaAdmin": bool(body["isAdmin"])})
    if "isDisabled" in body and bool(body["isDisabled"]) != bool(had.get("isDisabled")):
        server.send("POST", "api", "admin", "users", str(number), "disable" if body["isDisabled"] else "enable")


def _create(target: Target, key: Key, details: dict[str, str]) -> int | None:
    """The number of the new user; None where the server knows an account of that login or e-mail that it did not list."""
    server = target.within(0)
    homes = [organisation for organisation in target.numbers if key.name in target.wanted.of(organisation, kinds.MEMBER)]
    home = target.numbers[homes[0] if homes else min(target.numbers)]
    sent = {**details, "password": _password(), "orgId": home}
    try:
        number = int(server.send("POST", "api", "admin", "users", body=sent)["id"])
    except Refused:
        found = _lookup(server, details)
        if found is None:
            raise
        target.before.numbers[Key(0, kinds.USER, found["login"])] = found["id"]
        _stand_in(target, key, found["login"])
        return None
    target.made[key.name] = number
    return number


def _password() -> str:
    """A random one that a server with `password_policy` takes: an upper and a lower letter, a number and a symbol, always."""
    return f"{secrets.token_urlsafe(24)}-aA1"


def _lookup(server: Client, details: Mapping[str, str]) -> dict[str, Any] | None:
    """The account of this login or e-mail, as the server itself finds it."""
    for name in (details["login"], details["email"]):
        if not name:
            continue
        try:
            found = server.get("api", "users", "lookup", loginOrEmail=name)
        except (Denied, Missing):
            continue
        return {"login": str(member(found, "login")), "id": int(member(found, "id"))}
    return None


def _secrets(_: Mapping[str, Any]) -> Iterator[str]:
    yield ": password"


USERS = Resource(kind=kinds.USER, read=_read, put=_put, secrets=_secrets)

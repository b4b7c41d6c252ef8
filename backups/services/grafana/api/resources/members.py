"""Reads who belongs to an organisation and as what, and lets the users into it again."""

from collections.abc import Mapping

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.people import Accounts
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in as_list(client.get("api", "org", "users")):
        key = Key(organisation, kinds.MEMBER, str(one["login"]))
        objects.bodies[key] = {name: one.get(name) for name in ("login", "email", "name", "role")}
        objects.numbers[key] = one["userId"]


def _put(target: Target, organisation: int) -> None:
    client, wanted = target.within(organisation), target.wanted.of(organisation, kinds.MEMBER)
    roles = {str(one["login"]): str(one["role"]) for one in as_list(client.get("api", "org", "users"))}
    if not target.administered:
        _recognise(target, organisation, roles)
    for key, body, _ in target.each(organisation, kinds.MEMBER):
        login, number = target.login(key.name), target.person(organisation, key.name)
        if number is None:
            target.cannot(key, "there is no such user, and only the server's administrator may create one: invite them")
            continue
        if login == target.client.login:
            if roles.get(login) != body["role"]:
                target.cannot(key, f"it is the user who restores, and stays what it is there: {roles.get(login) or 'no member'}")
            continue
        with target.putting(key):
            if login not in roles:
                client.send("POST", "api", "org", "users", body={"loginOrEmail": login, "role": body["role"]})
            elif roles[login] != body["role"]:
                client.send("PATCH", "api", "org", "users", str(number), body={"role": body["role"]})
    if wanted:
        _remove_who_passed_by(target, organisation, roles)


def _remove_who_passed_by(target: Target, organisation: int, roles: Mapping[str, str]) -> None:
    """Who was just created joined an organisation on the way, perhaps another one than theirs."""
    wanted = target.wanted.of(organisation, kinds.MEMBER)
    for login in [login for login in target.made if login in roles and login not in wanted]:
        if any(login in target.wanted.of(other, kinds.MEMBER) for other in target.numbers):
            target.within(organisation).send("DELETE", "api", "org", "users", str(target.made[login]))


def _recognise(target: Target, organisation: int, roles: Mapping[str, str]) -> None:
    """Who is no administrator of the server sees the accounts of the organisation only: those of the same e-mail are the same."""
    accounts = Accounts(target.before.of(organisation, kinds.MEMBER))
    for key, body, had in target.each(organisation, kinds.MEMBER):
        held = accounts.of(body)
        if had is None and held is not None and held in roles and key.name not in target.stands_in:
            target.stands_in[key.name] = held
            target.notes.append(f"{key}: account {held} has its e-mail there, and gets what was given to it")


MEMBERS = Resource(kind=kinds.MEMBER, read=_read, put=_put, counted=True)

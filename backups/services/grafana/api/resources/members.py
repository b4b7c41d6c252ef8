"""Reads who belongs to an organisation and as what, and lets the users into it again."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in as_list(client.get("api", "org", "users")):
        key = Key(organisation, kinds.MEMBER, str(one["login"]))
        objects.bodies[key] = {name: one.get(name) for name in ("login", "email", "name", "role")}
        objects.numbers[key] = one["userId"]


def _put(target: Target, organisation: int) -> None:
    client, wanted = target.within(organisation), target.wanted.of(organisation, kinds.MEMBER)
    roles = {str(one["login"]): str(one["role"]) for one in client.get("api", "org", "users")}
    for login, body in wanted.items():
        key = Key(organisation, kinds.MEMBER, login)
        number = target.person(organisation, login)
        if number is None:
            target.cannot(key, "there is no such user, and only the server's administrator may create one: invite them")
            continue
        if login == target.client.login:
            continue
        with target.putting(key):
            if login not in roles:
                client.send("POST", "api", "org", "users", body={"loginOrEmail": login, "role": body["role"]})
            elif roles[login] != body["role"]:
                client.send("PATCH", "api", "org", "users", str(number), body={"role": body["role"]})
    if wanted:
        # Who was just created joined an organisation on the way, perhaps another one than theirs.
        for login in [login for login in target.made if login in roles and login not in wanted]:
            if any(login in target.wanted.of(other, kinds.MEMBER) for other in target.numbers):
                client.send("DELETE", "api", "org", "users", str(target.made[login]))


MEMBERS = Resource(kind=kinds.MEMBER, read=_read, put=_put, counted=True)

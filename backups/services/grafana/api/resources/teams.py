"""Reads teams and who is in them, and puts both back."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    for one in client.counted_pages("api", "teams", "search", name="teams"):
        key = Key(organisation, kinds.TEAM, str(one["name"]))
        objects.bodies[key] = {"name": one["name"], "email": one.get("email") or ""}
        objects.numbers[key] = one["id"]


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.TEAM):
        with target.putting(key):
            if had is None:
                target.before.numbers[key] = client.send("POST", "api", "teams", body=body)["teamId"]
            elif had != body:
                client.send("PUT", "api", "teams", str(target.before.numbers[key]), body=body)


def _read_members(client: Client, organisation: int, objects: Objects) -> None:
    """Who is in a team, and whether they lead it."""
    for name in objects.of(organisation, kinds.TEAM):
        number = str(objects.number(organisation, kinds.TEAM, name))
        try:
            answer = as_list(client.get("api", "teams", number, "members"))
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        found = [{"login": one.get("login"), "permission": one.get("permission") or 0} for one in answer]
        body = {"members": sorted(found, key=lambda one: str(one["login"]))}
        objects.bodies[Key(organisation, kinds.TEAM_MEMBERS, name)] = body


def _put_members(target: Target, organisation: int) -> None:
    """Let everybody in again who was in it."""
    client = target.within(organisation)
    for key, body, _ in target.each(organisation, kinds.TEAM_MEMBERS):
        path = ("api", "teams", str(target.number(organisation, kinds.TEAM, key.name)), "members")
        with target.putting(key):
            now = {str(one["login"]): one for one in as_list(client.get(*path))}
            for one in body["members"]:
                login, number = target.login(str(one["login"])), target.person(organisation, str(one["login"]))
                if number is None:
                    target.cannot(key, f"user {login} is not there")
                    continue
                if login not in now:
                    client.send("POST", *path, body={"userId": number})
                if (now.get(login, {}).get("permission") or 0) != one["permission"]:
                    client.send("PUT", *path, str(number), body={"permission": one["permission"]})
            # Grafana lets whoever makes a team lead it.
            for login in (now.keys() & {target.client.login}) - {target.login(str(one["login"])) for one in body["members"]}:
                client.send("DELETE", *path, str(now[login]["userId"]))


TEAMS = Resource(kind=kinds.TEAM, read=_read, put=_put, counted=True, content=True)
TEAM_MEMBERS = Resource(kind=kinds.TEAM_MEMBERS, read=_read_members, put=_put_members)

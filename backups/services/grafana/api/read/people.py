"""Reads users, members of organisations, teams and service accounts. Passwords and tokens never leave a server."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.client import PAGE, Client, Missing, member, objects
from backups.services.grafana.api.objects import Holdings, Key


def users(client: Client, organisation: int, holdings: Holdings) -> None:
    """The server's people."""
    page = 1
    while True:
        found = objects(client.within(None).get("api", "users", perpage=PAGE, page=page))
        for one in found:
            key = Key(organisation, kinds.USER, str(one["login"]))
            holdings.objects[key] = {name: one.get(name) for name in ("login", "email", "name", "isAdmin", "isDisabled")}
            holdings.numbers[key] = one["id"]
        if len(found) < PAGE:
            return
        page += 1


def members(client: Client, organisation: int, holdings: Holdings) -> None:
    """Who belongs to the organisation, and as what."""
    for one in objects(client.get("api", "org", "users")):
        key = Key(organisation, kinds.MEMBER, str(one["login"]))
        holdings.objects[key] = {name: one.get(name) for name in ("login", "email", "name", "role")}
        holdings.numbers[key] = one["userId"]


def service_accounts(client: Client, organisation: int, holdings: Holdings) -> None:
    """Service accounts, with the names of their tokens."""
    for one in _searched(client, "serviceaccounts", "serviceAccounts"):
        key = Key(organisation, kinds.ROBOT, str(one["name"]))
        try:
            tokens = objects(client.get("api", "serviceaccounts", str(one["id"]), "tokens")) if one.get("tokens") else []
        except Missing:
            continue  # deleted meanwhile: the next reading says so
        holdings.objects[key] = {
            "name": one["name"],
            "role": one.get("role"),
            "isDisabled": bool(one.get("isDisabled")),
            "tokens": sorted(str(token.get("name")) for token in tokens),
        }
        holdings.numbers[key] = one["id"]


def teams(client: Client, organisation: int, holdings: Holdings) -> None:
    """Teams, without their members."""
    for one in _searched(client, "teams", "teams"):
        key = Key(organisation, kinds.TEAM, str(one["name"]))
        holdings.objects[key] = {"name": one["name"], "email": one.get("email") or ""}
        holdings.numbers[key] = one["id"]


def team_members(client: Client, organisation: int, holdings: Holdings) -> None:
    """Who is in a team, and whether they lead it."""
    for name in holdings.of(organisation, kinds.TEAM):
        number = str(holdings.number(organisation, kinds.TEAM, name))
        found = [
            {"login": one.get("login"), "permission": one.get("permission") or 0}
            for one in objects(client.get("api", "teams", number, "members"))
        ]
        body = {"members": sorted(found, key=lambda one: str(one["login"]))}
        holdings.objects[Key(organisation, kinds.TEAM_MEMBERS, name)] = body


def _searched(client: Client, path: str, name: str) -> Iterator[Mapping[str, Any]]:
    """Every object of a search that tells its total."""
    page, seen = 1, 0
    while True:
        answer = client.get("api", path, "search", perpage=PAGE, page=page)
        found = objects(member(answer, name))
        yield from found
        seen += len(found)
        if not found or seen >= int(member(answer, "totalCount") or 0):
            return
        page += 1

"""Reads users, members of organisations, teams and service accounts. Passwords and tokens never leave a server."""

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.client import Client, Missing, as_list


def users(client: Client, organisation: int, holdings: Holdings) -> None:
    """The server's people."""
    for one in client.within(None).pages("api", "users", size="perpage"):
        key = Key(organisation, kinds.USER, str(one["login"]))
        holdings.objects[key] = {name: one.get(name) for name in ("login", "email", "name", "isAdmin", "isDisabled")}
        holdings.numbers[key] = one["id"]


def members(client: Client, organisation: int, holdings: Holdings) -> None:
    """Who belongs to the organisation, and as what."""
    for one in as_list(client.get("api", "org", "users")):
        key = Key(organisation, kinds.MEMBER, str(one["login"]))
        holdings.objects[key] = {name: one.get(name) for name in ("login", "email", "name", "role")}
        holdings.numbers[key] = one["userId"]


def service_accounts(client: Client, organisation: int, holdings: Holdings) -> None:
    """Service accounts, with the names of their tokens."""
    for one in client.counted_pages("api", "serviceaccounts", "search", name="serviceAccounts"):
        key = Key(organisation, kinds.ROBOT, str(one["name"]))
        try:
            tokens = as_list(client.get("api", "serviceaccounts", str(one["id"]), "tokens")) if one.get("tokens") else []
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
    for one in client.counted_pages("api", "teams", "search", name="teams"):
        key = Key(organisation, kinds.TEAM, str(one["name"]))
        holdings.objects[key] = {"name": one["name"], "email": one.get("email") or ""}
        holdings.numbers[key] = one["id"]


def team_members(client: Client, organisation: int, holdings: Holdings) -> None:
    """Who is in a team, and whether they lead it."""
    for name in holdings.of(organisation, kinds.TEAM):
        number = str(holdings.number(organisation, kinds.TEAM, name))
        found = [
            {"login": one.get("login"), "permission": one.get("permission") or 0}
            for one in as_list(client.get("api", "teams", number, "members"))
        ]
        body = {"members": sorted(found, key=lambda one: str(one["login"]))}
        holdings.objects[Key(organisation, kinds.TEAM_MEMBERS, name)] = body

"""Puts users, members, service accounts and teams into a server. Nobody who was there is removed; no password is known."""

import secrets

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key
from backups.services.grafana.api.put.target import Target

_DETAILS = ("login", "email", "name")


def users(target: Target) -> None:
    """Create the users that are missing, each with a random password; the server's administrator may, nobody else."""
    if not target.administered:
        return
    wanted = target.wanted.of(0, kinds.USER)
    if not wanted:
        # A backup that was not taken by the server's administrator knows members only.
        wanted = {key.name: body for key, body in target.wanted.objects.items() if key.kind == kinds.MEMBER}
    for login, body in wanted.items():
        key = Key(0, kinds.USER, login)
        with target.putting(key):
            _user(target, key, {name: body.get(name) or "" for name in _DETAILS}, body)


def _user(target: Target, key: Key, details: dict[str, str], body: dict[str, object]) -> None:
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
        return  # whoever writes stays who they are
    if any((had.get(name) or "") != value for name, value in details.items()):
        server.send("PUT", "api", "users", str(number), body=details)
    if "isAdmin" in body and bool(body["isAdmin"]) != bool(had.get("isAdmin")):
        server.send("PUT", "api", "admin", "users", str(number), "permissions", body={"isGrafanaAdmin": bool(body["isAdmin"])})
    if "isDisabled" in body and bool(body["isDisabled"]) != bool(had.get("isDisabled")):
        server.send("POST", "api", "admin", "users", str(number), "disable" if body["isDisabled"] else "enable")


def members(target: Target, organisation: int) -> None:
    """Let the users into the organisation, in their roles."""
    client, wanted = target.within(organisation), target.wanted.of(organisation, kinds.MEMBER)
    home = {str(one["login"]): str(one["role"]) for one in client.get("api", "org", "users")}
    for login, body in wanted.items():
        key = Key(organisation, kinds.MEMBER, login)
        number = target.person(organisation, login)
        if number is None:
            target.cannot(key, "there is no such user, and only the server's administrator may create one: invite them")
            continue
        if login == target.client.login:
            continue
        with target.putting(key):
            if login not in home:
                client.send("POST", "api", "org", "users", body={"loginOrEmail": login, "role": body["role"]})
            elif home[login] != body["role"]:
                client.send("PATCH", "api", "org", "users", str(number), body={"role": body["role"]})
    if wanted:
        # Who was just created joined an organisation on the way, perhaps another one than theirs.
        for login in [login for login in target.made if login in home and login not in wanted]:
            if any(login in target.wanted.of(other, kinds.MEMBER) for other in target.numbers):
                client.send("DELETE", "api", "org", "users", str(target.made[login]))


def service_accounts(target: Target, organisation: int) -> None:
    """Create or change service accounts; their tokens have to be made anew."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.ROBOT).items():
        key = Key(organisation, kinds.ROBOT, name)
        wanted = {"name": name, "role": body["role"], "isDisabled": body["isDisabled"]}
        with target.putting(key):
            if target.had(key) is None:
                target.there.numbers[key] = client.send("POST", "api", "serviceaccounts", body=wanted)["id"]
            elif not kinds.same(kinds.ROBOT, target.had(key), body):
                client.send("PATCH", "api", "serviceaccounts", str(target.there.numbers[key]), body=wanted)


def teams(target: Target, organisation: int) -> None:
    """Create or change teams."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.TEAM).items():
        key = Key(organisation, kinds.TEAM, name)
        with target.putting(key):
            if target.had(key) is None:
                target.there.numbers[key] = client.send("POST", "api", "teams", body=body)["teamId"]
            elif target.had(key) != body:
                client.send("PUT", "api", "teams", str(target.there.numbers[key]), body=body)


def team_members(target: Target, organisation: int) -> None:
    """Make each team the people that it was."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.TEAM_MEMBERS).items():
        key = Key(organisation, kinds.TEAM_MEMBERS, name)
        path = ("api", "teams", str(target.number(organisation, kinds.TEAM, name)), "members")
        with target.putting(key):
            now = {str(one["login"]): one for one in client.get(*path) or []}
            for one in body["members"]:
                login, number = one["login"], target.person(organisation, one["login"])
                if number is None:
                    target.cannot(key, f"user {login} is not there")
                    continue
                if login not in now:
                    client.send("POST", *path, body={"userId": number})
                if (now.get(login, {}).get("permission") or 0) != one["permission"]:
                    client.send("PUT", *path, str(number), body={"permission": one["permission"]})
            for login in now.keys() - {one["login"] for one in body["members"]}:
                client.send("DELETE", *path, str(now[login]["userId"]))

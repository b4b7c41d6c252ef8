"""Recognises the people of a backup among the accounts of a server, and names what the server says of them as the backup does."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.target import Target


class Accounts:
    """The accounts that a server has, by what none of two may have in common: login and e-mail, in whatever case."""

    def __init__(self, users: Mapping[str, Mapping[str, Any]]) -> None:
        self._names: dict[str, str] = {}
        for login, body in users.items():
            for name in _names({**body, "login": login}):
                self._names.setdefault(name, login)

    def of(self, details: Mapping[str, Any]) -> str | None:
        """The login of the account that has this login or e-mail."""
        return next((self._names[name] for name in _names(details) if name in self._names), None)


def _names(details: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(details[name]).casefold() for name in ("login", "email") if details.get(name))


def stand_ins(wanted: Objects, before: Objects) -> dict[str, str]:
    """Logins of accounts of a server, by those of the backup's users whose e-mail or login they have, before anything is put."""
    found: dict[str, str] = {}
    for kind in (kinds.USER, kinds.MEMBER):
        there = {key.name: body for key, body in before.bodies.items() if key.kind == kind}
        accounts = Accounts(there)
        for key, body in wanted.bodies.items():
            if key.kind in (kinds.USER, kinds.MEMBER) and key.name not in there:
                held = accounts.of(body)
                if held is not None:
                    found.setdefault(key.name, held)
    return found


def named_as_in_the_backup(target: Target, now: Objects) -> None:
    """Give accounts that stand in for users of the backup their logins, wherever the server names them.

    Of a member whose account is kept as it is (whoever restores, say), what is compared is the role; the rest is told.
    """
    named_by(target.stands_in, target.wanted, now)
    for key, body in target.wanted.bodies.items():
        there, account = now.bodies.get(key), Key(0, kinds.USER, key.name)
        if key.kind != kinds.MEMBER or there is None or key.name in target.stands_in:
            continue
        kept = not target.administered or account in target.unattainable or account in target.left
        details = {name: body.get(name) for name in ("email", "name")}
        if kept and any((there.get(name) or "") != (value or "") for name, value in details.items()):
            now.bodies[key] = there | details
            target.notes.append(f"{key}: its account has another name or e-mail there, and is kept as it is")


def named_by(stands_in: Mapping[str, str], wanted_objects: Objects, now: Objects) -> None:
    """See `named_as_in_the_backup`. stands_in: logins of accounts there, by those of the backup's users."""
    there = {held: login for login, held in stands_in.items()}
    if not there:
        return
    for key in [key for key in now.bodies if key.kind in (kinds.USER, kinds.MEMBER) and key.name in there]:
        wanted = key._replace(name=there[key.name])
        body, known = now.bodies.pop(key), wanted_objects.bodies.get(wanted, {})
        # They are kept as they are: what is compared of a member is the role.
        now.bodies[wanted] = body | {name: known.get(name) for name in ("login", "email", "name")}
    for key, body in now.bodies.items():
        if key.kind == kinds.TEAM_MEMBERS:
            members = [one | {"login": there.get(str(one["login"]), one["login"])} for one in body["members"]]
            now.bodies[key] = body | {"members": sorted(members, key=lambda one: str(one["login"]))}
        elif key.kind in (kinds.FOLDER_PERMISSIONS, kinds.DASHBOARD_PERMISSIONS):
            items = [item | {"to": _holder(str(item["to"]), there)} for item in body["items"]]
            now.bodies[key] = body | {"items": sorted(items, key=lambda item: str(item["to"]))}


def _holder(name: str, there: Mapping[str, str]) -> str:
    login = name.removeprefix("user ")
    return f"user {there[login]}" if name.startswith("user ") and login in there else name

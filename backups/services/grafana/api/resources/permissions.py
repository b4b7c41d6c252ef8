"""Reads who was given what on each folder and dashboard, and gives it again: by names, since numbers are another server's."""

from collections.abc import Mapping
from typing import Any

from backups.errors import Transient
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.pool import WRITERS, gather
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, as_list

_PATHS = {kinds.FOLDER_PERMISSIONS: ("api", "folders"), kinds.DASHBOARD_PERMISSIONS: ("api", "dashboards", "uid")}


def _read_of_folders(client: Client, organisation: int, objects: Objects) -> None:
    _read(client, organisation, objects, kinds.FOLDER, kinds.FOLDER_PERMISSIONS)


def _read_of_dashboards(client: Client, organisation: int, objects: Objects) -> None:
    _read(client, organisation, objects, kinds.DASHBOARD, kinds.DASHBOARD_PERMISSIONS)


def _read(client: Client, organisation: int, objects: Objects, kind: str, permissions: str) -> None:
    """One by one, a few at once: no list has them. What a folder passes on is the folder's."""
    accounts = {
        number: other.name
        for other, number in objects.numbers.items()
        if (other.organisation, other.kind) == (organisation, kinds.SERVICE_ACCOUNT)
    }

    def given(mine: Client, uid: str) -> list[Mapping[str, Any]] | None:
        try:
            return as_list(mine.get(*_PATHS[permissions], uid, "permissions"))
        except Missing:
            return None  # deleted meanwhile: the next reading shows it

    for uid, answer in gather(client, given, objects.of(organisation, kind), f"{permissions} read"):
        if answer is not None:
            own = [one for one in answer if not one.get("inherited")]
            items = [{"to": _holder(one, accounts), "permission": one.get("permission")} for one in own]
            objects.bodies[Key(organisation, permissions, uid)] = {"items": sorted(items, key=lambda item: str(item["to"]))}


def _put_of_folders(target: Target, organisation: int) -> None:
    """A new folder belongs to whoever made it until then."""
    _put(target, organisation, FOLDER_PERMISSIONS)


def _put_of_dashboards(target: Target, organisation: int) -> None:
    _put(target, organisation, DASHBOARD_PERMISSIONS)


def _put(target: Target, organisation: int, resource: Resource) -> None:
    """Replace what was given, a few at once; what a busy database refuses then is sent again by itself."""
    client, kind = target.within(organisation), resource.kind
    lists = {
        key: items
        for key, body, had in target.each(organisation, kind)
        if not resource.same(had, body) and (items := _items_there(target, key, body, had)) is not None
    }

    def send(mine: Client, key: Key) -> bool:
        with target.putting(key):
            mine.send("POST", *_PATHS[kind], key.name, "permissions", body={"items": lists[key]})
        return True

    def tried(mine: Client, key: Key) -> bool:
        try:
            return send(mine, key)
        except Transient:
            return False

    for key in [key for key, done in gather(client, tried, lists, f"{kind} written", at_once=WRITERS) if not done]:
        send(client, key)


def _items_there(target: Target, key: Key, body: Mapping[str, Any], had: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    """A list with this server's numbers; None where it cannot be written without taking from somebody what they have there."""
    there = {str(item["to"]) for item in (had or {}).get("items") or []}
    items = []
    for item in body["items"]:
        holder = _holder_there(target, key.organisation, str(item["to"]))
        if holder is None:
            target.cannot(key, f"{item['to']} is not there, and was given permission {item['permission']}")
            if item["to"] in there:
                return None
        else:
            items.append(holder | {"permission": item["permission"]})
    return items


def _holder(item: Mapping[str, Any], service_accounts: Mapping[Any, str]) -> str:
    if item.get("role"):
        return f"role {item['role']}"
    if item.get("teamId"):
        return f"team {item.get('team')}"
    account = service_accounts.get(item.get("userId"))
    return f"service account {account}" if account is not None else f"user {item.get('userLogin')}"


def _holder_there(target: Target, organisation: int, name: str) -> dict[str, Any] | None:
    """To whom something is given, by this server's numbers; None when they are not there."""
    if name.startswith("role "):
        return {"role": name.removeprefix("role ")}
    if name.startswith("team "):
        return _numbered("teamId", target.number(organisation, kinds.TEAM, name.removeprefix("team ")))
    if name.startswith("service account "):
        account = name.removeprefix("service account ")
        return _numbered("userId", target.number(organisation, kinds.SERVICE_ACCOUNT, account))
    return _numbered("userId", target.person(organisation, name.removeprefix("user ")))


def _numbered(name: str, number: Any) -> dict[str, Any] | None:
    return None if number is None else {name: int(number)}


FOLDER_PERMISSIONS = Resource(kind=kinds.FOLDER_PERMISSIONS, read=_read_of_folders, put=_put_of_folders)
DASHBOARD_PERMISSIONS = Resource(kind=kinds.DASHBOARD_PERMISSIONS, read=_read_of_dashboards, put=_put_of_dashboards)

"""Reads who was given what on each folder and dashboard, and gives it again: by names, since numbers are another server's."""

from collections.abc import Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, as_list


def _read_of_folders(client: Client, organisation: int, objects: Objects) -> None:
    for uid in objects.of(organisation, kinds.FOLDER):
        _read(client, Key(organisation, kinds.FOLDER_PERMISSIONS, uid), objects, ("api", "folders", uid))


def _read_of_dashboards(client: Client, organisation: int, objects: Objects) -> None:
    for uid in objects.of(organisation, kinds.DASHBOARD):
        _read(client, Key(organisation, kinds.DASHBOARD_PERMISSIONS, uid), objects, ("api", "dashboards", "uid", uid))


def _put_of_folders(target: Target, organisation: int) -> None:
    """A new folder belongs to whoever made it until then."""
    for key, body, had in target.each(organisation, kinds.FOLDER_PERMISSIONS):
        if not FOLDER_PERMISSIONS.same(had, body):
            _put(target, key, body, ("api", "folders", key.name, "permissions"))


def _put_of_dashboards(target: Target, organisation: int) -> None:
    for key, body, had in target.each(organisation, kinds.DASHBOARD_PERMISSIONS):
        if not DASHBOARD_PERMISSIONS.same(had, body):
            _put(target, key, body, ("api", "dashboards", "uid", key.name, "permissions"))


def _read(client: Client, key: Key, objects: Objects, path: tuple[str, ...]) -> None:
    """What a folder passes on is the folder's."""
    accounts = {
        number: other.name
        for other, number in objects.numbers.items()
        if (other.organisation, other.kind) == (key.organisation, kinds.SERVICE_ACCOUNT)
    }
    try:
        answer = as_list(client.get(*path, "permissions"))
    except Missing:
        return
    items = [{"to": _holder(one, accounts), "permission": one.get("permission")} for one in answer if not one.get("inherited")]
    objects.bodies[key] = {"items": sorted(items, key=lambda item: str(item["to"]))}


def _put(target: Target, key: Key, body: Mapping[str, Any], path: tuple[str, ...]) -> None:
    """Replace what was given."""
    items = []
    for item in body["items"]:
        holder = _holder_there(target, key.organisation, str(item["to"]))
        if holder is None:
            target.cannot(key, f"{item['to']} is not there, and was given permission {item['permission']}")
        else:
            items.append(holder | {"permission": item["permission"]})
    with target.putting(key):
        target.within(key.organisation).send("POST", *path, body={"items": items})


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

"""Puts folders, data sources, library panels and dashboards into a server, and who may do what with them."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key
from backups.services.grafana.api.put.target import Target
from backups.services.grafana.api.read import dashboards as read_dashboards

_LEFT_OUT = frozenset({"secureJsonFields", "readOnly"})


def folders(target: Target, organisation: int) -> None:
    """Every folder after the one that holds it."""
    client = target.within(organisation)
    for uid, body in _parents_first(target.wanted.of(organisation, kinds.FOLDER)):
        key = Key(organisation, kinds.FOLDER, uid)
        had = target.had(key)
        with target.putting(key):
            if had is None:
                client.send("POST", "api", "folders", body=body)
                continue
            if had.get("parentUid") != body.get("parentUid"):
                client.send("POST", "api", "folders", uid, "move", body={"parentUid": body.get("parentUid") or ""})
            if had != body:
                told = {"title": body.get("title"), "description": body.get("description") or "", "overwrite": True}
                client.send("PUT", "api", "folders", uid, body=told)


def _parents_first(folders: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A folder whose parent is not in the backup comes as if it was at the top of what is."""
    waiting, done = dict(folders), set[str]()
    while waiting:
        ready = [uid for uid, body in waiting.items() if body.get("parentUid") in done or body.get("parentUid") not in waiting]
        for uid in ready or list(waiting):
            yield uid, waiting.pop(uid)
            done.add(uid)


def folder_permissions(target: Target, organisation: int) -> None:
    """Replace what was given on each folder; a new one belongs to whoever made it until then."""
    for uid in target.wanted.of(organisation, kinds.FOLDER_PERMISSIONS):
        _permissions(target, Key(organisation, kinds.FOLDER_PERMISSIONS, uid), ("api", "folders", uid, "permissions"))


def dashboard_permissions(target: Target, organisation: int) -> None:
    """Replace what was given on each dashboard itself."""
    for uid in target.wanted.of(organisation, kinds.BOARD_PERMISSIONS):
        _permissions(target, Key(organisation, kinds.BOARD_PERMISSIONS, uid), ("api", "dashboards", "uid", uid, "permissions"))


def _permissions(target: Target, key: Key, path: tuple[str, ...]) -> None:
    items = []
    for item in target.wanted.objects[key]["items"]:
        who = _receiver(target, key.organisation, str(item["to"]))
        if who is None:
            target.cannot(key, f"{item['to']} is not there, and was given permission {item['permission']}")
        else:
            items.append(who | {"permission": item["permission"]})
    with target.putting(key):
        target.within(key.organisation).send("POST", *path, body={"items": items})


def _receiver(target: Target, organisation: int, who: str) -> dict[str, Any] | None:
    """To whom something is given, by this server's numbers."""
    if who.startswith("role "):
        return {"role": who.removeprefix("role ")}
    if who.startswith("team "):
        return _numbered("teamId", target.number(organisation, kinds.TEAM, who.removeprefix("team ")))
    if who.startswith("service account "):
        return _numbered("userId", target.number(organisation, kinds.ROBOT, who.removeprefix("service account ")))
    return _numbered("userId", target.person(organisation, who.removeprefix("user ")))


def _numbered(name: str, number: Any) -> dict[str, Any] | None:
    return None if number is None else {name: int(number)}


def data_sources(target: Target, organisation: int) -> None:
    """Create or change data sources; the secrets of one that is there stay, a new one has none."""
    client = target.within(organisation)
    for uid, body in target.wanted.of(organisation, kinds.SOURCE).items():
        key = Key(organisation, kinds.SOURCE, uid)
        sent, had = {name: value for name, value in body.items() if name not in _LEFT_OUT}, target.had(key)
        with target.putting(key):
            if had is None:
                client.send("POST", "api", "datasources", body=sent)
            elif not kinds.same(kinds.SOURCE, had, body):
                client.send("PUT", "api", "datasources", "uid", uid, body=sent)


def library_panels(target: Target, organisation: int) -> None:
    """Create or change library panels."""
    client = target.within(organisation)
    for uid, body in target.wanted.of(organisation, kinds.PANEL).items():
        key = Key(organisation, kinds.PANEL, uid)
        had = target.had(key)
        with target.putting(key):
            if had is None:
                client.send("POST", "api", "library-elements", body=body)
            elif not kinds.same(kinds.PANEL, had, body):
                version = target.number(organisation, kinds.PANEL, uid)
                client.send("PATCH", "api", "library-elements", uid, body=body | {"version": version})


def dashboards(target: Target, organisation: int) -> None:
    """Save dashboards in the form in which they were kept: version 2 ones through the API of objects."""
    client = target.within(organisation)
    space = read_dashboards.namespace(client)
    for uid, body in target.wanted.of(organisation, kinds.BOARD).items():
        key = Key(organisation, kinds.BOARD, uid)
        had = target.had(key)
        if had is not None and kinds.same(kinds.BOARD, had, body):
            continue
        with target.putting(key):
            if not body["apiVersion"]:
                told = {"dashboard": body["spec"] | {"uid": uid, "id": None}, "folderUid": body["folderUid"], "overwrite": True}
                client.send("POST", "api", "dashboards", "db", body=told | {"message": "restored by Lifeboat"})
                continue
            path = ("apis", "dashboard.grafana.app", body["apiVersion"], "namespaces", space, "dashboards")
            one = {
                "kind": "Dashboard",
                "apiVersion": f"dashboard.grafana.app/{body['apiVersion']}",
                "metadata": {"name": uid, "annotations": {"grafana.app/folder": body["folderUid"]}},
                "spec": body["spec"],
            }
            if had is None:
                client.send("POST", *path, body=one)
            else:
                client.send("PUT", *path, uid, body=one)

"""Reads folders, dashboards, library panels and data sources, and who may do what with them."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.client import Client, Denied, Missing, Refused, as_list, member
from backups.services.grafana.namespaces import namespace_of

CLASSIC = ("v1", "v1beta1")
"""Versions of the API of objects in which classic dashboards are listed: 13's, 12's."""
_SHARED = "sharedwithme"
"""A folder that 11 and newer show and do not have: what the asking user sees without seeing its folder."""


def folders(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every folder, level by level: the list gives the children of one folder only."""
    told = {str(one["metadata"]["name"]): one.get("spec") or {} for one in _listed(client, "folder.grafana.app", "folders")}
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        for one in client.pages("api", "folders", **({"parentUid": parent} if parent else {})):
            uid = str(one["uid"])
            if uid == _SHARED:
                continue
            holdings.objects[Key(organisation, kinds.FOLDER, uid)] = {
                "uid": uid,
                "title": one.get("title"),
                "parentUid": parent,
                "description": (told.get(uid) or {}).get("description") or "",
            }
            waiting.append(uid)


def dashboards(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every dashboard, in the form that the server keeps: version 2 ones through the API of objects, all others the old way."""
    modern = {
        str(one["metadata"]["name"]): stored
        for one in _listed(client, "dashboard.grafana.app", "dashboards")
        if (stored := _stored(one))
    }
    for hit in client.pages("api", "search", type="dash-db"):
        uid = str(hit["uid"])
        try:
            body = _modern(client, uid, modern.get(uid, "v2")) if uid in modern else _classic(client, uid)
        except Missing:
            continue  # deleted meanwhile: the next reading says so
        holdings.objects[Key(organisation, kinds.BOARD, uid)] = body


def _classic(client: Client, uid: str) -> dict[str, Any]:
    try:
        answer = client.get("api", "dashboards", "uid", uid)
    except Refused:
        # 406: it is of version 2, and the server did not list it as such.
        return _modern(client, uid, "v2")
    spec, meta = member(answer, "dashboard"), member(answer, "meta") or {}
    if not isinstance(spec, Mapping):
        raise LifeboatError(f"dashboard {uid} has no JSON", hint="open it in Grafana: can it be shown?")
    body: dict[str, Any] = {"apiVersion": "", "folderUid": _top(meta.get("folderUid")), "spec": kinds.kept(kinds.BOARD, spec)}
    body["versions"] = meta.get("version")
    if meta.get("provisioned"):
        body["provisioned"] = meta.get("provisionedExternalId") or "yes"
    return body


def _modern(client: Client, uid: str, version: str) -> dict[str, Any]:
    path = _objects(client, "dashboard.grafana.app", version, "dashboards")
    answer = client.get(*path, uid)
    stored = _stored(answer)
    if stored and stored != version:
        answer = client.get(*_objects(client, "dashboard.grafana.app", stored, "dashboards"), uid)
    spec, metadata = member(answer, "spec"), member(answer, "metadata") or {}
    if not isinstance(spec, Mapping) or ((answer.get("status") or {}).get("conversion") or {}).get("failed"):
        raise LifeboatError(f"dashboard {uid} cannot be read in API version {version}", hint="open it in Grafana, and save it")
    return {
        "apiVersion": str(answer.get("apiVersion") or "").rpartition("/")[2],
        "folderUid": _top((metadata.get("annotations") or {}).get("grafana.app/folder")),
        "spec": dict(spec),
        "versions": metadata.get("generation"),
    }


def library_panels(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every library panel (and, in versions that had them, library variables)."""
    for one in client.counted_pages("api", "library-elements", inside="result", name="elements", size="perPage"):
        key = Key(organisation, kinds.PANEL, str(one["uid"]))
        folder = one.get("folderUid") or (one.get("meta") or {}).get("folderUid")
        holdings.objects[key] = {name: one.get(name) for name in ("uid", "name", "kind", "model")} | {"folderUid": _top(folder)}
        holdings.numbers[key] = one.get("version")


def data_sources(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every data source; of its secrets only the names."""
    for one in as_list(client.get("api", "datasources")):
        uid = str(one["uid"])
        try:
            answer = client.get("api", "datasources", "uid", uid)
        except Missing:
            continue
        body = kinds.kept(kinds.SOURCE, answer)
        body["secureJsonFields"] = sorted(name for name, there in (answer.get("secureJsonFields") or {}).items() if there)
        holdings.objects[Key(organisation, kinds.SOURCE, uid)] = body


def folder_permissions(client: Client, organisation: int, holdings: Holdings) -> None:
    """Who was given what on each folder."""
    for uid in holdings.of(organisation, kinds.FOLDER):
        _permissions(client, organisation, holdings, kinds.FOLDER_PERMISSIONS, uid, ("api", "folders", uid))


def dashboard_permissions(client: Client, organisation: int, holdings: Holdings) -> None:
    """Who was given what on each dashboard itself."""
    for uid in holdings.of(organisation, kinds.BOARD):
        _permissions(client, organisation, holdings, kinds.BOARD_PERMISSIONS, uid, ("api", "dashboards", "uid", uid))


def _permissions(client: Client, organisation: int, holdings: Holdings, kind: str, uid: str, path: tuple[str, ...]) -> None:
    """By names, since numbers are another server's; what a folder passes on is the folder's."""
    robots = {
        number: key.name
        for key, number in holdings.numbers.items()
        if (key.organisation, key.kind) == (organisation, kinds.ROBOT)
    }
    try:
        answer = as_list(client.get(*path, "permissions"))
    except Missing:
        return
    items = [{"to": _who(one, robots), "permission": one.get("permission")} for one in answer if not one.get("inherited")]
    body = {"items": sorted(items, key=lambda item: str(item["to"]))}
    holdings.objects[Key(organisation, kind, uid)] = body


def _who(item: Mapping[str, Any], robots: Mapping[Any, str]) -> str:
    if item.get("role"):
        return f"role {item['role']}"
    if item.get("teamId"):
        return f"team {item.get('team')}"
    robot = robots.get(item.get("userId"))
    return f"service account {robot}" if robot is not None else f"user {item.get('userLogin')}"


def namespace(client: Client) -> str:
    """The name of the organisation in the API of objects: `default`, `org-2`; Grafana Cloud has one of its own."""
    try:
        answer = client.get("api", "frontend", "settings")
    except (Denied, Missing):
        answer = None
    told = answer.get("namespace") if isinstance(answer, Mapping) else None
    return str(told) if told else namespace_of(client.organisation or 1)


def _objects(client: Client, group: str, version: str, kind: str) -> tuple[str, ...]:
    return ("apis", group, version, "namespaces", namespace(client), kind)


def _listed(client: Client, group: str, kind: str) -> Iterator[Mapping[str, Any]]:
    """Every object of a kind, where the server has the API of objects (12 and newer)."""
    for version in CLASSIC:
        found = client.continued_pages(*_objects(client, group, version, kind))
        try:
            first = list(itertools.islice(found, 1))
        except (Denied, Missing):
            continue
        yield from first
        yield from found
        return


def _stored(item: Mapping[str, Any]) -> str:
    """The version 2 name under which an object is kept; "" for classic ones."""
    conversion = (item.get("status") or {}).get("conversion") or {}
    stored = str(conversion.get("storedVersion") or "")
    return stored if stored.startswith("v2") else ""


def _top(folder: object) -> str:
    return "" if folder in (None, "general") else str(folder)

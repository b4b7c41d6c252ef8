"""Reads folders level by level, and puts each back after the one that holds it."""

from collections.abc import Iterator, Mapping

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources import kubernetes
from backups.services.grafana.api.resources.base import Body, Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client

_SHARED = "sharedwithme"
"""A folder that 11 and newer show and do not have: what the caller sees without seeing its folder."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """The list gives the children of one folder only, and no descriptions, which the Kubernetes-style API has."""
    specs = {
        str(one["metadata"]["name"]): one.get("spec") or {} for one in kubernetes.every(client, "folder.grafana.app", "folders")
    }
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        for one in client.pages("api", "folders", **({"parentUid": parent} if parent else {})):
            uid = str(one["uid"])
            if uid == _SHARED or Key(organisation, kinds.FOLDER, uid) in objects.bodies:
                continue
            objects.bodies[Key(organisation, kinds.FOLDER, uid)] = {
                "uid": uid,
                "title": one.get("title"),
                "parentUid": parent,
                "description": (specs.get(uid) or {}).get("description") or "",
            }
            waiting.append(uid)


def _put(target: Target, organisation: int) -> None:
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
                sent = {"title": body.get("title"), "description": body.get("description") or "", "overwrite": True}
                client.send("PUT", "api", "folders", uid, body=sent)


def _parents_first(folders: Mapping[str, Body]) -> Iterator[tuple[str, Body]]:
    """A folder whose parent is not in the backup comes as if it was at the top of what is."""
    waiting, done = dict(folders), set[str]()
    while waiting:
        ready = [uid for uid, body in waiting.items() if body.get("parentUid") in done or body.get("parentUid") not in waiting]
        for uid in ready or list(waiting):
            yield uid, waiting.pop(uid)
            done.add(uid)


FOLDERS = Resource(kind=kinds.FOLDER, read=_read, put=_put, counted=True, content=True)

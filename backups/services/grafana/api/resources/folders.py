"""Reads folders, and puts each back after the one that holds it."""

import logging
from collections.abc import Container, Iterator, Mapping
from typing import Any

from backups.errors import Transient
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.pool import gather
from backups.services.grafana.api.resources import kubernetes
from backups.services.grafana.api.resources.base import Body, Resource
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import folder_uid
from backups.services.grafana.client import Client, Declined
from backups.services.http.answer import TooDeep

log = logging.getLogger(__name__)

_SHARED = "sharedwithme"
"""A folder that 11 and newer show and do not have: what the caller sees without seeing its folder."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """By the list that carries them all, where the server has it and it lacks none that can be found; else level by level."""
    listed = _listed(client)
    folders: dict[str, Body] = {}
    if listed and _lacks_none(client, listed):
        for uid, one in listed.items():
            spec = one.get("spec") or {}
            folders[uid] = _body(
                uid, spec.get("title"), folder_uid(kubernetes.annotation(one, "folder")), spec.get("description")
            )
    else:
        folders = _by_level(client, {uid: (one.get("spec") or {}).get("description") for uid, one in listed.items()})
    for uid, body in folders.items():
        if uid != _SHARED:
            objects.bodies[Key(organisation, kinds.FOLDER, uid)] = body


def _listed(client: Client) -> dict[str, Mapping[str, Any]]:
    """Every folder by its uid; none where no list that carries them can be had: there are other ways."""
    try:
        return {str(one["metadata"]["name"]): one for one in kubernetes.every(client, "folder.grafana.app", "folders")}
    except (Declined, TooDeep, Transient) as error:
        log.info("grafana: a list of folders cannot be had, so they are read level by level: %s", error.message)
        return {}


def _lacks_none(client: Client, listed: Container[str]) -> bool:
    """Whether the list has every folder that the search finds; where it does not answer, that is not known."""
    try:
        return all(
            str(hit["uid"]) in listed for hit in client.pages("api", "search", type="dash-folder") if hit["uid"] != _SHARED
        )
    except (Declined, TooDeep, Transient) as error:
        log.info("grafana: folders cannot be searched for, so they are read level by level: %s", error.message)
        return False


def _by_level(client: Client, descriptions: Mapping[str, object]) -> dict[str, Body]:
    """The old list gives the children of one folder only, and no descriptions."""

    def children(mine: Client, parent: str) -> list[Mapping[str, Any]]:
        return list(mine.pages("api", "folders", **({"parentUid": parent} if parent else {})))

    folders: dict[str, Body] = {}
    level = [""]
    while level:
        below = []
        for parent, answer in gather(client, children, level, "folders read"):
            for one in answer:
                uid = str(one["uid"])
                if uid not in folders and uid != _SHARED:
                    folders[uid] = _body(uid, one.get("title"), parent, descriptions.get(uid))
                    below.append(uid)
        level = below
    return folders


def _body(uid: str, title: object, parent: str, description: object) -> Body:
    return {"uid": uid, "title": title, "parentUid": parent, "description": description or ""}


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

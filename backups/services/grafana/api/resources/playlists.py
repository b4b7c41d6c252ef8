"""Reads playlists with their items, and puts them back: under their uids where the server has the Kubernetes-style API for them.

The old API gives a new playlist a uid of its own, so that links to it change. Several may have one name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources import kubernetes
from backups.services.grafana.api.resources.base import NUMBER, Body, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import canonical
from backups.services.grafana.client import Client, Denied, Missing, Refused, as_list
from backups.witness import Fact

_GROUP = "playlist.grafana.app"
_VERSIONS = ("v1", "v0alpha1")
"""Asked for where the server does not list the versions that it has."""


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """Several of one name are numbered, in an order that does not depend on uids: a restore may have to give them others."""
    keeps_uids = _version(client) is not None
    found: list[tuple[str, Body]] = []
    for one in as_list(client.get("api", "playlists")):
        uid = str(one.get("uid") or one.get("id"))
        try:
            items = as_list(client.get("api", "playlists", uid, "items"))
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        body = {
            "name": one.get("name"),
            "interval": one.get("interval"),
            "items": [without(item, PLAYLISTS.not_kept) for item in items],
        }
        found.append((uid, body))
    for uid, body in sorted(found, key=lambda one: (canonical(one[1]), one[0])):
        key = objects.free(Key(organisation, kinds.PLAYLIST, str(body["name"])))
        objects.bodies[key] = body | ({"uid": uid} if keeps_uids else {})
        objects.numbers[key] = uid


def _version(client: Client) -> str | None:
    """The version of the API that makes a playlist under its uid; None where the server has none that the caller may use."""
    for version in dict.fromkeys([*kubernetes.versions(client, _GROUP), *_VERSIONS]):
        try:
            client.get(*kubernetes.path_of(client, _GROUP, version, "playlists"), limit=1)
        except (Denied, Missing, Refused):
            continue
        return version
    return None


def _put(target: Target, organisation: int) -> None:
    """One of the same uid is the same; without uids, one of the same name."""
    wanted = list(target.each(organisation, kinds.PLAYLIST))
    if not wanted:
        return
    client = target.within(organisation)
    version = _version(client)
    there = _by_uid(target, organisation)
    for key, body, _ in wanted:
        if version is None and body.get("uid"):
            target.notes.append(f"{key}: this server gives it another uid, so that links to it change")
            target.wanted.bodies[key] = without(body, {"uid": "not kept there"})
        if version is None or not body.get("uid"):
            _put_by_name(target, client, key, body)
        elif body["uid"] in there:
            if not PLAYLISTS.same(there[body["uid"]], body):
                with target.putting(key):
                    client.send("PUT", "api", "playlists", str(body["uid"]), body=_sent(body))
        else:
            path = kubernetes.path_of(client, _GROUP, str(version), "playlists")
            spec = {"title": body["name"], "interval": body["interval"], "items": body.get("items") or []}
            sent = {"apiVersion": f"{_GROUP}/{version}", "kind": "Playlist", "metadata": {"name": body["uid"]}, "spec": spec}
            with target.putting(key):
                client.send("POST", *path, body=sent)


def _by_uid(target: Target, organisation: int) -> dict[str, Mapping[str, Any]]:
    again = target.seen.get((organisation, kinds.PLAYLIST))
    bodies = (target.before.bodies if again is None else again).items()
    return {
        str(body["uid"]): body
        for key, body in bodies
        if (key.organisation, key.kind) == (organisation, kinds.PLAYLIST) and body.get("uid")
    }


def _put_by_name(target: Target, client: Client, key: Key, body: Body) -> None:
    had = target.had(key)
    with target.putting(key):
        if had is None:
            client.send("POST", "api", "playlists", body=_sent(body))
        elif not PLAYLISTS.same(had, body):
            uid = str(target.number(key.organisation, kinds.PLAYLIST, key.name))
            client.send("PUT", "api", "playlists", uid, body=_sent(body))


def _sent(body: Body) -> Body:
    items = [item | {"order": order} for order, item in enumerate(body.get("items") or [], 1)]
    return {"name": body.get("name"), "interval": body.get("interval"), "items": items}


def _recognised(target: Target, now: Objects) -> None:
    """Give what is there the names of the backup: by uid, else by content; what is in no backup is left out, and told.

    A backup without uids, or a server that cannot keep them, is compared without.
    """
    for organisation in target.numbers:
        there = {
            key: now.bodies.pop(key) for key in list(now.bodies) if (key.organisation, key.kind) == (organisation, kinds.PLAYLIST)
        }
        wanted = {
            key: body
            for key, body in target.wanted.bodies.items()
            if (key.organisation, key.kind) == (organisation, kinds.PLAYLIST)
        }
        # Those with uids first: what is left may be any of the same name.
        for key, body in sorted(wanted.items(), key=lambda one: not one[1].get("uid")):
            found = _counterpart(body, there)
            if found is not None:
                one = there.pop(found)
                now.bodies[key] = one if body.get("uid") else without(one, {"uid": "the backup has none"})
        unnamed = sorted(
            f"{body.get('name')} ({body['uid']})" for key, body in there.items() if body.get("uid") and key in wanted
        )
        target.notes += [
            note
            for each in unnamed
            if (note := f"was there before and stays: org {organisation} playlist {each}") not in target.notes
        ]


def _counterpart(body: Body, there: Mapping[Key, Body]) -> Key | None:
    if body.get("uid"):
        return next((key for key, one in there.items() if one.get("uid") == body["uid"]), None)
    named = [key for key, one in there.items() if one.get("name") == body.get("name")]
    return next((key for key in named if PLAYLISTS.same(there[key], body)), next(iter(named), None))


def _facts(subject: str, body: Mapping[str, Any], _: object) -> Iterator[Fact]:
    if body.get("uid"):
        yield Fact(subject, "uid", str(body["uid"]))


def by_number(body: Mapping[str, Any]) -> bool:
    """Whether it names dashboards by their numbers, which are others after a restore."""
    return any(item.get("type") == "dashboard_by_id" for item in body.get("items") or [])


PLAYLISTS = Resource(
    kind=kinds.PLAYLIST,
    read=_read,
    put=_put,
    not_kept={
        **dict.fromkeys(("id", "Id", "PlaylistId", "playlistid"), NUMBER),
        "order": "it is the place in the list",
        "title": "the dashboard's, filled in by the server",
    },
    not_compared={"uid": "stated beside it, where the server has an API that keeps it"},
    facts=_facts,
    recognised=_recognised,
    counted=True,
    content=True,
)

"""Playlists, by the old API, where nobody chooses a uid, and as objects, where the name is the uid."""

import re
import secrets
from typing import Any

from deployments.grafana_standin.server.answers.kubernetes import ConflictingObjectError, MissingObjectError, listed
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.playlists import KIND, Playlist, Playlists
from deployments.grafana_standin.server.storage.resources import namespace

Json = dict[str, Any]


def playlists(request: Request) -> list[Json]:
    """All of the organisation, by name, without their items."""
    return [_short(one) for one in _store(request).every()]


def playlist(request: Request, uid: str) -> Json:
    """One playlist, with its items."""
    return _whole(_found(request, uid))


def playlist_items(request: Request, uid: str) -> list[Json]:
    """What it shows, in order."""
    items: list[Json] = _found(request, uid).spec["items"]
    return items


def create_playlist(request: Request) -> Json:
    """A new playlist; nobody chooses its uid."""
    return _whole(_save(request, _sent(request, f"p{secrets.token_hex(6)}")))


def change_playlist(request: Request, uid: str) -> Json:
    """Another name, interval, and items."""
    _found(request, uid)
    return _whole(_save(request, _sent(request, uid)))


def objects(request: Request, version: str, org: str) -> Json:
    """All playlists of a namespace."""
    del org  # the caller was identified in it
    items = [_object(request, one, version) for one in _store(request).every()]
    return listed(request, "PlaylistList", f"{KIND[0]}/{version}", items)


def object_(request: Request, version: str, org: str, name: str) -> Json:
    """One playlist."""
    del org
    return _object(request, _known(request, name), version)


def create_object(request: Request, version: str, org: str) -> Json:
    """A new object; its name, which is the uid, must be free. One that is not named gets a name."""
    del org
    name = str(fields(fields(request.body).get("metadata")).get("name") or f"p{secrets.token_hex(6)}")
    if _store(request).one(name):
        raise ConflictingObjectError(*KIND, name)
    return _object(request, _save(request, _sent_object(request, version, name)), version)


def replace_object(request: Request, version: str, org: str, name: str) -> Json:
    """The object's next generation. A `resourceVersion` that is not the stored one is 409."""
    del org
    stored = _object(request, _known(request, name), version)["metadata"]["resourceVersion"]
    sent = fields(fields(request.body).get("metadata")).get("resourceVersion")
    if sent and sent != stored:
        raise ConflictingObjectError(*KIND, name)
    return _object(request, _save(request, _sent_object(request, version, name)), version)


def _store(request: Request) -> Playlists:
    return Playlists(request.connection, request.org_id)


def _save(request: Request, wanted: Playlist) -> Playlist:
    return _store(request).save(wanted, request.caller.author, request.now)


def _sent(request: Request, uid: str) -> Playlist:
    body = fields(request.body)
    if not body.get("name"):
        raise RefusedError(400, "bad request data")
    return Playlist(uid, str(body["name"]), str(body.get("interval") or ""), _items(body))


def _sent_object(request: Request, version: str, name: str) -> Playlist:
    body = fields(request.body)
    if body.get("apiVersion") != f"{KIND[0]}/{version}" or body.get("kind") != "Playlist":
        raise RefusedError(400, "the API version in the data does not match the expected API version")
    if not re.fullmatch(r"[a-zA-Z0-9_.:-]{1,253}", name) or fields(body.get("metadata")).get("name", name) != name:
        raise RefusedError(400, "the name of the object does not match the name on the URL")
    spec = fields(body.get("spec"))
    return Playlist(name, str(spec.get("title") or ""), str(spec.get("interval") or ""), _items(spec))


def _items(body: Json) -> tuple[tuple[str, str], ...]:
    sent = [fields(item) for item in body.get("items") or []]
    return tuple(
        (str(item.get("type")), str(item.get("value"))) for item in sorted(sent, key=lambda item: item.get("order") or 0)
    )


def _short(one: Playlist) -> Json:
    return {"uid": one.uid, "name": one.name, "interval": one.interval}


def _whole(one: Playlist) -> Json:
    return _short(one) | {"items": one.spec["items"]}


def _object(request: Request, one: Playlist, version: str) -> Json:
    metadata = one.metadata or {
        "name": one.uid,
        "namespace": namespace(request.org_id),
        "resourceVersion": str(one.number),
        "generation": 1,
    }
    return {"kind": "Playlist", "apiVersion": f"{KIND[0]}/{version}", "metadata": metadata, "spec": one.spec, "status": {}}


def _found(request: Request, uid: str) -> Playlist:
    found = _store(request).one(uid)
    if found is None:
        raise RefusedError(404, "Playlist not found")
    return found


def _known(request: Request, name: str) -> Playlist:
    found = _store(request).one(name)
    if found is None:
        raise MissingObjectError(*KIND, name)
    return found

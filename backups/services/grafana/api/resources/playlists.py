"""Reads playlists with their items, and puts them back by their names: the API gives a new one a uid of its own."""

from collections.abc import Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.base import NUMBER, Resource, without
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client, Missing, as_list


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """Several of one name are numbered."""
    for one in as_list(client.get("api", "playlists")):
        uid = str(one.get("uid") or one.get("id"))
        try:
            items = as_list(client.get("api", "playlists", uid, "items"))
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        key = objects.free(Key(organisation, kinds.PLAYLIST, str(one.get("name"))))
        objects.bodies[key] = {
            "name": one.get("name"),
            "interval": one.get("interval"),
            "items": [without(item, PLAYLISTS.not_kept) for item in items],
        }
        objects.numbers[key] = uid


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.PLAYLIST):
        items = [item | {"order": order} for order, item in enumerate(body.get("items") or [], 1)]
        sent = body | {"items": items}
        with target.putting(key):
            if had is None:
                client.send("POST", "api", "playlists", body=sent)
            elif had != body:
                uid = str(target.number(organisation, kinds.PLAYLIST, key.name))
                client.send("PUT", "api", "playlists", uid, body=sent)


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
        "uid": "the API gives a restored playlist a new one",
        "title": "the dashboard's, filled in by the server",
    },
    counted=True,
    content=True,
)

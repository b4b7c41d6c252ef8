"""Playlists, from the table or from the resources to which 13 moved them; new ones go where the others are."""

import json
import secrets
from typing import Any

from deployments.grafana_standin.server.answers.accounts import insert
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.resources import namespace

Json = dict[str, Any]


def playlists(request: Request) -> list[Json]:
    """All of the organisation, by name, without their items."""
    return [{key: value for key, value in one.items() if key != "items"} for one in _every(request)]


def playlist(request: Request, uid: str) -> Json:
    """One playlist."""
    return {key: value for key, value in _found(request, uid).items() if key != "items"}


def playlist_items(request: Request, uid: str) -> list[Json]:
    """What it shows, in order."""
    items: list[Json] = _found(request, uid)["items"]
    return items


def create_playlist(request: Request) -> Json:
    """A new playlist; nobody chooses its uid."""
    body = fields(request.body)
    if not body.get("name"):
        raise RefusedError(400, "bad request data")
    uid = f"p{secrets.token_hex(6)}"
    insert(request, "playlist", name=body["name"], interval=str(body.get("interval") or ""), org_id=request.org_id, uid=uid)
    _fill(request, uid, body)
    return playlist(request, uid)


def change_playlist(request: Request, uid: str) -> Json:
    """Another name, interval, and items."""
    body = fields(request.body)
    _found(request, uid)
    changed = request.connection.execute(
        "UPDATE playlist SET name = ?, interval = ? WHERE org_id = ? AND uid = ?",
        (body.get("name"), body.get("interval"), request.org_id, uid),
    )
    if not changed.rowcount:
        raise RefusedError(403, "the stand-in changes no playlist that is a resource")
    _fill(request, uid, body)
    return playlist(request, uid)


def _every(request: Request) -> list[Json]:
    found = []
    if request.has_table("playlist"):
        for row in request.rows("SELECT * FROM playlist WHERE org_id = ? ORDER BY name", request.org_id):
            items = request.rows("SELECT * FROM playlist_item WHERE playlist_id = ? ORDER BY `order`", row["id"])
            shown = [
                {"type": item["type"], "value": item["value"], "title": item["title"], "order": item["order"]} for item in items
            ]
            uid = row.get("uid") or str(row["id"])
            found.append({"id": row["id"], "uid": uid, "name": row["name"], "interval": row["interval"], "items": shown})
    if found or not request.has_table("resource"):
        return found
    moved = request.rows(
        "SELECT value FROM resource WHERE `group` = 'playlist.grafana.app' AND namespace = ?", namespace(request.org_id)
    )
    objects = [json.loads(row["value"]) for row in moved]
    return [
        {"uid": one["metadata"]["name"], "name": one["spec"]["title"], "interval": one["spec"]["interval"],
         "items": [{"type": item["type"], "value": item["value"], "title": item.get("title", ""), "order": number}
                   for number, item in enumerate(one["spec"].get("items") or [], 1)]}
        for one in objects
    ]  # fmt: skip


def _found(request: Request, uid: str) -> Json:
    found = next((one for one in _every(request) if one["uid"] == uid), None)
    if found is None:
        raise RefusedError(404, "Playlist not found")
    return found


def _fill(request: Request, uid: str, body: Json) -> None:
    (row,) = request.rows("SELECT id FROM playlist WHERE org_id = ? AND uid = ?", request.org_id, uid)
    request.connection.execute("DELETE FROM playlist_item WHERE playlist_id = ?", (row["id"],))
    for order, item in enumerate(body.get("items") or [], 1):
        insert(request, "playlist_item", playlist_id=row["id"], type=item["type"], value=item["value"],
               title=str(item.get("title") or ""), order=int(item.get("order") or order))  # fmt: skip

"""Annotations, playlists, preferences, plugins."""

import json
from typing import Any

from tests.standins.grafana.server.request import Request
from tests.standins.grafana.server.storage.resources import namespace

Json = dict[str, Any]
ANNOTATIONS_DEFAULT = 100


def annotations(request: Request) -> list[Json]:
    """Newest first, 100 unless told; `type=annotation` leaves out what alerts wrote, `type=alert` leaves in only that."""
    uids = {board.id: board.uid for board in request.store.dashboards(request.org_id)}
    users = {row["id"]: row for row in request.rows("SELECT id, login, email FROM user")}
    start, end, kind, board = (
        request.number("from", 0),
        request.number("to", 0),
        request.text("type"),
        request.text("dashboardUID"),
    )
    tags = set(request.query.get("tags", []))
    found = []
    for row in request.rows("SELECT * FROM annotation WHERE org_id = ? ORDER BY epoch DESC, id DESC", request.org_id):
        uid = row.get("dashboard_uid") or uids.get(row["dashboard_id"] or 0, "")
        mine = set(json.loads(row["tags"] or "[]"))
        if (end and row["epoch"] > end) or row["epoch_end"] < start or (board and board != uid) or not tags <= mine:
            continue
        if kind and (kind == "alert") != bool(row["alert_id"]):
            continue
        author = users.get(row["user_id"], {"login": "", "email": ""})
        found.append(
            {"id": row["id"], "alertId": row["alert_id"] or 0, "alertName": "", "dashboardId": row["dashboard_id"] or 0, "dashboardUID": uid,
             "panelId": row["panel_id"] or 0, "userId": row["user_id"] or 0, "newState": row["new_state"], "prevState": row["prev_state"],
             "created": row["created"], "updated": row["updated"], "time": row["epoch"], "timeEnd": row["epoch_end"], "text": row["text"],
             "tags": sorted(mine), "login": author["login"], "email": author["email"], "avatarUrl": "", "data": json.loads(row["data"] or "{}")}
        )  # fmt: skip
    return found[: request.number("limit", ANNOTATIONS_DEFAULT) or ANNOTATIONS_DEFAULT]


def playlists(request: Request) -> list[Json]:
    """From the table, or from the resources to which 13 moved them."""
    if request.has_table("playlist"):
        rows = request.rows("SELECT * FROM playlist WHERE org_id = ? ORDER BY name", request.org_id)
        found = [
            {"id": row["id"], "uid": row.get("uid") or str(row["id"]), "name": row["name"], "interval": row["interval"]}
            for row in rows
        ]
        if found:
            return found
    if not request.has_table("resource"):
        return []
    moved = request.rows(
        "SELECT value FROM resource WHERE `group` = 'playlist.grafana.app' AND namespace = ?", namespace(request.org_id)
    )
    items = [json.loads(row["value"]) for row in moved]
    return [
        {"uid": item["metadata"]["name"], "name": item["spec"]["title"], "interval": item["spec"]["interval"]} for item in items
    ]


def preferences(request: Request) -> Json:
    """The organisation's own preferences."""
    rows = request.rows(
        "SELECT * FROM preferences WHERE org_id = ? AND coalesce(user_id, 0) = 0 AND coalesce(team_id, 0) = 0", request.org_id
    )
    if not rows:
        return {}
    uids = {board.id: board.uid for board in request.store.dashboards(request.org_id)}
    (row, *_) = rows
    home = row.get("home_dashboard_uid") or uids.get(row["home_dashboard_id"], "")
    return {
        "theme": row["theme"],
        "timezone": row["timezone"],
        "weekStart": row.get("week_start") or "",
        "homeDashboardUID": home,
    }


def plugins(request: Request) -> list[Json]:
    """Plugins on disk, with their settings in the database. Grafana's own core plugins are not there: a stand-in has none."""
    rows = {row["plugin_id"]: row for row in request.rows("SELECT * FROM plugin_setting WHERE org_id = ?", request.org_id)}
    found = [json.loads(file.read_text()) for file in sorted(request.plugins.glob("*/plugin.json"))]
    return [
        {"id": one["id"], "name": one.get("name", one["id"]), "type": one["type"], "enabled": bool(rows.get(one["id"], {}).get("enabled")),
         "pinned": bool(rows.get(one["id"], {}).get("pinned")), "info": {"version": one.get("info", {}).get("version", "")}}
        for one in found
    ]  # fmt: skip

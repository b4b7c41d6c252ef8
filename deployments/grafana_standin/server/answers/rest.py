"""Annotations, preferences, snapshots, plugins."""

import json
from typing import Any

from deployments.grafana_standin.server.answers.accounts import insert
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import AVATAR, rfc3339
from deployments.grafana_standin.server.storage.resources import namespace

Json = dict[str, Any]
ANNOTATIONS_DEFAULT = 100


def annotations(request: Request) -> list[Json]:
    """Newest first, 100 unless told; `type=annotation` leaves out what alerts wrote, `type=alert` leaves in only that."""
    uids = _uids(request)
    users = {row["id"]: row for row in request.rows("SELECT id, login, email FROM user")}
    start, end, kind, board = (
        request.number("from", 0),
        request.number("to", 0),
        request.text("type"),
        request.text("dashboardUID"),
    )
    tags = set(request.query.get("tags", []))
    found = []
    for row in request.rows("SELECT * FROM annotation WHERE org_id = ? ORDER BY epoch_end DESC, epoch DESC", request.org_id):
        uid = row.get("dashboard_uid") or uids.get(row["dashboard_id"] or 0, "")
        mine = set(json.loads(row["tags"] or "[]"))
        if (end and row["epoch"] > end) or row["epoch_end"] < start or (board and board != uid) or not tags <= mine:
            continue
        if kind and (kind == "alert") != bool(row["alert_id"]):
            continue
        author = users.get(row["user_id"], {"login": "", "email": ""})
        always = {"id": row["id"], "dashboardUID": uid, "created": row["created"], "updated": row["updated"], "time": row["epoch"],
                  "timeEnd": row["epoch_end"], "text": row["text"], "tags": sorted(mine), "login": author["login"], "email": author["email"],
                  "avatarUrl": AVATAR if row["user_id"] else "", "data": json.loads(row["data"] or "{}")}  # fmt: skip
        some = {"alertId": row["alert_id"], "dashboardId": row["dashboard_id"], "panelId": row["panel_id"], "newState": row["new_state"],
                "prevState": row["prev_state"]}  # fmt: skip
        found.append(always | {name: value for name, value in some.items() if value})
    return found[: request.number("limit", ANNOTATIONS_DEFAULT) or ANNOTATIONS_DEFAULT]


def _uids(request: Request) -> dict[int, str]:
    """Uids by number, where there are rows that know only the number."""
    rows = request.rows("SELECT * FROM annotation WHERE org_id = ? AND coalesce(dashboard_id, 0) <> 0", request.org_id)
    if all(row.get("dashboard_uid") for row in rows):
        return {}
    return {board.id: board.uid for board in request.store.dashboards(request.org_id)}


def create_annotation(request: Request) -> Json:
    """A person's annotation, on a dashboard (and a panel of it) or on the whole organisation."""
    body = fields(request.body)
    if not body.get("text"):
        raise RefusedError(400, "Failed to save annotation")
    uid = str(body.get("dashboardUID") or "")
    board = next(iter(request.store.dashboards(request.org_id, uid)), None) if uid else None
    if uid and board is None:
        raise RefusedError(400, "Dashboard not found")
    begin = int(body.get("time") or request.now.timestamp() * 1000)
    now = int(request.now.timestamp() * 1000)
    number = insert(
        request, "annotation", org_id=request.org_id, alert_id=0, user_id=request.caller.id, dashboard_id=board.id if board else 0,
        dashboard_uid=uid, panel_id=int(body.get("panelId") or 0), type="", title="", text=str(body["text"]), prev_state="", new_state="",
        data=json.dumps(body.get("data") or {}), epoch=begin, epoch_end=int(body.get("timeEnd") or begin), created=now, updated=now,
        tags=json.dumps(body.get("tags") or []),
    )  # fmt: skip
    return {"id": number, "message": "Annotation added"}


def preferences(request: Request) -> Json:
    """The organisation's own preferences."""
    return _preferences(request, 0)


def team_preferences(request: Request, number: str) -> Json:
    """A team's preferences."""
    return _preferences(request, int(number))


def set_preferences(request: Request) -> Json:
    """Replace the organisation's preferences."""
    return _set_preferences(request, 0)


def set_team_preferences(request: Request, number: str) -> Json:
    """Replace a team's preferences."""
    return _set_preferences(request, int(number))


_MORE = ("language", "regionalFormat", "navbar", "queryHistory")


def _preferences(request: Request, team: int) -> Json:
    rows = request.rows(
        "SELECT * FROM preferences WHERE org_id = ? AND coalesce(user_id, 0) = 0 AND coalesce(team_id, 0) = ?",
        request.org_id,
        team,
    )
    if not rows:
        return {}
    (row, *_) = rows
    home = row.get("home_dashboard_uid") or next(
        (board.uid for board in request.store.dashboards(request.org_id) if board.id == row["home_dashboard_id"]), ""
    )
    more = json.loads(row.get("json_data") or "{}")
    said: Json = {
        "theme": row["theme"],
        "timezone": row["timezone"],
        "weekStart": row.get("week_start"),
        "homeDashboardUID": home,
    }
    said |= {name: {key: value for key, value in (more.get(name) or {}).items() if value} for name in ("navbar", "queryHistory")}
    said |= {name: more.get(name) for name in ("language", "regionalFormat")}
    return {name: value for name, value in said.items() if value}


def _set_preferences(request: Request, team: int) -> Json:
    body = fields(request.body)
    home = str(body.get("homeDashboardUID") or "")
    if home and not request.store.dashboards(request.org_id, home):
        raise RefusedError(400, "Dashboard not found")
    request.connection.execute(
        "DELETE FROM preferences WHERE org_id = ? AND coalesce(user_id, 0) = 0 AND coalesce(team_id, 0) = ?",
        (request.org_id, team),
    )
    insert(
        request, "preferences", org_id=request.org_id, user_id=0, team_id=team, version=1, home_dashboard_id=0, home_dashboard_uid=home,
        timezone=str(body.get("timezone") or ""), theme=str(body.get("theme") or ""), week_start=str(body.get("weekStart") or ""),
        json_data=json.dumps({name: body[name] for name in _MORE if body.get(name)}),
    )  # fmt: skip
    return {"message": "Preferences updated"}


def snapshots(request: Request) -> list[Json]:
    """What there is of frozen dashboards; not the dashboards, which are sealed."""
    rows = request.rows("SELECT * FROM dashboard_snapshot WHERE org_id = ? ORDER BY name", request.org_id)
    return [
        {"name": row["name"], "key": row["key"], "external": bool(row["external"]), "externalUrl": row["external_url"],
         "expires": rfc3339(row["expires"]), "created": rfc3339(row["created"]), "updated": rfc3339(row["updated"])}
        for row in rows
    ]  # fmt: skip


def frontend_settings(request: Request) -> Json:
    """Of what Grafana tells its own pages, the namespace of the organisation's objects, and that nobody has licensed it."""
    return {"namespace": namespace(request.org_id), "buildInfo": {"edition": "Open Source"}}


def admin_settings(request: Request) -> Json:
    """Of what Grafana tells its server administrator, where its data are. As there, everything is text, and no password is told."""
    settings = request.settings
    return {
        "DEFAULT": {"app_mode": "production"},
        "database": {"type": "sqlite3", "host": "127.0.0.1:3306", "name": "grafana", "user": "root", "password": "*********", "url": "",
                     "path": settings.path, "connection_string": "", "wal": "false"} | dict(settings.server),
        "paths": {"data": str(settings.data), "plugins": str(settings.plugins), "provisioning": "conf/provisioning"},
        "unified_alerting": {"enabled": str(settings.alerting).lower()},
    }  # fmt: skip


def plugins(request: Request) -> list[Json]:
    """Plugins on disk, with their settings in the database. Grafana's own core plugins are not there: a stand-in has none."""
    rows = {row["plugin_id"]: row for row in request.rows("SELECT * FROM plugin_setting WHERE org_id = ?", request.org_id)}
    found = [json.loads(file.read_text()) for file in sorted(request.plugins.glob("*/plugin.json"))]
    return [
        {"id": one["id"], "name": one.get("name", one["id"]), "type": one["type"], "enabled": bool(rows.get(one["id"], {}).get("enabled")),
         "pinned": bool(rows.get(one["id"], {}).get("pinned")), "info": {"version": one.get("info", {}).get("version", "")}}
        for one in found
    ]  # fmt: skip

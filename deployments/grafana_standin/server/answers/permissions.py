"""Who may do what with a folder or a dashboard: the managed roles of `role` and `permission`, as 9 and newer keep them."""

from typing import Any, Literal

from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import rfc3339, stamp

Json = dict[str, Any]
Kind = Literal["folders", "dashboards"]
_ACTIONS = {1: "read", 2: "write", 4: "permissions:write"}
_SETS = {1: "view", 2: "edit", 4: "admin"}
"""Newer versions write one action a level, `dashboards:edit`, beside or in place of those."""
_NAMES = {1: "View", 2: "Edit", 4: "Admin"}


def of_folder(request: Request, uid: str) -> list[Json]:
    """What was given on the folder itself."""
    if not request.store.folders(request.org_id, uid):
        raise RefusedError(404, "Folder not found", "not-found")
    return [_entry(request, "folders", uid, who, level, inherited=False) for who, level in _given(request, "folders", uid)]


def of_dashboard(request: Request, uid: str) -> list[Json]:
    """What was given on the dashboard, then what its folder gives it."""
    board = next(iter(request.store.dashboards(request.org_id, uid)), None)
    if board is None:
        raise RefusedError(404, "Dashboard not found", "not-found")
    above = _given(request, "folders", board.folder_uid) if board.folder_uid else []
    return [
        *(_entry(request, "dashboards", uid, who, level, inherited=False) for who, level in _given(request, "dashboards", uid)),
        *(_entry(request, "dashboards", uid, who, level, inherited=True) for who, level in above),
    ]


def set_of_folder(request: Request, uid: str) -> Json:
    """Replace what was given on a folder."""
    if not request.store.folders(request.org_id, uid):
        raise RefusedError(404, "Folder not found", "not-found")
    _replace(request, "folders", uid)
    return {"message": "Folder permissions updated"}


def set_of_dashboard(request: Request, uid: str) -> Json:
    """Replace what was given on a dashboard."""
    if not request.store.dashboards(request.org_id, uid):
        raise RefusedError(404, "Dashboard not found", "not-found")
    _replace(request, "dashboards", uid)
    return {"message": "Dashboard permissions updated"}


def _scope(kind: Kind, uid: str) -> str:
    return f"{kind}:uid:{uid}"


def _given(request: Request, kind: Kind, uid: str) -> list[tuple[str, int]]:
    """(`users:2`, 4): who, and the most that they may, in the order of the roles' names."""
    if not request.has_table("permission"):
        return []
    found: dict[str, int] = {}
    actions = [f"{kind}{mark}{word}" for word in _ACTIONS.values() for mark in ".:"]  # by the index: it is asked for thousands
    rows = request.rows(
        "SELECT role.name AS name, permission.action AS action FROM permission JOIN role ON role.id = permission.role_id"
        f" WHERE role.org_id = ? AND permission.action IN ({', '.join('?' * len(actions))}) AND permission.scope = ?"
        " AND role.name LIKE 'managed:%:permissions' ORDER BY role.name",
        request.org_id, *actions, _scope(kind, uid),
    )  # fmt: skip
    for row in rows:
        who = row["name"].removeprefix("managed:").removesuffix(":permissions")
        for level, word in _ACTIONS.items():
            if row["action"] == f"{kind}.{word}" or row["action"] == f"{kind}:{word}":
                found[who] = max(found.get(who, 0), level)
    return list(found.items())


def _entry(request: Request, kind: Kind, uid: str, who: str, level: int, *, inherited: bool) -> Json:
    sort, _, name = who.partition(":")
    never = rfc3339(None)
    entry: Json = {
        "created": never, "updated": never, "userId": 0, "userUid": "", "userLogin": "", "userEmail": "", "userAvatarUrl": "", "teamId": 0,
        "teamUid": "", "teamEmail": "", "teamAvatarUrl": "", "team": "", "permission": level, "permissionName": _NAMES[level], "uid": uid,
        "title": "", "slug": "", "isFolder": kind == "folders", "url": "", "inherited": inherited,
    }  # fmt: skip
    if sort == "builtins":
        return entry | {"role": name.capitalize()}
    if sort == "teams":
        (team,) = request.rows("SELECT * FROM team WHERE id = ?", int(name))
        return entry | {
            "teamId": team["id"],
            "teamUid": team.get("uid") or "",
            "team": team["name"],
            "teamEmail": team.get("email") or "",
        }
    (user,) = request.rows("SELECT * FROM user WHERE id = ?", int(name))
    return entry | {
        "userId": user["id"],
        "userUid": user.get("uid") or "",
        "userLogin": user["login"],
        "userEmail": user["email"],
    }


def _replace(request: Request, kind: Kind, uid: str) -> None:
    items = fields(request.body).get("items") or []
    request.connection.execute(
        "DELETE FROM permission WHERE scope = ? AND role_id IN (SELECT id FROM role WHERE org_id = ? AND name LIKE 'managed:%')",
        (_scope(kind, uid), request.org_id),
    )
    for item in items:
        level = item.get("permission")
        if level not in _ACTIONS:
            raise RefusedError(400, "bad request data")
        role = _role(request, _who(request, item))
        for weaker, word in _ACTIONS.items():
            if weaker <= level:
                action = f"{kind}.{word}" if ":" in word else f"{kind}:{word}"
                request.connection.execute(
                    "INSERT OR IGNORE INTO permission (role_id, action, scope, created, updated, kind, attribute, identifier)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'uid', ?)",
                    (role, action, _scope(kind, uid), stamp(request.now), stamp(request.now), kind, uid),
                )  # fmt: skip


def _who(request: Request, item: Json) -> str:
    """The role's middle part; 400 for somebody that this organisation does not have."""
    if item.get("role"):
        if item["role"] not in {"Viewer", "Editor", "Admin"}:
            raise RefusedError(400, "invalid role")
        return f"builtins:{item['role'].lower()}"
    if item.get("teamId"):
        if not request.rows("SELECT 1 FROM team WHERE id = ? AND org_id = ?", item["teamId"], request.org_id):
            raise RefusedError(400, "team not found")
        return f"teams:{item['teamId']}"
    if not request.rows("SELECT 1 FROM org_user WHERE user_id = ? AND org_id = ?", item.get("userId"), request.org_id):
        raise RefusedError(400, "user not found")
    return f"users:{item['userId']}"


def _role(request: Request, who: str) -> int:
    name = f"managed:{who}:permissions"
    rows = request.rows("SELECT id FROM role WHERE org_id = ? AND name = ?", request.org_id, name)
    if rows:
        return int(rows[0]["id"])
    made = request.connection.execute(
        "INSERT INTO role (name, version, org_id, uid, created, updated) VALUES (?, 0, ?, ?, ?, ?)",
        (name, request.org_id, f"m{request.org_id}-{who.replace(':', '-')}", stamp(request.now), stamp(request.now)),
    )
    return int(made.lastrowid or 0)

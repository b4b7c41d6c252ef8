"""Who may do what with a folder or a dashboard: the managed roles of `role` and `permission`, as 9 and newer keep them."""

from dataclasses import dataclass
from typing import Any, Literal

from deployments.grafana_standin.server.answers.accounts import insert
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import AVATAR, rfc3339, slug, stamp

Json = dict[str, Any]
Kind = Literal["folders", "dashboards"]
_ACTIONS = {1: "read", 2: "write", 4: "permissions:write"}
_SETS = {1: "view", 2: "edit", 4: "admin"}
"""Newer versions write one action a level, `dashboards:edit`, in place of those; so does the stand-in."""
_NAMES = {1: "View", 2: "Edit", 4: "Admin"}


def of_folder(request: Request, uid: str) -> list[Json]:
    """What was given on the folder itself."""
    folder = next(iter(request.store.folders(request.org_id, uid)), None)
    if folder is None:
        raise RefusedError(404, "Folder not found", "not-found")
    about = {"title": folder.title, "slug": "", "url": f"/dashboards/f/{uid}/{slug(folder.title)}", "folderId": folder.id}
    return [_entry(request, uid, one, about) | {"isFolder": True} for one in given(request, "folders", uid)]


def of_dashboard(request: Request, uid: str) -> list[Json]:
    """What was given on the dashboard itself: what its folder gives it is not said here."""
    board = next(iter(request.store.dashboards(request.org_id, uid)), None)
    if board is None:
        raise RefusedError(404, "Dashboard not found")
    about = {"title": board.title, "slug": slug(board.title), "url": f"/d/{uid}/{slug(board.title)}", "dashboardId": board.id}
    return [_entry(request, uid, one, about) | {"isFolder": False} for one in given(request, "dashboards", uid)]


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


def known(request: Request, kind: Kind, uid: str) -> None:
    """Raises RefusedError 404 for an object that is not there."""
    there = request.store.folders(request.org_id, uid) if kind == "folders" else request.store.dashboards(request.org_id, uid)
    if not there:
        raise RefusedError(404, "Folder not found" if kind == "folders" else "Dashboard not found")


def _scope(kind: Kind, uid: str) -> str:
    return f"{kind}:uid:{uid}"


@dataclass(frozen=True)
class Grant:
    """Who (`users:2`) was given what, at most, and since when."""

    who: str
    level: int
    created: str


_ORDER = ("users", "teams", "builtins")


def given(request: Request, kind: Kind, uid: str) -> list[Grant]:
    """People first, then teams, then roles, each by name."""
    if not request.has_table("permission"):
        return []
    found: dict[str, Grant] = {}
    # By the index: it is asked for thousands.
    actions = [f"{kind}{mark}{word}" for word in _ACTIONS.values() for mark in ".:"]
    rows = request.rows(
        "SELECT role.name AS name, permission.action AS action, permission.created AS created FROM permission"
        " JOIN role ON role.id = permission.role_id"
        f" WHERE role.org_id = ? AND permission.action IN ({', '.join('?' * len(actions))}) AND permission.scope = ?"
        " AND role.name LIKE 'managed:%:permissions' ORDER BY role.name",
        request.org_id, *actions, _scope(kind, uid),
    )  # fmt: skip
    for row in rows:
        who = row["name"].removeprefix("managed:").removesuffix(":permissions")
        for level, word in _ACTIONS.items():
            if row["action"] in {f"{kind}.{word}", f"{kind}:{word}", f"{kind}:{_SETS[level]}"}:
                found[who] = max(found.get(who, Grant(who, 0, "")), Grant(who, level, row["created"]), key=lambda one: one.level)
    return sorted(found.values(), key=lambda one: (_ORDER.index(one.who.partition(":")[0]), one.who))


def _entry(request: Request, uid: str, one: Grant, about: Json) -> Json:
    sort, _, name = one.who.partition(":")
    since = rfc3339(one.created)
    entry: Json = {
        "created": since, "updated": since, "userId": 0, "userUid": "", "userLogin": "", "userEmail": "", "userAvatarUrl": AVATAR, "teamId": 0,
        "teamUid": "", "teamEmail": "", "teamAvatarUrl": "", "team": "", "permission": one.level, "permissionName": _NAMES[one.level], "uid": uid,
        "inherited": False,
    } | about  # fmt: skip
    if sort == "builtins":
        return entry | {"role": name.capitalize()}
    if sort == "teams":
        (team,) = request.rows("SELECT * FROM team WHERE id = ?", int(name))
        return entry | {"teamId": team["id"], "teamUid": team.get("uid") or "", "team": team["name"], "teamEmail": team.get("email") or "",
                        "teamAvatarUrl": AVATAR}  # fmt: skip
    (user,) = request.rows("SELECT * FROM user WHERE id = ?", int(name))
    named = user.get("uid") or "" if "folderId" in about else ""  # a dashboard's entries leave it empty
    return entry | {"userId": user["id"], "userUid": named, "userLogin": user["login"], "userEmail": user["email"]}


def give_to_creator(request: Request, kind: Kind, uid: str, *, everybody: bool) -> None:
    """What a new object is given by itself: Admin to who made it, and at the top Edit to editors and View to viewers."""
    if not request.has_table("permission") or not request.caller.id:
        return
    grants = {f"users:{request.caller.id}": 4} | ({"builtins:editor": 2, "builtins:viewer": 1} if everybody else {})
    for who, level in grants.items():
        _grant(request, kind, uid, who, level)


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
        _grant(request, kind, uid, _who(request, item), level)


def _grant(request: Request, kind: Kind, uid: str, who: str, level: int) -> None:
    request.connection.execute(
        "INSERT OR IGNORE INTO permission (role_id, action, scope, created, updated, kind, attribute, identifier)"
        " VALUES (?, ?, ?, ?, ?, ?, 'uid', ?)",
        (_role(request, who), f"{kind}:{_SETS[level]}", _scope(kind, uid), stamp(request.now), stamp(request.now), kind, uid),
    )


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
    number = int(made.lastrowid or 0)
    sort, _, name = who.partition(":")
    table, column = {"users": ("user_role", "user_id"), "teams": ("team_role", "team_id"), "builtins": ("builtin_role", "role")}[
        sort
    ]
    if request.has_table(table):
        insert(
            request,
            table,
            role_id=number,
            org_id=request.org_id,
            **{column: name.capitalize() if sort == "builtins" else int(name)},
        )
    return number

"""Who may do what, as the access control itself lists it: managed roles, and the administrator who always may."""

from typing import Any

from deployments.grafana_standin.server.answers.accounts import refuse_stranger
from deployments.grafana_standin.server.answers.permissions import given, known
from deployments.grafana_standin.server.request import Request
from deployments.grafana_standin.server.storage.base import AVATAR

Json = dict[str, Any]
_NAMES = {1: "View", 2: "Edit", 4: "Admin"}
_WORDS = {1: ("read",), 2: ("read", "write", "delete"), 4: ("read", "write", "delete", "permissions:read", "permissions:write")}


def of(request: Request, kind: str, key: str) -> list[Json]:
    """What was given on one folder, dashboard or service account (whose key is its number)."""
    if kind == "serviceaccounts":
        refuse_stranger(request, key)
        return [_administrator(kind, "basic:admin")]
    known(request, "folders" if kind == "folders" else "dashboards", key)
    grants = given(request, "folders" if kind == "folders" else "dashboards", key)
    always = [_administrator(kind, role) for role in ("basic:admin", "")]
    return [*(_entry(request, kind, one.who, one.level) for one in grants), *always]


def _actions(kind: str, level: int) -> list[str]:
    return [f"{kind}.{word}" if ":" in word else f"{kind}:{word}" for word in _WORDS[level]]


def _administrator(kind: str, role: str) -> Json:
    return {"id": int(bool(role)), "roleName": role, "isManaged": False, "isInherited": False, "isServiceAccount": False, "builtInRole": "Admin",
            "userAvatarUrl": AVATAR, "actions": _actions(kind, 4), "permission": "Admin"}  # fmt: skip


def _entry(request: Request, kind: str, who: str, level: int) -> Json:
    sort, _, name = who.partition(":")
    entry: Json = {"id": 0, "roleName": f"managed:{who}:permissions", "isManaged": True, "isInherited": False, "isServiceAccount": False,
                   "userAvatarUrl": AVATAR, "actions": _actions(kind, level), "permission": _NAMES[level]}  # fmt: skip
    if sort == "builtins":
        return entry | {"builtInRole": name.capitalize()}
    if sort == "teams":
        (team,) = request.rows("SELECT * FROM team WHERE id = ?", int(name))
        return entry | {"team": team["name"], "teamId": team["id"], "teamUid": team.get("uid") or "", "teamAvatarUrl": AVATAR}
    (user,) = request.rows("SELECT * FROM user WHERE id = ?", int(name))
    return entry | {"userId": user["id"], "userUid": user.get("uid") or "", "userLogin": user["login"],
                    "isServiceAccount": bool(user.get("is_service_account"))}  # fmt: skip

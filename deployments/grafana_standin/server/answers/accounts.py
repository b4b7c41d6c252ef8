"""Organisations, users, members, teams and service accounts: made and changed."""

import secrets
import sqlite3
from datetime import UTC, datetime
from typing import Any

from deployments.grafana_standin.server.passwords import hashed
from deployments.grafana_standin.server.request import ROLES, RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import AVATAR, rfc3339, stamp

Json = dict[str, Any]


def insert(request: Request, table: str, **values: Any) -> int:
    """A row; `created` and `updated` are this moment where the table has them."""
    there = {row["name"] for row in request.rows(f'PRAGMA table_info("{table}")')}
    times = {name: stamp(request.now) for name in ("created", "updated") if name in there}
    row = {name: value for name, value in (times | values).items() if name in there}
    names = ", ".join(f"`{name}`" for name in row)
    sql = f"INSERT INTO `{table}` ({names}) VALUES ({', '.join('?' * len(row))})"
    return int(request.connection.execute(sql, tuple(row.values())).lastrowid or 0)


def create_organisation(request: Request) -> Json:
    """A new organisation; who makes it is its administrator. Its alerting comes with the server's next look (`first_minute.py`)."""
    name = str(fields(request.body).get("name") or "")
    if not name:
        raise RefusedError(400, "bad request data")
    if request.rows("SELECT 1 FROM org WHERE name = ?", name):
        raise RefusedError(409, "Organization name taken")
    number = insert(request, "org", version=0, name=name)
    if request.caller.id:
        insert(request, "org_user", org_id=number, user_id=request.caller.id, role="Admin")
    return {"message": "Organization created", "orgId": number}


def rename_organisation(request: Request, number: str) -> Json:
    """Another name."""
    name = str(fields(request.body).get("name") or "")
    if not name or request.rows("SELECT 1 FROM org WHERE name = ? AND id <> ?", name, int(number)):
        raise RefusedError(400, "Organization name taken")
    request.connection.execute("UPDATE org SET name = ? WHERE id = ?", (name, int(number)))
    return {"message": "Organization updated"}


def create_user(request: Request) -> Json:
    """A new user, who joins the organisation that is named, or the first one, as a viewer."""
    body = fields(request.body)
    login = str(body.get("login") or body.get("email") or "")
    if not login or len(str(body.get("password") or "")) < 4:
        raise RefusedError(400, "Password is missing or too short")
    if request.rows("SELECT 1 FROM user WHERE login = ? OR email = ?", login, str(body.get("email") or login)):
        raise RefusedError(412, f"User with email '{body.get('email')}' or username '{login}' already exists")
    salt = secrets.token_hex(5)
    org_id, uid = int(body.get("orgId") or 1), f"u{secrets.token_hex(6)}"
    number = insert(
        request, "user", version=0, login=login, email=str(body.get("email") or login), uid=uid, name=str(body.get("name") or ""),
        password=hashed(str(body["password"]), salt), salt=salt, rands=secrets.token_hex(5), org_id=org_id, is_admin=0,
        is_disabled=0, is_service_account=0, last_seen_at="2016-01-01 00:00:00", email_verified=0,
    )  # fmt: skip
    insert(request, "org_user", org_id=org_id, user_id=number, role="Viewer")
    return {"id": number, "uid": uid, "message": "User created"}


def change_user(request: Request, number: str) -> Json:
    """Another login, address or name."""
    body = fields(request.body)
    _user(request, number)
    login, email = str(body.get("login") or body.get("email") or ""), str(body.get("email") or body.get("login") or "")
    if not login:
        raise RefusedError(400, "bad request data")
    if request.rows("SELECT 1 FROM user WHERE (login = ? OR email = ?) AND id <> ?", login, email, int(number)):
        raise RefusedError(409, "login or email already in use")
    request.connection.execute(
        "UPDATE user SET login = ?, email = ?, name = ? WHERE id = ?", (login, email, str(body.get("name") or ""), int(number))
    )
    return {"message": "User updated"}


def permit_user(request: Request, number: str) -> Json:
    """Make somebody the server's administrator, or no longer."""
    _user(request, number)
    request.connection.execute(
        "UPDATE user SET is_admin = ? WHERE id = ?", (int(bool(fields(request.body).get("isGrafanaAdmin"))), int(number))
    )
    return {"message": "User permissions updated"}


def disable_user(request: Request, number: str) -> Json:
    """Let somebody in no longer."""
    _user(request, number)
    request.connection.execute("UPDATE user SET is_disabled = 1 WHERE id = ?", (int(number),))
    return {"message": "User disabled"}


def enable_user(request: Request, number: str) -> Json:
    """Let somebody in again."""
    _user(request, number)
    request.connection.execute("UPDATE user SET is_disabled = 0 WHERE id = ?", (int(number),))
    return {"message": "User enabled"}


def members(request: Request) -> list[Json]:
    """The people of the organisation."""
    rows = request.rows(
        "SELECT user.*, org_user.role AS role FROM user JOIN org_user ON org_user.user_id = user.id WHERE org_user.org_id = ? ORDER BY login",
        request.org_id,
    )
    return [
        {"orgId": request.org_id, "userId": row["id"], "uid": row.get("uid") or "", "email": row["email"], "name": row["name"] or "",
         "avatarUrl": AVATAR, "login": row["login"], "role": row["role"], "lastSeenAt": rfc3339(row["last_seen_at"]), "lastSeenAtAge": "",
         "created": rfc3339(row["created"]), "authLabels": None, "isDisabled": bool(row["is_disabled"]), "isExternallySynced": False,
         "isProvisioned": bool(row.get("is_provisioned"))}
        for row in rows if not row.get("is_service_account")
    ]  # fmt: skip


def add_member(request: Request) -> Json:
    """Let a user of the server into the organisation."""
    body = fields(request.body)
    name = str(body.get("loginOrEmail") or "")
    rows = request.rows("SELECT id FROM user WHERE login = ? OR email = ?", name, name)
    if not rows:
        raise RefusedError(404, "user not found")
    role = _role(body)
    if request.rows("SELECT 1 FROM org_user WHERE org_id = ? AND user_id = ?", request.org_id, rows[0]["id"]):
        raise RefusedError(409, "User is already member of this organization")
    insert(request, "org_user", org_id=request.org_id, user_id=rows[0]["id"], role=role)
    return {"message": "User added to organization", "userId": rows[0]["id"]}


def change_member(request: Request, number: str) -> Json:
    """Another role."""
    refuse_stranger(request, number)
    role = _role(fields(request.body))
    request.connection.execute(
        "UPDATE org_user SET role = ? WHERE org_id = ? AND user_id = ?", (role, request.org_id, int(number))
    )
    return {"message": "Organization user updated"}


def remove_member(request: Request, number: str) -> Json:
    """Out of the organisation."""
    refuse_stranger(request, number)
    request.connection.execute("DELETE FROM org_user WHERE org_id = ? AND user_id = ?", (request.org_id, int(number)))
    return {"message": "User removed from organization"}


def create_team(request: Request) -> Json:
    """A new team, without members."""
    body = fields(request.body)
    if not body.get("name"):
        raise RefusedError(400, "bad request data")
    if request.rows("SELECT 1 FROM team WHERE org_id = ? AND name = ?", request.org_id, body["name"]):
        raise RefusedError(409, "Team name taken")
    uid = f"t{secrets.token_hex(6)}"
    number = insert(request, "team", org_id=request.org_id, name=body["name"], email=str(body.get("email") or ""), uid=uid)
    return {"message": "Team created", "teamId": number, "uid": uid}


def change_team(request: Request, number: str) -> Json:
    """Another name or address."""
    body = fields(request.body)
    _team(request, number)
    if request.rows(
        "SELECT 1 FROM team WHERE org_id = ? AND name = ? AND id <> ?", request.org_id, body.get("name"), int(number)
    ):
        raise RefusedError(409, "Team name taken")
    request.connection.execute(
        "UPDATE team SET name = ?, email = ? WHERE id = ?", (body.get("name"), str(body.get("email") or ""), int(number))
    )
    return {"message": "Team updated"}


def team_members(request: Request, number: str) -> list[Json]:
    """Who is in a team, and whether they lead it (permission 4)."""
    team = _team(request, number)
    rows = request.rows(
        "SELECT user.*, team_member.permission AS permission, team_member.uid AS member_uid FROM team_member JOIN user ON user.id = team_member.user_id"
        " WHERE team_member.team_id = ? ORDER BY user.login",
        int(number),
    )
    return [
        {"orgId": request.org_id, "teamId": team["id"], "teamUID": team.get("uid") or "", "userId": row["id"], "userUID": row.get("uid") or "",
         "auth_module": "", "email": row["email"], "name": row["name"] or "", "login": row["login"], "avatarUrl": AVATAR, "labels": [],
         "permission": row["permission"] or 0, "uid": row["member_uid"] or ""}
        for row in rows
    ]  # fmt: skip


def add_team_member(request: Request, number: str) -> Json:
    """Into the team, as an ordinary member."""
    _team(request, number)
    user = fields(request.body).get("userId")
    if not request.rows("SELECT 1 FROM org_user WHERE org_id = ? AND user_id = ?", request.org_id, user):
        raise RefusedError(404, "User not found")
    if request.rows("SELECT 1 FROM team_member WHERE team_id = ? AND user_id = ?", int(number), user):
        raise RefusedError(400, "User is already added to this team")
    insert(request, "team_member", org_id=request.org_id, team_id=int(number), user_id=user, external=0, permission=0)
    return {"message": "Member added to Team"}


def change_team_member(request: Request, number: str, member: str) -> Json:
    """Let a member lead the team (permission 4), or no longer (0)."""
    _team(request, number)
    changed = request.connection.execute(
        "UPDATE team_member SET permission = ? WHERE team_id = ? AND user_id = ?",
        (int(fields(request.body).get("permission") or 0), int(number), int(member)),
    )
    if not changed.rowcount:
        raise RefusedError(404, "Team member not found.")
    return {"message": "Team member updated"}


def remove_team_member(request: Request, number: str, member: str) -> Json:
    """Out of the team."""
    _team(request, number)
    gone = request.connection.execute("DELETE FROM team_member WHERE team_id = ? AND user_id = ?", (int(number), int(member)))
    if not gone.rowcount:
        raise RefusedError(404, "Team member not found.")
    return {"message": "Team Member removed"}


def create_service_account(request: Request) -> Json:
    """A new service account, without tokens."""
    body = fields(request.body)
    name, role = str(body.get("name") or ""), _role(body)
    uid, login = f"s{secrets.token_hex(6)}", f"sa-{request.org_id}-{name.lower().replace(' ', '-')}"
    if not name:
        raise RefusedError(400, "bad request data")
    try:
        number = insert(
            request, "user", version=0, login=login, email=login, name=name, password="", salt="", rands="", org_id=request.org_id, is_admin=0,
            is_disabled=int(bool(body.get("isDisabled"))), is_service_account=1, uid=uid,
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise RefusedError(400, "service account already exists") from None
    insert(request, "org_user", org_id=request.org_id, user_id=number, role=role)
    return {"id": number, "uid": uid, "name": name, "login": login, "orgId": request.org_id, "isDisabled": bool(body.get("isDisabled")),
            "role": role, "tokens": 0, "avatarUrl": ""}  # fmt: skip


def change_service_account(request: Request, number: str) -> Json:
    """Another name, with the same login; another role; or disabled."""
    body = fields(request.body)
    refuse_stranger(request, number)
    if body.get("name"):
        request.connection.execute("UPDATE user SET name = ? WHERE id = ?", (str(body["name"]), int(number)))
    if "role" in body:
        request.connection.execute(
            "UPDATE org_user SET role = ? WHERE org_id = ? AND user_id = ?", (_role(body), request.org_id, int(number))
        )
    if "isDisabled" in body:
        request.connection.execute("UPDATE user SET is_disabled = ? WHERE id = ?", (int(bool(body["isDisabled"])), int(number)))
    return {"message": "Service account updated", "id": int(number), "name": str(body.get("name") or "")}


def tokens(request: Request, number: str) -> list[Json]:
    """The names of a service account's tokens; what they are was shown once, when they were made."""
    refuse_stranger(request, number)
    rows = request.rows("SELECT * FROM api_key WHERE service_account_id = ? ORDER BY name", int(number))
    now, found = int(request.now.timestamp()), []
    for row in rows:
        expires = row.get("expires")
        found.append(
            {"id": row["id"], "name": row["name"], "created": rfc3339(row["created"]), "isRevoked": bool(row.get("is_revoked")),
             "lastUsedAt": rfc3339(row["last_used_at"]) if row.get("last_used_at") else None,
             "expiration": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if expires else None,
             "hasExpired": bool(expires and expires <= now), "secondsUntilExpiration": max(expires - now, 0) if expires else 0}
        )  # fmt: skip
    return found


def _role(body: Json) -> str:
    if body.get("role") not in {*ROLES, "None"}:  # None: in the organisation, and allowed nothing
        raise RefusedError(400, "Invalid role specified")
    return str(body["role"])


def _user(request: Request, number: str) -> Json:
    rows = request.rows("SELECT * FROM user WHERE id = ?", int(number))
    if not rows:
        raise RefusedError(404, "user not found")
    return rows[0]


def refuse_stranger(request: Request, number: str) -> None:
    """Raises RefusedError 404 for who is not in the organisation."""
    if not request.rows("SELECT 1 FROM org_user WHERE org_id = ? AND user_id = ?", request.org_id, int(number)):
        raise RefusedError(404, "user not found")


def _team(request: Request, number: str) -> Json:
    rows = request.rows("SELECT * FROM team WHERE id = ? AND org_id = ?", int(number), request.org_id)
    if not rows:
        raise RefusedError(404, "Team not found")
    return rows[0]

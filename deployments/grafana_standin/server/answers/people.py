"""Organisations, users, teams and service accounts."""

from typing import Any

from deployments.grafana_standin.server.request import Request
from deployments.grafana_standin.server.storage.base import AVATAR, rfc3339

Json = dict[str, Any]
PAGE = 1000


def _named(request: Request, rows: list[Json], *names: str) -> list[Json]:
    words = request.text("query").lower()
    return [row for row in rows if any(words in str(row[name] or "").lower() for name in names)]


def organisation(request: Request) -> Json:
    """The caller's organisation."""
    (row,) = request.rows("SELECT * FROM org WHERE id = ?", request.org_id)
    keys = {
        "address1": "address1",
        "address2": "address2",
        "city": "city",
        "zipCode": "zip_code",
        "state": "state",
        "country": "country",
    }
    return {"id": row["id"], "name": row["name"], "address": {key: row[column] or "" for key, column in keys.items()}}


def organisations(request: Request) -> list[Json]:
    """All organisations; its pages count from 0."""
    rows = _named(request, request.rows("SELECT id, name FROM org ORDER BY name"), "name")
    return request.page([{"id": row["id"], "name": row["name"]} for row in rows], size="perpage", default=PAGE, first=0)


def users(request: Request) -> list[Json]:
    """All people; service accounts are users only in the database."""
    rows = [row for row in request.rows("SELECT * FROM user ORDER BY login") if not row.get("is_service_account")]
    found = [
        {"id": row["id"], "uid": row.get("uid") or "", "login": row["login"], "name": row["name"] or "", "email": row["email"], "avatarUrl": AVATAR,
         "isAdmin": bool(row["is_admin"]), "isDisabled": bool(row["is_disabled"]), "lastSeenAt": rfc3339(row["last_seen_at"]), "lastSeenAtAge": "",
         "created": rfc3339(row["created"]), "authLabels": [], "isProvisioned": bool(row.get("is_provisioned"))}
        for row in _named(request, rows, "login", "name", "email")
    ]  # fmt: skip
    return request.page(found, size="perpage", default=PAGE)


def teams(request: Request) -> Json:
    """Teams of the organisation."""
    rows = _named(request, request.rows("SELECT * FROM team WHERE org_id = ? ORDER BY name", request.org_id), "name")
    members = {row["team_id"]: row["n"] for row in request.rows("SELECT team_id, count(*) AS n FROM team_member GROUP BY 1")}
    found = [
        {"id": row["id"], "uid": row.get("uid") or "", "orgId": row["org_id"], "name": row["name"], "email": row.get("email") or "",
         "externalUID": row.get("external_uid") or "", "isProvisioned": bool(row.get("is_provisioned")), "avatarUrl": AVATAR,
         "memberCount": members.get(row["id"], 0), "permission": 0, "accessControl": None}
        for row in rows
    ]  # fmt: skip
    return _paged(request, "teams", found)


def service_accounts(request: Request) -> Json:
    """Service accounts of the organisation, with the number of their tokens."""
    tokens = {
        row["owner"]: row["n"]
        for row in request.rows("SELECT service_account_id AS owner, count(*) AS n FROM api_key GROUP BY 1")
    }
    rows = request.rows(
        "SELECT user.*, org_user.role AS role FROM user JOIN org_user ON org_user.user_id = user.id"
        " WHERE org_user.org_id = ? AND user.is_service_account ORDER BY user.name",
        request.org_id,
    )
    found = [
        {"id": row["id"], "uid": row.get("uid") or "", "name": row["name"], "login": row["login"], "orgId": request.org_id,
         "isDisabled": bool(row["is_disabled"]), "role": row["role"], "tokens": tokens.get(row["id"], 0), "avatarUrl": AVATAR}
        for row in _named(request, rows, "name", "login")
    ]  # fmt: skip
    return _paged(request, "serviceAccounts", found)


def _paged(request: Request, name: str, found: list[Json]) -> Json:
    shown = request.page(found, size="perpage", default=PAGE)
    return {"totalCount": len(found), name: shown, "page": request.number("page", 1), "perPage": request.number("perpage", PAGE)}

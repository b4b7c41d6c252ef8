"""Data sources.

Their secrets never leave: only which of them are set, and not empty.
"""

import json
import re
from typing import Any

from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import stamp

Json = dict[str, Any]


def _body(row: Json) -> Json:
    return {
        "id": row["id"], "uid": row["uid"], "orgId": row["org_id"], "name": row["name"], "type": row["type"],
        "typeLogoUrl": f"public/plugins/{row['type']}/img/logo.svg", "access": row["access"], "url": row["url"], "user": row["user"] or "",
        "database": row["database"] or "", "basicAuth": bool(row["basic_auth"]), "isDefault": bool(row["is_default"]),
        "jsonData": json.loads(row["json_data"] or "{}"), "readOnly": bool(row["read_only"]),
    }  # fmt: skip


def _detail(request: Request, row: Json) -> Json:
    secrets = {
        key: True for key, sealed in json.loads(row["secure_json_data"] or "{}").items() if not request.vault.empty(sealed)
    }
    return _body(row) | {
        "basicAuthUser": row["basic_auth_user"] or "", "withCredentials": bool(row["with_credentials"]), "version": row["version"], "apiVersion": row.get("api_version") or "",
        "secureJsonFields": secrets, "typeLogoUrl": "",
    }  # fmt: skip


def data_sources(request: Request) -> list[Json]:
    """All of the organisation, by name."""
    return [
        _body(row) | {"typeName": row["type"].title()}
        for row in request.rows("SELECT * FROM data_source WHERE org_id = ? ORDER BY name", request.org_id)
    ]


def data_source(request: Request, uid: str) -> Json:
    """One data source."""
    return _detail(request, _row(request, uid))


def change_data_source(request: Request, uid: str) -> Json:
    """Another definition under the same uid. Secrets that are not sent stay; what came from a file is refused."""
    body, old = fields(request.body), _row(request, uid)
    if old["read_only"]:
        raise RefusedError(403, "Cannot update read-only data source")
    if request.rows(
        "SELECT 1 FROM data_source WHERE org_id = ? AND name = ? AND uid <> ?", request.org_id, body.get("name"), uid
    ):
        raise RefusedError(409, "data source with the same name already exists")
    _one_default(request, body)
    sealed = json.loads(old["secure_json_data"] or "{}") | _sealed(request, body)
    row = _columns(body) | {"version": old["version"] + 1, "secure_json_data": json.dumps(sealed), "updated": stamp(request.now)}
    assigned = ", ".join(f"`{name}` = ?" for name in row)
    request.connection.execute(f"UPDATE data_source SET {assigned} WHERE id = ?", (*row.values(), old["id"]))
    made = data_source(request, uid)
    return {"datasource": made, "id": made["id"], "message": "Datasource updated", "name": made["name"]}


def _columns(body: Json) -> Json:
    return {
        "type": body["type"], "name": body["name"], "access": body.get("access", "proxy"),
        "url": body.get("url", ""), "user": body.get("user", ""), "database": body.get("database", ""),
        "basic_auth": int(bool(body.get("basicAuth"))), "basic_auth_user": body.get("basicAuthUser", ""),
        "is_default": int(bool(body.get("isDefault"))), "json_data": json.dumps(body.get("jsonData") or {}),
        "with_credentials": int(bool(body.get("withCredentials"))),
    }  # fmt: skip


def _sealed(request: Request, body: Json) -> Json:
    return {key: request.vault.seal(str(value)) for key, value in (body.get("secureJsonData") or {}).items()}


def _one_default(request: Request, body: Json) -> None:
    """A new default takes the flag from the old one."""
    if body.get("isDefault"):
        request.connection.execute("UPDATE data_source SET is_default = 0 WHERE org_id = ?", (request.org_id,))


def _row(request: Request, uid: str) -> Json:
    rows = request.rows("SELECT * FROM data_source WHERE org_id = ? AND uid = ?", request.org_id, uid)
    if not rows:
        raise RefusedError(404, "Data source not found")
    return rows[0]


def create_data_source(request: Request) -> Json:
    """A new data source; the first one of an organisation is its default, whatever is sent."""
    body = fields(request.body)
    if not body.get("name") or not body.get("type"):
        raise RefusedError(400, "bad request data")
    uid = str(body.get("uid") or f"d{int(request.now.timestamp() * 1_000_000):x}")
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid):
        raise RefusedError(400, "Invalid datasource UID.", code="datasource.uidInvalid")
    for column, value in (("name", body["name"]), ("uid", uid)):
        if request.rows(f"SELECT 1 FROM data_source WHERE org_id = ? AND {column} = ?", request.org_id, value):
            raise RefusedError(409, f"data source with the same {column} already exists")
    first = not request.rows("SELECT 1 FROM data_source WHERE org_id = ?", request.org_id)
    _one_default(request, body)
    row = _columns(body | {"isDefault": body.get("isDefault") or first}) | {
        "org_id": request.org_id, "version": 1, "password": "", "basic_auth_password": "", "secure_json_data": json.dumps(_sealed(request, body)), "read_only": 0, "uid": uid,
        "is_prunable": 0, "api_version": "", "created": stamp(request.now), "updated": stamp(request.now),
    }  # fmt: skip
    names = ", ".join(f"`{name}`" for name in row)
    request.connection.execute(f"INSERT INTO data_source ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    made = data_source(request, uid)
    return {"datasource": made, "id": made["id"], "message": "Datasource added", "name": made["name"]}

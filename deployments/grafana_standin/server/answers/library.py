"""Library panels."""

import json
from typing import Any

from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import AVATAR, rfc3339, stamp

LIBRARY_DEFAULT = 100
Json = dict[str, Any]


def _bodies(request: Request, rows: list[Json]) -> list[Json]:
    names = {folder.uid: folder.title for folder in request.store.folders(request.org_id)}
    users = {row["id"]: row["login"] for row in request.rows("SELECT id, login FROM user")}
    links = {
        row["element_id"]: row["n"]
        for row in request.rows("SELECT element_id, count(*) AS n FROM library_element_connection GROUP BY 1")
    }
    elements = []
    for row in rows:
        folder_uid = row.get("folder_uid") or ""
        meta = {
            "folderName": names.get(folder_uid, "General"), "folderUid": folder_uid, "connectedDashboards": links.get(row["id"], 0),
            "created": rfc3339(row["created"]), "updated": rfc3339(row["updated"]),
            "createdBy": {"id": row["created_by"], "name": users.get(row["created_by"], ""), "avatarUrl": AVATAR},
            "updatedBy": {"id": row["updated_by"], "name": users.get(row["updated_by"], ""), "avatarUrl": AVATAR},
        }  # fmt: skip
        elements.append(
            {"id": row["id"], "uid": row["uid"], "orgId": row["org_id"], "folderId": row["folder_id"], "folderUid": folder_uid, "name": row["name"],
             "kind": row["kind"], "type": row["type"], "description": row["description"], "model": json.loads(row["model"]),
             "version": row["version"], "meta": meta}
        )  # fmt: skip
    return elements


def library_elements(request: Request) -> Json:
    """Library panels, 100 at a time unless told."""
    kind = request.number("kind", 0)
    rows = request.rows("SELECT * FROM library_element WHERE org_id = ? ORDER BY name, uid", request.org_id)
    elements = _bodies(request, [row for row in rows if kind in {0, row["kind"]}])
    per_page = request.number("perPage", LIBRARY_DEFAULT) or LIBRARY_DEFAULT
    shown = request.page(elements, size="perPage", default=LIBRARY_DEFAULT)
    return {"result": {"totalCount": len(elements), "elements": shown, "page": request.number("page", 1), "perPage": per_page}}


def create_library_element(request: Request) -> Json:
    """A new library panel; its uid and, inside its folder, its name must be free."""
    body = fields(request.body)
    name, model = str(body.get("name") or ""), fields(body.get("model"))
    uid = str(body.get("uid") or f"l{int(request.now.timestamp() * 1_000_000):x}")
    folder = _folder(request, body)
    if not name or body.get("kind") not in {1, 2}:
        raise RefusedError(400, "bad request data")
    if _rows(request, "uid", uid) or any((row.get("folder_uid") or "") == folder for row in _rows(request, "name", name)):
        raise RefusedError(400, "library element with that name or UID already exists")
    row = _content(request, name, model, folder) | {
        "org_id": request.org_id, "uid": uid, "kind": body["kind"], "version": 1, "created_by": request.caller.id,
        "updated_by": request.caller.id, "created": stamp(request.now), "updated": stamp(request.now),
    }  # fmt: skip
    names = ", ".join(f"`{column}`" for column in row)
    request.connection.execute(f"INSERT INTO library_element ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    return {"result": _bodies(request, _rows(request, "uid", uid))[0]}


def change_library_element(request: Request, uid: str) -> Json:
    """Change one; `version` has to be the stored one."""
    body, found = fields(request.body), _rows(request, "uid", uid)
    if not found:
        raise RefusedError(404, "library element could not be found")
    (old,) = found
    if body.get("version") != old["version"]:
        raise RefusedError(412, "the library element has been changed by someone else")
    name, model = str(body.get("name") or old["name"]), body.get("model") or json.loads(old["model"])
    row = _content(request, name, fields(model), _folder(request, body)) | {
        "version": old["version"] + 1,
        "updated": stamp(request.now),
    }
    assigned = ", ".join(f"`{column}` = ?" for column in row)
    request.connection.execute(f"UPDATE library_element SET {assigned} WHERE id = ?", (*row.values(), old["id"]))
    return {"result": _bodies(request, _rows(request, "uid", uid))[0]}


def _rows(request: Request, column: str, value: str) -> list[Json]:
    return request.rows(f"SELECT * FROM library_element WHERE org_id = ? AND {column} = ?", request.org_id, value)


def _folder(request: Request, body: Json) -> str:
    uid = str(body.get("folderUid") or "")
    if uid and not request.store.folders(request.org_id, uid):
        raise RefusedError(404, "folder not found")
    return uid


def _content(request: Request, name: str, model: Json, folder: str) -> Json:
    """The columns that a save writes."""
    folder_id = request.store.folders(request.org_id, folder)[0].id if folder else 0
    kind, description = str(model.get("type") or ""), str(model.get("description") or "")
    return {
        "name": name,
        "type": kind,
        "description": description,
        "model": json.dumps(model),
        "folder_uid": folder,
        "folder_id": folder_id,
    }

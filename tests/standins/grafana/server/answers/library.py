"""Library panels."""

import json
from typing import Any

from tests.standins.grafana.server.request import Request
from tests.standins.grafana.server.storage.base import rfc3339

LIBRARY_DEFAULT = 100
Json = dict[str, Any]


def library_elements(request: Request) -> Json:
    """Library panels, 100 at a time unless told."""
    names = {folder.uid: folder.title for folder in request.store.folders(request.org_id)}
    users = {row["id"]: row["login"] for row in request.rows("SELECT id, login FROM user")}
    links = {
        row["element_id"]: row["n"]
        for row in request.rows("SELECT element_id, count(*) AS n FROM library_element_connection GROUP BY 1")
    }
    elements = []
    for row in request.rows("SELECT * FROM library_element WHERE org_id = ? ORDER BY name, uid", request.org_id):
        if row["kind"] != request.number("kind", row["kind"]):
            continue
        folder_uid = row.get("folder_uid") or ""
        meta = {
            "folderName": names.get(folder_uid, "General"), "folderUid": folder_uid, "connectedDashboards": links.get(row["id"], 0),
            "created": rfc3339(row["created"]), "updated": rfc3339(row["updated"]),
            "createdBy": {"id": row["created_by"], "name": users.get(row["created_by"], ""), "avatarUrl": ""},
            "updatedBy": {"id": row["updated_by"], "name": users.get(row["updated_by"], ""), "avatarUrl": ""},
        }  # fmt: skip
        elements.append(
            {"id": row["id"], "uid": row["uid"], "orgId": row["org_id"], "folderId": row["folder_id"], "folderUid": folder_uid, "name": row["name"],
             "kind": row["kind"], "type": row["type"], "description": row["description"], "model": json.loads(row["model"]),
             "version": row["version"], "meta": meta}
        )  # fmt: skip
    per_page = request.number("perPage", LIBRARY_DEFAULT) or LIBRARY_DEFAULT
    shown = request.page(elements, size="perPage", default=LIBRARY_DEFAULT)
    return {"result": {"totalCount": len(elements), "elements": shown, "page": request.number("page", 1), "perPage": per_page}}

"""Dashboards, folders and search, by the old API."""

import re
from dataclasses import replace
from typing import Any

from deployments.grafana_standin.server.answers import permissions
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage import Dashboard, Folder
from deployments.grafana_standin.server.storage.base import NEVER, slug

SEARCH_DEFAULT, SEARCH_MOST, FOLDERS_DEFAULT = 1000, 5000, 1000
Json = dict[str, Any]


def _address(board: Dashboard) -> str:
    return f"/d/{board.uid}/{slug(board.title)}"


def _folder_fields(request: Request, uid: str, known: dict[str, Folder] | None = None) -> Json:
    """What an answer says of the folder that something is in; `known`, where many are asked for at once."""
    if not uid:
        return {}
    folder = next(iter(request.store.folders(request.org_id, uid)), None) if known is None else known.get(uid)
    if folder is None:
        return {}
    return {
        "folderId": folder.id,
        "folderUid": uid,
        "folderTitle": folder.title,
        "folderUrl": f"/dashboards/f/{uid}/{slug(folder.title)}",
    }


def search(request: Request) -> list[Json]:
    """Folders and dashboards; 1,000 at a time unless told, 5,000 at most."""
    if request.number("limit", SEARCH_DEFAULT) > SEARCH_MOST:
        raise RefusedError(422, f"Limit is above maximum allowed ({SEARCH_MOST}), use page parameter to access hits beyond limit")
    kind, words = request.text("type"), request.text("query").lower()
    wanted, tags, inside = request.query.get("dashboardUIDs"), set(request.query.get("tag", [])), request.query.get("folderUIDs")
    common: Json = {"isDeleted": False, "isStarred": False, "orgId": request.org_id, "slug": "", "sortMeta": 0}
    hits: list[Json] = []
    known = {folder.uid: folder for folder in request.store.folders(request.org_id)}
    starred = _starred(request)
    if kind in {"", "dash-folder"} and not wanted and not tags:
        hits += [
            common | {"id": folder.id, "uid": folder.uid, "title": folder.title, "type": "dash-folder", "tags": [], "uri": f"db/{slug(folder.title)}",
                      "url": f"/dashboards/f/{folder.uid}/{slug(folder.title)}"} | _folder_fields(request, folder.parent_uid, known)
            for folder in known.values() if not inside or (folder.parent_uid or "general") in inside
        ]  # fmt: skip
    if kind in {"", "dash-db"}:
        hits += [
            common | {"id": board.id, "uid": board.uid, "title": board.title, "type": "dash-db", "tags": sorted(board.spec.get("tags") or []),
                      "uri": f"db/{slug(board.title)}", "url": _address(board), "isStarred": board.uid in starred}
            | ({"description": board.spec["description"]} if board.spec.get("description") else {})
            | _folder_fields(request, board.folder_uid, known)
            for board in request.store.dashboards(request.org_id)
            if (not wanted or board.uid in wanted) and tags <= set(board.spec.get("tags") or [])
            and (not inside or (board.folder_uid or "general") in inside)
        ]  # fmt: skip
    shown = sorted((hit for hit in hits if words in hit["title"].lower()), key=lambda hit: str(hit["title"]).lower())
    return request.page(shown, size="limit", default=SEARCH_DEFAULT)


def _starred(request: Request) -> set[str]:
    """The uids that the caller has starred."""
    if not request.has_table("star"):
        return set()
    rows = request.rows("SELECT * FROM star WHERE user_id = ?", request.caller.id)
    return {
        row["dashboard_uid"] for row in rows if row.get("dashboard_uid") and row.get("org_id", request.org_id) == request.org_id
    }


def folders(request: Request) -> list[Json]:
    """The direct children of `parentUid` only; without one, the folders at the top."""
    parent = request.text("parentUid")
    found = [
        {"id": folder.id, "uid": folder.uid, "title": folder.title} | ({"parentUid": parent} if parent else {})
        for folder in request.store.folders(request.org_id) if folder.parent_uid == parent
    ]  # fmt: skip
    return request.page(found, size="limit", default=FOLDERS_DEFAULT)


def _author(request: Request, metadata: Json, name: str) -> str:
    """The login that an object's annotation names; Anonymous for nobody."""
    kind, _, uid = str(metadata.get("annotations", {}).get(f"grafana.app/{name}") or "").partition(":")
    rows = request.rows("SELECT login FROM user WHERE uid = ?", uid) if kind in {"user", "service-account"} else []
    return str(rows[0]["login"]) if rows else "Anonymous"


def _folder_body(request: Request, folder: Folder) -> Json:
    return {
        "id": folder.id, "uid": folder.uid, "orgId": request.org_id, "title": folder.title, "url": f"/dashboards/f/{folder.uid}/{slug(folder.title)}",
        "hasAcl": False, "canSave": request.caller.may("Editor"), "canEdit": request.caller.may("Editor"), "canAdmin": request.caller.may("Admin"),
        "canDelete": request.caller.may("Editor"), "created": folder.created, "updated": folder.updated, "version": folder.version,
        "createdBy": _author(request, folder.metadata, "createdBy"), "updatedBy": _author(request, folder.metadata, "updatedBy"),
    } | ({"parentUid": folder.parent_uid} if folder.parent_uid else {})  # fmt: skip


def folder(request: Request, uid: str) -> Json:
    """One folder with its parents, the topmost first."""
    every = {folder.uid: folder for folder in request.store.folders(request.org_id)}
    if uid not in every:
        raise RefusedError(404, "folder not found", "not-found")
    return _with_parents(request, uid, every)


def _with_parents(request: Request, uid: str, every: dict[str, Folder]) -> Json:
    parents: list[Json] = []
    above = every[uid].parent_uid
    while above in every and len(parents) < len(every):
        parents.insert(0, _folder_body(request, every[above]))
        above = every[above].parent_uid
    return _folder_body(request, every[uid]) | ({"parents": parents} if parents else {})


def create_folder(request: Request) -> Json:
    """A new folder, below `parentUid` if given."""
    body = fields(request.body)
    every = {folder.uid for folder in request.store.folders(request.org_id)}
    title, parent = str(body.get("title") or ""), str(body.get("parentUid") or "")
    if not title:
        raise RefusedError(400, "folder title cannot be empty")
    uid = _uid(body.get("uid") or _made_up(request))
    if parent and parent not in every:
        raise RefusedError(400, "parent folder not found")
    if uid in every:
        raise RefusedError(412, "the folder has been changed by someone else")
    new = Folder(0, uid, title, parent, description=str(body.get("description") or ""))
    request.store.save_folder(request.org_id, new, request.caller.author, request.now)
    if not parent:
        permissions.give_to_creator(request, "folders", uid, everybody=True)
    return _with_parents(request, uid, {folder.uid: folder for folder in request.store.folders(request.org_id)})


def change_folder(request: Request, uid: str) -> Json:
    """Another title or description; the `version` has to be the stored one unless `overwrite` says otherwise."""
    body, old = fields(request.body), _known_folder(request, uid)
    if not body.get("title"):
        raise RefusedError(400, "folder title cannot be empty")
    if not body.get("overwrite") and body.get("version") != old.version:
        raise RefusedError(409, "the folder has been changed by someone else", "version-mismatch")
    new = replace(old, title=str(body["title"]), description=str(body.get("description", old.description)))
    return _folder_body(request, request.store.change_folder(request.org_id, new, request.caller.author, request.now))


def move_folder(request: Request, uid: str) -> Json:
    """Below another folder, or to the top."""
    old, parent = _known_folder(request, uid), str(fields(request.body).get("parentUid") or "")
    if parent:
        _known_folder(request, parent)
    new = replace(old, parent_uid=parent)
    return _folder_body(request, request.store.change_folder(request.org_id, new, request.caller.author, request.now))


def _known_folder(request: Request, uid: str) -> Folder:
    found = request.store.folders(request.org_id, uid)
    if not found:
        raise RefusedError(404, "folder not found", "not-found")
    return found[0]


def _made_up(request: Request) -> str:
    return f"f{int(request.now.timestamp() * 1_000_000):x}"


def _uid(uid: object) -> str:
    """A uid that Grafana accepts. Raises RefusedError 400 otherwise."""
    text = str(uid)
    if len(text) > 40:
        raise RefusedError(400, "uid too long. max 40 characters")
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", text):
        raise RefusedError(400, "uid contains illegal characters")
    return text


def _found(request: Request, uid: str) -> Dashboard:
    board = next(iter(request.store.dashboards(request.org_id, uid)), None)
    if board is None:
        raise RefusedError(404, "Dashboard not found")
    return board


def dashboard(request: Request, uid: str) -> Json:
    """A classic dashboard with what surrounds it; a version 2 one is 406: the old API has no shape for it."""
    board = _found(request, uid)
    if not board.classic:
        raise RefusedError(406, f"dashboard is stored as {board.api_version}; use /apis/dashboard.grafana.app", "not-acceptable")
    editor = request.caller.may("Editor")
    allowed = {"canAdd": editor, "canEdit": editor, "canDelete": editor}
    meta: Json = {
        "type": "db", "slug": slug(board.title), "url": _address(board), "version": board.version, "created": board.created, "updated": board.updated,
        "expires": NEVER, "canSave": editor, "canEdit": editor, "canAdmin": request.caller.may("Admin"), "canDelete": editor, "canStar": True,
        "hasAcl": False, "isFolder": False, "annotationsPermissions": {"dashboard": allowed, "organization": allowed}, "provisioned": board.provisioned_from is not None,
        "provisionedExternalId": board.provisioned_from or "", "folderId": 0, "folderUid": "", "folderTitle": "General", "folderUrl": "",
        "apiVersion": board.api_version.rpartition("/")[2], "createdBy": _author(request, board.metadata, "updatedBy"),
        "updatedBy": _author(request, board.metadata, "updatedBy"),
    } | _folder_fields(request, board.folder_uid)  # fmt: skip
    meta |= ({"isStarred": True} if uid in _starred(request) else {}) | _shared(request, uid)
    return {"meta": meta, "dashboard": board.spec | {"id": board.id, "uid": board.uid, "version": board.version}}


def _shared(request: Request, uid: str) -> Json:
    """Whether everybody may see it."""
    if not request.has_table("dashboard_public"):
        return {}
    rows = request.rows("SELECT is_enabled FROM dashboard_public WHERE org_id = ? AND dashboard_uid = ?", request.org_id, uid)
    return {"publicDashboardEnabled": bool(rows[0]["is_enabled"])} if rows else {}


def save_dashboard(request: Request) -> Json:
    """Create or save. An `id` or a `version` that is not the stored one is refused, unless `overwrite` says otherwise."""
    body = fields(request.body)
    spec = fields(body.get("dashboard"))
    if not spec.get("title"):
        raise RefusedError(400, "Dashboard title cannot be empty", "empty-name")
    if "elements" in spec:
        raise RefusedError(400, "version 2 dashboards are saved through /apis/dashboard.grafana.app")
    numbered = request.store.dashboards(request.org_id) if spec.get("id") else []
    by_id = next((board for board in numbered if board.id == spec["id"]), None)
    if spec.get("id") and by_id is None:
        raise RefusedError(404, "Dashboard not found", "not-found")
    uid = _uid(spec.get("uid") or (by_id.uid if by_id else _made_up(request)))
    if by_id and by_id.uid != uid:
        raise RefusedError(
            400,
            "a dashboard with the same uid already exists" if uid in {b.uid for b in numbered} else "the stand-in changes no uid",
        )
    known = next(iter(request.store.dashboards(request.org_id, uid)), None)
    if known and known.provisioned_from is not None:
        raise RefusedError(400, "Cannot save provisioned dashboard")
    if known and not body.get("overwrite") and spec.get("version", 0) != known.version:
        raise RefusedError(412, "The dashboard has been changed by someone else", "version-mismatch")
    folder_uid = str(body.get("folderUid") or "")
    if folder_uid and not request.store.folders(request.org_id, folder_uid):
        raise RefusedError(400, "Folder not found", "not-found")
    message = str(body.get("message") or "")
    saved = request.store.save_dashboard(request.org_id, uid, spec, folder_uid, request.caller.author, request.now, message)
    if known is None:
        permissions.give_to_creator(request, "dashboards", uid, everybody=not folder_uid)
    return {"id": saved.id, "uid": uid, "url": _address(saved), "status": "success", "version": saved.version, "slug": slug(saved.title),
            "folderUid": folder_uid}  # fmt: skip


def delete_dashboard(request: Request, uid: str) -> Json:
    """Delete, unless it comes from a file."""
    board = _found(request, uid)
    if board.provisioned_from is not None:
        raise RefusedError(403, "provisioned dashboard cannot be deleted")
    request.store.delete_dashboard(request.org_id, uid, request.now)
    return {"message": f"Dashboard {board.title} deleted", "title": board.title, "uid": uid}

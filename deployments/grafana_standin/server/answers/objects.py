"""The Kubernetes-style API: dashboards and folders as objects, in the version they were saved in."""

import re
import uuid
from typing import Any

from deployments.grafana_standin.server.answers.kubernetes import ConflictingObjectError, MissingObjectError, listed
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage import Dashboard, Folder
from deployments.grafana_standin.server.storage.resources import namespace

Json = dict[str, Any]
UNTOUCHED = "v0alpha1"  # what the old API saves, and the only version whose objects are as they were sent
CLASSIC_VERSIONS = ("v0alpha1", "v1beta1", "v1")


def _metadata(org_id: int, item: Dashboard | Folder, parent: str) -> Json:
    """Metadata for an item of the old tables, which have none."""
    file = item.provisioned_from if isinstance(item, Dashboard) else None
    provided = {"grafana.app/managedBy": "classic-file-provisioning", "grafana.app/sourcePath": file} if file else {}
    return {
        "name": item.uid, "namespace": namespace(org_id), "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{org_id}/{item.uid}")),
        "resourceVersion": str(item.version), "generation": item.version, "creationTimestamp": item.created,
        "labels": {"grafana.app/deprecatedInternalID": str(item.id)}, "annotations": ({"grafana.app/folder": parent} if parent else {}) | provided,
    }  # fmt: skip


def _dashboard(org_id: int, board: Dashboard, version: str) -> Json:
    """The object. Version 1's names are the same shape; between 1 and 2 Grafana converts, and the stand-in says that it cannot."""
    metadata = board.metadata or _metadata(org_id, board, board.folder_uid)
    stored = board.api_version.rpartition("/")[2]
    item: Json = {"kind": "Dashboard", "apiVersion": f"dashboard.grafana.app/{version}", "metadata": metadata, "status": {}}
    item["spec"] = {key: value for key, value in board.spec.items() if key not in {"id", "uid", "version"}}
    if version != stored:
        item["status"] = {"conversion": {"failed": False, "storedVersion": stored}}
        if board.classic and stored == UNTOUCHED:
            item["spec"] = _converted(item["spec"])
    if (version in CLASSIC_VERSIONS) != board.classic:
        error = f"the stand-in does not convert {stored} to {version}"
        item |= {
            "spec": {"title": board.title},
            "status": {"conversion": {"failed": True, "storedVersion": stored, "error": error}},
        }
    return item


def _converted(spec: Json) -> Json:
    """What conversion makes of a dashboard that the old API saved: not the one that was sent, so that nobody takes it for that.

    Grafana's own conversion lifts every part of it to the newest schema; this one does enough to be seen.
    """
    defaults = {"editable": True, "fiscalYearStartMonth": 0, "graphTooltip": 0, "timepicker": {}, "timezone": "", "weekStart": ""}
    return defaults | spec | {"schemaVersion": 42}


def _folder(org_id: int, folder: Folder, version: str) -> Json:
    spec = {"title": folder.title, "description": folder.description}
    return {
        "kind": "Folder",
        "apiVersion": f"folder.grafana.app/{version}",
        "metadata": folder.metadata or _metadata(org_id, folder, folder.parent_uid),
        "spec": spec,
    }


def dashboards(request: Request, version: str, org: str) -> Json:
    """All dashboards of a namespace, by name; or, where the label selector asks for it, what is in the bin."""
    del org  # the caller was identified in it
    bin_ = request.text("labelSelector") == "grafana.app/get-trash=true"
    boards = request.store.deleted_dashboards(request.org_id) if bin_ else request.store.dashboards(request.org_id)
    items = [_dashboard(request.org_id, board, version) for board in sorted(boards, key=lambda board: board.uid)]
    return listed(request, "DashboardList", f"dashboard.grafana.app/{version}", items)


def dashboard(request: Request, version: str, org: str, name: str) -> Json:
    """One dashboard."""
    del org
    board = next(iter(request.store.dashboards(request.org_id, name)), None)
    if board is None:
        raise MissingObjectError("dashboard.grafana.app", "dashboards", name)
    return _dashboard(request.org_id, board, version)


def create_dashboard(request: Request, version: str, org: str) -> Json:
    """A new object, in the version that it is sent in; 409 when its name is taken."""
    del org
    metadata = fields(fields(request.body).get("metadata"))
    name = str(metadata.get("name") or "")
    if request.store.dashboards(request.org_id, name):
        raise ConflictingObjectError("dashboard.grafana.app", "dashboards", name)
    return _saved(request, version, name)


def replace_dashboard(request: Request, version: str, org: str, name: str) -> Json:
    """The object's next generation. A `resourceVersion` that is not the stored one is 409; without one it is taken as it is."""
    del org
    board = next(iter(request.store.dashboards(request.org_id, name)), None)
    if board is None:
        raise MissingObjectError("dashboard.grafana.app", "dashboards", name)
    sent = fields(fields(request.body).get("metadata")).get("resourceVersion")
    if sent and sent != _dashboard(request.org_id, board, version)["metadata"]["resourceVersion"]:
        raise ConflictingObjectError("dashboard.grafana.app", "dashboards", name)
    return _saved(request, version, name)


def _saved(request: Request, version: str, name: str) -> Json:
    body = fields(request.body)
    spec, metadata = fields(body.get("spec")), fields(body.get("metadata"))
    if body.get("apiVersion") != f"dashboard.grafana.app/{version}" or body.get("kind") != "Dashboard":
        raise RefusedError(400, "the API version in the data does not match the expected API version")
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", name) or metadata.get("name") != name:
        raise RefusedError(400, "the name of the object does not match the name on the URL")
    folder = str((metadata.get("annotations") or {}).get("grafana.app/folder") or "")
    if folder and not request.store.folders(request.org_id, folder):
        raise MissingObjectError("folder.grafana.app", "folders", folder)
    saved = request.store.save_dashboard(
        request.org_id, name, spec, folder, request.caller.author, request.now, api_version=str(body["apiVersion"])
    )
    return _dashboard(request.org_id, saved, version)


def folders(request: Request, version: str, org: str) -> Json:
    """All folders of a namespace, at every depth."""
    del org
    items = [
        _folder(request.org_id, one, version) for one in sorted(request.store.folders(request.org_id), key=lambda one: one.uid)
    ]
    return listed(request, "FolderList", f"folder.grafana.app/{version}", items)


def folder(request: Request, version: str, org: str, name: str) -> Json:
    """One folder."""
    del org
    found = next(iter(request.store.folders(request.org_id, name)), None)
    if found is None:
        raise MissingObjectError("folder.grafana.app", "folders", name)
    return _folder(request.org_id, found, version)

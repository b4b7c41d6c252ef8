"""How the Kubernetes-style API lists objects and refuses."""

import base64
import binascii
from typing import Any

from deployments.grafana_standin.server.request import RefusedError, Request

Json = dict[str, Any]
PAGE = 500


class StatusError(RefusedError):
    """A refusal as Kubernetes writes it: a `Status` with a reason."""

    def __init__(self, status: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(status, message)
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
                     "details": details or {}, "code": status}  # fmt: skip


class MissingObjectError(StatusError):
    """404 for an object."""

    def __init__(self, group: str, kind: str, name: str) -> None:
        super().__init__(404, "NotFound", f'{kind}.{group} "{name}" not found', {"name": name, "group": group, "kind": kind})


class ConflictingObjectError(StatusError):
    """409 for an object."""

    def __init__(self, group: str, kind: str, name: str) -> None:
        details = {"name": name, "group": group, "kind": kind}
        super().__init__(409, "Conflict", f'{kind}.{group} "{name}" already exists, or has been modified', details)


def listed(request: Request, kind: str, api_version: str, items: list[Json]) -> Json:
    """A page of `limit` items; `continue` asks for the next one."""
    limit = request.number("limit", PAGE) or PAGE
    try:
        start = int(base64.urlsafe_b64decode(request.text("continue") or base64.urlsafe_b64encode(b"0")))
    except (ValueError, binascii.Error):
        raise RefusedError(400, "invalid continue token") from None
    newest = max((int(item["metadata"]["resourceVersion"]) for item in items), default=0)
    metadata = {"resourceVersion": str(newest)}
    if start + limit < len(items):
        metadata["continue"] = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items[start : start + limit]}

"""What alerting exports: contact points in the shape of a provisioning file, with their secrets for whoever may have them."""

from typing import Any

from deployments.grafana_standin.server.answers.alerting import REDACTED, configuration
from deployments.grafana_standin.server.request import RefusedError, Request

Json = dict[str, Any]


def contact_points(request: Request) -> Json:
    """All contact points, or the one called `name`; only JSON is exported here. `decrypt=true` opens their secrets."""
    if request.text("format", "json") != "json":
        raise RefusedError(400, "the stand-in exports JSON only")
    opened, only = request.text("decrypt") == "true", request.text("name")
    receivers = configuration(request).get("alertmanager_config", {}).get("receivers") or []
    groups = [
        {
            "orgId": request.org_id,
            "name": receiver["name"],
            "receivers": [_integration(request, one, opened=opened) for one in shown],
        }
        for receiver in sorted(receivers, key=lambda one: str(one["name"]))
        if (shown := receiver.get("grafana_managed_receiver_configs") or []) and only in {"", receiver["name"]}
    ]
    return {"apiVersion": 1, "contactPoints": groups}


def _integration(request: Request, one: Json, *, opened: bool) -> Json:
    settings = dict(one["settings"])
    for key, sealed in (one.get("secureSettings") or {}).items():
        settings[key] = _opened(request, sealed) if opened else REDACTED
    return {"uid": one["uid"], "type": one["type"], "settings": settings,
            "disableResolveMessage": bool(one.get("disableResolveMessage"))}  # fmt: skip


def _opened(request: Request, sealed: str) -> str:
    try:
        return request.vault.open(sealed)
    except KeyError as error:
        raise RefusedError(500, f"failed to decrypt contact point: data key not found: {error}") from None

"""Alerting's provisioning routes, from `alert_rule` and the newest `alert_configuration`.

Secrets leave as [REDACTED].
"""

import json
from typing import Any

from deployments.grafana_standin.server.answers import provenance
from deployments.grafana_standin.server.request import RefusedError, Request
from deployments.grafana_standin.server.storage.base import rfc3339

Json = dict[str, Any]
REDACTED = "[REDACTED]"
_UNITS = ((31_536_000_000, "y"), (604_800_000, "w"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def duration(nanoseconds: int) -> str:
    """A duration as Prometheus writes it: "5m", "1h30m", "0s"; years, weeks and days only when they fit exactly."""
    left, parts = nanoseconds // 1_000_000, []
    if left == 0:
        return "0s"
    for size, unit in _UNITS:
        if unit in {"y", "w", "d"} and left % size:
            continue
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts)


def rules(request: Request) -> list[Json]:
    """All alert rules of the organisation."""
    found = []
    rows = request.rows("SELECT * FROM alert_rule WHERE org_id = ?", request.org_id)
    for row in sorted(rows, key=lambda row: (row["namespace_uid"], row["rule_group"], row.get("rule_group_idx", 0), row["id"])):
        settings = json.loads(row.get("notification_settings") or "null")
        found.append(
            {"id": row["id"], "uid": row["uid"], "orgID": row["org_id"], "folderUID": row["namespace_uid"], "ruleGroup": row["rule_group"],
             "title": row["title"], "condition": row["condition"], "data": json.loads(row["data"]), "updated": rfc3339(row["updated"]),
             "noDataState": row["no_data_state"], "execErrState": row["exec_err_state"], "for": duration(row["for"]),
             "keep_firing_for": duration(row.get("keep_firing_for") or 0), "isPaused": bool(row.get("is_paused")), "notification_settings": settings[0] if settings else None,
             "record": _record(row)} | {name: shown for name in ("annotations", "labels") if (shown := _labels(row, name))}
            | provenance.shown(request, "alertRule", row["uid"])
        )  # fmt: skip
    return found


RECORD = {"metric": "Metric", "from": "From", "target_datasource_uid": "TargetDatasourceUID"}
"""A recording rule's fields in the API, and in the column `record`."""


def _record(row: Json) -> Json | None:
    stored: Json | None = json.loads(row.get("record") or "null")
    return stored and {name: stored[key] for name, key in RECORD.items() if stored.get(key)}


def _labels(row: Json, column: str) -> dict[str, str]:
    """Labels and annotations; a panel's link is columns in the database and annotations in the API."""
    found: dict[str, str] = json.loads(row[column] or "{}")
    if column == "annotations" and row.get("dashboard_uid"):
        found |= {"__dashboardUid__": row["dashboard_uid"], "__panelId__": str(row["panel_id"])}
    return found


def configuration(request: Request) -> Json:
    """The Alertmanager's configuration in force, as it is stored.

    Raises RefusedError 500 for an organisation that has none: one that was made within the last minute, or is never to have one.
    """
    rows = request.rows("SELECT * FROM alert_configuration WHERE org_id = ? ORDER BY id DESC LIMIT 1", request.org_id)
    if not rows:
        raise RefusedError(
            500, "No alertmanager configuration present in this organization", code="alerting.notification.configMissing"
        )
    found: Json = json.loads(rows[0]["alertmanager_configuration"])
    return found


def _configuration(request: Request, status: int, words: str) -> Json:
    """As `configuration`, refused in the words of one route."""
    try:
        return configuration(request)
    except RefusedError:
        raise RefusedError(status, words) from None


def contact_points(request: Request) -> list[Json]:
    """One per integration: several may share the name of their contact point."""
    only = request.text("name")
    return [
        {"uid": one["uid"], "name": receiver["name"], "type": one["type"], "disableResolveMessage": bool(one.get("disableResolveMessage")),
         "settings": one["settings"] | dict.fromkeys(one.get("secureSettings") or {}, REDACTED)}
        | provenance.shown(request, "contactPoint", one["uid"])
        for receiver in sorted(
            configuration(request).get("alertmanager_config", {}).get("receivers") or [], key=lambda one: str(one["name"])
        )
        for one in receiver.get("grafana_managed_receiver_configs") or []
        if only in {"", receiver["name"]}
    ]  # fmt: skip


def policies(request: Request) -> Json:
    """The tree of notification policies."""
    found = _configuration(request, 404, "could not find an Alertmanager configuration")
    route: Json = found.get("alertmanager_config", {}).get("route") or {}
    return route | provenance.shown(request, "route", "")


def mute_timings(request: Request) -> list[Json]:
    """Mute timings, under their old and their new name in the configuration."""
    found = _configuration(request, 500, "failed to get mute timings").get("alertmanager_config", {})
    return [
        {"name": one["name"], "time_intervals": one.get("time_intervals") or [], "version": _fingerprint(one)}
        | provenance.shown(request, "muteTimeInterval", one["name"])
        for one in [*(found.get("mute_time_intervals") or []), *(found.get("time_intervals") or [])]
    ]


def _fingerprint(timing: Json) -> str:
    """A hash that moves when the timing does. Grafana's own is made of minutes and ranges; nobody may do more than send it back."""
    return template_version(json.dumps(timing, sort_keys=True))


def templates(request: Request) -> list[Json] | None:
    """Notification templates, null where there are none; `version` is a hash of the text."""
    found = _configuration(request, 500, "Internal Server Error").get("template_files") or {}
    return [
        {"name": name, "template": text, "version": template_version(text)} | provenance.shown(request, "template", name)
        for name, text in sorted(found.items())
    ] or None


def template_version(text: str) -> str:
    """FNV-1, 64 bits: what Grafana compares before it lets a template be changed."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value * 0x100000001B3) % 2**64 ^ byte
    return f"{value:016x}"

"""All alert rules at once, by folder and group, as the ruler lists them."""

from typing import Any

from deployments.grafana_standin.server.answers import alerting
from deployments.grafana_standin.server.request import Request

Json = dict[str, Any]
_EDITOR = {"simplified_query_and_expressions_section": False, "simplified_notifications_section": False}


def rules(request: Request) -> dict[str, list[Json]]:
    """Folders by their path of titles, each with its groups."""
    folders = {folder.uid: folder for folder in request.store.folders(request.org_id)}
    rows = {row["uid"]: row for row in request.rows("SELECT * FROM alert_rule WHERE org_id = ?", request.org_id)}
    found: dict[str, dict[str, Json]] = {}
    for rule in alerting.rules(request):
        row, path = rows[rule["uid"]], _path(folders, rule["folderUID"])
        group = found.setdefault(path, {}).setdefault(
            rule["ruleGroup"],
            {"name": rule["ruleGroup"], "interval": alerting.duration(row["interval_seconds"] * 1_000_000_000), "rules": []},
        )
        group["rules"].append(_rule(rule, row))
    return {path: list(groups.values()) for path, groups in found.items()}


def _path(folders: dict[str, Any], uid: str) -> str:
    """A folder's title below its parents', with the slashes of a title escaped where there are parents."""
    titles: list[str] = []
    while uid in folders and len(titles) <= len(folders):
        titles.insert(0, folders[uid].title)
        uid = folders[uid].parent_uid
    return titles[0] if len(titles) == 1 else "/".join(title.replace("/", "\\/") for title in titles)


def _rule(rule: Json, row: Json) -> Json:
    inner: Json = {
        "title": rule["title"], "condition": rule["condition"], "data": rule["data"], "updated": rule["updated"],
        "intervalSeconds": row["interval_seconds"], "version": row["version"], "uid": rule["uid"], "guid": row.get("guid") or "",
        "namespace_uid": rule["folderUID"], "rule_group": rule["ruleGroup"], "is_paused": rule["isPaused"], "metadata": {"editor_settings": _EDITOR},
        "no_data_state": rule["noDataState"], "exec_err_state": rule["execErrState"],
    } | {name: rule[name] for name in ("record", "notification_settings", "provenance") if rule.get(name)}  # fmt: skip
    outer: Json = {"expr": "", "for": rule["for"], "keep_firing_for": rule["keep_firing_for"], "grafana_alert": inner}
    return outer | {name: rule[name] for name in ("annotations", "labels") if name in rule}

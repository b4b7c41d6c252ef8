"""Defines alert rules, contact points, the notification policy, mute timings and templates."""

import json
from collections.abc import Callable
from typing import Any

from .dashboards import MYSQL, MYSQL_UID, PROMETHEUS, PROMETHEUS_UID, Json

DEFAULT_CONFIGURATION: Json = {
    "alertmanager_config": {
        "route": {"receiver": "empty", "group_by": ["grafana_folder", "alertname"]},
        "receivers": [{"name": "empty"}],
    }
}


def _rule(
    uid: str, title: str, folder: str, group: str, source: str, query: Json, above: float, *, seconds: int, index: int = 1
) -> Json:
    threshold = {
        "conditions": [{"evaluator": {"params": [above], "type": "gt"}, "operator": {"type": "and"}, "query": {"params": ["B"]},
                        "reducer": {"params": [], "type": "last"}, "type": "query"}],
        "datasource": {"type": "__expr__", "uid": "__expr__"}, "expression": "A", "refId": "B", "type": "threshold",
    }  # fmt: skip
    data = [
        {
            "refId": "A",
            "queryType": "",
            "relativeTimeRange": {"from": 600, "to": 0},
            "datasourceUid": source,
            "model": query | {"refId": "A"},
        },
        {
            "refId": "B",
            "queryType": "",
            "relativeTimeRange": {"from": 0, "to": 0},
            "datasourceUid": "__expr__",
            "model": threshold,
        },
    ]
    return {
        "uid": uid, "title": title, "namespace_uid": folder, "rule_group": group, "rule_group_idx": index, "interval_seconds": seconds,
        "condition": "B", "data": json.dumps(data), "for": 300_000_000_000, "no_data_state": "NoData", "exec_err_state": "Error",
        "labels": json.dumps({"severity": "page", "team": "operators"}), "annotations": json.dumps({"summary": f"{title}: look at once"}),
    }  # fmt: skip


def rules() -> list[Json]:
    """Columns of `alert_rule`: three rules in two groups, on both data sources, one linked to a panel, one paused."""
    down: Any = {"datasource": PROMETHEUS, "expr": "1 - up", "instant": True}
    series: Any = {"datasource": PROMETHEUS, "expr": "prometheus_tsdb_head_series", "instant": True}
    orders: Any = {
        "datasource": MYSQL,
        "rawQuery": True,
        "rawSql": "SELECT count(*) FROM orders WHERE state = 'failed'",
        "format": "table",
    }
    return [
        _rule("agama-down", "A target is down", "monitoring", "availability", PROMETHEUS_UID, down, 0, seconds=60)
        | {"dashboard_uid": "agama-overview", "panel_id": 5},
        _rule("agama-series", "Too many series", "monitoring", "availability", PROMETHEUS_UID, series, 1e6, seconds=60, index=2),
        _rule("agama-failed", "Orders fail", "agama", "orders", MYSQL_UID, orders, 10, seconds=300) | {"is_paused": 1},
    ]


def configuration(seal: Callable[[str], str]) -> Json:
    """What `alert_configuration.alertmanager_configuration` holds; `seal` encrypts a secret and gives base64."""

    def integration(uid: str, name: str, kind: str, settings: Json, **secrets: str) -> Json:
        return {"uid": uid, "name": name, "type": kind, "disableResolveMessage": False, "settings": settings,
                "secureSettings": {key: seal(value) for key, value in secrets.items()}}  # fmt: skip

    def receiver(name: str, *integrations: Json) -> Json:
        return {"name": name, "grafana_managed_receiver_configs": list(integrations)}

    return {
        "template_files": {"agama.tmpl": '{{ define "agama.title" }}Agama: {{ len .Alerts.Firing }} firing{{ end }}'},
        "alertmanager_config": {
            "route": {
                "receiver": "operators", "group_by": ["grafana_folder", "alertname"], "group_wait": "30s", "repeat_interval": "4h",
                "routes": [{"receiver": "pager", "object_matchers": [["severity", "=", "page"]], "mute_time_intervals": ["weekend"], "continue": True}],
            },
            "mute_time_intervals": [{"name": "weekend", "time_intervals": [{"weekdays": ["saturday", "sunday"], "location": "Europe/Berlin"}]}],
            "receivers": [
                receiver("operators", integration("operators-mail", "operators", "email", {"addresses": "operators@example.org"})),
                receiver("pager", integration("pager-hook", "pager", "webhook", {"url": "https://example.org/hook"}, password="of-the-hook"),
                         integration("pager-slack", "pager", "slack", {"recipient": "#agama"}, token="xoxb-of-the-channel")),
            ],
        },
    }  # fmt: skip

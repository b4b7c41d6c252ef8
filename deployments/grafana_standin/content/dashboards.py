"""Defines dashboards and library panels about Agama, on two data sources: every shape that a verification must survive."""

from typing import Any

PROMETHEUS_UID, MYSQL_UID = "agama-prometheus", "agama-mysql"
PROMETHEUS = {"type": "prometheus", "uid": PROMETHEUS_UID}
MYSQL = {"type": "mysql", "uid": MYSQL_UID}
MIXED = {"type": "datasource", "uid": "-- Mixed --"}

Json = dict[str, Any]


def metric(expression: str, ref: str = "A") -> Json:
    """A Prometheus query of a panel."""
    return {
        "datasource": PROMETHEUS,
        "editorMode": "code",
        "expr": expression,
        "legendFormat": "__auto",
        "range": True,
        "refId": ref,
    }


def sql(statement: str, ref: str = "A") -> Json:
    """A MySQL query of a panel."""
    return {"datasource": MYSQL, "editorMode": "code", "format": "table", "rawQuery": True, "rawSql": statement, "refId": ref}


def panel(
    number: int, kind: str, title: str, targets: list[Json], *, source: Json | None = None, at: tuple[int, int] = (0, 0)
) -> Json:
    """A panel as the editor saves it; `at` is its column and row."""
    return {
        "id": number, "type": kind, "title": title, "datasource": source or targets[0]["datasource"], "targets": targets,
        "gridPos": {"h": 8, "w": 12, "x": at[0], "y": at[1]}, "options": {}, "fieldConfig": {"defaults": {"unit": "short"}, "overrides": []},
        "pluginVersion": "12.4.1",
    }  # fmt: skip


def row(number: int, title: str, y: int, panels: list[Json] | None = None) -> Json:
    """A row; a collapsed one holds its panels inside."""
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": bool(panels),
        "panels": panels or [],
        "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
    }


def text(number: int, markdown: str, y: int) -> Json:
    """A panel without any data."""
    return {
        "id": number,
        "type": "text",
        "title": "",
        "gridPos": {"h": 4, "w": 24, "x": 0, "y": y},
        "options": {"mode": "markdown", "content": markdown},
    }


def library(number: int, uid: str, name: str, at: tuple[int, int]) -> Json:
    """A reference to a library panel: the dashboard keeps no copy of it."""
    return {
        "id": number,
        "title": name,
        "gridPos": {"h": 8, "w": 12, "x": at[0], "y": at[1]},
        "libraryPanel": {"uid": uid, "name": name},
    }


def dashboard(
    uid: str, title: str, panels: list[Json], *, tags: list[str] | None = None, variables: list[Json] | None = None
) -> Json:
    """A classic dashboard, schema version 41."""
    builtin = {
        "builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": True, "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard",
    }  # fmt: skip
    return {
        "uid": uid, "title": title, "tags": tags or [], "schemaVersion": 41, "editable": True, "fiscalYearStartMonth": 0, "graphTooltip": 0,
        "annotations": {"list": [builtin]}, "links": [], "panels": panels, "preload": False, "refresh": "30s",
        "templating": {"list": variables or []}, "time": {"from": "now-6h", "to": "now"}, "timepicker": {}, "timezone": "utc", "weekStart": "",
    }  # fmt: skip


_STATE_VARIABLE = {
    "name": "state", "label": "State", "type": "query", "datasource": MYSQL, "query": "SELECT DISTINCT state FROM orders", "refresh": 1,
    "multi": True, "includeAll": True, "current": {"text": ["All"], "value": ["$__all"]}, "options": [],
}  # fmt: skip
_SOURCE_VARIABLE = {
    "name": "source", "type": "datasource", "query": "prometheus", "current": {"text": "Prometheus", "value": PROMETHEUS_UID}, "options": [],
}  # fmt: skip


def classic_dashboards() -> list[tuple[str, Json]]:
    """(uid of the folder or "", dashboard) of the first organisation."""
    orders_by_state = sql("SELECT state, count(*) AS orders FROM orders WHERE state IN (${state:sqlstring}) GROUP BY state")
    through_variable = panel(1, "timeseries", "Head series", [metric("prometheus_tsdb_head_series")])
    through_variable["datasource"] = {"type": "prometheus", "uid": "${source}"}
    through_variable["targets"][0]["datasource"] = through_variable["datasource"]
    overview = dashboard("agama-overview", "Agama / Overview", [
        row(1, "Business", 0),
        panel(2, "stat", "Clients", [sql("SELECT count(*) AS clients FROM client")], at=(0, 1)),
        panel(3, "table", "Orders by state", [orders_by_state], at=(12, 1)),
        row(4, "Machines", 9),
        panel(5, "timeseries", "Up", [metric("up")], at=(0, 10)),
        library(6, "agama-requests", "Requests", (12, 10)),
        panel(7, "timeseries", "Requests & orders", [metric("rate(prometheus_http_requests_total[5m])"),
              sql("SELECT created_at AS time, count(*) AS orders FROM orders GROUP BY created_at ORDER BY 1", "B")], source=MIXED, at=(0, 18)),
        text(8, "Agama <b>überall</b>: see [the manual](https://example.org/agama?a=1&b=2)", 26),
    ], tags=["agama", "business"], variables=[_STATE_VARIABLE])  # fmt: skip
    nested = dashboard("agama-orders", "Orders", [
        panel(1, "barchart", "Orders per month", [sql("SELECT date_format(created_at, '%Y-%m') AS month, count(*) AS orders FROM orders GROUP BY 1")]),
        row(2, "Details", 8, [panel(3, "table", "Largest orders", [sql("SELECT * FROM orders ORDER BY amount DESC LIMIT 20")], at=(0, 9)),
                              library(4, "agama-clients-total", "Clients in total", (12, 9))]),
    ], tags=["agama"])  # fmt: skip
    rows_of_old = {
        "uid": "old-rows", "title": "Prometheus (2016)", "schemaVersion": 14, "style": "dark", "tags": [], "hideControls": False,
        "rows": [{"title": "Row", "height": "250px", "panels": [{"id": 1, "type": "graph", "title": "Targets", "datasource": "Prometheus",
                  "span": 12, "targets": [{"expr": "count(up)", "refId": "A"}]}]}],
        "templating": {"list": []}, "annotations": {"list": []}, "time": {"from": "now-1h", "to": "now"},
    }  # fmt: skip
    return [
        ("agama", overview),
        ("agama-details", nested),
        ("agama-details", dashboard("agama-clients", "Clients", [panel(1, "table", "Newest", [sql("SELECT * FROM client ORDER BY id DESC LIMIT 50")])])),
        ("agama-deep", dashboard("agama-documents", "Documents: Größe", [panel(1, "stat", "Documents", [sql("SELECT count(*) FROM document")])])),
        ("monitoring", dashboard("prometheus-health", "Prometheus / Health", [through_variable], tags=["monitoring"], variables=[_SOURCE_VARIABLE])),
        ("monitoring", dashboard("availability", "Availability", [panel(1, "stat", "Up now", [metric("sum(up)")]), library(2, "agama-requests", "Requests", (12, 0))])),
        ("", rows_of_old),
        ("", dashboard("welcome", "Welcome", [text(1, "# Welcome", 0)])),
    ]  # fmt: skip


def live_dashboard() -> Json:
    """A version 2 dashboard (`elements` and `layout`), as Grafana 13 saves it: no `panels`, no `schemaVersion`."""
    query = {
        "kind": "DataQuery",
        "group": "prometheus",
        "version": "v0",
        "datasource": {"name": PROMETHEUS_UID},
        "spec": {"expr": "up"},
    }
    element = {
        "kind": "Panel",
        "spec": {
            "id": 1, "title": "Up", "description": "", "links": [],
            "data": {"kind": "QueryGroup", "spec": {"queries": [{"kind": "PanelQuery", "spec": {"hidden": False, "query": query, "refId": "A"}}],
                                                    "queryOptions": {}, "transformations": []}},
            "vizConfig": {"kind": "VizConfig", "group": "timeseries", "version": "13.0.0",
                          "spec": {"fieldConfig": {"defaults": {}, "overrides": []}, "options": {}}},
        },
    }  # fmt: skip
    item = {
        "kind": "GridLayoutItem",
        "spec": {"element": {"kind": "ElementReference", "name": "panel-1"}, "height": 8, "width": 12, "x": 0, "y": 0},
    }
    return {
        "title": "Agama / Live", "tags": ["agama"], "annotations": [], "cursorSync": "Off", "editable": True, "elements": {"panel-1": element},
        "layout": {"kind": "GridLayout", "spec": {"items": [item]}}, "links": [], "liveNow": False, "preload": False,
        "timeSettings": {"autoRefresh": "", "from": "now-6h", "to": "now", "timezone": "utc", "fiscalYearStartMonth": 0}, "variables": [],
    }  # fmt: skip


def library_panels() -> list[tuple[str, str, Json]]:
    """(uid of the folder, uid, model) of the library panels that the dashboards refer to, and one that nothing uses."""
    return [
        ("agama", "agama-requests", panel(0, "timeseries", "Requests", [metric("rate(prometheus_http_requests_total[5m])")])),
        ("agama-details", "agama-clients-total", panel(0, "stat", "Clients in total", [sql("SELECT count(*) FROM client")])),
        ("", "nobody-uses-this", panel(0, "stat", "Unused", [metric("vector(1)")])),
    ]

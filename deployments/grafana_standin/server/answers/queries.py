"""What panels ask: queries of data sources and expressions over them, and what data sources answer beside queries.

A data source is asked at the address in its row, and nowhere else. Types that are not in BY_TYPE have no plugin here.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from deployments.grafana_standin.server.answers import expressions, queries_mysql, queries_prometheus
from deployments.grafana_standin.server.request import RefusedError, Reply, Request, fields

Json = dict[str, Any]

BY_TYPE: dict[str, Callable[[Request, Json, Json, int, int], Json]] = {
    "mysql": queries_mysql.answer,
    "prometheus": queries_prometheus.answer,
}
"""Asks a query of a data source's row, for a window in milliseconds; gives what stands below `results[refId]`."""
HEALTH: dict[str, Callable[[Request, Json], str]] = {"mysql": queries_mysql.health, "prometheus": queries_prometheus.health}
"""Looks whether a data source answers: its words for that. Raises OSError in Grafana's words when it does not."""
RESOURCES: dict[str, Callable[[Request, Json, str], Reply]] = {"prometheus": queries_prometheus.resource}


def query(request: Request) -> Reply:
    """The results of all queries; 400 where one of them is an error, the others beside it."""
    body = fields(request.body)
    queries = body.get("queries")
    if not isinstance(queries, list) or not queries:
        raise RefusedError(400, "No queries found", code="query.noQueries")
    start, end = (_instant(body.get(name)) for name in ("from", "to"))
    asked = [(each, _source(request, each)) for each in map(fields, queries)]
    answered = {
        _ref(each): BY_TYPE[source["type"]](request, source, each, start, end) for each, source in asked if source is not None
    }
    reckoned = {_ref(each): each for each, source in asked if source is None}
    results = expressions.results(answered, reckoned) if reckoned else answered
    failed = any(result.get("error") for result in results.values())
    return Reply(400 if failed else 200, {"results": results})


def resource(request: Request, uid: str, path: str) -> Reply:
    """What the data source answers to a path of its own."""
    source = _row(request, uid)
    if source["type"] not in RESOURCES:
        raise RefusedError(404, "Not found")
    return RESOURCES[source["type"]](request, source, path)


def health(request: Request, uid: str) -> Reply:
    """Whether the data source answers."""
    source = _row(request, uid)
    try:
        return Reply(200, {"message": HEALTH[source["type"]](request, source), "status": "OK"})
    except OSError as error:
        return Reply(400, {"message": str(error), "status": "ERROR"})


def _source(request: Request, query: Json) -> Json | None:
    """The row that a query names; None for an expression."""
    named = query.get("datasource")
    uid = named.get("uid") if isinstance(named, dict) else None
    if isinstance(named, dict) and "__expr__" in (uid, named.get("type")):
        return None
    if not isinstance(uid, str) or not uid:
        raise RefusedError(400, "Query does not contain a valid data source identifier", code="query.missingDataSourceInfo")
    return _row(request, uid)


def _row(request: Request, uid: str) -> Json:
    rows = request.rows("SELECT * FROM data_source WHERE org_id = ? AND uid = ?", request.org_id, uid)
    if not rows:
        raise RefusedError(404, "Data source not found")
    if rows[0]["type"] not in BY_TYPE:
        raise RefusedError(404, "Plugin not registered", code="plugin.notRegistered")
    return rows[0]


def _instant(value: Any) -> int:
    if not re.fullmatch(r"\d{1,16}", str(value)):
        raise RefusedError(400, f"Invalid time range: {json.dumps(value)}; the stand-in knows milliseconds only")
    return int(value)


def _ref(query: Json) -> str:
    return str(query.get("refId") or "A")

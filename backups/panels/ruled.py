"""Makes questions of an alert rule's queries and expressions, each about its own range of time."""

from collections.abc import Mapping
from typing import Any

from backups.panels import asked, queries
from backups.panels.asked import Found, Made, Whose
from backups.panels.boards import AlertRule
from backups.panels.dashboards.classic import queries_of
from backups.panels.dashboards.references import Services, Sources, service_of
from backups.panels.dashboards.room import Room
from backups.panels.dashboards.shape import Json, Unaskable, mapping, objects, text, texts
from backups.panels.dashboards.sheet import MIXED, Query
from backups.panels.dashboards.times import MINUTE, Window
from backups.panels.variables.fill import Scope
from backups.panels.variables.value import Value

_POINTS_OF_RULES = 43_200
_INTERVAL_OF_RULES = 1000
"""Milliseconds; as Grafana evaluates rules that say nothing of it."""


def of_rule(rule: AlertRule, name: str, sources: Sources, services: Services, end: int, room: Room, *, through: bool) -> Found:
    """Make a rule's questions. name: for a person. sources: of its organisation. end, through: see `choose.Circumstances`.

    room: for what is filled in
    """
    found = Found(Whose(rule.organisation, "", text(rule.folder), name, f"rule {text(rule.uid)}"))
    data = objects(list(rule.data))
    if not data:
        found.leave(Unaskable("a rule without a query", "asks-nothing"))
        return found
    spans = {text(one.get("refId")): mapping(one.get("relativeTimeRange")) for one in data}
    listed = queries_of([dict(queries.model(one)) for one in data], MIXED)
    letters = frozenset(one.refid for one in listed)

    def scope(kind: str, window: Window, interval: int) -> Scope:
        nothing: Mapping[str, Value] = {}
        return Scope(nothing.get, kind, window, interval, rule.organisation, "", "", "", letters, room)

    def make(query: Query) -> Made:
        source = sources.find(query.source, lambda _: None)
        service = service_of(source, services)
        window = _window_of(spans.get(query.refid, {}), end)
        interval = _number(query.target.get("intervalMs")) or _INTERVAL_OF_RULES
        points = _number(query.target.get("maxDataPoints")) or _POINTS_OF_RULES
        filled = queries.query_of(query, source, scope(source.type, window, interval), interval=interval, points=points)
        return Made(service, window, filled)

    def fill_in(_: Query, value: Any) -> Any:
        return queries.filled(value, scope("", Window(end - MINUTE, end), MINUTE))

    asked.questions(listed, make, fill_in, found, through=through)
    return found


def _window_of(span: Json, end: int) -> Window:
    """Of a rule: so many seconds before, until so many seconds before."""
    since, until = (min(_number(span.get(name)), 366 * 86_400) for name in ("from", "to"))
    last = end - until * 1000
    return Window(max(0, last - max(since - until, 60) * 1000), max(0, last))


def _number(value: Any) -> int:
    found = texts(value)[:1]
    return int(found[0]) if found and found[0].isascii() and found[0].isdigit() and len(found[0]) < 12 else 0

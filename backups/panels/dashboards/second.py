"""Reads dashboards of version 2: elements, the layout that repeats them, and variables, in the shape of a classic one."""

from collections.abc import Iterator
from typing import Any

from backups.panels.boards import Board
from backups.panels.dashboards.classic import panel_of
from backups.panels.dashboards.shape import Json, mapping, objects, text
from backups.panels.dashboards.sheet import MIXED, Library, Panel, Sheet, Variable

_TYPES = {
    "QueryVariable": "query",
    "CustomVariable": "custom",
    "DatasourceVariable": "datasource",
    "ConstantVariable": "constant",
    "IntervalVariable": "interval",
    "TextVariable": "textbox",
    "AdhocVariable": "adhoc",
    "GroupByVariable": "groupby",
    "SwitchVariable": "switch",
}


def read(board: Board, library: Library) -> Sheet:
    """Read a dashboard: its spec, or the whole object with it."""
    content = mapping(board.content)
    spec = content if "elements" in content else mapping(content.get("spec")) or content
    span = mapping(spec.get("timeSettings"))
    repeated = dict(_repeated(spec.get("layout"), ()))
    elements = mapping(spec.get("elements"))
    return Sheet(
        organisation=board.organisation,
        uid=text(board.uid),
        title=text(board.title),
        since=text(span.get("from")),
        until=text(span.get("to")),
        timezone=text(span.get("timezone")),
        panels=tuple(_panel(name, mapping(one), repeated.get(name, ()), library) for name, one in elements.items()),
        variables=tuple(_variable(one) for one in objects(spec.get("variables"))),
    )


def _repeated(layout: Any, outer: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every element that a layout names, with the variables that it, its row or its tab is repeated for."""
    if isinstance(layout, list):
        for one in layout:
            yield from _repeated(one, outer)
        return
    spec = mapping(mapping(layout).get("spec")) or mapping(layout)
    repeat = mapping(spec.get("repeat"))
    inside = (*outer, text(repeat.get("value"))) if repeat.get("mode") == "variable" and text(repeat.get("value")) else outer
    if name := text(mapping(spec.get("element")).get("name")):
        yield name, inside
    for part in ("items", "rows", "tabs", "layout"):
        if spec.get(part):
            yield from _repeated(spec[part], inside)


def _panel(name: str, element: Json, repeats: tuple[str, ...], library: Library) -> Panel:
    spec = mapping(element.get("spec"))
    drawn = mapping(spec.get("vizConfig"))
    group = mapping(mapping(spec.get("data")).get("spec"))
    options = mapping(group.get("queryOptions"))
    shaped = {
        "id": spec.get("id") if text(spec.get("id")) else name,
        "title": spec.get("title"),
        "type": drawn.get("group") or drawn.get("kind"),
        "datasource": MIXED,
        "targets": [_target(mapping(one.get("spec"))) for one in objects(group.get("queries"))],
        **{each: options.get(each) for each in ("maxDataPoints", "interval", "timeFrom", "timeShift")},
    }
    if element.get("kind") == "LibraryPanel" or spec.get("libraryPanel"):
        shaped |= {"type": "library", "libraryPanel": spec.get("libraryPanel") or {"uid": ""}}
    return panel_of(shaped, repeats, library)


def _target(spec: Json) -> Json:
    query = mapping(spec.get("query"))
    found = {**mapping(query.get("spec")), "datasource": _source(query, spec.get("datasource")), "hide": spec.get("hidden")}
    return found | ({"refId": spec["refId"]} if text(spec.get("refId")) else {})


def _source(query: Json, beside: Any) -> Json:
    """The data source of a query. v2alpha1 has the type as the query's kind, and the data source beside the query."""
    kind = text(query.get("group")) or text(query.get("kind"))
    named = text(mapping(query.get("datasource")).get("name")) or text(mapping(beside).get("uid"))
    return {"type": None if kind == "DataQuery" else kind, "uid": named or (kind if kind == "__expr__" else None)}


def _variable(variable: Json) -> Variable:
    spec = mapping(variable.get("spec"))
    kind = text(variable.get("kind"))
    content = dict(spec)
    if kind == "QueryVariable":
        query = mapping(spec.get("query"))
        content |= {"query": query.get("spec"), "datasource": _source(query, spec.get("datasource"))}
    elif kind == "DatasourceVariable":
        content["query"] = spec.get("pluginId")
    elif kind == "AdhocVariable":
        content["datasource"] = _source(variable, spec.get("datasource"))
    return Variable(text(spec.get("name")), _TYPES.get(kind, kind), content)

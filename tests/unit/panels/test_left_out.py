"""Every panel, variable and alert rule ends in a question or in a reason, whatever the dashboard looks like."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.panels.boards import AlertRule, Board, Boards, LibraryPanel
from backups.panels.walk import asking
from backups.services.grafana.files.boards import read
from backups.services.grafana.files.database import opened
from tests.conftest import FIELD_DATA
from tests.unit.panels.dashboards import SOURCES, answered, chosen

FIELD = FIELD_DATA / "grafana"


@pytest.mark.field
def test_nothing_of_the_fields_dashboards_is_left_out() -> None:
    files = sorted((FIELD / "dashboards").glob("*.json"))
    contents = [json.loads(file.read_text()) for file in files]
    boards = Boards(
        SOURCES,
        tuple(
            Board(1, file.stem, str(one.get("title")), "v2" if "spec" in one else "classic", one)
            for file, one in zip(files, contents, strict=True)
        ),
    )
    names = {one.panel.removeprefix("variable ") for one in asking(boards) if one.kind == "variable"}
    odd = {"status": 400, "error": "parse error"}
    replies = answered(boards, **({name: ["a", "b.c"] for name in names} | {"mds_hosts": odd, "rgw_hosts": odd}))
    choice = chosen(boards, replies=replies)
    assert len(asking(boards)) > 350
    panels = {(one.dashboard, one.panel) for one in choice.questions if one.panel.startswith("panel")}
    assert len(panels) > 250
    assert {one.kind for one in choice.not_asked} == {"asks-nothing", "cannot-be-asked", "not-protected"}


@pytest.mark.field
@pytest.mark.parametrize("name", ["lived-in-12.4.3", "lived-in-11.0.0", "app-sizer-9.0.0", "2025-1A-T09-ES09-G05-11.6.0"])
def test_nothing_of_the_fields_databases_is_left_out(name: str) -> None:
    with opened(FIELD / "db" / f"{name}.db") as database:
        boards = read(database)
    assert boards.boards
    services = {(one.organisation, one.uid): one.type for one in boards.sources if one.type in ("mysql", "prometheus")}
    chosen(boards, services=services, through=True)


_TEXT = st.sampled_from(
    ["A", "B", 'up{a=~"$v"}', "$v", "[[w]]", "${v:csv}", "my-uid", "-- Mixed --", "query", "row", "$__all", "x"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)
_SOURCE = st.sampled_from(
    [None, "default", "my-uid", "Metrics", "$ds", "-- Mixed --", {"uid": "loki-uid"}, {"type": "mysql"}, 7, {}]
)


def _object(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of these members, any of which may be something else."""
    return st.fixed_dictionaries({}, optional={name: value | _JSON for name, value in members.items()})


_TARGET = _object(
    refId=_TEXT, expr=_TEXT, rawSql=_TEXT, datasource=_SOURCE | st.just({"type": "__expr__"}), hide=st.booleans(),
    expression=_TEXT, conditions=st.just([{"query": {"params": ["A"]}}]), instant=st.booleans(),
)  # fmt: skip
_PANEL = _object(
    id=st.integers(), title=_TEXT, type=_TEXT, targets=st.lists(_TARGET, max_size=3), datasource=_SOURCE, repeat=st.just("v"),
    libraryPanel=_object(uid=_TEXT), panels=st.lists(_object(id=st.integers(), targets=st.lists(_TARGET)), max_size=2),
    interval=_TEXT, maxDataPoints=st.integers(), timeFrom=_TEXT, repeatPanelId=st.integers(),
)  # fmt: skip
_VARIABLE = _object(
    name=st.sampled_from(["v", "w", "ds"]), query=_TEXT | _object(query=_TEXT), datasource=_SOURCE, regex=_TEXT, multi=st.booleans(),
    type=st.sampled_from(["query", "custom", "datasource", "adhoc", "interval", "textbox"]), current=_object(value=_TEXT),
    includeAll=st.booleans(), allValue=_TEXT, options=st.lists(_object(value=_TEXT)), sort=st.integers(0, 9), filters=_JSON,
)  # fmt: skip
_CLASSIC = _object(
    panels=st.lists(_PANEL, max_size=4), rows=st.lists(_PANEL, max_size=2), time=_object(**{"from": _TEXT, "to": _TEXT}),
    templating=_object(list=st.lists(_VARIABLE, max_size=3)),
)  # fmt: skip
_SECOND = _object(
    elements=st.dictionaries(_TEXT, _object(kind=_TEXT, spec=_object(id=st.integers(), title=_TEXT, data=_object(
        spec=_object(queries=st.lists(_object(spec=_object(refId=_TEXT, query=_object(group=_TEXT, spec=_TARGET, datasource=_JSON))),
        max_size=2)))))),
    variables=st.lists(_object(kind=st.sampled_from(["QueryVariable", "AdhocVariable", "SwitchVariable"]), spec=_VARIABLE), max_size=2),
    layout=_JSON,
)  # fmt: skip


@settings(max_examples=50)
@given(_CLASSIC, _SECOND, st.lists(_TARGET, max_size=2), st.booleans(), st.integers(1, 5))
def test_nothing_of_any_dashboard_is_left_out(
    classic: dict[str, Any], second: dict[str, Any], rule: list[dict[str, Any]], through: bool, most: int
) -> None:
    boards = Boards(
        SOURCES,
        (
            Board(1, "d1", "One", "classic", classic),
            Board(1, "d2", "Two", "v2", second),
            Board(2, "d1", "Three", "classic", classic),
        ),
        (LibraryPanel(1, "A", "Shared", {"targets": [{"expr": "up"}]}),),
        (AlertRule(1, "r1", "Late", "F", rule), AlertRule(1, "r2", "Late", "F", [{"model": one, "refId": "A"} for one in rule])),
    )
    choice = chosen(boards, through=through, most=most)
    assert max(Counter(one.service for one in choice.questions).values(), default=0) <= most
    json.dumps([one.model_dump() for one in choice.questions], allow_nan=False)

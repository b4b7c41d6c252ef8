"""What a panel, an alert rule or a dashboard of version 2 is asked, and why it is not."""

from collections import Counter
from typing import Any

import pytest

from backups.panels.boards import AlertRule, Board, Boards, DataSource, LibraryPanel
from backups.panels.choose import Circumstances, choose
from tests.unit.panels.dashboards import (
    END,
    HOUR,
    SERVICES,
    SOURCES,
    chosen,
    grafana,
    panel,
    queries,
    reasons,
    sql,
)  # fmt: skip


def test_a_panel_asks_its_own_data_source_and_a_mixed_one_that_of_each_query() -> None:
    targets = [
        {"refId": "A", "expr": "up", "rawSql": "SELECT 1", "datasource": {"uid": "my-uid", "type": "mysql"}},
        {"refId": "B", "expr": "down", "datasource": "Metrics"},
    ]
    own = chosen(grafana({"id": 1, "datasource": {"uid": "prom-uid"}, "targets": targets})).questions
    assert [one.query["datasource"]["uid"] for one in own] == ["prom-uid", "prom-uid"]
    mixed = chosen(grafana({"id": 1, "datasource": {"uid": "-- Mixed --"}, "targets": targets})).questions
    assert [(one.service, one.query["datasource"]["uid"]) for one in mixed] == [("agama", "my-uid"), ("metrics", "prom-uid")]
    # Saved before panels had one of their own: the first query's is the panel's.
    assert [one.service for one in chosen(grafana({"id": 1, "targets": targets[:1]})).questions] == ["agama"]


def test_rows_of_every_kind_are_walked_and_repetitions_of_rows_reach_their_panels() -> None:
    variable = {"name": "v", "type": "custom", "query": "a,b", "multi": True, "current": {"value": ["a", "b"]}}
    folded = {"type": "row", "repeat": "v", "panels": [panel('up{x=~"$v"}', 2)]}
    boards = grafana(
        {"type": "row", "repeat": "v"}, panel('down{x=~"$v"}', 1), folded, {"type": "row"}, panel("sum(up)", 3),
        variables=[variable], rows=[{"panels": [panel("old", 4)]}],
    )  # fmt: skip
    assert sorted(queries(boards)) == ['down{x=~"a"}', 'down{x=~"b"}', "old", "sum(up)", 'up{x=~"a"}', 'up{x=~"b"}']


def test_many_repetitions_are_bounded_and_told() -> None:
    values = [f"v{number}" for number in range(30)]
    variable = {"name": "v", "type": "custom", "query": ",".join(values), "multi": True, "current": {"value": values}}
    boards = grafana(panel('up{x="$v"}', repeat="v"), variables=[variable])
    assert len(queries(boards)) == 20
    assert reasons(boards) == [("not-asked", "10 of its 30 repetitions are left out")]


def test_a_library_panel_asks_what_its_model_asks() -> None:
    shared = {"id": 9, "title": "", "libraryPanel": {"uid": "lib", "name": "Shared"}}
    boards = grafana(shared, library=[LibraryPanel(1, "lib", "Shared", panel("up", 5))])
    assert [one.panel for one in chosen(boards).questions] == ["panel 9 P5"]
    assert reasons(grafana(shared)) == [("cannot-be-asked", "library panel Shared is not there")]
    of_another = grafana(shared, library=[LibraryPanel(2, "lib", "Shared", panel("up", 5))])
    assert reasons(of_another) == [("cannot-be-asked", "library panel Shared is not there")]


def test_an_expression_travels_with_the_queries_that_it_names_and_only_a_grafana_is_asked_for_it() -> None:
    targets = [
        {"refId": "A", "expr": "up", "hide": True},
        {"refId": "B", "datasource": {"type": "__expr__"}, "type": "reduce", "expression": "A", "hide": True},
        {"refId": "C", "datasource": {"uid": "__expr__"}, "type": "math", "expression": "$B * $v"},
        {"refId": "D", "expr": "unused", "hide": True},
    ]
    boards = grafana({"id": 1, "targets": targets}, variables=[{"name": "v", "type": "constant", "query": "2"}])
    found = {one.query["refId"]: one for one in chosen(boards, through=True).questions}
    assert sorted(found) == ["A", "B", "C"]
    assert found["C"].query["expression"] == "$B * 2"
    assert [one["refId"] for one in found["C"].beside] == ["A", "B"]
    assert reasons(boards, through=True) == [("asks-nothing", "query D: it is hidden")]
    assert [one.query["refId"] for one in chosen(boards).questions] == ["A"]
    assert ("cannot-be-asked", "query B, C: only a Grafana computes an expression, and none may be asked") in reasons(boards)


def test_an_expression_of_what_is_not_protected_is_not_protected() -> None:
    targets = [
        {"refId": "A", "datasource": {"uid": "loki-uid"}, "expr": "x"},
        {"refId": "B", "datasource": {"type": "__expr__"}, "expression": "$A"},
    ]
    found = reasons(grafana({"id": 1, "datasource": "-- Mixed --", "targets": targets}), through=True)
    assert [kind for kind, _ in found] == ["not-protected"] * 2
    assert "secret1" not in str(found)
    assert "no service protects the data source Logs (loki at http://admin:****@10.0.0.8:3100)" in found[0][1]


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ({"uid": "${DS_PROMETHEUS}"}, "cannot-be-asked", "the placeholder DS_PROMETHEUS"),
        ({"uid": "gone"}, "cannot-be-asked", "no data source gone"),
        ("-- Dashboard --", "asks-nothing", "what another panel answers"),
        ({"uid": "grafana"}, "asks-nothing", "itself"),
        ({"type": "influxdb"}, "cannot-be-asked", "no data source of type influxdb"),
        ({"uid": "-- Grafana --"}, "asks-nothing", "makes its data up itself"),
        ("Logs", "not-protected", "no service protects"),
    ],
)
def test_what_no_service_answers_is_told_with_its_reason(source: Any, kind: str, words: str) -> None:
    ((found, why),) = reasons(grafana(panel(datasource=source)))
    assert found == kind
    assert words in why


@pytest.mark.parametrize("source", [None, {}, "default", "Metrics", {"uid": "prom-uid"}, {"type": "prometheus"}, {"uid": ""}])
def test_a_data_source_is_found_however_it_is_named(source: Any) -> None:
    assert chosen(grafana(panel(datasource=source))).questions[0].query["datasource"] == {"type": "prometheus", "uid": "prom-uid"}


def test_a_source_that_a_service_claims_without_being_of_a_type_that_is_asked_is_told() -> None:
    boards = grafana(panel(datasource={"uid": "loki-uid"}))
    assert reasons(boards, services={(1, "loki-uid"): "agama"}) == [("cannot-be-asked", "queries of type loki are not asked")]


def test_data_sources_of_another_organisation_are_not_taken() -> None:
    other = DataSource(2, "prom-uid", "Metrics", "prometheus", "http://x")
    assert reasons(grafana(panel(), sources=[other])) == [
        ("cannot-be-asked", "it asks the default data source, and there is none")
    ]


def test_an_alert_rules_queries_are_asked_at_their_own_range_and_its_expressions_with_them() -> None:
    data = [
        {"refId": "A", "datasourceUid": "my-uid", "relativeTimeRange": {"from": 600, "to": 60}, "model": {"rawSql": "SELECT 1"}},
        {
            "refId": "B",
            "datasourceUid": "-100",
            "model": {"type": "classic_conditions", "conditions": [{"query": {"params": ["A"]}}]},
        },
    ]
    boards = grafana(rules=[AlertRule(1, "r", "Late orders", "Shop", data)])
    first, second = chosen(boards, through=True).questions
    assert (first.dashboard, first.title, first.panel, first.service) == ("", "Shop", "alert rule Late orders", "agama")
    assert (first.start, first.end) == (END - 600_000, END - 60_000)
    assert (second.start, second.end, len(second.beside)) == (first.start, first.end, 1)
    assert second.query["datasource"] == {"type": "__expr__", "uid": "__expr__"}


def test_an_expression_of_two_ranges_of_time_is_told() -> None:
    data = [
        {"refId": "A", "datasourceUid": "my-uid", "relativeTimeRange": {"from": 600}, "model": {"rawSql": "SELECT 1"}},
        {"refId": "B", "datasourceUid": "my-uid", "relativeTimeRange": {"from": 900}, "model": {"rawSql": "SELECT 1"}},
        {"refId": "C", "datasourceUid": "__expr__", "model": {"type": "math", "expression": "$A - $B"}},
    ]
    choice = chosen(grafana(rules=[AlertRule(1, "r", "Late", "F", data)]), through=True)
    assert [one.why for one in choice.not_asked] == [
        "query C: the queries that it is computed from have different ranges of time"
    ]


def test_questions_are_shared_out_fairly_and_what_is_left_is_told_panel_by_panel() -> None:
    large = Board(1, "large", "Large", "classic", {"panels": [panel("up", number) for number in range(2000)]})
    small = Board(1, "small", "Small", "classic", {"panels": [panel("up", number) for number in range(3)]})
    choice = chosen(Boards(SOURCES, (large, small)), most=100)
    assert Counter(one.dashboard for one in choice.questions) == {"large": 97, "small": 3}
    left = [one for one in choice.not_asked if one.kind == "not-asked"]
    assert len(left) == 1903
    assert left[0].why == "1 query beyond what metrics is asked: 100 questions, 8,000,000 characters"


def test_the_same_panel_has_the_same_id_each_night() -> None:
    boards = grafana(panel("up", 4), sql("SELECT 1", 4), panel("up", 5))
    tonight, tomorrow = (choose(boards, Circumstances(SERVICES, END + night * 24 * HOUR)) for night in (0, 1))
    assert [one.id for one in tonight.questions] == [one.id for one in tomorrow.questions]
    assert [one.panel for one in tonight.questions] == ["panel 4 P4", "panel 4 P4 #2", "panel 5 P5"]


def test_what_decides_no_answer_is_left_out_of_a_query_and_the_rest_travels() -> None:
    target = {
        "refId": "A", "expr": "up", "instant": True, "format": "table", "exemplar": True, "editorMode": "code", "key": "Q-1",
        "legendFormat": "{{job}} $gone", "interval": "", "hide": False, "datasource": None, "intervalFactor": 2,
    }  # fmt: skip
    (question,) = chosen(grafana({"id": 1, "maxDataPoints": 50, "interval": "1m", "targets": [target]})).questions
    assert question.query == {
        "refId": "A", "expr": "up", "instant": True, "format": "table", "intervalFactor": 2, "intervalMs": 60_000,
        "maxDataPoints": 50, "datasource": {"type": "prometheus", "uid": "prom-uid"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("asks-nothing", "a panel of type text without a query")),
        (
            {"repeatPanelId": 3, "targets": [{"expr": "up"}]},
            ("asks-nothing", "an old repetition of panel 3, which is repeated anew"),
        ),
        ({"targets": [{"expr": " "}]}, ("asks-nothing", "it is empty")),
        ({"targets": [{"expr": "x" * 100_001}]}, ("cannot-be-asked", "it has 100,001 characters, and at most 100,000 are asked")),
        ({"targets": [{"expr": "up", "n": float("nan")}]}, ("cannot-be-asked", "it holds what no JSON can")),
        (
            {"targets": [{"expr": "up"}], "repeat": "gone"},
            ("cannot-be-asked", "it is repeated for the variable gone, which there is not"),
        ),
    ],
)
def test_a_panel_that_asks_nothing_or_cannot_says_why(more: dict[str, Any], expected: tuple[str, str]) -> None:
    assert reasons(grafana({"id": 1, "type": "text", **more})) == [expected]


def test_an_expression_that_is_nested_too_deep_is_told() -> None:
    def reason(depth: int) -> list[tuple[str, str]]:
        conditions: list[Any] = []
        for _ in range(depth):
            conditions = [conditions]
        targets = [
            {"refId": "A", "expr": "up"},
            {"refId": "B", "datasource": {"type": "__expr__"}, "expression": "$A", "x": conditions},
        ]
        return reasons(grafana({"id": 1, "targets": targets}), through=True)

    assert reason(48) == []
    assert reason(49) == [("cannot-be-asked", "query B: it is nested deeper than 50 levels")]


def test_ad_hoc_filters_narrow_the_queries_of_their_prometheus_and_no_others() -> None:
    saved = {"name": "f", "type": "adhoc", "datasource": None, "filters": [{"key": "a", "operator": "=", "value": "b"}]}
    boards = grafana(panel("rate(up[5m])"), sql("SELECT 1", 2), variables=[saved])
    assert queries(boards) == ['rate(up{a="b"}[5m])', "SELECT 1"]
    assert queries(grafana(panel(), variables=[saved | {"filters": []}])) == ["up"]
    assert queries(grafana(panel(), variables=[saved | {"datasource": {"uid": "my-uid"}}])) == ["up"]
    odd = grafana(panel(), variables=[saved | {"filters": [{"key": "a", "operator": "<", "value": "1"}]}])
    assert reasons(odd) == [("cannot-be-asked", "the ad-hoc filter a < cannot be worked into it")]


def test_elements_of_version_2_are_asked_with_or_without_a_place_in_the_layout() -> None:
    def element(number: int, query: dict[str, Any]) -> dict[str, Any]:
        data = {"spec": {"queries": [{"spec": {"refId": "A", "query": query}}]}}
        return {"kind": "Panel", "spec": {"id": number, "title": f"E{number}", "vizConfig": {"group": "stat"}, "data": data}}

    first = {"kind": "DataQuery", "group": "prometheus", "datasource": {"name": "prom-uid"}, "spec": {"expr": 'up{x="$v"}'}}
    second = {"kind": "mysql", "spec": {"rawSql": "SELECT '$c'"}}
    item = {"spec": {"element": {"name": "e1"}, "repeat": {"mode": "variable", "value": "v"}}}
    custom = {"kind": "CustomVariable", "spec": {"name": "v", "query": "a,b", "multi": True, "current": {"value": ["a", "b"]}}}
    spec = {
        "elements": {"e1": element(1, first), "e2": element(2, second), "e3": {"kind": "LibraryPanel", "spec": {"id": 3, "libraryPanel": {"uid": "lib"}}}},
        "layout": {"kind": "RowsLayout", "spec": {"rows": [{"spec": {"layout": {"spec": {"items": [item]}}}}]}},
        "variables": [custom, {"kind": "ConstantVariable", "spec": {"name": "c", "query": "k"}}],
        "timeSettings": {"from": "now-2h", "to": "now"},
    }  # fmt: skip
    boards = Boards(SOURCES, (Board(1, "v2", "Two", "v2", {"spec": spec}),), (LibraryPanel(1, "lib", "L", panel("shared", 8)),))
    assert sorted(queries(boards)) == ["SELECT 'k'", "shared", 'up{x="a"}', 'up{x="b"}']
    assert {one.end - one.start for one in chosen(boards).questions} == {2 * HOUR}

"""A variable's value is what the page would have chosen, of what its query answers; one that needs another waits for it."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from backups.panels.boards import DataSource
from backups.panels.choose import Circumstances, lookups
from backups.panels.dashboards.room import Room
from backups.panels.dashboards.shape import Unaskable
from backups.panels.dashboards.times import Window
from backups.panels.variables.lookup import Option, matched, options, refined, resource
from tests.unit.panels.dashboards import END, HOUR, SERVICES, SOURCES, answered, chosen, grafana, panel, queries, reasons, sql


def query(name: str, text: str = "label_values(up, job)", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "query": text, **more}


def filled(variable: dict[str, Any], values: Any = (), kind: str = "prometheus") -> str:
    """What `$v` becomes."""
    boards = grafana(panel('up{x=~"$v"}') if kind == "prometheus" else sql("x IN ($v)"), variables=[variable])
    return queries(boards, replies=answered(boards, v=values if isinstance(values, dict) else list(values)))[0]


@pytest.mark.parametrize(
    ("more", "values", "found"),
    [
        ({"current": {"value": "b"}}, "abc", "b"),
        ({"current": {"value": "gone"}}, "abc", "a"),
        ({}, "", ""),
        ({"multi": True, "current": {"value": ["a", "c", "gone"]}}, "abc", "(a|c)"),
        ({"includeAll": True, "current": {"value": "$__all"}}, "abc", "(a|b|c)"),
        ({"includeAll": True, "current": {"value": ["$__all"]}, "allValue": ".+"}, "abc", ".+"),
        ({"includeAll": True, "current": {"value": "$__all"}}, "", ""),
        ({"regex": "/(.)-x/", "current": {"value": "b"}}, ["a-x", "b-x", "c"], "b"),
        ({"regex": "b|c"}, "abc", "b"),
        ({"sort": 2}, "abc", "c"),
        ({"sort": "numericalDesc"}, ["a2", "a10"], "a10"),
    ],
)
def test_what_a_query_variable_chooses(more: dict[str, Any], values: Any, found: str) -> None:
    assert filled(query("v", **more), values) == f'up{{x=~"{found}"}}'


def test_a_variable_without_an_answer_keeps_what_was_saved_and_else_stops_what_needs_it() -> None:
    boards = grafana(panel('up{x="$v"}'), variables=[query("v", current={"value": "saved"})])
    broken = {"status": 400, "error": "parse error"}
    assert queries(boards, replies=answered(boards, v=broken)) == ['up{x="saved"}']
    nothing = grafana(panel('up{x="$v"}'), panel("up", 2), variables=[query("v")])
    assert queries(nothing, replies=answered(nothing, v=broken)) == ["up"]
    why = "the variable v has no value: its query was answered with 400: parse error"
    assert reasons(nothing, replies=answered(nothing, v=broken)) == [("cannot-be-asked", why)]
    assert reasons(nothing, replies=answered(nothing, v={"status": 0, "error": "no time"}))[0][0] == "not-asked"


def test_a_variable_waits_for_the_one_that_it_needs_and_asks_with_its_value() -> None:
    second = query("w", 'label_values(up{job="$v"}, instance)')
    boards = grafana(panel('up{i="$w"}'), variables=[second, query("v")])
    first = lookups(boards, Circumstances(SERVICES, END))
    assert [one.panel for one in first] == ["variable v"]
    replies = answered(boards, v=["a"], w=["h1"])
    asked = [one.resource for one in chosen(boards, replies=replies).questions if one.resource]
    assert any('up{job="a"}' in dict(parse_qsl(urlsplit(one).query)).values() for one in asked)
    assert queries(boards, replies=replies) == ['up{i="h1"}']


def test_variables_that_need_one_another_are_told() -> None:
    boards = grafana(panel("$v"), variables=[query("v", "label_values(x{a='$w'}, b)"), query("w", "label_values(x{a='$v'}, b)")])
    assert lookups(boards, Circumstances(SERVICES, END)) == []
    assert "needs itself" in reasons(boards)[0][1]


def test_a_variable_of_a_source_that_nobody_protects_is_told_and_its_saved_value_used() -> None:
    boards = grafana(panel('up{x="$v"}'), variables=[query("v", datasource={"uid": "loki-uid"}, current={"value": "s"})])
    assert queries(boards) == ['up{x="s"}']
    assert [one.kind for one in chosen(boards).not_asked] == ["not-protected"]


@pytest.mark.parametrize(
    ("variable", "found"),
    [
        ({"type": "constant", "query": "k"}, "k"),
        ({"type": "textbox", "query": "q", "current": {"value": "typed"}}, "typed"),
        ({"type": "textbox", "query": "q"}, "q"),
        ({"type": "custom", "query": "a, Text : b, c\\,d", "current": {"value": "b"}}, "b"),
        ({"type": "custom", "query": "a,c\\,d", "multi": True, "current": {"value": ["c,d"]}}, "c,d"),
        ({"type": "custom", "query": "a,b", "includeAll": True, "current": {"value": "$__all"}}, "(a|b)"),
        ({"type": "custom", "valuesFormat": "json", "query": '[{"text": "A", "value": "1"}]'}, "1"),
        ({"type": "interval", "query": "1m,10m", "current": {"value": "10m"}}, "10m"),
        ({"type": "interval", "query": "1m,10m", "auto": True, "current": {"value": "$__auto_interval_v"}}, "2m"),
        ({"type": "datasource", "query": "prometheus", "current": {"value": "default"}}, "prom-uid"),
        ({"type": "datasource", "query": "mysql", "current": {"value": "gone"}}, "my-uid"),
        ({"type": "switch", "current": True}, "true"),
    ],
)
def test_variables_that_ask_nobody(variable: dict[str, Any], found: str) -> None:
    boards = grafana(panel('up{x=~"$v"}'), variables=[{"name": "v", **variable}])
    assert queries(boards) == [f'up{{x=~"{found}"}}']
    assert [one.kind for one in chosen(boards).not_asked] == ["asks-nothing"]


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ({"type": "groupby"}, "stands for no text"),
        ({"type": "invented"}, "Lifeboat does not know: invented"),
        ({"type": "datasource", "query": "influxdb"}, "no data source of type influxdb"),
        ({"type": "query", "query": ""}, "it has no query"),
        ({"type": "query", "query": "label_values(up, job)", "regex": "/(/"}, "cannot be read"),
    ],
)
def test_a_variable_that_needs_a_person_or_is_odd_stops_only_what_needs_it(variable: dict[str, Any], words: str) -> None:
    boards = grafana(panel("$v"), panel("up", 2), variables=[{"name": "v", **variable}])
    replies = answered(boards, v=["a"])
    assert queries(boards, replies=replies) == ["up"]
    assert words in reasons(boards, replies=replies)[0][1]


def test_a_variable_of_data_sources_chooses_among_names_and_repeats_over_all() -> None:
    two = DataSource(1, "other-uid", "Other", "prometheus", "http://x")
    variable = {"name": "ds", "type": "datasource", "query": "prometheus", "regex": "/^Other$/"}
    boards = grafana(panel(datasource={"uid": "${ds}"}), variables=[variable], sources=[*SOURCES, two])
    assert reasons(boards)[0][0] == "not-protected"
    every = {"name": "ds", "type": "datasource", "query": "prometheus", "includeAll": True, "current": {"value": ["$__all"]}}
    boards = grafana(panel(datasource="$ds", repeat="ds"), variables=[every], sources=[*SOURCES, two])
    services = SERVICES | {(1, "other-uid"): "metrics"}
    found = {one.query["datasource"]["uid"] for one in chosen(boards, services=services).questions}
    assert found == {"prom-uid", "other-uid"}


def test_a_variable_of_sql_takes_every_column_or_those_that_are_named() -> None:
    variable = query("v", "SELECT name FROM client", datasource={"uid": "my-uid"}, multi=True, current={"value": ["a", "b'c"]})
    assert filled(variable, ["a", "b'c"], "mysql") == "x IN ('a','b''c')"

    def frame(*names: str) -> dict[str, Any]:
        return {
            "status": 200,
            "frames": [{"schema": {"fields": [{"name": one} for one in names]}, "data": {"values": [["a", None], [1, 2]]}}],
        }

    assert options(frame("x", "y"), "", "mysql", Room()) == [Option("a", "a"), Option("1", "1"), Option("2", "2")]
    assert options(frame("__text", "__value"), "", "mysql", Room()) == [Option("a", "1"), Option("", "2")]


@pytest.mark.parametrize(
    ("text", "path", "parameters"),
    [
        ("label_values(job)", "api/v1/label/job/values", {}),
        ("label_values(up{a=~'x,y'}, job)", "api/v1/label/job/values", {"match[]": "up{a=~'x,y'}"}),
        ("label_values( {a='b'} , job)", "api/v1/label/job/values", {"match[]": "{a='b'}"}),
        ("label_names()", "api/v1/labels", {}),
        ("metrics(node.*)", "api/v1/label/__name__/values", {}),
        ("query_result(sum(up) by (job))", "api/v1/query", {"query": "sum(up) by (job)"}),
        ("label_values(up{hostname, a='b'})", "api/v1/series", {"match[]": "label_values(up{hostname, a='b'})"}),
        ("up", "api/v1/series", {"match[]": "up"}),
    ],
)
def test_what_a_variable_reads_of_a_prometheus(text: str, path: str, parameters: dict[str, str]) -> None:
    found = urlsplit(resource(text, Window(END - HOUR, END)))
    asked = dict(parse_qsl(found.query))
    times = (
        {"time": str(END // 1000)} if path.endswith("query") else {"start": str((END - HOUR) // 1000), "end": str(END // 1000)}
    )
    assert found.path == path
    assert asked == parameters | times


def test_what_a_prometheus_answers_becomes_values() -> None:
    def reply(data: Any) -> dict[str, Any]:
        return {"status": 200, "resource": {"status": "success", "data": data}}

    sample = {"metric": {"__name__": "up", "job": "a"}, "value": [5, "1"]}
    assert [one.value for one in options(reply({"result": [sample]}), "query_result(up)", "prometheus", Room())] == [
        'up{job="a"} 1 5000'
    ]
    assert [
        one.value for one in options(reply({"resultType": "scalar", "result": [5, "7"]}), "query_result(7)", "prometheus", Room())
    ] == ["7"]
    assert [one.value for one in options(reply([{"__name__": "up", "job": "a"}]), "up", "prometheus", Room())] == ['up{job="a"}']
    assert [one.value for one in options(reply(["node_a", "up"]), "metrics(node)", "prometheus", Room())] == ["node_a"]
    assert options(reply(None), "label_values(a)", "prometheus", Room()) == []


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("/a(.)/", "ab", Option("b", "b")),
        ("/(?<text>.)-(?<value>.)/", "a-b", Option("a", "b")),
        ("/(?<value>.)-/", "a-b", Option("a", "a")),
        ("/A/i", "a", Option("a", "a")),
        ("x", "a", None),
    ],
)
def test_a_pattern_of_javascript_cuts_a_value(pattern: str, value: str, found: Option | None) -> None:
    assert matched(pattern, value, Room()) == found


def test_a_pattern_that_takes_for_ever_is_ended() -> None:
    """However many values it takes long for: they share the time."""
    room = Room(seconds=0.05)
    for _ in range(2):
        with pytest.raises(Unaskable, match="takes too long"):
            matched("/(a|aa)+(b|bb)*$x/".replace("$x", "c"), "a" * 60 + "d", room)
    assert room.seconds < 0
    with pytest.raises(Unaskable, match="takes too long"):
        matched("/^(a|aa)+$/", "a" * 40 + "d", Room(seconds=0.001))


def test_options_are_unique_and_in_their_order() -> None:
    found = [Option(one, one) for one in ("b10", "B2", "a1", "b2", "b10")]
    assert [one.value for one in refined(found, "", 0, Room())] == ["b10", "B2", "a1", "b2"]
    assert [one.value for one in refined(found, "", 5, Room())] == ["a1", "b10", "B2", "b2"]
    assert [one.value for one in refined(found, "", 7, Room())] == ["B2", "a1", "b2", "b10"]

"""A Prometheus is asked what Grafana asks it, and its answers become Grafana's frames: held to a real 12.4.3."""

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import Transient
from backups.panels.prometheus import durations, frames, reply
from backups.panels.prometheus.durations import MILLISECOND, SECOND
from backups.panels.prometheus.step import Filled, filled
from backups.services.http.bounds import Bounds
from backups.services.prometheus import dashboards
from tests.unit.panels.answers import Json, question, recorded
from tests.unit.panels.recorded_prometheus import answer

START, END = 1_795_908_000_000, 1_795_908_600_000


def fill(query: Json, *, minutes: float = 10, scrape: str = "") -> Filled:
    return filled({"expr": "up", "intervalMs": 15_000} | query, END - int(minutes * 60_000), END, {"timeInterval": scrape})


@pytest.mark.field
def test_every_recorded_answer_is_made_of_what_prometheus_answers() -> None:
    """Step, window, macros, types, labels, names to be shown and errors, all of it: not only what is compared."""
    seen = set()
    for path, pair in recorded("*.json"):
        results = pair["source"]["body"].get("results", {})
        asked = [query for query in pair["request"]["queries"] if query["datasource"].get("uid") == "agama-prometheus"]
        # Beside an expression, frames are as that has read them: the stand-in's (test_queries.py).
        if not asked or path.stem == "expression-math":
            continue
        for query in asked:
            expected = results[query["refId"]]
            made = filled(query, int(pair["request"]["from"]), int(pair["request"]["to"]), {})
            answers = [answer(expected, call) for call in reply.calls(made)]
            assert reply.result(made, query["refId"], answers) == expected, path.name
            seen.add(path.stem)
    assert len(seen) >= 12


@pytest.mark.parametrize(
    ("query", "minutes", "step"),
    [
        ({}, 10, "15s"),  # 6 s by the points, 15 s by the panel
        ({"intervalMs": 1000}, 10, "5s"),
        ({"intervalMs": 0}, 10, "15s"),
        ({"maxDataPoints": 11000, "intervalMs": 60_000}, 600, "1m0s"),
        ({"maxDataPoints": 0, "intervalMs": 1}, 60, "2s"),
        ({"interval": "30s", "intervalMs": 1000}, 10, "30s"),
        ({"interval": "0s"}, 10, "15s"),
        ({"interval": ">1m"}, 10, "1m0s"),
        ({"interval": "90"}, 10, "1m30s"),
        ({"interval": "1d"}, 10, "24h0m0s"),
        ({"interval": "$__interval", "intervalMs": 20_000}, 10, "20s"),
        ({"interval": "$__rate_interval"}, 10, "1m0s"),
        ({"interval": "${__rate_interval}", "intervalMs": 60_000}, 10, "1m15s"),
        ({"intervalFactor": 3}, 10, "45s"),
        ({"step": 1}, 10, "15s"),
        ({"intervalMs": 1, "maxDataPoints": 10**8}, 24 * 60 * 7, "1m0s"),  # at most 11,000 points
        ({"intervalMs": 1, "maxDataPoints": 10**8}, 10, "50ms"),
    ],
)  # fmt: skip
def test_the_step_is_grafanas(query: Json, minutes: float, step: str) -> None:
    assert fill(query, minutes=minutes).executed == f"Expr: up\nStep: {step}"


@pytest.mark.parametrize(
    ("expression", "query", "scrape", "expected"),
    [
        ("$__interval ${__interval} $__interval_ms ${__interval_ms}", {"intervalMs": 5_400_000}, "", "1h 1h 5400000 5400000"),
        ("$__range $__range_s ${__range_ms}", {}, "", "600s 600 600000"),
        ("$__rate_interval $__rate_interval_ms", {}, "", "1m0s 60000"),
        ("$__rate_interval", {"intervalMs": 60_000}, "", "1m15s"),
        ("$__rate_interval", {}, "1m", "4m0s"),
        ("$__rate_interval", {"interval": "2m"}, "1m", "8m0s"),
        ("$__rate_interval", {"interval": "$__rate_interval"}, "", "1m0s"),
        ("$__rate_interval", {}, "nonsense", "0s"),
        ("$__from ${unknown} $instance", {}, "", "$__from ${unknown} $instance"),
    ],
)
def test_macros_are_filled_in_and_nothing_else(expression: str, query: Json, scrape: str, expected: str) -> None:
    assert fill({"expr": expression, **query}, scrape=scrape).expression == expected


def test_a_range_begins_and_ends_at_a_multiple_of_its_step_and_an_instant_at_the_end() -> None:
    made = filled({"expr": "up", "instant": True, "range": True, "intervalMs": 60_000}, START + 59_999, END + 30_500, {})
    window, instant = reply.calls(made)
    assert window.parameters == {"query": "up", "start": "1795908000", "end": "1795908600", "step": "60"}
    assert instant.parameters == {"query": "up", "time": "1795908630.5"}
    shifted = filled({"expr": "up", "interval": "1d", "utcOffsetSec": 3600}, START, END, {})
    assert (shifted.start + 3600) % 86_400 == 0
    assert [call.path for call in reply.calls(fill({}))] == ["/api/v1/query_range"]
    assert [call.path for call in reply.calls(fill({"instant": True}))] == ["/api/v1/query"]


@pytest.mark.parametrize("query", [{"interval": "soon"}, {"interval": "1x"}, {"intervalFactor": -1}, {"interval": "9" * 40}])
def test_an_interval_that_is_none_is_an_error(query: Json) -> None:
    with pytest.raises(ValueError, match=r"invalid duration|not positive"):
        fill(query)


@given(st.integers(1, 400 * 86_400), st.integers(0, 10**7), st.sampled_from([None, 0, 1, 100, 5000, 10**9]))
def test_no_query_is_for_more_points_than_prometheus_gives(seconds: int, milliseconds: int, points: int | None) -> None:
    more = {} if points is None else {"maxDataPoints": points}
    made = filled({"expr": "up", "intervalMs": milliseconds, **more}, END - seconds * 1000, END, {})
    assert (made.end - made.start) * SECOND / made.step < 16_600, "a neat step may be two thirds of what was reckoned"
    assert made.start <= END / 1000 - seconds
    assert made.end <= END / 1000
    assert made.step >= MILLISECOND


odd = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.integers().map(lambda number: number * 10**400), st.lists(st.integers(), max_size=2))  # fmt: skip


@given(st.dictionaries(st.sampled_from(["interval", "intervalMs", "maxDataPoints", "intervalFactor", "utcOffsetSec", "expr", "legendFormat", "instant", "range"]), odd), odd)  # fmt: skip
def test_no_query_is_too_odd(query: Json, scrape: Any) -> None:
    try:
        made = filled(query, START, END, {"timeInterval": scrape})
    except ValueError:
        return
    assert all(isinstance(value, str) for call in reply.calls(made) for value in call.parameters.values())


@given(st.integers(1, 10**16))
def test_a_span_is_read_as_it_is_written(length: int) -> None:
    text = durations.exact(length)
    if length % 1000 == 0:
        assert abs(durations.parsed(text) - length) <= max(length >> 50, 1)


def body(kind: str, found: Any, **more: Any) -> Json:
    return {"status": "success", "data": {"resultType": kind, "result": found}, **more}


def shape(frame: Json) -> list[tuple[str, str]]:
    return [(field["name"], field["typeInfo"]["frame"]) for field in frame["schema"]["fields"]]


def test_scalars_texts_and_histograms_have_frames_of_their_own() -> None:
    (scalar,), _ = frames.read(body("scalar", [1.5, "2"]))
    assert (shape(scalar), scalar["data"]["values"]) == ([("Time", "time.Time"), ("Value", "float64")], [[1500], [2.0]])
    (text,), _ = frames.read(body("string", [1, "boat"]))
    assert (shape(text)[1], text["data"]["values"]) == (("Value", "string"), [[1000], ["boat"]])
    buckets = {"count": "3", "sum": "4", "buckets": [[0, "0.5", "1", "2"], [3, "-0.001", "0.001", "1"]]}
    for element in ({"histogram": [1, buckets]}, {"histograms": [[1, buckets]]}):
        (cells,), _ = frames.read(body("matrix", [{"metric": {"job": "a"}, **element}]))
        assert [name for name, _ in shape(cells)] == ["xMax", "yMin", "yMax", "count", "yLayout"]
        assert cells["data"]["values"] == [[1000, 1000], [0.5, -0.001], [1.0, 0.001], [2.0, 1.0], [0, 3]]
        assert cells["schema"]["fields"][1]["labels"] == {"job": "a"}


def test_what_json_has_no_number_for_stands_beside_the_values() -> None:
    values = [[1, "NaN"], [2, "1"], [3, "+Inf"], [4, "-Inf"]]
    (series,), _ = frames.read(body("matrix", [{"metric": {}, "values": values}]))
    assert series["data"]["values"][1] == [None, 1.0, None, None]
    assert series["data"]["entities"] == [None, {"NaN": [0], "Inf": [2], "NegInf": [3]}]
    assert not any(isinstance(value, float) and not math.isfinite(value) for value in series["data"]["values"][1])


def test_notices_are_kept_and_warnings_without_a_series_have_a_frame() -> None:
    (empty,), _ = frames.read(body("vector", [], warnings=["slow"], infos=["a gauge?"]))
    assert empty["schema"]["name"] == "Warnings"
    assert [notice["severity"] for notice in empty["schema"]["meta"]["notices"]] == ["warning", "info"]


def test_a_query_of_both_kinds_that_fails_says_both() -> None:
    made = fill({"instant": True, "range": True})
    refused = (422, {"status": "error", "errorType": "execution", "error": "too many"})
    found = reply.result(made, "A", [refused, refused])
    assert (found["status"], found["error"]) == (422, "execution: too many execution: too many")
    assert len(found["frames"]) == 2


@pytest.mark.parametrize(
    "odd",
    [{}, {"status": "success"}, body("vector", [{"metric": {}, "value": [1, 2]}]), body("vector", [{"metric": {}}]), body("vector", 1), [], None, body("matrix", [{"metric": {}, "values": [[1]]}])],
)  # fmt: skip
def test_what_is_no_answer_of_prometheus_is_no_frame(odd: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        frames.read(odd)


@pytest.mark.parametrize(
    ("legend", "labels", "expected"),
    [
        ("", {"__name__": "up", "job": "a", "b": 'c"'}, 'up{b="c\\"", job="a"}'),
        ("", {"__name__": "up"}, "up"),
        ("", {}, "1 - up"),
        ("", {"job": "a"}, '{job="a"}'),
        ("__auto", {"job": "a"}, None),
        ("__auto", {}, "1 - up"),
        ("{{job}} on {{ host }}!", {"job": "a"}, "a on !"),
    ],
)
def test_a_series_is_named_as_its_legend_says(legend: str, labels: Mapping[str, str], expected: str | None) -> None:
    made = fill({"expr": "1 - up", "legendFormat": legend, "instant": True})
    answers: Sequence[tuple[int, Any]] = [(200, body("vector", [{"metric": labels, "value": [1, "1"]}]))]
    (frame,) = reply.result(made, "A", answers)["frames"]
    assert frame["schema"]["fields"][1].get("config", {}).get("displayNameFromDS") == expected


@pytest.mark.parametrize(("of_copy", "timeout", "size"), [(False, "30s", 16 << 20), (True, "120s", 64 << 20)])
def test_a_copy_may_take_longer_and_write_more(of_copy: bool, timeout: str, size: int) -> None:
    """What the source answered just within its bounds is no damage."""
    called: list[tuple[dict[str, Any], Bounds]] = []

    def ask(_: str, __: str, parameters: dict[str, Any], bounds: Bounds) -> Any:
        called.append((parameters, bounds))
        raise Transient("enough")

    api: Any = SimpleNamespace(name="p", ask=ask)
    with dashboards.asker(api, (), of_copy=of_copy) as asker, pytest.raises(Transient):
        asker.ask(question())
    ((parameters, bounds),) = called
    assert (parameters["timeout"], bounds.size, f"{bounds.total:g}s") == (timeout, size, timeout)

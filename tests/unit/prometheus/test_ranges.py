"""Ranges of raw samples: no time is left out or asked twice, the budget is kept, and any sample that differs shows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.prometheus import ranges
from backups.services.prometheus.api import Api, Refused
from backups.services.prometheus.questions import Span
from backups.witness import Fact

_END = 2_000
_spans = st.lists(
    st.builds(
        lambda start, length, series, samples: Span(start, start + length, series, samples),
        st.integers(0, _END),
        st.integers(0, 500),
        st.integers(0, 50),
        st.sampled_from([0, 1, 900, 10**6, 10**9]),
    ),
    max_size=6,
)


@dataclass
class Held:
    """Stands for a server: `samples` by metric name and time. Refuses more than `limit` samples in one answer."""

    samples: dict[str, dict[int, str]]
    limit: int = 10**9
    asked: list[str] = field(default_factory=list)

    def query(self, expression: str, at: int) -> list[dict[str, Any]]:
        names = [name for name in self.samples if re.fullmatch(json.loads(_found(r'"(?:[^"\\]|\\.)*"', expression)), name)]
        if expression.startswith("count"):
            return [{"metric": {"__name__": name}, "value": [at, "1"]} for name in names]
        self.asked.append(expression)
        seconds = int(_found(r"\[(\d+)s\]", expression))
        found = {
            name: [[time, value] for time, value in sorted(self.samples[name].items()) if at - seconds < time <= at]
            for name in names
        }
        if sum(map(len, found.values())) > self.limit:
            raise Refused("too many samples")
        return [{"metric": {"__name__": name}, "values": values} for name, values in found.items() if values]

    def metric_names(self, start: int, end: int) -> list[str]:
        return sorted(self.samples)


class FakeApi(Api):
    """The API of a `Held`."""

    def __init__(self, held: Held) -> None:
        super().__init__("http://127.0.0.1")
        object.__setattr__(self, "query", held.query)
        object.__setattr__(self, "metric_names", held.metric_names)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match
    return match[1] if match.groups() else match[0]


def _server(metrics: int = 3, end: int = 2000, step: int = 10, limit: int = 10**9) -> tuple[Held, list[Span]]:
    samples = {f"metric_{number}": {time: f"{time * number}" for time in range(0, end + 1, step)} for number in range(metrics)}
    return Held(samples, limit), [Span(0, end, metrics, metrics * len(samples["metric_0"]))]


def _facts(held: Held, spans: list[Span], until: int = 10**9, seed: int = 1) -> Mapping[tuple[str, str], Fact]:
    _, facts = ranges.choose(FakeApi(held), spans, until=until, seed=seed)
    found = {(fact.subject, fact.metric): fact for fact in facts}
    assert len(found) == len(facts), "two answers have one name"
    return found


@given(_spans, st.integers(0, 2 * _END))
def test_tiles_hold_each_second_with_data_once_and_none_after_the_limit(spans: list[Span], until: int) -> None:
    tiles = ranges._tiles(spans, until)
    seconds = [second for tile in tiles for second in range(tile.at - tile.seconds + 1, tile.at + 1)]
    assert len(seconds) == len(set(seconds))
    assert set(seconds) == {second for span in spans for second in range(span.start, min(span.end, until) + 1)}
    assert [tile.at for tile in tiles] == sorted((tile.at for tile in tiles), reverse=True)


@given(st.integers(0, 2), st.integers(0, 200), st.integers(0, 10), st.sampled_from(["7", "gone", "more"]))
def test_of_a_source_below_the_budget_any_sample_that_differs_is_seen(metric: int, step: int, seed: int, change: str) -> None:
    held, spans = _server()
    asked, before = ranges.choose(FakeApi(held), spans, until=10**9, seed=seed)
    assert ranges.coverage([*before, Fact("block A", "samples", spans[0].samples)]).value == "603 of 603 (100 %)"
    series, time = held.samples[f"metric_{metric}"], step * 10
    if change == "gone":
        del series[time]
    else:
        series[time + (5 if change == "more" else 0)] = "-7"
    if time + 5 > spans[0].end and change == "more":
        return
    after = list(ranges.ask(FakeApi(held), asked))
    assert [fact for fact, then in zip(after, before, strict=True) if fact != then]


def test_a_large_source_is_asked_for_the_budget_and_for_other_ranges_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "PIECE", 100)
    monkeypatch.setattr(ranges, "BUDGET", 1000)
    held, spans = _server(metrics=5, end=20_000)
    monday, tuesday = (_facts(held, spans, seed=seed) for seed in (1, 2))
    for facts in (monday, tuesday):
        assert 1000 <= sum(map(ranges.count, facts.values())) < 1500
    assert len(monday.keys() & tuesday.keys()) < len(monday) / 2
    assert any("before 1970-01-01T05:33:20Z" in metric for _, metric in monday), "the newest is not among them"


def test_a_source_too_dense_for_one_question_is_asked_for_some_metrics_of_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of all metrics would be too much for one answer; a metric that is larger than an answer is never asked for."""
    monkeypatch.setattr(ranges, "PIECE", 100)
    monkeypatch.setattr(ranges, "BUDGET", 1000)
    held, spans = _server(metrics=60, end=3600, step=5)
    facts = _facts(held, spans)
    assert 1000 <= sum(map(ranges.count, facts.values())) < 1500
    assert all(ranges.count(fact) <= 200 for fact in facts.values())
    assert len({metric for _, metric in facts}) > 5


@given(st.sets(st.integers(0, 7), max_size=3))
def test_what_cannot_be_read_is_left_out_alone(rotten: set[int]) -> None:
    """The source refuses each answer that would hold a rotten metric: all others are compared."""
    held, spans = _server(metrics=8, end=600)
    for number in rotten:
        held.samples[f"metric_{number}"] = dict.fromkeys(range(601), "1")
    held.limit = 600 if rotten else 10**9
    facts = _facts(held, spans)
    assert sum(map(ranges.count, facts.values())) == (8 - len(rotten)) * 61


@pytest.mark.parametrize(
    ("compared", "held", "said"),
    [
        (0, 0, "0 of 0"),
        (100, 360_000, "100 of 360,000 (0.0277 %)"),
        (999, 1000, "999 of 1,000 (99 %)"),
        (1000, 1000, "1,000 of 1,000 (100 %)"),
        (0, 5, "0 of 5 (0 %)"),
    ],
)
def test_the_share_is_never_rounded_up(compared: int, held: int, said: str) -> None:
    facts = [Fact("samples of all metrics", "x", f"{compared} samples, sha256 00"), Fact("block A", "samples", held)]
    assert ranges.coverage([*facts, Fact("block A", "series", 77)]).value == said

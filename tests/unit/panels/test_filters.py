"""Ad-hoc filters become matchers of every series in a query of Prometheus, and nothing else of it changes."""

import pytest

from backups.panels.dashboards.shape import Unaskable
from backups.panels.variables.filters import matchers, narrowed


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("up", "up{F}"),
        ('up{a="b"}', 'up{a="b",F}'),
        ('up{a="b", }', 'up{a="b", F}'),
        ("up{}", "up{F}"),
        ("{}", "{F}"),
        ("{__name__=~\"a}b\", x='{'}", "{__name__=~\"a}b\", x='{',F}"),
        ("sum by (job, up) (rate(up[5m] offset 1h))", "sum by (job, up) (rate(up{F}[5m] offset 1h))"),
        ("sum(up) without (job)", "sum(up{F}) without (job)"),
        ("SUM(a) / ON (job) group_left a + b", "SUM(a{F}) / ON (job) group_left a{F} + b{F}"),
        ("a and on() b unless c", "a{F} and on() b{F} unless c{F}"),
        ("a > bool 1e5 or vector(0x1f) * -inf", "a{F} > bool 1e5 or vector(0x1f) * -inf"),
        ("max_over_time(up[$__range:1m] @ end())", "max_over_time(up{F}[$__range:1m] @ end())"),
        ("rate(up[$__rate_interval]) # up is up\n+ job:up:sum", "rate(up{F}[$__rate_interval]) # up is up\n+ job:up:sum{F}"),
        ("up {a=~`x`}", "up {a=~`x`,F}"),
        ("time() - start", "time() - start"),
        ("", ""),
    ],
)
def test_every_series_gets_the_matcher(query: str, found: str) -> None:
    assert narrowed(query, ["F"]) == found
    assert narrowed(query, []) == query


def test_filters_become_matchers() -> None:
    filters = [
        {"key": "job", "operator": "=", "value": 'a"b\\c'},
        {"key": "job", "operator": "!~", "value": "a.*"},
        {"key": "my.label", "operator": "=|", "values": ["a.b", "c"]},
    ]
    assert matchers(filters) == ['job="a\\"b\\\\c"', 'job!~"a.*"', '"my.label"=~"a\\\\.b|c"']


@pytest.mark.parametrize(
    "odd", [{}, {"key": "a", "operator": ">"}, {"operator": "="}, {"key": "a", "operator": "=", "value": "$b"}]
)
def test_a_filter_that_is_none_of_a_prometheus_is_told(odd: dict[str, str]) -> None:
    with pytest.raises(Unaskable):
        matchers([odd])

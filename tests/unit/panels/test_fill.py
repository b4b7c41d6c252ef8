"""Variables and what a page knows get into queries as Grafana's page puts them there, and nothing stays unfilled."""

from typing import Any

import pytest

from backups.panels.dashboards.shape import Unaskable
from backups.panels.dashboards.times import Window
from backups.panels.variables.fill import Scope, fill
from backups.panels.variables.value import Value
from tests.unit.panels.dashboards import END, HOUR

ONE = Value("one", ("a.b'c",))
MULTI = Value("multi", ("a.b", "c'd", "e\\f"), several=True, listed=True)
SINGLE = Value("single", ("a.b",), several=True)
ALL = Value("all", (".*",), several=True, raw=True)
VALUES = {value.name: value for value in (ONE, MULTI, SINGLE, ALL)}


def scope(kind: str, **more: Any) -> Scope:
    window = Window(END - HOUR, END)
    return Scope(VALUES.get, kind, window, 30_000, 3, "d1", "Orders", "browser", **more)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('up{x="$one"}', 'up{x="a.b\\\\\'c"}'),
        ('up{x=~"${multi}"}', 'up{x=~"(a\\\\.b|c\\\\\'d|e\\\\\\\\f)"}'),
        ('up{x=~"[[single]]"}', 'up{x=~"a\\\\.b"}'),
        ('up{x=~"$all"}', 'up{x=~".*"}'),
        ("rate(up[$__rate_interval]) + rate(up[${__interval}])", "rate(up[$__rate_interval]) + rate(up[${__interval}])"),
        ("up offset $__range", "up offset $__range"),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        ('up{x=~"a$"}', 'up{x=~"a$"}'),
        ("up @ ${__from:date:seconds}", f"up @ {(END - HOUR) // 1000}"),
        ("x $__org ${__org.id} ${__dashboard.uid} ${__dashboard}", "x 3 3 d1 Orders"),
        ("${one:raw} ${multi:csv} ${multi:pipe}", "a.b'c a.b,c'd,e\\f a.b|c'd|e\\f"),
        ("${multi:regex} ${single:regex}", "(a\\.b|c'd|e\\\\f) a\\.b"),
        ("${multi:join:;} ${all:text}", "a.b;c'd;e\\f .*"),
    ],
)
def test_a_prometheus_query_is_filled_in(text: str, filled: str) -> None:
    assert fill(text, scope("prometheus")) == filled


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("name = '$one'", "name = 'a.b''c'"),
        ("name IN ($multi)", "name IN ('a.b','c''d','e\\f')"),
        ("name IN ([[single]])", "name IN ('a.b')"),
        ("name IN (${multi:sqlstring})", "name IN ('a.b','c''d','e\\f')"),
        ("name IN (${multi:doublequote})", 'name IN ("a.b","c\'d","e\\f")'),
        ("$__timeFilter(at) $__timeGroup(at, $__interval) $__interval_ms", "$__timeFilter(at) $__timeGroup(at, $__interval) $__interval_ms"),
        ("$__madeUp(at)", "$__madeUp(at)"),
        ("${__interval} ${__interval_ms} $__range_s $__rate_interval", "30s 30000 3600 1m"),
        ("$__from $__to", f"{END - HOUR} {END}"),
        ("LIKE '$__searchFilter' $__timezone", "LIKE '%' UTC"),
        ("JSON_EXTRACT(a, '$.b')", "JSON_EXTRACT(a, '$.b')"),
        ("${multi:json}", '["a.b", "c\'d", "e\\\\f"]'),
        ("${__from:date} ${__to:date:YYYY-MM-DD}", "2026-11-29T11:00:00.000Z 2026-11-29"),
    ],
)  # fmt: skip
def test_a_statement_of_sql_is_filled_in(text: str, filled: str) -> None:
    assert fill(text, scope("mysql")) == filled


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$gone", "$gone is no variable of the dashboard"),
        ("[[gone]]", "[[gone]] is no variable"),
        ("${gone:csv}", "no variable"),
        ("${one.field}", "no variable"),
        ("$__timeFrom", "no variable"),
        ("${__user.login}", "needs a person"),
        ("$__user", "needs a person"),
        ("${one:odd}", "nobody knows the form odd"),
        ("${__from:date:dddd}", "nobody knows the form date:dddd"),
        ("x" * 100_001, "100,001 characters"),
    ],
)
def test_what_cannot_be_filled_in_is_named(text: str, words: str) -> None:
    for kind in ("prometheus", "mysql"):
        with pytest.raises(Unaskable) as raised:
            fill(text, scope(kind))
        assert words in raised.value.why


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again() -> None:
    with pytest.raises(Unaskable, match="looks like a variable itself"):
        fill("$v", Scope({"v": Value("v", ("$one",))}.get, "mysql", Window(0, 60_000), 1, 1, "", "", ""))


def test_text_for_all_may_name_variables_and_never_itself_for_ever() -> None:
    values = {"v": Value("v", ("$one.*",), several=True, raw=True), "one": Value("one", ("x",))}
    assert fill("$v", Scope(values.get, "prometheus", Window(0, 60_000), 1, 1, "", "", "")) == "x.*"
    circle = {"v": Value("v", ("a$v",), several=True, raw=True)}
    with pytest.raises(Unaskable):
        fill("$v", Scope(circle.get, "prometheus", Window(0, 60_000), 1, 1, "", "", ""))


def test_the_letters_of_queries_stay_in_an_expression() -> None:
    assert fill("$A + ${B} * $one", scope("__expr__", letters=frozenset("AB"))) == "$A + ${B} * a.b'c"

"""What Grafana's server fills into a panel's SQL, and what it refuses."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.panels.sql import intervals
from backups.panels.sql.macros import Fill, MacroError, Window, filled
from backups.panels.sql.numbers import as_go, number

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WINDOW = Window(1795908000999, 1795908600000, 60_000, NOW)


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("$__time(at)", "UNIX_TIMESTAMP(at) as time_sec"),
        ("min($__timeEpoch(at))", "min(UNIX_TIMESTAMP(at) as time_sec)"),
        ("$__timeFilter(at)", "at BETWEEN FROM_UNIXTIME(1795908000) AND FROM_UNIXTIME(1795908600)"),
        ("$__timeFilter( o.at )", "o.at BETWEEN FROM_UNIXTIME(1795908000) AND FROM_UNIXTIME(1795908600)"),
        ("$__timeFrom(), $__timeTo()", "FROM_UNIXTIME(1795908000), FROM_UNIXTIME(1795908600)"),
        ("$__timeGroup(at,'5m')", "UNIX_TIMESTAMP(at) DIV 300 * 300"),
        ('$__timeGroup(at , "1d")', "UNIX_TIMESTAMP(at) DIV 86400 * 86400"),
        ("$__timeGroupAlias(at,$__interval)", 'UNIX_TIMESTAMP(at) DIV 60 * 60 AS "time"'),
        ("$__timeGroup(at,'1M')", "UNIX_TIMESTAMP(at) DIV 2678400 * 2678400"),
        ("$__unixEpochFilter(e)", "e >= 1795908000 AND e <= 1795908600"),
        ("$__unixEpochNanoFilter(e)", "e >= 1795908000999000000 AND e <= 1795908600000000000"),
        ("$__unixEpochNanoFrom() $__unixEpochNanoTo()", "1795908000999000000 1795908600000000000"),
        ("$__unixEpochFrom() $__unixEpochTo()", "1795908000 1795908600"),
        ("$__unixEpochGroup(e,'5m')", "e DIV 300 * 300"),
        ("$__unixEpochGroupAlias(e,'500ms')", 'e DIV 0.5 * 0.5 AS "time"'),
        ("$__unixEpochGroup(e,'30d')", "e DIV 2.592e+06 * 2.592e+06"),
        ("'$__interval' $__interval_ms", "'1m' 60000"),
        ("$__timeFrom", "$__timeFrom"),
        ("$city ${city} $1", "$city ${city} $1"),
    ],
)
def test_macros_are_filled_in(sql: str, sent: str) -> None:
    """As Grafana's own tests have them."""
    assert filled(sql, WINDOW).sql == sent


def test_a_window_from_before_1970_is_reckoned_from_there() -> None:
    """MySQL has no FROM_UNIXTIME of a negative number."""
    sent = filled("$__timeFilter(at)", Window(-5000, 1000, 1, NOW)).sql
    assert sent == "at BETWEEN DATE_ADD(FROM_UNIXTIME(0), INTERVAL -5 SECOND) AND FROM_UNIXTIME(1)"


@pytest.mark.parametrize(
    ("third", "fill"),
    [
        ("NULL", Fill("null", 300)),
        ("previous", Fill("previous", 300)),
        ("0", Fill("value", 300, 0)),
        (" -2.5e1 ", Fill("value", 300, -25)),
    ],
)
def test_gaps_are_filled_as_the_third_argument_says(third: str, fill: Fill) -> None:
    """Where there is one."""
    assert filled(f"$__timeGroupAlias(at,'5m',{third})", WINDOW).fill == fill
    assert filled(f"$__unixEpochGroup(at,'5m',{third})", WINDOW).fill == fill
    assert filled("$__timeGroup(at,'5m')", WINDOW).fill is None


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("$__unknownMacro(at)", "unknown macro __unknownMacro"),
        ("$city(at)", "unknown macro city"),
        ("$__timeGroup(at)", "macro __timeGroup needs time column and interval"),
        ("$__timeGroupAlias(at)", "macro __timeGroup needs time column and interval"),
        ("$__unixEpochGroup(at)", "macro __unixEpochGroup needs time column and interval and optional fill value"),
        ("$__timeGroup(at,'5x')", "error parsing interval '5x'"),
        ("$__timeGroup(at,'')", "error parsing interval ''"),
        ("$__timeGroup(at,'5m',null)", "error parsing fill value null"),
        *(
            (sql, "invalid query - please inspect Grafana server log for details")
            for sql in (
                "select \nSESSION_USER(), abc",
                "SELECT current_user",
                "SELECT Current_User(   )",
                "SELECT 1,user()",
                "SELECT System_User(\t \t)",
                "SHOW \t grants",
                "show grants;",
            )
        ),
    ],
)
def test_others_are_refused_in_grafanas_words(sql: str, words: str) -> None:
    """Nothing is sent then."""
    with pytest.raises(MacroError, match=words.replace("(", r"\(")) as refused:
        filled(sql, WINDOW)
    assert str(refused.value) == words


@pytest.mark.parametrize("sql", ["SELECT user FROM accounts", "SELECT app.user() FROM t", "SELECT current_user_id FROM t"])
def test_names_that_only_look_like_it_are_not(sql: str) -> None:
    """As Grafana tells them apart."""
    assert filled(sql, WINDOW).sql == sql


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("300ms", 0.3), ("-5m", -300), ("0", 0), (".5s", 0.5)],
        *[("2d", 172_800), ("1w", 604_800), ("1M", 31 * 86_400), ("1y", 365 * 86_400), ("13M", 396 * 86_400)],
    ],
)
def test_intervals(text: str, seconds: float) -> None:
    """Months and years are as long as those that begin now: a day that a month lacks runs over, as Go has it."""
    assert intervals.parsed(text, NOW) == seconds * 10**9


@pytest.mark.parametrize(
    "text", ["", "m", "5", "5 m", "5mm", "1d2h", "five", "5m ", "99999999999999999h", "999999999y", "\u0665m"]
)
def test_what_is_no_interval(text: str) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match="interval"):
        intervals.parsed(text, NOW)


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "1ms"), (999, "999ms"), (1500, "1s"), (60_000, "1m"), (7_199_999, "1h"), (86_400_000, "1d"), (400 * 86_400_000, "1y")],
)
def test_an_interval_is_shown_in_its_largest_unit(milliseconds: int, shown: str) -> None:
    """The rest is cut off."""
    assert intervals.formatted(milliseconds) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_go_prints_it_is_the_same_number(value: float) -> None:
    """Whatever its form."""
    assert number(as_go(value)) == value


@pytest.mark.parametrize("text", ["", " 1", "1_0", "0x1", "1e", "one", "१"])
def test_what_go_does_not_read_is_no_number(text: str) -> None:
    """Python would read some of it."""
    with pytest.raises(ValueError, match="not a number"):
        number(text)

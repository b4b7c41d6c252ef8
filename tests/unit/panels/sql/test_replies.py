"""What becomes of MySQL's rows: types, times, series, gaps, and what Grafana refuses of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.panels.sql import replies
from backups.panels.sql.columns import NOT_NULL, UNSIGNED, Column, text
from backups.panels.sql.macros import Fill, Filled, Window
from backups.panels.sql.replies import Refusal

WINDOW = Window(0, 600_000, 60_000, datetime(2026, 1, 31, tzinfo=UTC))
TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24 = 1, 2, 3, 4, 5, 6, 7, 8, 9
DATE, TIME, DATETIME, YEAR, BIT, JSON, DECIMAL, BLOB, STRING = 10, 11, 12, 13, 16, 245, 246, 252, 254
Rows = list[tuple[bytes | None, ...]]


def answer(columns: list[Column], rows: Rows, form: str = "table", fill: Fill | None = None) -> dict[str, Any]:
    """The whole answer."""
    return replies.reply({"refId": "A", "format": form}, Filled("SELECT 1", fill), WINDOW, columns, rows)


def frame(columns: list[Column], rows: Rows, form: str = "table", fill: Fill | None = None) -> dict[str, Any]:
    """The one frame of a success."""
    found = answer(columns, rows, form, fill)
    assert found["status"] == 200, found
    (one,) = found["frames"]
    return dict(one)


def column(kind: int, value: bytes | None, flags: int = 0) -> tuple[str, bool, Any]:
    """(type, nullable, value) of one column with one row."""
    found = frame([Column("c", kind, flags)], [(value,)])
    info = found["schema"]["fields"][0]["typeInfo"]
    return info["frame"], info.get("nullable", False), found["data"]["values"][0][0]


@pytest.mark.parametrize(
    ("kind", "flags", "value", "expected"),
    [
        (TINY, 0, b"-5", ("int64", True, -5)),
        (TINY, NOT_NULL, b"-5", ("int64", True, -5)),
        (INT24, 0, b"7", ("int64", True, 7)),
        (INT24, NOT_NULL, b"7", ("int32", False, 7)),
        (INT24, NOT_NULL | UNSIGNED, b"7", ("uint32", False, 7)),
        (LONG, UNSIGNED, b"7", ("int64", True, 7)),
        (TINY, NOT_NULL | UNSIGNED, b"200", ("uint8", False, 200)),
        (SHORT, NOT_NULL | UNSIGNED, b"200", ("uint16", False, 200)),
        (LONGLONG, NOT_NULL | UNSIGNED, b"18446744073709551615", ("uint64", False, 18446744073709551615)),
        (LONGLONG, 0, b"-9223372036854775808", ("int64", True, -(1 << 63))),
        (YEAR, NOT_NULL | UNSIGNED, b"2026", ("int64", True, 2026)),
        (DECIMAL, NOT_NULL, b"12345678901234567.89", ("float64", True, 12345678901234567.89)),
        (FLOAT, 0, b"410.805", ("float64", True, 410.805)),
        (DOUBLE, 0, b"1.7976931348623157e308", ("float64", True, 1.7976931348623157e308)),
        (DOUBLE, 0, b"-0", ("float64", True, 0)),
        (DATETIME, 0, b"2026-11-28 00:00:30", ("time.Time", True, 1795824030000)),
        (TIMESTAMP, NOT_NULL, b"1969-12-31 23:59:59.9", ("time.Time", True, -100)),
        (DATE, 0, b"2026-11-28", ("time.Time", True, 1795824000000)),
        (DATETIME, 0, b"0000-00-00 00:00:00", ("time.Time", True, -62135596800000)),
        (TIME, 0, b"-838:59:59", ("string", True, "-838:59:59")),
        (BIT, 0, b"\0", ("string", True, "\0")),
        (JSON, 0, b'{"i": 0}', ("string", True, '{"i": 0}')),
        (STRING, NOT_NULL, "Zoë 🦉".encode(), ("string", True, "Zoë 🦉")),
        (BLOB, 0, b"\xff\xe2\x82A\xed\xa0\x80", ("string", True, "\ufffd" * 3 + "A" + "\ufffd" * 3)),
        *((kind, 0, None, (name, True, None)) for kind, name in ((NULL, "string"), (DOUBLE, "float64"), (DATE, "time.Time"))),
    ],
)
def test_a_columns_type_and_value(kind: int, flags: int, value: bytes | None, expected: tuple[str, bool, Any]) -> None:
    """As the driver, and Grafana after it, has them."""
    assert column(kind, value, flags) == expected


@settings(max_examples=50)
@given(st.binary())
def test_each_byte_that_is_no_text_becomes_one_sign(value: bytes) -> None:
    """And text stays as it is."""
    found = text(value)
    assert len(found.encode("utf-8")) >= len(value)
    try:
        assert found == value.decode()
    except UnicodeDecodeError:
        assert "\ufffd" in found
    json.dumps(found)


def test_parts_of_a_millisecond_stand_beside() -> None:
    """Where there are any."""
    columns = [Column("a", DATETIME, 0), Column("b", DATETIME, 0)]
    found = frame(columns, [(b"2026-11-28 00:00:30.000583", b"2026-11-28 00:00:30"), (None, None)])
    assert found["data"]["nanos"] == [[583000, 0], None]
    assert "nanos" not in frame(columns[1:], [(b"2026-11-28 00:00:30",)])["data"]


def test_what_json_lacks_stands_beside() -> None:
    """Apart from null."""
    column = Column("v", DOUBLE, 0)
    found = frame([column], [(b"nan",), (b"inf",), (b"-inf",), (None,), (b"1",)])["data"]
    assert found == {"values": [[None, None, None, None, 1]], "entities": [{"NaN": [0], "Inf": [1], "NegInf": [2]}]}


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        (
            [Column("n", LONGLONG, UNSIGNED)],
            [(b"18446744073709551615",)],
            'sql: Scan error on column index 0, name "n": converting driver.Value type uint64 ("18446744073709551615") to a int64',
        ),
        (
            [Column("n", LONG, 0), Column("m", LONG, 0), Column("n", LONG, 0)],
            [(b"1", b"1", b"2")],
            'duplicate column names are not allowed, found identical name "n" at column indices 0 and 2',
        ),
        ([Column("d", DATE, 0)], [(b"2026-00-31",)], 'sql: Scan error on column index 0, name "d": '),
    ],
)
def test_what_grafana_cannot_take_is_an_error(columns: list[Column], rows: Rows, words: str) -> None:
    """At the source as in a copy."""
    found = answer(columns, rows)
    assert found["error"].startswith(f"convert frame from rows error: {words}")
    assert (found["status"], found["errorSource"]) == (500, "plugin")


@pytest.mark.parametrize(
    ("value", "kind", "milliseconds"),
    [
        (b"1795824000", LONGLONG, 1795824000000),
        (b"1795824000.5", DECIMAL, 1795824000500),
        (b"1795824000123", LONGLONG, 1795824000123),
        (b"1795824000123456789", LONGLONG, 1795824000123),
        (b"999999999", LONGLONG, 999999999),
        (b"0", LONG, 0),
        (b"1795824000", STRING, 1795824000000),
        (b"1795824000123456", LONGLONG, 6489824973629),
        (None, LONG, None),
    ],
)
@pytest.mark.parametrize("name", ["time", "time_sec", "TimeEnd"])
def test_a_column_called_time_is_one_by_how_large_it_is(
    value: bytes | None, kind: int, milliseconds: int | None, name: str
) -> None:
    """Seconds or nanoseconds; all else is milliseconds, and runs over as in 64 bits."""
    found = frame([Column(name, kind, 0)], [(value,)])
    assert found["schema"]["fields"][0] == {"name": name, "type": "time", "typeInfo": {"frame": "time.Time", "nullable": True}}
    assert found["data"]["values"] == [[milliseconds]]


def test_text_that_is_no_time_is_an_error() -> None:
    """In Grafana's words."""
    words = "converting time columns failed: failed to convert time column: unable to convert data to a time field"
    assert answer([Column("time", STRING, 0)], [(b"noon",)])["error"] == words


LONG_COLUMNS = [Column("city", STRING, 0), Column("time", LONG, 0), Column("kind", STRING, 0), Column("n", LONG, 0)]


def names(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """(name, labels) of the fields."""
    return [(each["name"], each.get("labels")) for each in found["schema"]["fields"]]


def test_a_long_table_becomes_a_wide_one() -> None:
    """A column for each text, sorted by the order of the text's columns."""
    rows: Rows = [
        (b"b", b"1000000000", b"x", b"1"),
        (b"a", b"1000000000", None, b"2"),
        (b"b", b"1000000060", b"x", b"3"),
        (b"b", b"1000000060", b"x", b"4"),
    ]
    found = frame(LONG_COLUMNS, rows, "time_series")
    assert names(found) == [("Time", None), ("n", {"city": "a", "kind": ""}), ("n", {"city": "b", "kind": "x"})]
    assert found["data"]["values"] == [[1000000000000, 1000000060000], [2, None], [1, 4]]
    assert found["schema"]["meta"]["type"] == "timeseries-wide"
    assert [each["typeInfo"] for each in found["schema"]["fields"]][:2] == [
        {"frame": "time.Time"},
        {"frame": "float64", "nullable": True},
    ]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ((b"1000000060", b"1000000000"), "long series must be sorted ascending by time to be converted"),
        ((b"1000000060", None), "can not convert to wide series, input has null time values"),
    ],
)
def test_a_long_table_that_is_no_series(times: tuple[bytes | None, ...], words: str) -> None:
    """Is refused in Grafana's words."""
    found = answer(LONG_COLUMNS, [(b"a", time, b"x", b"1") for time in times], "time_series")
    assert found["error"] == f"failed to convert long to wide series when converting from dataframe: {words}"
    assert found["errorSource"] == "downstream"


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (Fill("null", 120), [None, 5, None, None, 7, None]),
        (Fill("previous", 120), [None, 5, 5, 5, 7, 7]),
        (Fill("value", 120, 2.5), [2.5, 5, 2.5, 2.5, 7, 2.5]),
    ],
)
def test_gaps_are_filled(fill: Fill, expected: list[float | None]) -> None:
    """A point for each interval of the window; the last row within one is its value."""
    columns = [Column("time", DATETIME, 0), Column("v", DOUBLE, 0)]
    rows: Rows = [(b"1970-01-01 00:01:30", b"4"), (b"1970-01-01 00:02:00", b"5"), (b"1970-01-01 00:07:01", b"7")]
    found = frame(columns, rows, "time_series", fill)
    assert found["data"]["values"] == [[0, 120_000, 240_000, 360_000, 480_000, 600_000], expected]
    assert names(found) == [("Time", None), ("v", None)]


def test_gaps_of_several_series_are_filled() -> None:
    """Also where only some of them have a row."""
    rows: Rows = [(b"a", b"1970-01-01 00:02:00", b"x", b"5"), (b"b", b"1970-01-01 00:04:00", b"x", b"6")]
    columns = [LONG_COLUMNS[0], Column("time", DATETIME, 0), *LONG_COLUMNS[2:]]
    found = frame(columns, rows, "time_series", Fill("previous", 120))
    assert found["data"]["values"][1:] == [[None, 5, 5, 5, 5, 5], [None, None, 6, 6, 6, 6]]


def test_a_gap_that_cannot_be_filled_is_told() -> None:
    """An interval below a second breaks Grafana off; too many points are left out with a notice; so is a table without values."""
    columns = [Column("time", DATETIME, 0), Column("v", DOUBLE, 0)]
    rows: Rows = [(b"1970-01-01 00:01:30", b"4")]
    assert answer(columns, rows, "time_series", Fill("null", 0.5))["error"] == "runtime error: integer divide by zero"
    far = Window(0, 2 * 10**9, 1, WINDOW.now)
    found = replies.reply({"refId": "A", "format": "time_series"}, Filled("x", Fill("null", 1)), far, columns, rows)
    assert "Fill operation skipped" in found["frames"][0]["schema"]["meta"]["notices"][0]["text"]
    found = answer(columns[:1], rows, "time_series", Fill("null", 60))
    assert found["frames"][0]["schema"]["meta"]["notices"] == [{"severity": "warning", "text": "Failed to resample dataframe"}]


def test_numbers_called_metric_stay_as_they_are() -> None:
    """Grafana leaves that column alone."""
    columns = [Column("time", DATETIME, 0), Column("metric", LONG, 0), Column("n", LONG, 0)]
    found = frame(columns, [(b"1970-01-01 00:01:30", b"4", b"5")], "time_series")
    assert [each["typeInfo"]["frame"] for each in found["schema"]["fields"]] == ["time.Time", "int64", "float64"]


@pytest.mark.parametrize("form", ["", "logs"])
def test_an_unknown_format_breaks_grafana_off(form: str) -> None:
    """As it does where none is said."""
    assert answer([Column("n", LONG, 0)], [], form)["error"] == f'Unrecognized query model format: "{form}"'


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"rawSql": 5}, "error unmarshal query json"),
        ({"rawSql": "SELECT 1", "format": 1}, "error unmarshal query json"),
        ({"rawSql": "SELECT $__x(1)"}, "unknown macro __x"),
    ],
)
def test_a_query_that_cannot_be_sent(query: dict[str, Any], words: str) -> None:
    """Is an answer, too."""
    found = replies.prepared(query, WINDOW)
    assert not isinstance(found, Filled)
    assert words in found["error"]


def test_a_query_without_sql_has_an_answer_without_frames() -> None:
    """As where a panel was left empty."""
    assert replies.prepared({"rawSql": ""}, WINDOW) == {"status": 200, "frames": []}


def test_half_a_character_is_sent_as_go_reads_it() -> None:
    """No server could take it."""
    found = replies.prepared({"rawSql": "SELECT '\ud83e'"}, WINDOW)
    assert isinstance(found, Filled)
    assert found.sql == "SELECT '\ufffd'"


def test_a_refusal_is_told_only_where_it_is_the_callers_own() -> None:
    """A wrong column is; a wrong password is not."""
    column = replies.refused("A", Refusal(1054, "42S22", "Unknown column 'x' in 'field list'"), "SELECT x")
    assert column["error"] == "db query error: Error 1054 (42S22): Unknown column 'x' in 'field list'"
    other = replies.refused("A", Refusal(1242, "21000", "Subquery returns more than 1 row"), "SELECT x")
    assert other["error"] == "db query error: query failed - please inspect Grafana server log for details"
    late = replies.refused("A", Refusal(1242, "21000", "Subquery returns more than 1 row"), "SELECT x", after_columns=True)
    assert late["error"] == "convert frame from rows error: Error 1242 (21000): Subquery returns more than 1 row"


@pytest.mark.parametrize(
    ("said", "interval"), [(None, 1000), (15000, 15000), (60000.0, 60000), (True, 1000), ("5", 1000), (-1, 1000)]
)
def test_the_interval_that_a_query_says(said: object, interval: int) -> None:
    """A second where it says none."""
    assert Window.of({} if said is None else {"intervalMs": said}, 0, 1, WINDOW.now).interval == interval

"""What a real Grafana 12.4.3 answered to MySQL's panels: the same SQL is sent, and the same answer made of the same rows."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backups.panels.sql import replies
from backups.panels.sql.columns import Column
from backups.panels.sql.macros import Filled, Window
from backups.panels.sql.replies import Refusal
from tests.conftest import FIELD_DATA

pytestmark = pytest.mark.field
RECORDED = FIELD_DATA / "grafana" / "recorded" / "ds-query"
NOW = datetime(2026, 11, 29, tzinfo=UTC)
TYPES = {"time.Time": 12, "int64": 8, "uint64": 8, "float64": 5, "string": 253}
REFUSALS = {
    "mysql-no-such-table": Refusal(1146, "42S02", "Table 'agama.no_such_table' doesn't exist"),
    "mysql-syntax-error": Refusal(
        1064,
        "42000",
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right "
        "syntax to use near 'SELEC 1' at line 1",
    ),
    "mysql-wrong-password": Refusal(1045, "28000", "Access denied for user 'grafana'@'10.0.0.3' (using password: YES)"),
}
ROWS = {
    "mysql-time-series": (
        [Column("time", 8, 0), Column("metric", 253, 0), Column("value", 5, 0)],
        [
            (b"1795908000", b"s0", b"23.325333333333333"),
            (b"1795908000", b"s1", b"24.230333333333334"),
            (b"1795908000", b"s2", b"21.3325"),
            (b"1795908000", b"s3", b"20.9675"),
            (b"1795908300", b"s0", b"21.802500000000002"),
            (b"1795908300", b"s1", b"20.865000000000002"),
            (b"1795908300", b"s2", b"23.59266666666667"),
            (b"1795908300", b"s3", b"23.8595"),
            (b"1795908600", b"s0", b"23.022"),
        ],
    ),
    "mysql-time-series-fill": (
        [Column("time", 8, 0), Column("value", 5, 0)],
        [(b"1795908120", b"21.287"), (b"1795908360", b"20.7925"), (b"1795908600", b"23.022")],
    ),
    "mysql-time-series-without-time": ([Column("sensor", 253, 0), Column("v", 5, 0)], [(b"s0", b"1"), (b"s1", b"2")]),
    "mysql-empty": ([Column("id", 8, 33)], []),
}
"""Of cases whose answer does not show the rows."""


def cases() -> list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """(name, request, query, result) of each query that went to MySQL."""
    found = []
    for path in sorted(RECORDED.glob("*.json")):
        one = json.loads(path.read_text())
        found += [
            (path.stem, one["request"], query, one["source"]["body"]["results"][query["refId"]])
            for query in one["request"]["queries"]
            if "rawSql" in query and "results" in one["source"]["body"]
        ]
    return found


def rows_of(result: dict[str, Any]) -> tuple[list[Column], list[tuple[bytes | None, ...]]]:
    """What MySQL's protocol had for a table that was answered."""
    frame = result["frames"][0]
    fields, values = frame["schema"]["fields"], frame["data"]["values"]
    nanos = frame["data"].get("nanos") or [None] * len(fields)
    columns = [
        Column(each["name"], TYPES[each["typeInfo"]["frame"]], 33 if each["typeInfo"]["frame"] == "uint64" else 0)
        for each in fields
    ]
    sent = [
        [text(each["typeInfo"]["frame"], value, beside[at] if beside else 0) for at, value in enumerate(column)]
        for each, column, beside in zip(fields, values, nanos, strict=True)
    ]
    return columns, list(zip(*sent, strict=True))


def text(kind: str, value: Any, nanos: int) -> bytes | None:
    """A value as the server sends it."""
    if value is None:
        return None
    if kind == "time.Time":
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value, microseconds=nanos // 1000)
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f").encode()
    return str(value).encode()


def test_every_case_that_has_sql_is_here() -> None:
    """A new recording is held to, too."""
    assert len(cases()) >= 14


@pytest.mark.parametrize(("name", "request_", "query", "result"), cases() if RECORDED.is_dir() else [])
def test_the_same_sql_is_sent_and_the_same_answer_made(name: str, request_: Any, query: Any, result: Any) -> None:
    """To the last letter of an error."""
    window = Window.of(query, int(request_["from"]), int(request_["to"]), NOW)
    sent = replies.prepared(query, window)
    if not isinstance(sent, Filled):
        assert sent == result
        return
    assert sent.sql == result["frames"][0]["schema"]["meta"]["executedQueryString"]
    if name in REFUSALS:
        assert replies.refused(query["refId"], REFUSALS[name], sent.sql) == result
        return
    columns, rows = ROWS.get(name) or rows_of(result)
    assert replies.reply(query, sent, window, columns, rows) == result

"""The form of kept answers: backups hold digests of it, which a later Lifeboat compares with those that it makes itself."""

from typing import Any

import pytest

from backups.panels.compare import answer_of
from backups.panels.question import FORM, Question

SERIES = {
    "schema": {
        "refId": "A",
        "meta": {"executedQueryString": "Expr: up"},
        "fields": [
            {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}, "config": {"interval": 15000}},
            {"name": "Value", "type": "number", "typeInfo": {"frame": "float64"}, "labels": {"job": "agama"}},
        ],
    },
    "data": {"values": [[1000, 2000], [0.1, None]], "entities": [None, {"NaN": [1]}], "nanos": [[0, 5], None]},
}
KEPT = {
    "frames": "b0e546b910b6588d3ae77520a0f8a97e06390e13ebf50bce0d9ba0ad5c6d865d",
    "resource": "657907bb3b090eaeefbbf14d0dcfe989c0f25089cf8e6b882211074a71739586",
}
"""What form 1 makes of them. Another digest? Then this is another form: count FORM up, since every kept answer would differ."""


@pytest.mark.parametrize(
    ("name", "reply"),
    [("frames", {"status": 200, "frames": [SERIES]}), ("resource", {"status": 200, "resource": {"data": ["a", 1]}})],
)
def test_the_same_answer_has_the_digest_that_older_backups_hold(name: str, reply: dict[str, Any]) -> None:
    question = Question(
        id="q", organisation=1, dashboard="d", title="D", panel="p", service="agama", start=0, end=1, query={"refId": "A"},
        resource="api/v1/labels" if name == "resource" else None,
    )  # fmt: skip
    assert (FORM, answer_of(question, reply).digest) == (1, KEPT[name])

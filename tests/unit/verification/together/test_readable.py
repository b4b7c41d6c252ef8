"""An answer as a person reads it, whatever was kept of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.panels.question import Answer
from verification.together import readable


def answered(shown: Any, **changes: Any) -> Answer:
    return Answer(
        **{"question": "q", "outcome": "answered", "frames": 1, "rows": 2, "digest": "ab" * 32, "shown": shown, **changes}
    )


TIME = {"name": "Time", "type": "time", "labels": {}, "values": [0, 1000]}


def test_fields_by_name_and_labels_with_their_first_values() -> None:
    value = {"name": "Value", "type": "number", "labels": {"b": "2", "a": "1"}, "values": [1.5, "NaN", None, 4, 5, 6, 7]}
    assert readable.answer(answered([{"name": "", "fields": [TIME, value]}])) == (
        '2 rows in 1 frame: Time = 1970-01-01 00:00:00, 1970-01-01 00:00:01; Value{a="1", b="2"} = 1.5, NaN, null, 4, 5, 6, …'
    )


def test_the_beginning_of_a_large_one_and_no_more_fields_than_fit() -> None:
    many = [{**TIME, "name": f"f{at}", "type": "number"} for at in range(20)]
    text = readable.answer(answered({"beginning": [{"name": "", "fields": many}], "frames": 9, "rows": 9}))
    assert text.endswith("f7 = 0, 1000; …")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "nothing"),
        (answered(None), "2 rows in 1 frame"),
        (answered(None, outcome="error", error="MySQL's error 1146"), "MySQL's error 1146"),
        (answered(None, outcome="empty"), "without a row"),
        (answered(None, outcome="not-asked", why="no time"), "no time"),
        (answered({"data": ["a"]}), '2 rows in 1 frame: {"data": ["a"]}'),
    ],
)
def test_what_is_no_table(answer: Answer | None, text: str) -> None:
    assert readable.answer(answer) == text


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["fields", "name", "values", "labels", "type", "beginning"]), inner, max_size=4), max_leaves=8)  # fmt: skip


@given(JSON)
def test_nothing_that_was_kept_stops_a_report(kept: Any) -> None:
    assert readable.answer(answered(kept)).startswith("2 rows")

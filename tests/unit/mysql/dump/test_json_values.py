"""JSON written with the types inside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.mysql.dump import json_values


@pytest.mark.parametrize(
    ("text", "root", "members", "cells", "sql"),
    [
        ('"2020-01-02"', "DATE", [], [], "CAST(CAST(CONVERT(X'323032302d30312d3032' USING utf8mb4) AS DATE) AS JSON)"),
        ("1.50", "DECIMAL", [], [], "CAST(CAST('1.50' AS DECIMAL(3, 2)) AS JSON)"),
        ("-0.5", "DECIMAL", [], [], "CAST(CAST('-0.5' AS DECIMAL(2, 1)) AS JSON)"),
        ('{"k": 1.10}', "OBJECT", ["DECIMAL"], [], "JSON_OBJECT(CONVERT(X'6b' USING utf8mb4), CAST('1.10' AS DECIMAL(3, 2)))"),
        (
            "[5, 5, -5]",
            "ARRAY",
            [],
            ["UNSIGNED INTEGER", "INTEGER", "INTEGER"],
            "JSON_ARRAY(CAST('5' AS UNSIGNED), CAST('5' AS SIGNED), CAST('-5' AS SIGNED))",
        ),
        (
            "[1.0, true, null]",
            "ARRAY",
            [],
            ["DOUBLE", "BOOLEAN", None],
            "JSON_ARRAY(CAST('1.0' AS JSON), CAST('true' AS JSON), CAST('null' AS JSON))",
        ),
        ('["base64:type15:AP8="]', "ARRAY", [], ["BLOB"], "JSON_ARRAY(X'00ff')"),
        (
            '["base64:type15:AP8="]',
            "ARRAY",
            [],
            ["STRING"],
            "JSON_ARRAY(CONVERT(X'6261736536343a7479706531353a4150383d' USING utf8mb4))",
        ),
    ],
)
def test_each_type_is_written_as_itself(text: str, root: str, members: list[Any], cells: list[Any], sql: str) -> None:
    """Also where the same text means two types."""
    assert json_values.expression(text, root, members, cells) == sql


def test_types_of_what_is_outside_come_before_those_of_what_is_inside() -> None:
    """In the order that the server lists them in, measured on 9.7."""
    text = '{"a": {"b": [1, {"q": 2}]}, "c": 2, "d": [[3], {"x": 4}, 5]}'
    members = ["OBJECT", "INTEGER", "ARRAY", "ARRAY", "UNSIGNED INTEGER", "DOUBLE"]
    cells = ["INTEGER", "OBJECT", "ARRAY", "OBJECT", "UNSIGNED INTEGER", "UNSIGNED INTEGER"]
    sql = json_values.expression(text, "OBJECT", members, cells)
    assert sql is not None
    assert "CAST('2' AS UNSIGNED)" in sql
    assert "CAST('2' AS SIGNED)" in sql
    assert "CAST('4' AS JSON)" in sql
    assert "JSON_ARRAY(CAST('3' AS UNSIGNED))" in sql
    assert "CAST('5' AS UNSIGNED)" in sql


@pytest.mark.parametrize(
    ("text", "members", "cells"),
    [
        ('{"k": 1}', [], []),
        ('{"k": 1}', ["INTEGER", "INTEGER"], []),
        ("[1]", [], []),
        ("[1]", [], ["DATE"]),
        ("[1]", ["INTEGER"], ["INTEGER"]),
    ],
)
def test_types_that_do_not_fit_are_not_guessed(text: str, members: list[Any], cells: list[Any]) -> None:
    """Then the text is written."""
    assert json_values.expression(text, "OBJECT", members, cells) is None


@given(st.text(max_size=20))
def test_a_plain_string_is_left_as_text(text: str) -> None:
    import json

    assert json_values.expression(json.dumps(text), "STRING", [], []) is None

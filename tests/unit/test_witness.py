"""Facts are equal, or they are not: nothing is tolerated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import TypeAdapter

from backups.foreign import Tally
from backups.witness import Check, Fact, Value, compare, tally

values = some.one_of(
    some.integers(), some.floats(allow_nan=False, allow_infinity=False), some.text(), some.booleans(), some.none()
)  # fmt: skip


def test_equal_facts_pass_in_the_order_of_the_witness() -> None:
    facts = [Fact("b", "rows", 2), Fact("a", "rows", 1)]
    assert compare(facts, reversed(facts)) == [Check("b", "rows", 2, 2, True), Check("a", "rows", 1, 1, True)]


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        (0, False),
        (0, None),
        ("1", 1),
        ("", None),
        ("a", "A"),
        ("a", "a "),
        ("é", "e\u0301"),
        (0.1, 0.2),
    ],
)
def test_any_difference_fails_with_both_values(expected: Value, observed: Value) -> None:
    [check] = compare([Fact("t", "m", expected)], [Fact("t", "m", observed)])
    assert check == Check("t", "m", expected, observed, False)


def test_a_fact_that_the_copy_lacks_fails_even_when_it_says_nothing() -> None:
    assert compare([Fact("t", "comment", None)], []) == [Check("t", "comment", None, None, False)]


def test_a_fact_that_only_the_copy_has_fails_and_comes_last() -> None:
    assert compare([Fact("z", "rows", 1)], [Fact("a", "rows", 1), Fact("z", "rows", 1)]) == [
        Check("z", "rows", 1, 1, True),
        Check("a", "rows", None, 1, False),
    ]


def test_nothing_compared_with_nothing_is_no_check_at_all() -> None:
    assert compare([], []) == []


@pytest.mark.parametrize("side", [0, 1])
def test_a_fact_stated_twice_proves_nothing(side: int) -> None:
    sides = [[Fact("t", "rows", 1)], [Fact("t", "rows", 1)]]
    sides[side] *= 2
    with pytest.raises(ValueError, match="the fact t rows is stated twice"):
        compare(*sides)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_equals_nothing_or_survives_no_json_is_no_fact(value: float) -> None:
    with pytest.raises(ValueError, match="only finite numbers can be compared"):
        Fact("t", "m", value)


@given(
    some.lists(
        some.builds(Fact, some.text(max_size=3), some.text(max_size=3), values),
        unique_by=lambda fact: (fact.subject, fact.metric),
    )
)
def test_facts_that_were_written_as_json_are_still_equal(facts: list[Fact]) -> None:
    adapter = TypeAdapter(list[Fact])
    again = adapter.validate_json(json.dumps([{"subject": f.subject, "metric": f.metric, "value": f.value} for f in facts]))
    assert all(check.passed for check in compare(facts, again))
    assert all(check.passed for check in compare(facts, adapter.validate_json(adapter.dump_json(facts))))


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ([], "things:0"),
        ([Fact("a.b", "rows", 3), Fact("a.c", "rows", 4), Fact("a.c", "fingerprint", "x")], "rows:7"),
        ([Fact("block 1", "samples", 30), Fact("block 2", "samples", 4), Fact("configuration x", "sha256", "x")], "samples:34"),
        ([Fact("dashboard a", "title", "x"), Fact("dashboard a", "folder", "y"), Fact("user b", "definition", "z")], "things:2"),
        ([Fact("a", "rows", True), Fact("b", "rows", -1), Fact("c", "rows", "9")], "things:3"),
        ([Fact("a", "rows", 10**18), Fact("b", "rows", 1)], "rows:999999999999999999"),
    ],
)
def test_a_witness_is_summed_up_in_one_number(facts: list[Fact], counted: str) -> None:
    assert tally(facts) == counted
    assert TypeAdapter(Tally).validate_python(counted)

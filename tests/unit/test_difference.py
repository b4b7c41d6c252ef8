"""What the witnesses of two backups say of one another: never equal where it is not known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backups.difference import Difference, difference
from backups.manifest import Manifest
from backups.services.measured import How
from backups.witness import Fact, Value

Facts = dict[tuple[str, str], Value]


def manifest(facts: Facts, name: str = "a", *, lifeboat: str = "1") -> Manifest:
    witness = tuple(Fact(subject, metric, value) for (subject, metric), value in facts.items())
    values: dict[str, Any] = {"id": name, "lifeboat": lifeboat, "witness": witness}
    return Manifest.model_construct(**values)


def alike(fact: Fact) -> dict[str, str]:
    return {}


def compared(before: Facts, after: Facts, how_before: How = alike, how_after: How = alike, **of_after: Any) -> Difference:
    return difference(manifest(before), manifest(after, "b", **of_after), how_before, how_after)


def told(found: Difference) -> dict[str, str]:
    return {thing.name: thing.change for thing in found.things}


TABLE: Facts = {("shop.client", "rows"): 3, ("shop.client", "fingerprint"): "aa", ("account bob@%", "definition"): "x"}


def test_equal_is_what_both_state_alike() -> None:
    found = compared(TABLE, dict(TABLE))
    assert (found.verdict, found.things, found.equal, found.subjects) == ("equal", (), 3, 2)


def test_what_is_new_gone_and_changed_is_told_with_both_values() -> None:
    after: Facts = {("shop.client", "rows"): 2, ("shop.client", "fingerprint"): "bb", ("shop.order", "rows"): 7}
    found = compared(TABLE, after)
    assert found.verdict == "different"
    assert told(found) == {"account bob@%": "gone", "shop.client": "changed", "shop.order": "new"}
    rows = [(fact.metric, fact.before, fact.after) for thing in found.things for fact in thing.facts]
    assert rows == [("definition", "x", None), ("rows", 3, 2), ("fingerprint", "aa", "bb"), ("rows", None, 7)]


def keyed(key: str) -> How:
    return lambda fact: {"row key": key} if fact.metric == "fingerprint" else {}


def test_fingerprints_by_two_keys_are_not_comparable_and_the_rows_are() -> None:
    """Table by table, and never equal, though nothing else differs."""
    other = TABLE | {("shop.client", "fingerprint"): "bb"}
    found = compared(TABLE, other, keyed("1"), keyed("2"))
    assert (found.verdict, told(found)) == ("not comparable", {"shop.client": "not comparable"})
    (thing,) = found.things
    assert thing.equal == ("rows",)
    assert [fact.why for fact in thing.facts] == ["measured with another row key"]
    fewer = compared(TABLE, other | {("shop.client", "rows"): 2}, keyed("1"), keyed("2"))
    assert (fewer.verdict, told(fewer)) == ("different", {"shop.client": "changed"})
    assert [bool(fact.why) for fact in fewer.things[0].facts] == [False, True]


def test_what_only_one_of_them_states_is_neither_new_nor_gone() -> None:
    more = TABLE | {("plugin x", "definition"): "y"}

    def of_few(fact: Fact) -> dict[str, str] | None:
        return None if fact.subject.startswith("plugin ") else {}

    for found in (compared(TABLE, more, of_few, alike), compared(more, TABLE, alike, of_few)):
        assert (found.verdict, told(found)) == ("equal", {"plugin x": "not stated"})
    assert compared(TABLE, more, of_few, alike).things[0].facts[0].why == "a does not state it"
    assert told(compared(TABLE, more)) == {"plugin x": "new"}


def test_a_version_that_stated_nothing_of_a_kind_says_nothing_of_one() -> None:
    more = TABLE | {("index shop.i", "finds"): "y"}
    assert told(compared(TABLE, more)) == {"index shop.i": "new"}
    found = compared(TABLE, more, lifeboat="2")
    assert (found.verdict, told(found)) == ("equal", {"index shop.i": "not stated"})
    assert told(compared(TABLE, TABLE | {("shop.new", "rows"): 1}, lifeboat="2")) == {"shop.new": "new"}


def test_nothing_in_common_is_not_equal() -> None:
    assert compared({}, {}).verdict == "not comparable"
    assert compared(TABLE, {}, alike, lambda fact: None).verdict == "not comparable"


def test_a_password_in_a_value_is_masked() -> None:
    (thing,) = compared({("view v", "text"): "IDENTIFIED BY 'hunter2'"}, {("view v", "text"): "IDENTIFIED BY 'hunter3'"}).things
    assert "hunter" not in str(thing)
    assert thing.facts[0].before != thing.facts[0].after


FACTS = some.dictionaries(
    some.tuples(some.sampled_from("abcd"), some.sampled_from(["rows", "fingerprint", "definition"])),
    some.one_of(some.integers(0, 2), some.sampled_from(["x", "y"])),
)
HOWS = some.dictionaries(some.sampled_from(["rows", "fingerprint", "definition"]), some.sampled_from([None, "1", "2"]))


@given(FACTS, FACTS, HOWS, HOWS)
def test_every_fact_is_equal_or_told_and_the_other_way_round_the_same(
    before: Facts, after: Facts, one: dict[str, Any], other: dict[str, Any]
) -> None:
    def how(known: dict[str, Any]) -> How:
        return lambda fact: None if known.get(fact.metric, "") is None else {"way": known.get(fact.metric, "")}

    found, back = compared(before, after, how(one), how(other)), compared(after, before, how(other), how(one))
    told_facts = {(thing.name, fact.metric) for thing in found.things for fact in thing.facts}
    same = {key for key in before.keys() & after.keys() if before[key] == after[key]}
    assert told_facts == (before.keys() | after.keys()) - same
    assert found.equal == len(same)
    assert (found.verdict == "equal") <= bool(same)
    swapped = {"new": "gone", "gone": "new"}
    assert {thing.name: swapped.get(thing.change, thing.change) for thing in found.things} == told(back)
    for thing in found.things:
        for fact in thing.facts:
            ways = one.get(fact.metric, ""), other.get(fact.metric, "")
            assert bool(fact.why) == (None in ways or ways[0] != ways[1]), fact


@pytest.mark.parametrize("value", [1, 1.0, True, "1"])
def test_values_of_two_types_are_two_values(value: Value) -> None:
    others: list[Value] = [each for each in (1, 1.0, True, "1") if type(each) is not type(value)]
    for other in others:
        assert compared({("t", "rows"): value}, {("t", "rows"): other}).verdict == "different"

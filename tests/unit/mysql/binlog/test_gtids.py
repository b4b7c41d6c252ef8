"""Sets of GTIDs, computed as the server computes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backups.services.mysql.binlog.gtids import Gtids

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "11111111-1111-1111-1111-111111111111"
SOURCES = (A, B, f"{B}:tag", f"{A}:tag")
Members = frozenset[tuple[str, int]]

members = some.frozensets(some.tuples(some.sampled_from(SOURCES), some.integers(1, 30)), max_size=60)


def printed(found: Members) -> str:
    """The set as a server prints it: ranges, the tags of a source after its own numbers, one source a line."""
    parts = []
    for source in (A, B):
        pieces = []
        for tag in ("", ":tag"):
            numbers = sorted(number for name, number in found if name == source + tag)
            pieces += ["tag"] if numbers and tag else []
            while numbers:
                last = first = numbers.pop(0)
                while numbers and numbers[0] == last + 1:
                    last = numbers.pop(0)
                pieces.append(f"{first}-{last}" if last > first else f"{first}")
        parts += [":".join([source.upper(), *pieces])] if pieces else []
    return ",\n".join(parts)


def one_by_one(found: Members) -> Gtids:
    """The set as a log holds it: one GTID after another, in no order."""
    gtids = Gtids()
    for source, number in found:
        gtids.add(source, number)
    return gtids


def listed(gtids: Gtids) -> Members:
    every = {(source, number) for source in SOURCES for number in range(40) if gtids.holds(source, number)}
    assert bool(gtids) == bool(every)
    return frozenset(every)


@given(members, members, members)
def test_what_is_printed_and_what_is_collected_is_the_same_set_and_subtracts_as_sets_do(
    every: Members, first: Members, second: Members
) -> None:
    assert listed(Gtids.parse(printed(every))) == listed(one_by_one(every)) == every
    assert listed(Gtids.parse(one_by_one(every).text())) == every
    left = Gtids.parse(printed(every)).minus(Gtids.parse(printed(first)), one_by_one(second))
    assert listed(left) == every - first - second
    assert listed(Gtids.parse(left.text())) == every - first - second
    together = Gtids.parse(printed(every)).plus(Gtids.parse(printed(first)), one_by_one(second))
    assert listed(together) == listed(Gtids.parse(together.text())) == every | first | second
    assert together.text() == one_by_one(frozenset()).plus(one_by_one(every | first | second)).text(), (
        "it grows no longer than it is"
    )


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_nothing_is_a_set_too(text: str | None) -> None:
    assert not Gtids.parse(text)
    assert Gtids.parse(text).text() is None


def test_a_message_names_a_few_ranges_and_counts_the_others() -> None:
    assert Gtids.parse(f"{B}:1-10").shown() == f"{B}:1-10"
    assert Gtids.parse(f"{B}:7").shown() == f"{B}:7"
    assert Gtids.parse(f"{B}:1:3:5:7").shown() == f"{B}:1, {B}:3, {B}:5, {B}:7"
    assert Gtids.parse(f"{B}:1:3:5:7:9-11:13").shown() == f"{B}:1, {B}:3, {B}:5 and 3 more ranges"

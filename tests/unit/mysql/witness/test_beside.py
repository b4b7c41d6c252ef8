"""Tables that have to be read are read while this machine finds out about others, which are read after that where it did not."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.services.mysql.witness import witness
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.data import ChangedMeanwhile, Counted
from backups.services.mysql.witness.witness import Carried, Later
from backups.witness import Fact

FOUND = Catalogue(tuple(Table("w", name, (), keyed=True) for name in ("hashed", "compared", "kept", "unknown")), (), frozenset())
AT_ONCE: dict[str, Counted] = {"w.kept": (1, "1")}
LATER = frozenset({"w.hashed", "w.compared"})


class Reader:
    """Notes what is read of the tables that it is given; the others are known."""

    def __init__(self) -> None:
        self.read: list[set[str]] = []

    def __call__(self, found: Catalogue, *, known: Mapping[str, Counted]) -> list[Fact]:
        names = {f"w.{table.name}" for table in found.tables}
        self.read.append(names - known.keys())
        return [Fact(name, "rows", known[name][0] if name in known else 100) for name in sorted(names, reverse=True)]


@pytest.mark.parametrize(
    ("values", "due", "after", "rows"),
    [
        ({"w.hashed": (2, "2"), "w.compared": (3, "3")}, {"w.compared"}, set(), 2),
        ({"w.compared": (3, "3")}, {"w.compared"}, {"w.hashed"}, 100),
        ({"w.hashed": (-2, "2"), "w.compared": (3, "3")}, {"w.compared", "w.hashed"}, {"w.hashed"}, 100),
        ({}, set(), {"w.hashed"}, 100),
    ],
    ids=["hashed", "one that could not be", "one that cannot be so", "none could be"],
)
def test_what_is_not_found_out_is_read(values: dict[str, Counted], due: set[str], after: set[str], rows: int) -> None:
    read, whole = Reader(), Carried({**AT_ONCE, **values}, frozenset(due))
    carried = Carried(AT_ONCE, frozenset({"w.compared"}), Later(LATER, lambda _: whole))
    facts, known = witness._read(FOUND, carried, read, lambda: None)
    assert read.read == [{"w.unknown", "w.compared"}, after]
    assert known is whole
    assert facts == sorted(facts)
    assert {fact.subject: fact.value for fact in facts} == {"w.kept": 1, "w.unknown": 100, "w.compared": 100, "w.hashed": rows}


def test_it_is_read_before_what_is_found_out_is_waited_for() -> None:
    """Else the two would take as long as both."""
    begun = threading.Event()

    def find(_: Callable[[], object]) -> Carried:
        assert begun.wait(60), "the reading waited"
        return Carried(AT_ONCE)

    def read(found: Catalogue, *, known: Mapping[str, Counted]) -> list[Fact]:
        begun.set()
        return []

    witness._read(FOUND, Carried(later=Later(LATER, find)), read, lambda: None)


def test_a_round_that_is_void_ends_what_is_being_found_out() -> None:
    over: list[LifeboatError] = []

    def find(go_on: Callable[[], object]) -> Carried:
        try:
            while True:
                go_on()
        except LifeboatError as fault:
            over.append(fault)
            raise

    def read(*_: Any, **__: Any) -> list[Fact]:
        raise ChangedMeanwhile("a table was altered")

    with pytest.raises(ChangedMeanwhile):
        witness._read(FOUND, Carried(later=Later(LATER, find)), read, lambda: None)
    assert len(over) == 1


def test_what_cannot_be_found_out_by_a_bug_is_no_witness() -> None:
    def find(_: Callable[[], object]) -> Carried:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        witness._read(FOUND, Carried(later=Later(LATER, find)), Reader(), lambda: None)

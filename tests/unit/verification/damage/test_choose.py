"""Faults are chosen by a seed alone: evenly over services, every kind before one comes again, the same ones each time."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.damage.choose import choose

NAMES = st.text("abcdef -", min_size=1, max_size=5)
TARGETS = st.lists(st.tuples(NAMES), max_size=3, unique=True)
OPEN = st.dictionaries(NAMES, st.dictionaries(NAMES, TARGETS, max_size=4), max_size=4)


@given(st.integers(0, 99), st.integers(0, 20), OPEN)
def test_faults_are_even_over_services_and_kinds_and_within_what_is_open(seed: int, count: int, open_to: dict) -> None:  # type: ignore[type-arg]
    faults = choose(seed, count, open_to)
    possible = {service: {kind for kind, targets in kinds.items() if targets} for service, kinds in open_to.items()}
    possible = {service: kinds for service, kinds in possible.items() if kinds}
    assert len(faults) == (count if possible else 0)
    assert [fault.number for fault in faults] == list(range(1, len(faults) + 1))
    assert all(fault.target in open_to[fault.service][fault.kind] for fault in faults)
    turns = Counter(fault.service for fault in faults)
    assert max(turns.values(), default=0) - min((turns[name] for name in possible), default=0) <= 1
    for service, kinds in possible.items():
        had = Counter(fault.kind for fault in faults if fault.service == service)
        assert max(had.values(), default=0) - min((had[kind] for kind in kinds), default=0) <= 1


@given(st.integers(0, 99), st.integers(0, 9), st.integers(0, 9), OPEN)
def test_a_longer_run_begins_as_a_shorter_one_with_the_same_seed(seed: int, count: int, more: int, open_to: dict) -> None:  # type: ignore[type-arg]
    again = {name: dict(reversed(kinds.items())) for name, kinds in reversed(open_to.items())}
    assert choose(seed, count + more, open_to)[:count] == choose(seed, count, again)


@pytest.mark.parametrize("seed", range(20))
def test_another_seed_chooses_others(seed: int) -> None:
    open_to = {"agama": {f"kind {number}": [(str(number),)] for number in range(30)}}
    assert choose(seed, 10, open_to) != choose(seed + 1, 10, open_to)

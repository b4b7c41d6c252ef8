"""Where a table is cut: whatever the estimates say, each key is in one range; and where they are right, the ranges are alike."""

import bisect
import itertools
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backups.services.mysql.witness import fingerprint, ranges
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.fingerprint import Column
from backups.services.mysql.witness.ranges import Range

_LIMITS = (-(2**63), 2**64 - 1)
_KEYS = st.integers(*_LIMITS) | st.integers(-100, 100) | st.sampled_from([*_LIMITS, 2**63 - 1, 2**63, -(2**31), 2**32 - 1])


def _holding(found: list[int], key: int) -> int:
    """How many of the ranges between these bounds a key is in."""
    ends = [None, *found, None]
    return sum(
        (start is None or key >= start) and (end is None or key < end) for start, end in itertools.pairwise(ends)
    )  # fmt: skip


@given(st.lists(_KEYS, min_size=1, max_size=60, unique=True), st.integers(2, 32), st.randoms(use_true_random=False))
def test_each_key_is_in_one_range_whatever_is_estimated(keys: list[int], parts: int, chance: random.Random) -> None:
    lies = [lambda first, last: chance.choice([-1, 0, 1, 10**6, 2**64]), lambda first, last: 0, lambda first, last: last - first]
    for lie in lies:
        found = ranges.bounds(min(keys), max(keys), lie, parts)
        assert found == sorted(set(found))
        assert all(min(keys) < bound <= max(keys) for bound in found)
        edges = [bound + step for bound in found for step in (-1, 0, 1)]
        assert {_holding(found, key) for key in (*keys, *edges, *_LIMITS)} == {1}


_CLUSTERS = st.tuples(st.integers(-(2**63), 2**63), st.integers(1, 5000), st.sampled_from([1, 2, 1000, 2**40]))


@given(st.lists(_CLUSTERS, min_size=1, max_size=3), st.integers(2, 32))
def test_ranges_are_alike_however_the_keys_lie(clusters: list[tuple[int, int, int]], parts: int) -> None:
    """Sequential ids, gaps, ids of another epoch far away: what takes longest decides when the last session ends."""
    keys = sorted({start + step * number for start, count, step in clusters for number in range(count)})

    def count(first: int, last: int) -> int:
        return bisect.bisect_right(keys, last) - bisect.bisect_left(keys, first)

    found = ranges.bounds(keys[0], keys[-1], count, parts)
    held = [count(first, last - 1) for first, last in itertools.pairwise([keys[0], *found, keys[-1] + 1])]
    assert sum(held) == len(keys)
    # Three clusters far from one another may cost 64 halvings each to come upon.
    limit = len(keys) / parts if len(clusters) == 1 else len(keys) / 2
    assert max(held) <= max(limit, 1)


@pytest.mark.parametrize("said", [1, 10, 10**9])
def test_what_is_said_of_the_whole_may_be_wrong(said: int) -> None:
    """A table's statistics are a week old, a look into its key is not."""
    found = ranges.bounds(0, 79_999, lambda first, last: said if (first, last) == (0, 79_999) else last - first + 1, 8)
    assert [len(found) + 1, max(end - start for start, end in itertools.pairwise([0, *found, 80_000]))] == [8, 10_000]


@pytest.mark.parametrize(
    ("within", "condition"),
    [
        (Range("id", None, 5), "`id` < 5"),
        (Range("id", -5, 5), "`id` >= -5 AND `id` < 5"),
        (Range("i`d", 2**64 - 1, None), "`i``d` >= 18446744073709551615"),
        (Range("id", None, None), "TRUE"),
    ],
)
def test_the_condition_of_a_range(within: Range, condition: str) -> None:
    assert within.condition == condition


SIZES = [
    ("one that is nearly all", [9000, 500, 500], 2, [0]),
    ("two that are alike", [9000, 9000], 2, [1]),
    ("three that are alike", [9000, 9000, 9000], 2, [2]),
    ("of eight sessions each has its share", [9000, 9000, 5000], 8, [0, 1, 2]),
    ("none is large", [4095, 4095, 1], 8, []),
    ("just large enough", [4096], 2, [0]),
    ("one session reads alone", [9000], 1, []),
    ("nothing", [], 2, []),
    ("without statistics", [0, 0], 2, []),
]


@pytest.mark.parametrize(("sizes", "readers", "cut"), [case[1:] for case in SIZES], ids=[case[0] for case in SIZES])
def test_what_is_large(sizes: list[int], readers: int, cut: list[int]) -> None:
    """A table is worth cutting when the other sessions would have nothing left to do before it is read."""
    tables = [Table("a", f"t{number}", (), keyed=True) for number in range(len(sizes))]
    pages = {("a", table.name): size for table, size in zip(tables, sizes, strict=True) if size}
    assert [int(table.name[1:]) for table in ranges.large(tables, pages, readers)] == cut


@given(st.lists(st.lists(st.binary(min_size=32, max_size=32), max_size=4), min_size=1, max_size=6), st.integers(64, 2000))
@example([[], []], 1022)
@example([[], [b"x" * 32], []], 1022)
def test_parts_come_to_the_whole(parts: list[list[bytes]], zeros: int) -> None:
    """However the rows are put into parts. The server writes the XOR of no rows with as many zeros as it likes."""

    def read(rows: list[bytes]) -> tuple[int, str]:
        xor = 0
        for row in rows:
            xor ^= int.from_bytes(row, "big")
        return fingerprint.value((len(rows), f"{xor:064X}" if rows else "0" * zeros))

    assert fingerprint.joined([read(rows) for rows in parts]) == read([row for rows in parts for row in rows])


def test_a_condition_stands_after_whatever_is_read() -> None:
    columns = [Column("id", "int", nullable=False)]
    for keyed, mariadb in [(True, False), (False, False), (True, True)]:
        sql = fingerprint.query("a", "t", columns, keyed=keyed, mariadb=mariadb, index=ranges.KEY, where="`id` < 5")
        assert "FORCE INDEX (`PRIMARY`)" in sql
        assert sql.count(" WHERE `id` < 5") == 1
        assert "USE INDEX ()" not in sql

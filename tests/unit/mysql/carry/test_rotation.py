"""Every table has its turn, and what changed beside the log is found in it, whatever else the nights bring."""

import random
from collections.abc import Callable, Iterator

from backups.services.mysql.carry import compared, rotation


def nights(works: dict[str, int], count: int, *, grow: Callable[[], float] = lambda: 1.0) -> Iterator[frozenset[str]]:
    """What is read by each of a chain's incrementals after a full that has read all; each table grows meanwhile."""
    read = dict.fromkeys(works, 0)
    for sequence in range(1, count + 1):
        works |= {subject: int(work * grow()) for subject, work in works.items()}
        due = rotation.due(sequence, {subject: sequence - last for subject, last in read.items()}, works)
        yield due
        read |= dict.fromkeys(due, sequence)
        assert all(sequence - last < rotation.NIGHTS for last in read.values())


def some_works(r: random.Random) -> dict[str, int]:
    """Tables of a server: a few or many, alike or very different, as they are."""
    size = r.choice([lambda: 1000, lambda: int(1000 * r.paretovariate(0.7)), lambda: r.randrange(10**6)])
    return {f"w.t{number}": size() for number in range(r.choice([0, 1, 2, 6, 7, 13, 300]))}


def test_each_table_has_its_turn_in_any_seven_nights_a_full_being_the_first_of_them() -> None:
    for seed in range(300):
        r = random.Random(seed)
        for _ in nights(some_works(r), 30, grow=lambda r=r: r.uniform(1.0, 1.03)):  # type: ignore[misc]
            pass


def test_a_week_has_the_same_to_read_in_each_night_but_for_what_is_more_than_a_share_by_itself() -> None:
    """Of a week, no table is read twice; the largest, if it is more than a seventh, has the seventh night, which is the full's."""
    for seed in range(300):
        works = some_works(random.Random(seed))
        largest = min(works, key=lambda each: (-works[each], each), default="")
        waits = {largest} if works and works[largest] * rotation.NIGHTS > sum(works.values()) else set()
        rest = {subject: work for subject, work in works.items() if subject not in waits}
        week = list(nights(works, rotation.NIGHTS - 1))
        assert sorted(subject for night in week for subject in night) == sorted(rest), seed
        even = max([sum(rest.values()) / len(week), *rest.values()])
        assert max(sum(works[subject] for subject in night) for night in week) <= 2 * even, seed


def test_the_tables_of_a_small_shop_have_a_night_each() -> None:
    """As the benchmark's: a table that is more than a share is read alone, and not beside what would have room elsewhere."""
    works = {"event": 2200, "reading": 1100, "article": 410, "log": 450, "file": 270}
    week = [sorted(night) for night in nights(works, 8)]
    assert week == [["reading"], ["log"], ["article"], ["file"], [], [], ["event"], ["reading"]]


def test_what_nobody_knows_to_have_been_read_is_read_now() -> None:
    ages = {"w.a": 1, "w.b": rotation.NIGHTS, "w.c": 100}
    assert rotation.due(3, ages, dict.fromkeys(ages, 1)) == {"w.b", "w.c"}


def test_the_smallest_tables_are_read_each_time_as_many_as_a_second_is_enough_for() -> None:
    some = rotation.SMALL // 4
    works = {"w.large": 5 * some, "w.c": some, "w.a": some, "w.b": some, "w.none": 0, "w.half": 2 * some}
    assert rotation.small(works) == {"w.none", "w.a", "w.b", "w.c"}
    assert rotation.small({"w.large": rotation.SMALL + 1}) == frozenset()
    assert rotation.small({"w.exact": rotation.SMALL}) == {"w.exact"}
    assert rotation.small({}) == frozenset()
    # Of short rows a few megabytes take longer than of long ones many.
    assert rotation.small({"w.short": rotation.work(16 << 20, 300_000)}) == frozenset()
    assert rotation.small({"w.long": rotation.work(100 << 20, 10_000)}) == {"w.long"}


def test_in_two_hundred_histories_a_change_beside_the_log_is_found_within_seven_nights() -> None:
    """Simulated: `table` is what the source holds, `log` what its log says; the claim is carried from the last value that was read."""
    for seed in range(200):
        r = random.Random(seed)
        works = some_works(r) or {"w.t0": 1}
        subject = r.choice(sorted(works))
        table, known = 0, 0
        beside, found = r.randrange(1, 20), None
        for night, due in enumerate(nights(works, beside + rotation.NIGHTS), start=1):
            logged = r.getrandbits(64) if r.random() < 0.7 else 0
            table ^= logged
            if night == beside:
                table ^= r.getrandbits(64) | 1
            claim = known ^ logged
            if subject in due:
                if compared.unlogged({subject: ((1, f"{claim:064x}"), (1, f"{table:064x}"))}):
                    found = night
                    break
                assert night < beside
                known = table
            else:
                known = claim
        assert found is not None, seed
        assert found - beside < rotation.NIGHTS


def test_what_differs_is_told_with_both_sides_and_what_is_equal_is_not() -> None:
    read = {"w.a": (1, "f" * 64), "w.b": (5, "0" * 64), "w.c": (9, "1" * 64)}
    claimed = {"w.a": (1, "f" * 64), "w.b": (4, "0" * 64), "w.c": (9, "2" * 64)}
    found = compared.unlogged({about: (claimed[about], read[about]) for about in read})
    assert found["w.b"] == "rows: 4 by the log, 5 by the table"
    assert found["w.c"] == f"fingerprint of its 9 rows: {'2' * 16}… by the log, {'1' * 16}… by the table"
    assert found.keys() == {"w.b", "w.c"}

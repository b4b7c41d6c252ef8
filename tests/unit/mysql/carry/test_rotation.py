"""Every table has its turn, and what changed beside the log is found in it, whatever else the nights bring."""

import random

from backups.services.mysql.carry import compared, rotation


def test_each_table_has_its_turn_exactly_once_in_any_seven_nights_and_the_turns_are_spread() -> None:
    subjects = [f"w.t{number}" for number in range(700)]
    for first in (0, 1, 5, 300):
        turns = [[subject for subject in subjects if rotation.due(subject, first + night)] for night in range(rotation.NIGHTS)]
        assert sorted(subject for turn in turns for subject in turn) == sorted(subjects)
        assert max(map(len, turns)) < 2 * min(map(len, turns))


def test_the_smallest_tables_are_read_each_time_as_many_as_a_second_is_enough_for() -> None:
    some = rotation.SMALL // 4
    sizes = {"w.large": 5 * some, "w.c": some, "w.a": some, "w.b": some, "w.none": 0, "w.half": 2 * some}
    assert rotation.small(sizes) == {"w.none", "w.a", "w.b", "w.c"}
    assert rotation.small({"w.large": rotation.SMALL + 1}) == frozenset()
    assert rotation.small({"w.exact": rotation.SMALL}) == {"w.exact"}
    assert rotation.small({}) == frozenset()


def test_in_two_hundred_histories_a_change_beside_the_log_is_found_within_seven_nights() -> None:
    """Simulated: `table` is what the source holds, `log` what its log says; the claim is carried from the last value that was read."""
    for seed in range(200):
        r = random.Random(seed)
        subject = f"shop.t{r.randrange(10**6)}"
        table, known, sequence = 0, 0, r.randrange(1, 40)
        beside, found = r.randrange(3), None
        for night in range(beside + rotation.NIGHTS):
            logged = r.getrandbits(64) if r.random() < 0.7 else 0
            table ^= logged
            if night == beside:
                table ^= r.getrandbits(64) | 1
            claim = known ^ logged
            if rotation.due(subject, sequence + night):
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

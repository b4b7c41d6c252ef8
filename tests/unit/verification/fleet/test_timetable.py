"""Drills laid out on machines: each once, within every limit, and what is not reached says why, with both numbers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verification.fleet.simulated_fleet import GIB, MONDAY, OBJECTIVES, Broken, require_whole
from verification.fleet.machines import so_many, unfit
from verification.fleet.sequence import best, sequence
from verification.fleet.timetable import choose, timetable
from verification.fleet.work import Due, Machine, NotReached, Slot, Timetable

HOUR = timedelta(hours=1)
SMALL = Machine("small", memory=64 * GIB, disk=100 * GIB, at_once=2)
LARGE = Machine("large", memory=256 * GIB, disk=1000 * GIB, pool="big")


def drill(name: str, minutes: float = 10, **more: object) -> Due:
    return replace(Due(name, "latest", minutes * 60, memory=4 * GIB, disk=GIB), **more)  # type: ignore[arg-type]


def told(due: Due, *machines: Machine, **more: object) -> str:
    (found,) = timetable([due], machines, MONDAY, **more).not_reached  # type: ignore[arg-type]
    return found.why


def test_two_at_a_time_on_one_machine() -> None:
    table = timetable([drill("a", 30), drill("b", 20), drill("c", 10)], [SMALL], MONDAY)
    assert [(slot.due.service, (slot.starts - MONDAY).seconds // 60) for slot in table.slots] == [("a", 0), ("b", 0), ("c", 20)]
    assert table.ends == MONDAY + HOUR / 2


def test_nothing_due_ends_at_no_time() -> None:
    assert timetable([], [SMALL], MONDAY).ends is None
    assert timetable([drill("a")], [], MONDAY).not_reached[0].why.startswith("no machine serves its pool verification")


def test_a_drill_that_no_machine_can_run_says_why_with_both_numbers() -> None:
    """A pool that nobody serves, memory, disk, and both; the largest machine of its own pool is what is compared with."""
    assert (
        told(drill("a", pool="gpu"), SMALL, LARGE) == "no machine serves its pool gpu; pools that are served: verification, big"
    )
    assert (
        told(drill("a", memory=96 * GIB), SMALL, replace(SMALL, name="smaller", memory=GIB), LARGE)
        == "needs 96.0 GiB of memory, the largest machine of pool verification has 64.0 GiB"
    )
    assert told(drill("a", disk=2000 * GIB, pool="big"), SMALL, LARGE) == (
        "needs 2.0 TiB of disk, the largest machine of pool big has 1000.0 GiB"
    )
    lean, wide = replace(SMALL, name="lean", disk=10 * GIB), replace(SMALL, name="wide", memory=8 * GIB)
    assert told(drill("a", memory=32 * GIB, disk=50 * GIB), lean, wide) == (
        "needs 50.0 GiB of disk, lean has 10.0 GiB; needs 32.0 GiB of memory, wide has 8.0 GiB"
    )
    assert unfit(drill("a"), LARGE) == "its pool is verification, large serves big"


def test_what_does_not_fit_into_the_window_is_told_with_both_spans() -> None:
    until = MONDAY + HOUR
    assert told(drill("a", 90), SMALL, until=until) == "takes 1 h 30 min, and the window has 1 h 00 min"
    table = timetable([drill("a", 50), drill("b", 50), drill("c", 20)], [SMALL], MONDAY, until=until)
    assert [each.why for each in table.not_reached] == ["takes 20 min 00 s, and would not end within the window of 1 h 00 min"]
    assert [each.for_time for each in table.not_reached] == [True]


def test_a_repository_gives_to_so_many_drills_at_a_time_and_the_others_go_past() -> None:
    due = [drill("a", 30), drill("b", 30), drill("c", 5, repository="offsite")]
    table = timetable(due, [SMALL], MONDAY, repositories={"first": 1})
    assert [(slot.due.service, (slot.starts - MONDAY).seconds // 60) for slot in table.slots] == [("a", 0), ("c", 0), ("b", 30)]


def test_a_large_drill_is_not_overtaken_for_ever() -> None:
    """It waits for room on the machine: only what is done before that room is free goes past it."""
    small = [drill(f"s{each}", 10, memory=30 * GIB) for each in range(6)]
    quick = drill("quick", 4, memory=30 * GIB)
    due = [drill("first", 5, memory=30 * GIB), drill("large", 10, memory=64 * GIB), quick, *small]
    table = timetable(due, [SMALL], MONDAY)
    starts = {slot.due.service: (slot.starts - MONDAY).seconds // 60 for slot in table.slots}
    assert starts["quick"] == 0
    assert starts["large"] == 5
    assert min(starts[each.service] for each in small) == 15


def test_nothing_waits_for_a_large_drill_that_would_not_end_within_the_window_anyway() -> None:
    due = [drill("first", 30, memory=30 * GIB), drill("large", 40, memory=64 * GIB), drill("small", 50, memory=30 * GIB)]
    table = timetable(due, [SMALL], MONDAY, until=MONDAY + HOUR)
    assert [(slot.due.service, slot.starts) for slot in table.slots] == [("first", MONDAY), ("small", MONDAY)]
    assert [each.due.service for each in table.not_reached] == ["large"]


def test_small_drills_leave_the_large_machine_to_the_large_ones() -> None:
    wide = replace(LARGE, pool=None, at_once=3)
    table = timetable([drill("a", 30), drill("b", 30, memory=100 * GIB)], [wide, SMALL], MONDAY)
    assert {slot.due.service: slot.machine for slot in table.slots} == {"a": "small", "b": "large"}
    assert table.ends == MONDAY + HOUR / 2


def test_equal_machines_share_what_there_is() -> None:
    table = timetable([drill("a"), drill("b")], [SMALL, replace(SMALL, name="other")], MONDAY)
    assert [slot.machine for slot in table.slots] == ["other", "small"]


def test_what_a_machine_really_has_may_be_less_than_what_is_written() -> None:
    """While drills run, whoever asks `choose` may say so."""
    full = lambda due, machine: "its disk is full" if machine.name == "small" else unfit(due, machine)  # noqa: E731
    other = replace(SMALL, name="other", memory=128 * GIB)
    assert (slot := choose([drill("a")], [SMALL, other], [], MONDAY, fits=full))
    assert slot.machine == "other"
    assert choose([drill("a")], [SMALL], [], MONDAY, fits=full) is None


def test_more_machines_are_like_the_largest_of_each_pool() -> None:
    found = so_many([SMALL, LARGE, replace(SMALL, name="second", memory=128 * GIB)], 3)
    assert [(each.name, each.pool, each.memory // GIB) for each in found] == [
        ("small", None, 64), ("second", None, 128), ("second+1", None, 128),
        ("large", "big", 256), ("large+1", "big", 256), ("large+2", "big", 256),
    ]  # fmt: skip
    assert [each.name for each in so_many([SMALL, LARGE], 1)] == ["small", "large"]


DRILLS = st.lists(
    st.builds(
        Due,
        st.sampled_from([f"s{each}" for each in range(40)]),
        st.just("latest"),
        # None takes no time at all: each begins with the start of a process.
        st.floats(1, 4000),
        pool=st.sampled_from([None, "big", "nobody"]),
        tried_at=st.sampled_from([None, MONDAY - 7 * 24 * HOUR, MONDAY - 14 * 24 * HOUR]),
        failed=st.booleans(),
        memory=st.integers(0, 80).map(lambda each: each * GIB),
        disk=st.integers(0, 80).map(lambda each: each * GIB),
        repository=st.sampled_from(["first", "offsite"]),
    ),
    max_size=30,
)
MACHINES = st.lists(
    st.builds(
        Machine,
        st.just("m"),
        st.integers(1, 80).map(lambda each: each * GIB),
        st.integers(1, 80).map(lambda each: each * GIB),
        st.integers(1, 3),
        st.sampled_from([None, "big"]),
    ),
    max_size=5,
).map(lambda every: [replace(each, name=f"m{number}") for number, each in enumerate(every)])


@settings(max_examples=60, deadline=None)
@given(
    DRILLS, MACHINES, st.none() | st.floats(0, 3).map(lambda hours: MONDAY + hours * HOUR), st.sampled_from([{}, {"first": 1}])
)
def test_every_drill_is_in_one_place_and_every_limit_is_kept(
    due: list[Due], machines: list[Machine], until: object, repositories: dict[str, int]
) -> None:
    more = {"until": until, "repositories": repositories}
    ordered = sequence(due, machines, OBJECTIVES, MONDAY, **more)  # type: ignore[arg-type]
    table = timetable(ordered, machines, MONDAY, **more)  # type: ignore[arg-type]
    require_whole(due, table, machines, **more)  # type: ignore[arg-type]
    if until is None:
        assert not any(each.for_time for each in table.not_reached)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 3000), st.integers(0, 3)), min_size=1, max_size=60), st.integers(1, 8))
def test_the_whole_is_at_most_115_hundredths_of_the_shortest_possible_where_no_drill_is_15_of_them(
    found: list[tuple[float, int]], number: int
) -> None:
    """Whatever is how urgent. Where a drill is longer than that share, the shortest possible may be out of reach of any order."""
    machines = [Machine(f"m{each}", GIB, GIB) for each in range(number)]
    due = [
        Due(f"s{at}", "latest", seconds, tried_at=MONDAY - 7 * 24 * (1 + late) * HOUR) for at, (seconds, late) in enumerate(found)
    ]
    table = timetable(sequence(due, machines, OBJECTIVES, MONDAY), machines, MONDAY)
    least, longest = best(due, machines)["verification"], max(each.seconds for each in due)
    assert table.ends
    took = (table.ends - MONDAY).total_seconds()
    assert took <= (least + longest) * 1.000001
    if longest <= 0.15 * least:
        assert took <= 1.15 * least


def test_a_timetable_that_breaks_a_rule_is_found() -> None:
    """What the tests above require can fail, each part of it."""
    one, two, three = (drill(name, memory=40 * GIB, disk=60 * GIB) for name in "abc")

    def broken(rule: str, due: list[Due], *slots: Slot, left: tuple[Due, ...] = (), **more: object) -> None:
        with pytest.raises(Broken, match=f"^{rule}: "):
            require_whole(due, Timetable(slots, [NotReached(each, "") for each in left]), [SMALL, LARGE], **more)  # type: ignore[arg-type]

    def on(due: Due, machine: str = "small", starts: float = 0) -> Slot:
        return Slot(due, machine, MONDAY + starts * HOUR, MONDAY + (starts + 0.5) * HOUR)

    broken("once", [one, two], on(one))
    broken("once", [one, two], on(one), on(two), left=(two,))
    broken("once", [one, two], on(one), on(one, starts=2))
    broken("room", [one, two], on(one), on(two, starts=0.25))
    tiny = [drill(name) for name in "abc"]
    broken("slots", tiny, *map(on, tiny))
    broken("unfit", [one], on(one, "large"))
    broken("window", [one], on(one), until=MONDAY + HOUR / 4)
    broken("repository", tiny[:2], *map(on, tiny[:2]), repositories={"first": 1})
    require_whole([one, two, three], Timetable([on(one), on(two, starts=0.5)], [NotReached(three, "")]), [SMALL])
